"""A loop that asks where it is becomes one for each answer, so that it vectorises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adjoint.analysis.ranges import may_be_asked_again
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store
from adjoint.ir.walk import bound, map_blocks, names_in, statements, unshared, with_body
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, types

LONGEST = 80  # statements of a loop that may stand two or three times
_ARITHMETIC = frozenset("add sub dim".split())
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def split(func: Func, context: Context) -> Func:
    """Cut the range of an innermost loop where a comparison of its index with a number that stays changes its answer.

    The iterations are the same ones, in the same order; the branch that each takes is known.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], i: int64, n: int64):
    ...     for j in range(n):
    ...         if i < j:
    ...             x[j] = 2.0
    ...         else:
    ...             x[j] = 1.0
    ... ''')
    >>> print(text(split(func, Context.of(func))), end="")
    def f(x, i, n):
        for j in range(min(i + 1, n)):
            x[j] = 1.0
        for j in range(max(i + 1, 0), n):
            x[j] = 2.0
    """
    body = _Splitter(context).block(func.body)
    return func if body is func.body else with_body(func, unshared(body))


class _Splitter:
    def __init__(self, context: Context) -> None:
        self.context = context

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            stmt = map_blocks(stmt, self.block)
            out += self.loop(stmt) if isinstance(stmt, For) and _is_plain(stmt) else [stmt]
        return block if len(out) == len(block) and all(a is b for a, b in zip(out, block, strict=True)) else tuple(out)

    def loop(self, loop: For) -> list[Stmt]:
        for stmt in loop.body:
            asked = self.asked(loop, stmt.cond) if isinstance(stmt, If) else None
            if isinstance(stmt, If) and asked is not None:
                return list(self.pieces(loop, stmt.cond, *asked))
        return [loop]

    def asked(self, loop: For, cond: Expr) -> tuple[str, Expr] | None:
        """Return how a condition compares the index of a loop, and with what."""
        match cond:
            case Call(prim, (index, other)) if prim in _MIRRORED and index == loop.index:
                pass
            case Call(prim, (other, index)) if prim in _MIRRORED and index == loop.index:
                prim = _MIRRORED[prim]
            case _:
                return None
        moving = {var.name for stmt in statements((loop,)) for var in bound(stmt)}
        moving |= {s.target.name for s in loop.body if isinstance(s, Accum)}
        return (prim, other) if self.is_whole(other) and not moving & set(names_in(other)) else None

    def is_whole(self, expr: Expr) -> bool:
        """Whether an expression is a whole number made of others, which may be evaluated again."""
        match expr:
            case Lit(value):
                return type(value) is int
            case Call("dim"):
                return True
            case Call(prim, args):
                return prim in _ARITHMETIC and all(map(self.is_whole, args))
            case _:
                kind: Type = self.context.kinds.get(expr.name)
                return isinstance(kind, types.Integer) and bool(kind.signed)

    def pieces(self, loop: For, cond: Expr, prim: str, other: Expr) -> Iterator[For]:
        """Yield a loop for each part of the range, of which one or the other branch is taken."""
        before, there, after = {
            "lt": (True, False, False),
            "le": (True, True, False),
            "gt": (False, False, True),
            "ge": (False, True, True),
            "eq": (False, True, False),
            "ne": (True, False, True),
        }[prim]
        cuts: list[tuple[Expr | None, Expr | None, bool]] = [(None, other, before), (other, shifted(other, 1), there)]
        cuts.append((shifted(other, 1), None, after))
        if before == there:
            cuts = [(None, cuts[1][1], there), cuts[2]]
        elif there == after:
            cuts = [cuts[0], (other, None, there)]
        for low, high, answer in cuts:
            start = loop.start if low is None else self.later(loop.start, low)
            stop = loop.stop if high is None else Call("minimum", (high, loop.stop), via="builtin")
            yield replace(loop, start=start, stop=stop, body=_answered(loop.body, cond, answer))

    def later(self, start: Expr, low: Expr) -> Expr:
        if start == Lit(0) and self.context.is_natural(low):
            return low
        return Call("maximum", (low, start), via="builtin")


def _answered(block: Block, cond: Expr, answer: bool) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        out += (stmt.then if answer else stmt.orelse) if isinstance(stmt, If) and stmt.cond == cond else (stmt,)
    return tuple(out)


def _is_plain(loop: For) -> bool:
    if loop.until is not None or loop.parallel or loop.carried or loop.step != Lit(1):
        return False
    inside = list(statements(loop.body))
    plain = all(isinstance(stmt, Let | Store | Accum | If | Comment) for stmt in inside)
    short = len(inside) <= LONGEST
    return plain and short and may_be_asked_again(loop) and not any(_has_merges(stmt) for stmt in inside)


def _has_merges(stmt: Stmt) -> bool:
    return isinstance(stmt, If) and bool(stmt.merges)
