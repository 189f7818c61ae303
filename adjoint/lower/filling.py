"""Arrays of zeros made in two steps: memory, and loops that store zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.ir import Block, Call, Expr, For, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import items_of
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, is_array, types


def over(indices: Sequence[Var], sizes: Sequence[Expr], stmt: Stmt) -> Block:
    """Return loops over all places of an array around a statement."""
    return within([(index, Lit(0), size) for index, size in zip(indices, sizes, strict=True)], stmt)


def within(ranges: Sequence[tuple[Var, Expr, Expr]], stmt: Stmt) -> Block:
    """Return loops around a statement: of each the index, where it starts and where it stops."""
    block: Block = (stmt,)
    for index, start, stop in reversed(ranges):
        block = (For(index, start, stop, Lit(1), block),)
    return block


def zero_of(made: Let, context: Context) -> Lit:
    """Return the zero that an array which a statement makes holds."""
    kind: Type = context.kinds[made.target.name]
    return Lit(0.0 if isinstance(kind.dtype, types.Float) else 0)


def in_two_steps(made: Let, context: Context) -> tuple[Let, Block]:
    """Return what makes an array of zeros as the statement that takes memory, and loops that fill it."""
    value = made.value
    assert isinstance(value, Call)
    sizes = items_of(value.args[0])
    places = [context.fresh("place", types.int64, "place") for _ in sizes]
    context.natural |= {place.name: True for place in places}
    fill = Store(made.target, tuple(places), zero_of(made, context), made.loc)
    return replace(made, value=replace(value, prim="empty")), over(places, sizes, fill)


def is_zeros(stmt: Stmt, context: Context) -> bool:
    """Whether a statement makes an array of zeros that can be made in two steps."""
    match stmt:
        case Let(Var(name), Call("zeros")):
            kind: Type = context.kinds.get(name)
            return is_array(kind) and isinstance(kind.dtype, types.Float | types.Integer)
        case _:
            return False
