"""What the text of a counted loop says about its range."""

from __future__ import annotations

from typing import TypeGuard

from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Call, Expr, For, Let, Lit, Stmt
from adjoint.ir.walk import names_in, statements, subexpressions

_AGAIN = frozenset("add sub dim minimum maximum".split())


def ends(loop: For) -> tuple[Expr, Expr] | None:
    """Return the least value of an index and what is beyond the greatest; None if the direction isn't known."""
    match loop.step:
        case Lit(int() as step):
            return (loop.start, loop.stop) if step > 0 else (shifted(loop.stop, 1), shifted(loop.start, 1))
        case _:
            return None


_ONE = (Lit(1), Lit(-1))


def counts_by_one(loop: For) -> bool:
    """Whether a loop counts one up or down, and ends nowhere else."""
    return loop.until is None and not loop.parallel and not loop.carried and loop.step in _ONE


def runs(loop: For) -> Expr | None:
    """Return the condition under which a loop has an iteration; None if its direction isn't known."""
    match loop.step:
        case Lit(int() as step):
            return Call("lt" if step > 0 else "gt", (loop.start, loop.stop))
        case _:
            return None


def turns_of(loop: For) -> range:
    """Return the values of an index if the bounds are numbers; none otherwise."""
    match loop.start, loop.stop, loop.step:
        case Lit(int() as start), Lit(int() as stop), Lit(int() as step) if step:
            return range(start, stop, step)
        case _:
            return range(0)


def may_be_asked_again(loop: For) -> bool:
    """Whether the bounds of a loop are cheap, and the same after an iteration as before it."""
    bounds = (loop.start, loop.stop)
    parts = [part for bound in bounds for part in subexpressions(bound) if isinstance(part, Call)]
    moving = {s.target.name for s in statements(loop.body) if _rebinds(s)} | {loop.index.name}
    return all(part.prim in _AGAIN for part in parts) and not moving & {n for bound in bounds for n in names_in(bound)}


def _rebinds(stmt: Stmt) -> TypeGuard[Let | Accum]:
    """Whether a statement changes what a name is; sums into elements leave the lengths of an array alone."""
    return isinstance(stmt, Let) or isinstance(stmt, Accum) and not stmt.index
