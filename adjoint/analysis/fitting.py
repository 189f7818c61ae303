"""Lengths that must agree for a write to be possible, as far as those of the arguments say."""

from __future__ import annotations

from adjoint.analysis.shapes import Dim, Shapes, split
from adjoint.ir import Call, Expr, Let, Lit, Stmt, Store


def written(stmt: Store, shapes: Shapes) -> list[tuple[Expr, Expr, Expr]]:
    """Return the sizes to compare, and the length of what is written: 1 if the sizes differ, or it doesn't fit."""
    found: dict[tuple[Expr, Expr, Expr], None] = {}
    for value, place in shapes.stored.get(id(stmt), ()):
        for length in _brought_together(value, shapes):
            (base, cut), (other, other_cut) = split(length), split(shapes.canonical(place))
            left, right = _expr(base, shapes), _expr(other, shapes)
            if left is not None and right is not None and cut == other_cut and length != 1 and left != right:
                own = Call("sub", (left, Lit(cut)), via="operator") if cut else left
                found[left, right, own] = None
    return list(found)


def _expr(dim: Dim, shapes: Shapes) -> Expr | None:
    return Lit(dim) if isinstance(dim, int) else shapes.arguments.get(dim)


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
