"""Functions with the same parameters in another form, for Numba can't call functions with keyword-only parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from numba.core.utils import pysignature


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


def binder(fun: FunctionType, target: Callable[..., object]) -> Callable[..., Any]:
    """Return a function with the signature of `fun` that calls `target` with all arguments by position."""
    parameters = inspect.signature(fun).parameters.values()
    marked = [p.replace(annotation=p.empty, default=p.empty) for p in parameters]
    heads = [f"{p.name}=None" if q.default is not q.empty else p.name for p, q in zip(marked, parameters, strict=True)]
    heads.insert(fun.__code__.co_argcount, "*")
    names = ", ".join(p.name for p in marked)
    text = f"def make({_TARGET}):\n    def call({', '.join(heads)}):\n        return {_TARGET}({names})\n    return call\n"
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    call: FunctionType = namespace["make"](target)
    call.__defaults__, call.__kwdefaults__ = fun.__defaults__, fun.__kwdefaults__
    return call


_TARGET = "_adjoint_target"


def _trailing_defaults(fun: FunctionType) -> tuple[object, ...]:
    """The defaults of the last parameters: of a parameter before one without a default there can't be one."""
    kept: list[object] = []
    for parameter in reversed(pysignature(fun).parameters.values()):
        if parameter.default is parameter.empty:
            break
        kept.append(parameter.default)
    return tuple(reversed(kept))
