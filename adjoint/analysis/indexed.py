"""Shapes of parts of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from numba import types as nb

from adjoint.analysis.dims import Dim, Key, Shape, cut_from
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.numba_types import element_type

if TYPE_CHECKING:
    from adjoint.analysis.shapes import Shapes

# Starts the symbol of an axis of a place that is written, which no name shows.
NAMELESS = "?"


def indexed(shape: Shape, index: list[Expr], fresh: Callable[[int], Dim], found: Shapes) -> Shape | None:
    """Return the shape of `x[index]` for basic indices; an axis cut by a slice gets a new symbol."""
    if Lit(...) in index:
        if index == [Lit(...)]:
            return shape
        return None
    dims: list[Dim] = []
    axis = 0
    for item in index:
        match item:
            case Lit(None):
                dims.append(1)
                continue
            case Call("slice", (Lit(None), Lit(None), Lit(None))):
                dims.append(shape[axis])
            case Call("slice", bounds):
                dims.append(_sliced(shape[axis], bounds, found) or _alike(shape[axis], bounds, fresh(len(dims)), found))
            case Var() if is_array(item, found):
                return _chosen(shape, index, item, dims, found)
            case _:
                pass
        axis += 1
    return (*dims, *shape[axis:])


def _chosen(shape: Shape, index: list[Expr], where: Var, dims: list[Dim], found: Shapes) -> Shape | None:
    """Return the shape of `x[:, where]`, the array of integers being alone among whole axes."""
    position = index.index(where)
    alone = all(_is_whole(item) for k, item in enumerate(index) if k != position)
    own = found.of(where)
    if not alone or own is None or isinstance(element_type(found.types[where.name]), nb.Boolean):
        return None
    return (*dims, *own, *shape[position + 1 :])


def is_array(item: Expr, found: Shapes) -> bool:
    return isinstance(item, Var) and isinstance(found.types.get(item.name), nb.Array)


def _is_whole(item: Expr) -> bool:
    return item == Call("slice", (Lit(None), Lit(None), Lit(None)))


def _sliced(size: Dim, bounds: tuple[Expr, ...], found: Shapes) -> Dim | None:
    """Return the length of `size[a:b]` for a >= 0 and b < 0, or absent: always max(0, size - a - |b|).

    That of one element, `size[:1]` or `size[-1:]`, is 1 where there is one.
    """
    match bounds:
        case (Lit() | Call("neg", (Lit(),)) as first, Lit() | Call("neg", (Lit(),)) as last, Lit(None) | Lit(1)):
            start, stop = _number(first), _number(last)
            least = _least_for_one(start, stop)
            if least is not None and found.has_at_least(size, least):
                return 1
            start = start or 0
            if isinstance(start, int) and start >= 0 and (stop is None or (isinstance(stop, int) and stop < 0)):
                cut = start - (stop or 0)
                return cut_from(size, cut)
        case _:
            pass
    return None


def _number(bound: Expr) -> object:
    match bound:
        case Call("neg", (Lit(int() as value),)):
            return -value
        case Lit(value):
            return value
        case _:
            return None


def _least_for_one(start: object, stop: object) -> int | None:
    """Return how long an axis has to be for a slice of it to have one element; None if it may have another number."""
    match start, stop:
        case (None, 1) | (-1, None):
            return 1
        case int(), int() if stop - start == 1 and (start >= 0) == (stop > 0) and stop != 0:
            return stop if start >= 0 else -start
        case _:
            return None


def _alike(size: Dim, bounds: tuple[Expr, ...], own: Dim, found: Shapes) -> Dim:
    """Return the symbol of all slices of one size with the same bounds; `own` is that of this one."""
    start, stop, step = bounds
    same = tuple(key_of(bound, found) for bound in (start if start != Lit(None) else Lit(0), stop, step))
    known = next((dim for other, at, dim in found.slices if at == same and found.canonical(other) == size), None)
    nameless = isinstance(own, str) and own.startswith(NAMELESS)
    if known is None:
        known = f"{NAMELESS}:{len(found.slices)}" if nameless else own
        found.slices.append((size, same, known))
    elif not nameless and known != own:
        found.equals[own] = known
    return known


def key_of(expr: Expr, found: Shapes) -> Key:
    """Return what equal whole numbers have in common."""
    match expr:
        case Var(name) if name in found.number:
            return found.number[name]
        case Var(name):
            return found.symbol.get(name, name)
        case Lit():
            return ("literal", expr.kind)
        case Call():
            return ("call", expr)
