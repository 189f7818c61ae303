"""Operators between containers: lists are joined and repeated, dictionaries united; a class may have its own."""

from __future__ import annotations

import inspect
from ast import AST
from types import FunctionType
from typing import Any, cast

from adjoint.frontend.convert import is_array_value
from adjoint.frontend.frame import Frame
from adjoint.frontend.values import Display, Items, Known, Listed, Record, Value
from adjoint.ir import Lit
from adjoint.rules.containers import Form

_METHODS = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floordiv": "floordiv", "mod": "mod", "pow": "pow",
    "matmul": "matmul", "bitand": "and", "bitor": "or", "bitxor": "xor", "lshift": "lshift", "rshift": "rshift",
}  # fmt: skip


def on_containers(frame: Frame, prim: str, left: Value, right: Value, node: AST) -> Value | None:
    """Apply a binary operator to operands of which one is a container; None if it is that of tuples or arrays."""
    own = _own_method(frame, prim, left, right, node)
    if own is not None:
        return own
    match prim, left, right:
        case "add", Record(Form("list")) | Display(), Record(Form("list")) | Display():
            return Record(Form("list"), (*left.items, *right.items))
        case "mul", Record(Form("list") as form, items), Lit(int() as count):
            return Record(form, items * count)
        case "bitor", Record(Form("dict", keys), items), Record(Form("dict", others), more):
            merged = {**dict(zip(keys, items, strict=True)), **dict(zip(others, more, strict=True))}
            return Record(Form("dict", tuple(merged)), tuple(merged.values()))
        case _:
            return None


def _own_method(frame: Frame, prim: str, left: Value, right: Value, node: AST) -> Value | None:
    from adjoint.frontend.calls import apply

    name = _METHODS.get(prim, "")
    for value, other, method in ((left, right, f"__{name}__"), (right, left, f"__r{name}__")):
        cls = value.form.cls if isinstance(value, Record) else None
        found = inspect.getattr_static(cls, method, None) if cls is not None else None
        if isinstance(found, FunctionType):
            return apply(frame, Known(found), (value, other), {}, node, None)
    return None


def without_lists(frame: Frame, prim: str, left: Value, right: Value, node: AST) -> tuple[Value, Value]:
    """Return operands with named tuples as tuples, and with lists as arrays where the other operand is an array."""

    def plain(value: Value, other: Value) -> Value:
        match value:
            case Listed(array) if is_array_value(frame, other):
                return array
            case Record(Form("named"), items):
                return Items(items)
            case Record(Form("list")) | Listed():
                raise frame.unsupported(f"`{prim}` of a list", node, "make it an array: `np.array(...)`")
            case Record(form):
                raise frame.unsupported(f"`{prim}` of {form.described}", node, "use its items")
            case _:
                return value

    return plain(left, right), plain(right, left)


def comparable(record: Record) -> bool:
    """Say whether two such containers are equal if their items are."""
    form = record.form
    return form.is_sequence and (form.cls is None or cast("Any", form.cls).__eq__ is cast("Any", tuple).__eq__)
