"""Arrays made here lie in memory as loops go through them: what is next in the innermost loop is next to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from adjoint.analysis.ranges import turns_of
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, map_blocks, map_expr, map_operands, names_in, operands, subexpressions, with_body
from adjoint.lower.context import Context
from adjoint.lower.interchange import is_unit
from adjoint.lower.uses import element_arrays

_T = TypeVar("_T")


def orient(func: Func, context: Context) -> Func:
    """Make the axis the last one that the innermost loops go along, of arrays of which only elements are used.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:, :], n: int64):
    ...     t: float64[:, :] = empty((n, dim(x, 0)))
    ...     for i in range(dim(x, 0)):
    ...         for k in range(n):
    ...             t[k, i] = x[i, k]
    ...         for k in range(1, n):
    ...             x[i, k] = t[k - 1, i]
    ... ''')
    >>> print(text(orient(before, Context.of(before))), end="")
    def f(x, n):
        t = np.empty((x.shape[0], n))
        for i in range(x.shape[0]):
            for k in range(n):
                t[i, k] = x[i, k]
            for k in range(1, n):
                x[i, k] = t[i, k - 1]
    """
    arrays = [name for name in element_arrays(func, context.kinds) if context.kinds[name].ndim > 1]
    if not arrays:
        return func
    votes: dict[str, Counter[int]] = {name: Counter() for name in arrays}
    for name, index, inner in _elements(func.body, None):
        if name in votes and inner is not None:
            moving = [axis for axis, place in enumerate(index) if inner.name in names_in(place)]
            if len(moving) == 1 and is_unit(index[moving[0]], inner):
                votes[name][moving[0]] += 1
    wanted: dict[str, int] = {}
    for name, found in votes.items():
        last = context.kinds[name].ndim - 1
        best = max(found, key=lambda axis: found[axis], default=last)
        if found[best] > found[last]:
            wanted[name] = best
            made = context.made.get(name)
            if made is not None:
                context.made[name] = _moved(made, best)
    return with_body(func, _oriented(func.body, wanted)) if wanted else func


def _moved(places: Sequence[_T], axis: int) -> tuple[_T, ...]:
    return (*places[:axis], *places[axis + 1 :], places[axis])


def _elements(block: Block, inner: Var | None) -> Iterator[tuple[str, Sequence[Expr], Var | None]]:
    """Yield the elements that statements use, each with the index of the innermost loop around."""
    for stmt in block:
        if isinstance(stmt, Store | Accum) and stmt.index:
            yield (stmt.array if isinstance(stmt, Store) else stmt.target).name, stmt.index, inner
        for expr in operands(stmt):
            for part in subexpressions(expr):
                match part:
                    case Call("getitem", (Var(name), *index)):
                        yield name, index, inner
                    case _:
                        pass
        within = inner
        if isinstance(stmt, For | While):  # loops of a few turns are written out
            within = stmt.index if isinstance(stmt, For) and not turns_of(stmt) else None
        for body in blocks(stmt):
            yield from _elements(body, within)


def _oriented(block: Block, wanted: Mapping[str, int]) -> Block:
    def read(expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name) as base, *index)) if name in wanted:
                return replace(expr, args=(base, *_moved(index, wanted[name])))
            case _:
                return expr

    def change(stmt: Stmt) -> Stmt:
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, read)), lambda body: _oriented(body, wanted))
        match stmt:
            case Let(Var(name), Call(_, (Call("tuple", sizes),)) as made) if name in wanted:
                return replace(stmt, value=replace(made, args=(Call("tuple", _moved(sizes, wanted[name])),)))
            case Store(Var(name), index) | Accum(Var(name), index) if name in wanted:
                return replace(stmt, index=_moved(index, wanted[name]))
            case _:
                return stmt

    return tuple(map(change, block))
