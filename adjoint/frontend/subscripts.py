"""Subscripts: reading elements, rows, slices and items of tuples."""

from __future__ import annotations

from ast import AST, expr
from dataclasses import replace

import gast
import numpy as np
from numba import types

from adjoint.frontend.containers import item_by_key
from adjoint.frontend.convert import atom, dim, item, items_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.guards import guard_index
from adjoint.frontend.masks import in_places, mask_of, masked_load
from adjoint.frontend.operators import binary
from adjoint.frontend.values import (
    Display,
    Items,
    Known,
    Listed,
    Range,
    Record,
    Reversed,
    ShapeOf,
    Slice,
    UnrolledError,
    Value,
)
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.containers import Form
from adjoint.rules.typing import is_array, is_number


def subscript(frame: Frame, node: gast.Subscript, hint: str | None = None) -> Value:
    """Lower `base[index]`."""
    if isinstance(node.value, gast.Attribute) and node.value.attr in ("r_", "c_"):
        base = frame.expr(node.value)
        if isinstance(base, Known) and (base.obj is np.r_ or base.obj is np.c_):
            return _joined(frame, node, in_columns=base.obj is np.c_)
    base, index = base_and_index(frame, node)
    return load(frame, base, index, node, hint)


def _joined(frame: Frame, node: gast.Subscript, *, in_columns: bool) -> Value:
    """`np.r_[a, 1.0, b]`: vectors and numbers in a row; `np.c_[a, b]`: columns beside each other."""
    elements = node.slice.elts if isinstance(node.slice, gast.Tuple) else [node.slice]
    parts: list[Expr] = []
    for element in elements:
        if isinstance(element, gast.Slice) or isinstance(element, gast.Constant) and isinstance(element.value, str):
            raise frame.unsupported("a range or an axis in `np.r_[...]`", node, "use `np.arange` or `np.concatenate`")
        part = atom(frame, frame.expr(element), element)
        if is_number(frame.type_of(part)):
            part = frame.emit(Call("array", (Call("list", (part,)),)), element)
        parts.append(part)
    return frame.emit(Call("column_stack" if in_columns else "concatenate", (Call("tuple", tuple(parts)),)), node)


def base_and_index(frame: Frame, node: gast.Subscript) -> tuple[Value, tuple[Expr, ...]]:
    """Evaluate what is indexed and the indices, once; `x[i][j]` is `x[i, j]` where `x[i]` is a row."""
    chain: list[gast.Subscript] = [node]
    while isinstance(chain[-1].value, gast.Subscript):
        chain.append(chain[-1].value)
    base = frame.expr(chain[-1].value)
    index: tuple[Expr, ...] = ()
    for link in reversed(chain):
        following = _indices(frame, link.slice)
        if index and not (_is_row(frame, base, index) and _is_plain(frame, following)):
            base, index = load(frame, base, index, link.value), ()
        index = (*index, *following)
    return base, index


def _is_row(frame: Frame, base: Value, index: tuple[Expr, ...]) -> bool:
    if not isinstance(base, Var) or not is_array(frame.type_of(base)):
        return False
    return are_integers(frame, index) and len(index) < frame.type_of(base).ndim


def are_integers(frame: Frame, index: tuple[Expr, ...]) -> bool:
    """Say whether each index takes one element of its axis."""
    return all(isinstance(i, (Var, Lit)) and isinstance(frame.type_of(i), types.Integer) for i in index)


def _is_plain(frame: Frame, index: tuple[Expr, ...]) -> bool:
    """Say whether no index is an array: NumPy puts the axes elsewhere if one comes with an integer."""
    return not any(isinstance(i, Var) and is_array(frame.type_of(i)) for i in index)


def _indices(frame: Frame, node: expr) -> tuple[Expr, ...]:
    if isinstance(node, gast.Tuple):
        return tuple(_index(frame, frame_value(frame, each), each) for each in node.elts)
    value = frame_value(frame, node)
    if isinstance(value, (Items, ShapeOf)) or _is_tuple(frame, value):
        return tuple(_index(frame, each, node) for each in items_of(frame, value, node) or ())
    return (_index(frame, value, node),)


def _is_tuple(frame: Frame, value: Value) -> bool:
    return isinstance(value, Var) and isinstance(frame.type_of(value), types.BaseTuple)


def frame_value(frame: Frame, node: expr) -> Value:
    """Evaluate an index, which may be a slice."""
    if isinstance(node, gast.Slice):
        parts = (node.lower, node.upper, node.step)
        return Slice(Call("slice", tuple(Lit(None) if p is None else _bound(frame, p) for p in parts)))
    return frame.expr(node)


def _bound(frame: Frame, node: expr) -> Expr:
    found = atom(frame, frame.expr(node), node)
    _check_index(frame, found, node)
    return found


def _index(frame: Frame, value: Value, node: AST) -> Expr:
    match value:
        case Slice(call):
            return call
        case Display(items):
            return frame.emit(Call("array", (Call("list", tuple(atom(frame, i, node) for i in items)),)), node)
        case _:
            found = atom(frame, value, node)
            _check_index(frame, found, node)
            return found


def _check_index(frame: Frame, index: Expr, node: AST) -> None:
    kind = frame.type_of(index)
    if isinstance(getattr(kind, "dtype", kind), (types.Float, types.Complex)):
        raise frame.unsupported(f"an index of type {kind}", node, "convert it with `int(...)`")


def load(frame: Frame, base: Value, index: tuple[Expr, ...], node: AST, hint: str | None = None) -> Value:
    """Read from an array, a list or a tuple."""
    match base, index:
        case (Record() | Listed() | Items() | Display() | ShapeOf(), _):
            return _load_container(frame, base, index, node, hint)
        case (Var(), [Lit(int() as k)]) if isinstance(frame.type_of(base), types.BaseTuple):
            return _item(frame, base, k, node, hint)
        case (Var(), [Call("slice", (Lit(a), Lit(b), Lit(c)))]) if isinstance(frame.type_of(base), types.BaseTuple):
            return _part(frame, base, slice(a, b, c), node)
        case (Lit(str() as text), [Lit(int() as k)]):
            return Lit(text[k])
        case (Var(), [Call("slice")]) if isinstance(frame.type_of(base), types.List):
            # In Python a new list, and nothing here copies lists.
            raise frame.unsupported("a slice of a list", node, "write a list comprehension, or use an array")
        case (Range(), [Call("slice", (Lit(None), Lit(None), Lit(-1)))]):
            return Reversed(base)
        case (Range(start, _, Lit(1)), [Call("slice", (Lit(int() as first), Lit(None), Lit(None)))]) if first >= 0:
            return replace(base, start=atom(frame, binary(frame, "add", start, Lit(first), node), node))
        case (Var(), _):
            index = in_places(frame, base, index, node)
            if is_array(frame.type_of(base)) and (mask := mask_of(frame, base, index, node)) is not None:
                return masked_load(frame, base, mask, node, hint)
            guard_index(frame, base, index, node)
            return frame.emit(Call("getitem", (base, *index)), node, hint)
        case _:
            raise frame.unsupported(_NOT_INDEXED, node, "use an array")


_NOT_INDEXED = "indexing something that is not an array, list or tuple"


def _load_container(
    frame: Frame,
    base: Record | Listed | Items | Display | ShapeOf,
    index: tuple[Expr, ...],
    node: AST,
    hint: str | None,
) -> Value:
    """Read from what exists only while the program is lowered."""
    match base, index:
        case (Record(Form("dict")), _):
            return item_by_key(frame, base, index, node)
        case (Record(Form("data") as form), _):
            raise frame.unsupported(f"{form.described} is indexed", node, "read a field: `p.name`")
        case (Listed(array), [Call("slice")]):
            return Listed(frame.emit(Call("getitem", (array, *index)), node, hint))
        case (Listed(array), [_]):
            return load(frame, array, index, node, hint)
        case (_, [Lit(int() as k)]):
            return _item(frame, base, k, node, hint)
        case (_, [Call("slice", (Lit(a), Lit(b), Lit(c)))]):
            return _part(frame, base, slice(a, b, c), node)
        case (_, [Var()]):
            if frame.session.unrollable and not _holds_numbers(frame, base):
                raise UnrolledError
            return frame.emit(Call("getitem", (_whole(frame, base, node), *index)), node, hint)
        case _:
            raise frame.unsupported(_NOT_INDEXED, node, "use an array")


def _holds_numbers(frame: Frame, base: Value) -> bool:
    items: tuple[Value, ...] = getattr(base, "items", ())
    return all(isinstance(item, Var | Lit) and is_number(frame.type_of(item)) for item in items)


def _whole(frame: Frame, base: Value, node: AST) -> Var:
    items = items_of(frame, base, node) or ()
    prim = "tuple" if isinstance(base, Items | ShapeOf) else "list"
    return frame.emit(Call(prim, tuple(atom(frame, each, node) for each in items)), node)


def _item(frame: Frame, base: Value, position: int, node: AST, hint: str | None) -> Value:
    if isinstance(base, ShapeOf):
        return dim(frame, base.array, position, node, hint)
    if isinstance(base, Var):
        count = len(frame.type_of(base))
        _check_range(frame, position, count, node)
        return item(frame, base, position % count, node, hint)
    items = items_of(frame, base, node) or ()
    _check_range(frame, position, len(items), node)
    return items[position]


def _check_range(frame: Frame, position: int, count: int, node: AST) -> None:
    if not -count <= position < count:
        raise frame.unsupported(f"index {position} is out of range for a tuple of {count}", node)


def _part(frame: Frame, base: Value, which: slice, node: AST) -> Value:
    items = items_of(frame, base, node) or ()
    match base:
        case Display():
            return Display(items[which])
        case Record(Form("list") as form):
            return Record(form, items[which])
        case _:
            return Items(items[which])
