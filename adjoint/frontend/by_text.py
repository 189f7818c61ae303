"""Calls of functions that Numba lacks: a function of `rules.definitions` is inlined in their place."""

from __future__ import annotations

from ast import AST
from collections.abc import Mapping, Sequence
from typing import Any

from adjoint.frontend.boundary import type_of_value
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import call_function
from adjoint.frontend.values import Display, Items, ShapeOf, Slice, Value
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.definitions.scipy import function_for


def by_text(frame: Frame, function: Any, whole: Call, node: AST, hint: str | None) -> Value:
    """Inline what is written in the place of a primitive."""
    options = {name: _value_of(value) for name, value in whole.kwargs}
    return call_function(frame, function, [_value_of(arg) for arg in whole.args], options, node, hint)


def of_scipy(
    frame: Frame, name: str, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST, hint: str | None
) -> Value:
    """Inline what is written in the place of a function of `scipy.special`."""
    kinds = [type_of_value(frame, arg, node) for arg in args]
    function = function_for(name, kinds)
    if function is None:
        shown = ", ".join(map(str, kinds))
        raise frame.unsupported(f"`scipy.special.{name}` of {shown}", node, "convert the operands to real floats")
    return call_function(frame, function, args, kwargs, node, hint)


def _value_of(expr: Expr) -> Value:
    match expr:
        case Call("tuple", items):
            return Items(tuple(map(_value_of, items)))
        case Call("list", items):
            return Display(tuple(map(_value_of, items)))
        case Call("shape", (Var() as array,)):
            return ShapeOf(array)
        case Call("slice"):
            return Slice(expr)
        case _:
            assert isinstance(expr, Var | Lit), expr
            return expr
