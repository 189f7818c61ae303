"""Branches around loops over elements become branches of each element, so that the loops can be joined with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from adjoint.analysis.effects import is_pure
from adjoint.ir import Block, Call, Comment, Expr, For, Func, If, Let, Stmt, Store, Var
from adjoint.ir.walk import bound, map_blocks, mentioned, mentions_of, names_in, nested, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.filling import is_zeros, zero_of
from adjoint.lower.fuse import Fuser
from adjoint.lower.guards import is_guard
from adjoint.lower.unstack import is_comparison
from adjoint.rules.numba_types import is_number
from adjoint.transform.dce import eliminate
from adjoint.transform.renaming import rename_block


def inward(func: Func, context: Context, loops: Collection[str]) -> Func:
    """Join what is in some loops, given by their indices, to one loop over elements, branches included.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, :], y: float64[:, :], n: int64):
    ...     for k in range(n):
    ...         if k > 0:
    ...             y[:, k] = y[:, k] + x[:, k - 1]
    ...         x[:, k] = y[:, k] * 2.0
    ... '''))
    >>> print(text(inward(func, context, {"k"})), end="")
    def f(x, y, n):
        if y.shape[0] != x.shape[0]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        for k in range(n):
            for i in range(y.shape[0]):
                if k > 0:
                    y[i, k] += x[i, k - 1]
                x[i, k] = y[i, k] * 2.0
    """
    joiner = _Joiner(func, context)

    def block(stmts: Block) -> Block:
        return tuple(inside(stmt) for stmt in stmts)

    def inside(stmt: Stmt) -> Stmt:
        if isinstance(stmt, For) and stmt.index.name in loops:
            return replace(stmt, body=joiner.block(tuple(_prepared(stmt.body, context))))
        return map_blocks(stmt, block)

    return eliminate(with_body(func, block(func.body)))


def _prepared(block: Block, context: Context) -> Iterator[Stmt]:
    """Write comparisons of numbers where branches have names for them, and zeros as loops that store them."""
    values: dict[str, Expr] = {}
    for stmt in block:
        changed = {var.name for inner in (stmt, *nested(stmt)) for var in bound(inner)}
        values = {n: value for n, value in values.items() if changed.isdisjoint((n, *names_in(value)))}
        match stmt:
            case Let(Var(name), value) if is_comparison(value):
                values[name] = value
                yield stmt
            case If(Var(name)) if name in values:
                yield replace(stmt, cond=values[name])
            case Let(Var(name)) if is_zeros(stmt, context) and (shape := context.made.get(name)) is not None:
                assert isinstance(stmt.value, Call)
                yield replace(stmt, value=replace(stmt.value, prim="empty"))
                indices = context.indices(shape)
                yield from context.nest(indices, shape, (Store(Var(name), indices, zero_of(stmt, context)),))
            case _:
                yield stmt


class _Joiner(Fuser):
    vectors = False

    def __init__(self, func: Func, context: Context) -> None:
        super().__init__(func, context)
        self.uses = mentions_of(func)

    def as_loops(self, stmt: Stmt) -> Block:
        return self.inside(stmt) if isinstance(stmt, If) else (stmt,)

    def inside(self, stmt: If) -> Block:
        """Return a branch as a loop with a branch in it, and what makes arrays before it."""
        changed = {var.name for inner in statements((*stmt.then, *stmt.orelse)) for var in bound(inner)}
        numbers = all(self.is_number(name) and name not in changed for name in names_in(stmt.cond))
        sides = [self.parts(side) for side in (stmt.then, stmt.orelse)]
        if is_guard(stmt) or not numbers or sides[0] is None or sides[1] is None:
            return (stmt,)
        loops = [loop for _, _, loop in (sides[0], sides[1]) if loop is not None]
        if not loops or any(self.span(loop) is None or self.span(loop) != self.span(loops[0]) for loop in loops):
            return (stmt,)
        first = loops[0]
        for other in loops[1:]:
            self.unite(first, other)
        made = (*sides[0][0], *sides[1][0])
        bodies = [() if loop is None else (*lets, *_as(loop, first.index)) for _, lets, loop in (sides[0], sides[1])]
        return (*made, replace(first, body=self.block((If(stmt.cond, bodies[0], bodies[1], loc=stmt.loc),))))

    def parts(self, side: Block) -> tuple[Block, Block, For | None] | None:
        """Return what makes arrays, what binds numbers, and the one loop of a side, if there is no more to it."""
        stmts = [stmt for stmt in side if not isinstance(stmt, Comment)]
        made = tuple(s for s in stmts if isinstance(s, Let) and isinstance(s.value, Call) and s.value.prim == "empty")
        lets = tuple(s for s in stmts if isinstance(s, Let) and self.is_number(s.target.name) and is_pure(s.value))
        loops = [stmt for stmt in stmts if isinstance(stmt, For)]
        if len(loops) > 1 or len(made) + len(lets) + len(loops) != len(stmts):
            return None
        inside = {var.name for loop in loops for inner in statements((loop,)) for var in bound(inner)}
        if any(not self.is_number(name) or name in inside for let in lets for name in names_in(let.value)):
            return None
        used = Counter(name for inner in statements(side) for name in mentioned(inner))
        if any(used[let.target.name] != self.uses[let.target.name] for let in lets):
            return None
        return made, lets, loops[0] if loops else None

    def is_number(self, name: str) -> bool:
        kind = self.context.kinds.get(name)
        return kind is not None and is_number(kind)


def _as(loop: For, index: Var) -> Block:
    return rename_block(loop.body, {loop.index.name: index.name})
