"""Neighbouring loops over the same range become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.analysis.linear import Linear, symbol
from adjoint.ir import Block, Comment, Expr, For, Func, Lit, Stmt, Var
from adjoint.ir.walk import map_blocks, names_in, substitute, with_body
from adjoint.lower.accesses import Access, Together, in_lockstep
from adjoint.lower.context import Context, Span
from adjoint.lower.guards import is_guard
from adjoint.lower.multiply import around_products
from adjoint.lower.rerun import Reruns
from adjoint.lower.uses import open_indices
from adjoint.transform.renaming import rename_block

MOST = 3  # loops that move before another one, so that a third can join it


def fuse(func: Func, context: Context) -> Func:
    """Join loops of a block that run over equal ranges, from the outside in.

    Two loops are joined if each iteration of the second needs nothing of the first but what the same iteration of that
    computes: an array that one of them writes is read and written by the other in the same place, a subscript with the
    loop index in it; names are the business of one of them or set anew in each iteration. Statements in between go
    before or after. Loops that products of matrices will be made of stay alone. What loops run over, and which arrays
    are different memory, is known from `expand`.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64):
    ...     z: float64[:] = sin(x) * y
    ...     s: float64 = sum(z)
    ...     return s
    ... '''))
    >>> print(text(fuse(func, context)), end="")
    def f(x, y):
        z = np.empty(x.shape[0])
        s = 0.0
        for i in range(x.shape[0]):
            z[i] = np.sin(x[i]) * y
            s += z[i]
        return s
    """
    fuser = Fuser(func, context)
    return with_body(func, fuser.block(func.body))


class Fuser:
    steps: Sequence[Expr] = (Lit(1),)
    vectors = True  # whether LLVM is to make vectors of innermost loops

    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.spans = context.spans
        self.memory = context.memory
        self.symbol = context.symbol
        self.same: dict[str, Linear] = {}
        self.accesses = context.accesses(func)
        self.read_outside = open_indices(func)
        self.apart = around_products(func, context)
        self.reruns = Reruns(func, context, self.accesses)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            for new in self.as_loops(map_blocks(stmt, self.block)):
                joined = self.joined(out, new) if isinstance(new, For) else None
                if joined is None:
                    out.append(new)
                else:
                    out = joined
        return tuple(out)

    def as_loops(self, stmt: Stmt) -> Block:
        """Return the statements that take the place of one, so that it can be joined."""
        return (stmt,)

    def joined(self, out: Sequence[Stmt], loop: For) -> list[Stmt] | None:
        """Return the statements with a loop made part of one that is there already; None if there is none for it.

        What the loop depends on moves before that one, and everything else stays behind.
        """
        needed: list[Stmt] = []
        loops = 0
        before = Together()
        own = self.accesses.of(loop)
        for place in range(len(out) - 1, -1, -1):
            stmt = out[place]
            if isinstance(stmt, Comment):
                continue
            summary = self.accesses.of(stmt)
            kept = before.conflicts(summary)
            if isinstance(stmt, For) and not kept and self.fits(stmt, loop):
                behind = [s for s in out[place + 1 :] if not any(s is other for other in needed)]
                return [*out[:place], *needed, *self.merged(stmt, loop, (*out[:place], *needed)), *behind]
            if is_guard(stmt) or kept or summary.conflicts(own):
                loops += isinstance(stmt, For)
                if loops > MOST:
                    return None
                needed.insert(0, stmt)
                before.add(summary)
        return None

    def merged(self, first: For, second: For, before: Sequence[Stmt]) -> Sequence[Stmt]:
        """Return two loops as one, which comes after some statements of its block."""
        body = rename_block(second.body, {second.index.name: first.index.name})
        self.unite(first, second)
        return [replace(first, body=self.block(self.reruns.joined(first.body, body)))]

    def unite(self, first: For, second: For) -> None:
        """Note that the index of one loop is to be that of another."""
        names = [self.symbol.get(loop.index.name) for loop in (first, second)]
        if names[0] is not None and names[1] is not None and names[0] != names[1]:
            self.same[names[1]] = symbol(names[0])
        known, other = (self.memory.get(loop.index.name, {}) for loop in (first, second))
        self.memory[first.index.name] = {n: b for n, b in (known | other).items() if known.get(n, b) == other.get(n, b)}

    # -- may they be joined? -----------------------------------------------------------------------------------

    def fits(self, first: For, second: For) -> bool:
        span, other = self.span(first), self.span(second)
        if span is None or span != other or self.is_open(first) or self.is_open(second):
            return False
        a, b = self.accesses.of(first), self.accesses.of(second)
        if not self.have_own_names(first, second):
            return False
        return all(self.in_step(x, y, first, second) for x in a.accesses for y in b.accesses)

    def have_own_names(self, first: For, second: For) -> bool:
        """Whether each name is the business of one of two loops, or set anew in each iteration; no product is."""
        if not self.apart.isdisjoint((first.index.name, second.index.name)):
            return False
        a, b = self.accesses.of(first), self.accesses.of(second)
        if a.effect or b.effect or (a.binds & b.binds) & (a.exposed | b.exposed):
            return False
        return not (a.binds & b.exposed or b.binds & a.exposed)

    def span(self, loop: For) -> Span | None:
        """Return what a loop runs over; indices of loops that have become one are the same."""
        span = self.spans.get(loop.index.name) if loop.step in self.steps else None
        if span is None:
            return None
        while any(name in self.same for name in (*span.start.symbols, *span.stop.symbols)):
            span = Span(span.start.replaced(self.same), span.stop.replaced(self.same))
        return span

    def is_open(self, loop: For) -> bool:
        """Whether a loop is no plain loop, or its index is used elsewhere."""
        return loop.parallel or loop.until is not None or loop.index.name in self.read_outside

    def in_step(self, x: Access, y: Access, first: For, second: For) -> bool:
        """Whether two accesses, of one loop each, meet the same memory only in the same iteration."""
        if x.cls != y.cls or not (x.writes or y.writes):
            return True
        if x.name != y.name or x.index is None or y.index is None:
            a, b = self.memory.get(first.index.name, {}).get(x.name), self.memory.get(second.index.name, {}).get(y.name)
            return a is not None and b is not None and a.apart_from(b)
        nested = _has_loop(first) or _has_loop(second) or not self.vectors
        own = substituted(y.index, second.index, first.index)
        if x.adds and y.adds and not nested and x.index != own and not self.are_spread(x.index, own):
            # LLVM would have to check that the elements don't overlap.
            return False
        moving = self.accesses.of(first).binds | self.accesses.of(second).binds
        both, natural = (first.index, second.index), self.context.is_natural
        if any(in_lockstep(a, b, both, moving, natural) for a, b in zip(x.index, y.index, strict=True)):
            return True
        # Sums may be added up in any order.
        return x.adds and y.adds

    def are_spread(self, x: tuple[Expr, ...], y: tuple[Expr, ...]) -> bool:
        """Whether sums into neighbouring elements are such that `spread` takes them apart again."""
        return all(map(self.context.is_natural, (*x, *y))) and all(map(_is_shifted, x, y))


def substituted(index: tuple[Expr, ...], old: Var, new: Var) -> tuple[Expr, ...]:
    return tuple(substitute(each, {old.name: new}) for each in index)


def _is_shifted(a: Expr, b: Expr) -> bool:
    """Whether subscripts are the same name with numbers added."""
    return len({names_in(a), names_in(b)}) == 1 and len(names_in(a)) == 1


def _has_loop(loop: For) -> bool:
    return any(isinstance(stmt, For) for stmt in loop.body)
