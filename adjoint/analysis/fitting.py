"""Lengths that must agree for a write to be possible, as far as they can be told without making what is written."""

from __future__ import annotations

from numba import types as nb

from adjoint.analysis.dims import Dim, less, split
from adjoint.analysis.shapes import Shapes
from adjoint.analysis.structure import Structure
from adjoint.ir import Call, Expr, For, Let, Lit, Stmt, Store, Var, While
from adjoint.rules.spelling import is_view


def written(stmt: Store, shapes: Shapes, structure: Structure) -> list[tuple[Expr, Expr, Expr]]:
    """Return the sizes to compare, and the length of what is written: 1 if the sizes differ, or it doesn't fit."""
    found: dict[tuple[Expr, Expr, Expr], None] = {}
    for value, place, axis in shapes.stored.get(id(stmt), ()):
        for length in _brought_together(value, shapes):
            (base, cut), (other, other_cut) = split(length), split(shapes.canonical(place))
            left, right = _expr(base, shapes), _expr(other, shapes)
            if left is None or right is None or cut != other_cut:
                own = _length(length, stmt, shapes, structure)
                right = Call("dim", (place_of(stmt), Lit(axis)))
                if own is not None:
                    found[own, right, own] = None
            elif length != 1 and left != right:
                found[left, right, less(left, cut)] = None
    return list(found)


def place_of(stmt: Store) -> Expr:
    """Return the part of an array that a statement writes."""
    return stmt.array if stmt.index == (Lit(...),) else Call("getitem", (stmt.array, *stmt.index))


def _expr(dim: Dim, shapes: Shapes) -> Expr | None:
    return Lit(dim) if isinstance(dim, int) else shapes.arguments.get(dim)


def _length(dim: Dim, stmt: Stmt, shapes: Shapes, structure: Structure) -> Expr | None:
    """Return an expression for a length, of what there is at a statement anyway; None for 1, which always fits."""
    base, cut = split(dim)
    size = _expr(base, shapes)
    if size is None:
        named = (_size(each, stmt, shapes, structure) for each in shapes.also(base) if isinstance(each, str))
        size = next((each for each in named if each is not None), None)
    if size is None or size == Lit(1):
        return None
    return Call("maximum", (less(size, cut), Lit(0)), via="builtin") if cut > 0 else less(size, cut)


def _size(symbol: str, stmt: Stmt, shapes: Shapes, structure: Structure) -> Expr | None:
    """Return the integer, or the length of an array, that a symbol stands for, if it can be named at a statement."""
    name, _, axis = symbol.rpartition(".")
    binding = structure.bindings.get(name or symbol)
    if binding is None:
        return None
    outer = binding.place.parent if isinstance(binding.stmt, For | While) else binding.place
    if outer is None or not structure.home[id(stmt)].inside(outer):
        return None
    if not name:
        return Var(symbol) if isinstance(shapes.types.get(symbol), nb.Integer) else None
    match binding.stmt:
        case Let(_, Call(prim)) if not is_view(prim):
            return None
        case _:
            return Call("dim", (Var(name), Lit(int(axis))))


def _brought_together(dim: Dim, shapes: Shapes) -> list[Dim]:
    """Return the lengths of the operands of the element-wise statement that makes an axis, or the one of the axis."""
    dim = shapes.canonical(dim)
    own = [(first, meeting) for first, meeting in shapes.meetings.get(dim, ()) if _makes(meeting.stmt, dim)]
    if not own:
        return [dim]
    firsts, met = dict.fromkeys(first for first, _ in own), [meeting for _, meeting in own]
    others = [b for a in firsts for b, meeting in shapes.meetings.get(a, ()) if meeting in met and b != dim]
    return list(dict.fromkeys(each for part in (*firsts, *others) for each in _brought_together(part, shapes)))


def _makes(stmt: Stmt, dim: Dim) -> bool:
    return isinstance(stmt, Let) and isinstance(dim, str) and dim.rpartition(".")[0] == stmt.target.name
