"""Functions with the same parameters in another form, for Numba can't call functions with keyword-only parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

# Stands for an argument that isn't given. Numba's own stand-in makes calls 100 times slower as soon as two functions in
# a process have defaults that differ (its issue 6173): it tells those apart in Python. This one has a type that Numba's
# C code knows at once, and that no function of numbers and arrays takes.
OMITTED = ((), ((),), (((),),), ((), ((),)))


def has_keyword_only(fun: FunctionType) -> bool:
    """Whether `fun` has parameters that can only be given by name."""
    return fun.__code__.co_kwonlyargcount > 0


def positional(fun: FunctionType) -> FunctionType:
    """Return `fun` with its keyword-only parameters made positional; itself if it has none."""
    if not has_keyword_only(fun):
        return fun
    code = fun.__code__
    # The two kinds of parameters are neighbours among the local variables, so that moving the border is all it takes.
    count = code.co_argcount + code.co_kwonlyargcount
    moved = code.replace(co_argcount=count, co_kwonlyargcount=0)
    shim = FunctionType(moved, fun.__globals__, fun.__name__, _trailing_defaults(fun), fun.__closure__)
    shim.__qualname__, shim.__module__, shim.__doc__ = fun.__qualname__, fun.__module__, fun.__doc__
    return shim


def calling_convention(fun: FunctionType, target: Callable[..., object]) -> Callable[..., Any]:
    """Return what is called as `fun` is, and calls `target` with all arguments by position.

    In place of an argument that isn't given, `target` gets `OMITTED`.
    """
    if not (fun.__defaults__ or fun.__kwdefaults__ or has_keyword_only(fun)):
        return target
    names = list(inspect.signature(fun).parameters)
    heads = [*names]
    if has_keyword_only(fun):
        heads.insert(fun.__code__.co_argcount, "*")
    text = f"lambda _adjoint_target: lambda {', '.join(heads)}: _adjoint_target({', '.join(names)})"
    call: FunctionType = eval(text)(target)
    call.__name__ = call.__qualname__ = fun.__name__
    # A name for each default, and one value for all: what the default is, the target knows.
    call.__defaults__ = (OMITTED,) * len(fun.__defaults__ or ())
    call.__kwdefaults__ = dict.fromkeys(fun.__kwdefaults__ or (), OMITTED)
    return call


def defaults(fun: FunctionType) -> dict[int, object]:
    """Return the defaults of `fun` by position in `positional(fun)`."""
    parameters = inspect.signature(fun).parameters.values()
    return {k: p.default for k, p in enumerate(parameters) if p.default is not p.empty}


def _trailing_defaults(fun: FunctionType) -> tuple[object, ...]:
    """The defaults of the last parameters: of a parameter before one without a default there can't be one."""
    kept: list[object] = []
    for parameter in reversed(list(inspect.signature(fun).parameters.values())):
        if parameter.default is parameter.empty:
            break
        kept.append(parameter.default)
    return tuple(reversed(kept))
