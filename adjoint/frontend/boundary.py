"""Containers at the boundary of a program: its parameters are the leaves of arguments, its result is put together."""

from __future__ import annotations

import re
from ast import AST
from collections.abc import Callable
from typing import Any, cast

from numba import types

from adjoint.frontend.convert import operand
from adjoint.frontend.frame import Frame
from adjoint.frontend.values import Display, Items, Listed, Record, Value
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.containers import TUPLE, Form, Layout, Tree, container, form_of, is_container, item_types, numbers
from adjoint.rules.typing import Type, is_number


def argument(name: str, kind: Type, define: Callable[[str, Type], Var]) -> tuple[Value, Tree]:
    """Return an argument of a type as a value made of its leaves, and the names of those.

    `define` makes a parameter of the program.
    """
    if isinstance(kind, types.NoneType):
        return Lit(None), None
    if isinstance(kind, types.Literal):
        return Lit(cast("Any", kind).literal_value), None
    if not is_container(kind):
        leaf = define(name, kind)
        return leaf, leaf.name
    form = form_of(kind)
    if form.kind == "numbers":
        array = define(name, item_types(kind)[0])
        return Listed(array), (array.name,)
    parts = [argument(_label(name, form, k), item, define) for k, item in enumerate(item_types(kind))]
    items, tree = tuple(value for value, _ in parts), tuple(names for _, names in parts)
    return Items(items) if form == TUPLE else Record(form, items), tree


def _label(name: str, form: Form, position: int) -> str:
    """Return what to call an item."""
    key = str(form.keys[position]) if form.keys else str(position)
    word = re.sub(r"\W", "_", key, flags=re.ASCII).strip("_")
    return f"{name}_{word or position}"


def as_result(frame: Frame, value: Value, node: AST) -> tuple[Expr, Layout]:
    """Return a value as what the program returns, in tuples, and how those are put together again."""
    match value:
        case Record(form, items):
            return _whole(frame, form, items, node)
        case Items(items):
            return _whole(frame, TUPLE, items, node)
        case Display(items):
            return _whole(frame, Form("list"), items, node)
        case Var() if isinstance(kind := frame.type_of(value), types.List) and is_number(_dtype(kind)):
            array = frame.emit(Call("array", (value,), via="np"), node)
            return array, (numbers(_dtype(kind)), (None,))
        case Listed(array):
            return array, (numbers(_dtype(frame.type_of(array))), (None,))
        case _:
            return operand(frame, value, node), None


def _dtype(kind: Any) -> Type:
    return kind.dtype


def _whole(frame: Frame, form: Form, items: tuple[Value, ...], node: AST) -> tuple[Expr, Layout]:
    parts = [as_result(frame, item, node) for item in items]
    layouts = tuple(layout for _, layout in parts)
    plain = form == TUPLE and not any(layouts)
    return Call("tuple", tuple(expr for expr, _ in parts)), None if plain else (form, layouts)


def type_of_value(frame: Frame, value: Value, node: AST) -> Type:
    """Return the type that a value has as an argument."""
    match value:
        case Record(form, items):
            return container(form, tuple(type_of_value(frame, item, node) for item in items))
        case Items(items):
            return container(TUPLE, tuple(type_of_value(frame, item, node) for item in items))
        case Display(items):
            return container(Form("list"), tuple(type_of_value(frame, item, node) for item in items))
        case Listed(array):
            return container(Form("numbers"), (frame.type_of(array),))
        case Lit(str() as text):
            return cast("Any", types).literal(text)
        case _:
            return frame.type_of(operand(frame, value, node))
