"""Calls of functions that Numba lacks: a function of `rules.definitions` is inlined in their place."""

from __future__ import annotations

from ast import AST
from typing import Any

from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import call_function
from adjoint.frontend.values import Display, Items, ShapeOf, Slice, Value
from adjoint.ir import Call, Expr, Lit, Var


def by_text(frame: Frame, function: Any, whole: Call, node: AST, hint: str | None) -> Value:
    """Inline what is written in the place of a primitive."""
    options = {name: _value_of(value) for name, value in whole.kwargs}
    return call_function(frame, function, [_value_of(arg) for arg in whole.args], options, node, hint)


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
