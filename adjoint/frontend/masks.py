"""Boolean masks of two and more dimensions, which Numba doesn't have: in terms of what it has."""

from __future__ import annotations

from ast import AST
from typing import Any

from numba import types

from adjoint.frontend.convert import dim
from adjoint.frontend.frame import Frame
from adjoint.ir import Call, Carry, Expr, For, If, Lit, Merge, Store, Var
from adjoint.rules.typing import is_array, is_number


def in_places(frame: Frame, base: Var, index: tuple[Expr, ...], node: AST) -> tuple[Expr, ...]:
    """Say where a mask of one axis holds, if the array has other axes, or other indices stand beside it."""

    def places(each: Expr) -> Expr:
        kind: Any = frame.type_of(each) if isinstance(each, Var) else None
        if is_array(kind) and isinstance(kind.dtype, types.Boolean) and kind.ndim == 1:
            return frame.emit(Call("flatnonzero", (each,), via="np"), node, "places")
        return each

    if not is_array(frame.type_of(base)) or frame.type_of(base).ndim == 1 and len(index) == 1:
        return index
    return tuple(map(places, index))


def mask_of(frame: Frame, base: Var, index: tuple[Expr, ...], node: AST) -> Var | None:
    """Return the mask if an array is indexed by one of at least two dimensions."""
    for each in index:
        kind = frame.type_of(each) if isinstance(each, Var) else None
        if not (is_array(kind) and isinstance(getattr(kind, "dtype", None), types.Boolean)):
            continue
        if getattr(kind, "ndim", 0) == 1 and len(index) == 1:
            return None
        if len(index) == 1 and getattr(kind, "ndim", 0) == frame.type_of(base).ndim:
            assert isinstance(each, Var)
            return each
        raise frame.unsupported("a mask that doesn't cover the whole array", node, "index by integers and slices")
    return None


def masked_load(frame: Frame, base: Var, mask: Var, node: AST, hint: str | None) -> Var:
    """`x[mask]`, element by element in order: `x.ravel()[mask.ravel()]`."""
    flat = frame.emit(Call("ravel", (base,), via="method"), node)
    where = frame.emit(Call("ravel", (mask,), via="method"), node)
    return frame.emit(Call("getitem", (flat, where)), node, hint)


def masked_store(frame: Frame, base: Var, mask: Var, value: Expr, node: AST) -> None:
    """`x[mask] = value`: `x[...] = np.where(mask, value, x)` for a number, a loop for a vector."""
    if is_number(frame.type_of(value)):
        chosen = frame.emit(Call("where", (mask, value, base), via="np"), node)
        frame.builder.add(Store(base, (Lit(...),), chosen, frame.loc(node)))
        return
    if not isinstance(value, Var) or not is_array(frame.type_of(value)) or frame.type_of(value).ndim != 1:
        raise frame.unsupported("this value for the elements under a mask", node, "assign a number or a vector")
    builder, loc = frame.builder, frame.loc(node)
    lengths = [dim(frame, base, k, node) for k in range(frame.type_of(base).ndim)]
    size = frame.emit(Call("size", (base,)), node)
    position, taken, after = (builder.define(None, types.intp) for _ in range(3))
    with builder.block() as body:
        place = _place(frame, position, lengths, node)
        chosen = frame.emit(Call("getitem", (mask, *place)), node)
        with builder.block() as then:
            element = frame.emit(Call("getitem", (value, taken)), node)
            builder.add(Store(base, place, element, loc))
            following = frame.emit(Call("add", (taken, Lit(1)), via="operator"), node)
        builder.add(If(chosen, tuple(then), merges=(Merge(after, following, taken),), loc=loc))
    carried = (Carry(taken, Lit(0), after),)
    builder.add(For(position, Lit(0), size, Lit(1), tuple(body), carried, loc=loc))


def _place(frame: Frame, position: Var, lengths: list[Var], node: AST) -> tuple[Var, ...]:
    """Return the indices of the element at a position, the last index running fastest."""
    index: list[Var] = []
    rest = position
    for length in reversed(lengths[1:]):
        index.append(frame.emit(Call("mod", (rest, length), via="operator"), node))
        rest = frame.emit(Call("floordiv", (rest, length), via="operator"), node)
    return (rest, *reversed(index))
