"""Binding targets: names, tuples, elements and slices of arrays."""

from __future__ import annotations

from ast import AST, expr
from typing import TypeGuard

import gast
from numba import types

from adjoint.frontend.containers import changed
from adjoint.frontend.convert import atom, cast_to, items_of, type_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.guards import guard_index
from adjoint.frontend.lengths import guard_length
from adjoint.frontend.masks import in_places, mask_of, masked_store
from adjoint.frontend.operators import BINARY, binary
from adjoint.frontend.subscripts import are_integers, base_and_index, load
from adjoint.frontend.values import Display, Items, Listed, Record, Value
from adjoint.ir import Call, Effect, Expr, Lit, Store, Var
from adjoint.rules import typing
from adjoint.rules.containers import Form
from adjoint.rules.typing import Type, is_array, is_number


def bind(frame: Frame, target: expr, value: Value) -> None:
    """Assign a value to a target."""
    match target:
        case gast.Name(id=name):
            if isinstance(value, Display):
                value = own_list(frame, value, target, name)
            if isinstance(value, Var) and frame.session.block is not None:
                frame.builder.hints.setdefault(value.name, name)  # `t = cuda.threadIdx.x` has no other place for it
            frame.env[name] = value
        case gast.Tuple(elts=elts) | gast.List(elts=elts):
            _unpack(frame, elts, value, target)
        case gast.Subscript():
            store(frame, target, value)
        case _:
            raise frame.unsupported("assignment to this", target, "assign to a name, an element or a slice")


def own_list(frame: Frame, value: Display, node: AST, name: str) -> Value:
    """Return a list written out as a list of the program, or item by item if it holds anything but numbers.

    What holds other things is a list of the program only where the function changes it.
    """
    numbers = all(isinstance(item, Var | Lit) and is_number(frame.type_of(item)) for item in value.items)
    nested = any(isinstance(item, Display) for item in value.items)
    if not numbers and name not in frame.code.changed and not (nested and frame.code.changed):
        return Record(Form("list"), tuple(_inner(item) for item in value.items))
    return made(frame, value, node, name)


def _inner(item: Value) -> Value:
    return Record(Form("list"), tuple(map(_inner, item.items))) if isinstance(item, Display) else item


def made(frame: Frame, value: Display, node: AST, hint: str | None = None) -> Var:
    """Return a list written out as a list of the program."""
    items = tuple(atom(frame, item, node) for item in value.items)
    return frame.emit(Call("list", items), node, hint)


def _unpack(frame: Frame, targets: list[expr], value: Value, node: AST) -> None:
    items = items_of(frame, value, node, [t.id if isinstance(t, gast.Name) else None for t in targets])
    if items is None and isinstance(value, Var) and is_array(frame.type_of(value)):
        items = _elements(frame, targets, value, node)
    if items is None:
        raise frame.unsupported("unpacking something that is not a tuple", node, "index it")
    star = next((k for k, t in enumerate(targets) if isinstance(t, gast.Starred)), None)
    if star is not None:
        _unpack_starred(frame, targets, items, star, node)
        return
    if len(items) != len(targets):
        raise frame.unsupported(f"unpacking {len(items)} values into {len(targets)} names", node)
    for target, item in zip(targets, items, strict=True):
        bind(frame, target, item)


def _elements(frame: Frame, targets: list[expr], array: Var, node: AST) -> tuple[Value, ...]:
    """Return the elements of an array, under the names that they are unpacked to."""
    if any(isinstance(t, gast.Starred) for t in targets):
        raise frame.unsupported("a starred target for an array", node, "take a slice")
    guard_length(frame, array, len(targets), node)
    names = [t.id if isinstance(t, gast.Name) else None for t in targets]
    return tuple(frame.emit(Call("getitem", (array, Lit(k))), node, name) for k, name in enumerate(names))


def _unpack_starred(frame: Frame, targets: list[expr], items: tuple[Value, ...], star: int, node: AST) -> None:
    after = len(targets) - star - 1
    if len(items) < star + after:
        raise frame.unsupported(f"unpacking {len(items)} values into {len(targets)} names", node)
    starred = targets[star]
    assert isinstance(starred, gast.Starred)
    middle = Items(items[star : len(items) - after])
    values = (*items[:star], middle, *items[len(items) - after :])
    for target, value in zip([*targets[:star], starred.value, *targets[star + 1 :]], values, strict=True):
        bind(frame, target, value)


def store(frame: Frame, target: gast.Subscript, value: Value) -> None:
    """`base[index] = value`."""
    base, index = base_and_index(frame, target)
    write(frame, base, index, value, target)


def write(frame: Frame, base: Value, index: tuple[Expr, ...], value: Value, node: AST) -> None:
    """Write to elements of an array or a list."""
    if isinstance(base, Record | Listed):
        raise changed(frame, base.form if isinstance(base, Record) else Form("numbers"), node)
    if not isinstance(base, Var) or not isinstance(frame.type_of(base), (types.Array, types.List)):
        raise frame.unsupported("assignment to an item of something that is not an array", node, "use an array")
    kind = frame.type_of(base)
    if is_array(kind) and not kind.mutable:
        raise frame.unsupported("a write to a global array, which is a constant", node, "pass it as an argument")
    if isinstance(value, Items) and is_array(kind):
        value = Display(value.items)
    if isinstance(value, Display):
        value = frame.emit(Call("array", (atom_or_list(frame, value, node),)), node)
    index = in_places(frame, base, index, node)
    guard_index(frame, base, index, node)
    operand: Expr = atom(frame, value, node)
    _check_kind(frame, kind, index, operand, node)
    if isinstance(kind, types.List):
        operand = _as_item(frame, kind, operand, node)
    elif (mask := mask_of(frame, base, index, node)) is not None:
        masked_store(frame, base, mask, operand, node)
        return
    # Without an index (`c[()]`, of an array without axes) a store is one to the whole.
    frame.builder.add(Store(base, index or (Lit(...),), operand, frame.loc(node)))


def atom_or_list(frame: Frame, value: Display | Record, node: AST) -> Expr:
    """Return a list written out as the operand of `array`, without binding it."""
    parts = (atom_or_list(frame, item, node) if _is_list(item) else atom(frame, item, node) for item in value.items)
    return Call("list", tuple(parts))


def _is_list(value: Value) -> TypeGuard[Display | Record]:
    return isinstance(value, Display) or isinstance(value, Record) and value.form.kind == "list"


def _check_kind(frame: Frame, base: Type, index: tuple[Expr, ...], value: Expr, node: AST) -> None:
    """Refuse to store what an array can't hold: an array in one element, complex numbers in real arrays."""
    stored = frame.type_of(value)
    source = getattr(stored, "dtype", stored)
    if is_array(base):
        one = len(index) == base.ndim and are_integers(frame, index)
        if one and not (is_number(stored) or is_array(stored) and stored.ndim == 0):
            raise frame.unsupported(f"a value of type {stored} is stored in one element", node, "store a number")
        if not isinstance(source, (types.Number, types.Boolean)) and is_number(base.dtype):
            raise frame.unsupported(f"a value of type {stored} is stored in an array", node, "store numbers")
    real = isinstance(getattr(base, "dtype", None), (types.Float, types.Integer, types.Boolean))
    if real and isinstance(source, types.Complex):
        raise frame.unsupported("a complex value is stored in a real array", node, "store `.real` or `abs(...)`")


def augmented(frame: Frame, node: gast.AugAssign) -> None:
    """`target op= value`: in place for arrays, a rebinding for everything else."""
    prim = BINARY[type(node.op)]
    match node.target:
        case gast.Name(id=name):
            _augment_name(frame, name, prim, node)
        case gast.Subscript() as target:
            base, index = base_and_index(frame, target)
            old = load(frame, base, index, target)
            value = binary(frame, prim, old, frame.expr(node.value), node)
            if isinstance(base, Record) and isinstance(old, Var) and is_array(frame.type_of(old)):
                base, index = old, (Lit(...),)  # the item stays that array
            _check_integers(frame, type_of(frame, base), value, node)
            write(frame, base, index, value, node)
        case _:
            raise frame.unsupported("augmented assignment to this", node, "assign to a name, an element or a slice")


def _augment_name(frame: Frame, name: str, prim: str, node: gast.AugAssign) -> None:
    old = frame.lookup(name, node.target)
    value = frame.expr(node.value)
    if isinstance(old, Listed) or isinstance(old, Record) and old.form.kind in ("list", "dict"):
        raise changed(frame, old.form if isinstance(old, Record) else Form("numbers"), node)
    kind = type_of(frame, old)
    if isinstance(old, Var) and is_array(kind):
        result = binary(frame, prim, old, value, node)
        _check_integers(frame, kind, result, node)
        write(frame, old, (Lit(...),), result, node)
    elif isinstance(old, Var) and isinstance(kind, types.List):
        _extend(frame, old, value, node)
    else:
        frame.env[name] = binary(frame, prim, old, value, node, name)


def _extend(frame: Frame, old: Var, value: Value, node: AST) -> None:
    if not isinstance(value, (Display, Items)):
        raise frame.unsupported("augmented assignment to a list", node, "append in a loop")
    for item in value.items:
        append(frame, old, item, node)


def append(frame: Frame, target: Var, value: Value, node: AST) -> None:
    """`target.append(value)`; the first one tells what an empty list holds."""
    item = made(frame, value, node) if isinstance(value, Display) else atom(frame, value, node)
    kind = frame.type_of(target)
    if kind.dtype == types.undefined:
        frame.builder.tell_items(target.name, types.List(frame.type_of(item)))
    else:
        item = _as_item(frame, kind, item, node)
    if isinstance(item, Var) and frame.type_of(item) == types.List(types.undefined):
        frame.builder.holders.setdefault(item.name, []).append(target.name)
    frame.builder.add(Effect(Call("append", (target, item), via="method"), frame.loc(node)))


def _as_item(frame: Frame, kind: Type, item: Expr, node: AST) -> Expr:
    """Return what a list holds for a new item; a list of integers doesn't become one of floats halfway."""
    stored = frame.type_of(item)
    joined = typing.unify(kind.dtype, stored)
    if joined != kind.dtype:
        raise frame.unsupported(
            f"a value of type {stored} in a list of {kind.dtype}",
            node,
            "give the list items of one type from the start",
        )
    return cast_to(frame, item, kind.dtype, node)


def _check_integers(frame: Frame, kind: object, value: Value, node: AST) -> None:
    """Refuse `i += 0.5` on an integer array, as NumPy does."""
    result = type_of(frame, value)
    dtype = getattr(result, "dtype", result)
    if isinstance(getattr(kind, "dtype", None), (types.Integer, types.Boolean)) and isinstance(dtype, types.Float):
        raise frame.unsupported("a float is added in place to an integer array", node, "make it a float array first")
