"""Functions with the same parameters in another form, for Numba can't call functions with keyword-only parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any


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
    """Return what is called as `fun` is and calls `target`, which has the parameters of `positional(fun)`."""
    if not has_keyword_only(fun):
        return target
    defaults = len(fun.__defaults__ or ()) + len(fun.__kwdefaults__ or ())
    if len(_trailing_defaults(fun)) == defaults:
        return _limited(fun.__name__, fun.__code__.co_argcount, target)
    return _bound(fun, target)


def _limited(name: str, count: int, target: Callable[..., object]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > count:
            raise TypeError(f"{name}() takes {count} positional arguments but {len(args)} were given")
        return target(*args, **kwargs)

    return call


def _bound(fun: FunctionType, target: Callable[..., object]) -> Callable[..., Any]:
    """Return a function that fills in the defaults and calls `target` with all arguments by position."""
    signature = inspect.signature(fun)

    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return target(*given.arguments.values())

    return call


def _trailing_defaults(fun: FunctionType) -> tuple[object, ...]:
    """The defaults of the last parameters: of a parameter before one without a default there can't be one."""
    kept: list[object] = []
    for parameter in reversed(list(inspect.signature(fun).parameters.values())):
        if parameter.default is parameter.empty:
            break
        kept.append(parameter.default)
    return tuple(reversed(kept))
