"""Lists that serve as stacks of arrays of one shape become one array, with a row for each iteration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.linear import Linear
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Store, Var
from adjoint.ir.walk import (
    bound,
    items_of,
    map_blocks,
    map_expr,
    map_operands,
    mentioned,
    mentions_of,
    names_in,
    statements,
    subexpressions,
    substitute,
    with_body,
)
from adjoint.lower.context import Context
from adjoint.lower.rows import in_rows
from adjoint.lower.uses import MADE, is_single, mentions
from adjoint.rules.numba_types import Type, array, is_array

_WHOLE = frozenset("add sub mul floordiv mod dim".split())


def unstack(func: Func, context: Context) -> Func:
    """Replace a list to which loops append new arrays, and from which mirrored loops pop them, by an array of rows.

    Both nests of loops run over the same ranges, the second one backwards, and do so in every iteration. Of each array
    nothing but elements is used, in the iteration that makes it and in the one that gets it back. So the two sweeps may
    become one, and there is one allocation instead of many.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, :], x_bar: float64[:, :], n: int64):
    ...     tape: List(float64[::1]) = list()
    ...     for i in range(n):
    ...         e: float64[::1] = exp(x[i])
    ...         append(tape, e)
    ...     for i in range(n - 1, -1, -1):
    ...         e_1: float64[::1] = pop(tape)
    ...         x_bar[i] += e_1
    ... '''))
    >>> print(text(unstack(func, context)), end="")
    def f(x, x_bar, n):
        if x.shape[1] != x_bar.shape[1]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        tape = np.empty((max(n, 0), x.shape[1]))
        for i in range(n):
            for i_2 in range(x.shape[1]):
                tape[i, i_2] = np.exp(x[i, i_2])
        for i_3 in range(n - 1, -1, -1):
            for i_4 in range(x.shape[1]):
                x_bar[i_3, i_4] += tape[i_3, i_4]
    """
    lists = {s.target.name for s in statements(func.body) if isinstance(s, Let) and s.value == Call("list")}
    if not lists:
        return func
    return with_body(func, _Stacks(func, context, lists).block(func.body))

@dataclass(frozen=True, slots=True)
class _Sizes:
    """The lengths of the array of rows, as text and as forms, and what the loops start from."""

    lengths: tuple[Expr, ...]
    shape: tuple[Linear, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """Where a list is appended to, or popped from: the loops around, outermost first, and the name of the array.

    `conditions` decide whether an iteration comes by it; loops have numbers for names in them.
    """

    loops: tuple[For, ...]
    block: Block
    array: str
    conditions: tuple[tuple[Expr, bool], ...] = ()

    def place(self, starts: Sequence[int]) -> tuple[Expr, ...]:
        return tuple(shifted(loop.index, -start) for loop, start in zip(self.loops, starts, strict=True))


class _Stacks:
    def __init__(self, func: Func, context: Context, lists: set[str]) -> None:
        self.context = context
        self.lists = lists
        self.params = frozenset(p.name for p in func.params)
        self.uses = mentions_of(func)
        self.bound = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))

    def block(self, block: Block) -> Block:
        for stmt in block:
            match stmt:
                case Let(Var(name)) if name in self.lists:
                    block = self.without(block, name)
                case _:
                    pass
        return tuple(map_blocks(stmt, self.block) for stmt in block)

    def without(self, block: Block, name: str) -> Block:
        """Return a block without a list that is made in it, if an array can take its place."""
        users = [stmt for stmt in block if mentions(stmt, name)]
        if self.uses[name] != 3 or len(users) != 3 or name in self.params:
            return block
        _, first, second = users
        ends = _end(first, name, "append", 1), _end(second, name, "pop", -1)
        if ends[0] is None or ends[1] is None or not self.are_mirrored(ends[0], ends[1]):
            return block
        if ends[0].conditions != ends[1].conditions:
            return block
        made = self.made(ends[0])
        if made is None or not self.is_elements(ends[0], 1) or not self.is_elements(ends[1], 0):
            return block
        sizes = self.sizes(ends[0].loops, made)
        return block if sizes is None else self.changed(block, name, (ends[0], ends[1]), made, sizes)

    def are_mirrored(self, first: _End, second: _End) -> bool:
        """Whether the iterations of two nests of loops are the same, in opposite orders."""
        spans = self.context.spans
        ranges = [spans.get(loop.index.name) for loop in first.loops]
        if None in ranges or ranges != [spans.get(loop.index.name) for loop in second.loops]:
            return False
        return all(self.bound[loop.index.name] == 1 for end in (first, second) for loop in end.loops)

    def made(self, end: _End) -> Let | None:
        """Return the statement that makes the array which is appended."""
        found = [stmt for stmt in end.block if isinstance(stmt, Let) and stmt.target.name == end.array]
        kind: Type = self.context.kinds.get(end.array)
        if len(found) != 1 or not is_array(kind) or kind.layout != "C" or self.context.made.get(end.array) is None:
            return None
        return found[0] if isinstance(found[0].value, Call) and found[0].value.prim in MADE else None

    def is_elements(self, end: _End, appends: int) -> bool:
        """Whether an array is bound once, and used for its elements only, in the block of its iteration."""
        name, kind = end.array, self.context.kinds.get(end.array)
        own = [stmt for stmt in statements(end.block) if name in mentioned(stmt)]
        counted = sum(mentioned(stmt).count(name) for stmt in own)
        elements = sum(_elements(stmt, name, kind) for stmt in own)
        # Besides elements: where it is bound, and where it is appended.
        return is_array(kind) and self.bound[name] == 1 and counted == self.uses[name] == elements + 1 + appends

    def sizes(self, loops: Sequence[For], made: Let) -> _Sizes | None:
        """Return the lengths of the array of rows; None if they aren't known before the loops."""
        symbols = self.context.facts.symbols
        starts: list[int] = []
        shape: list[Linear] = []
        for loop in loops:
            span = self.context.spans[loop.index.name]
            if span is None or span.start.number is None:
                return None
            starts.append(span.start.number)
            shape.append(symbols.clipped(span.stop - span.start))
        assert isinstance(made.value, Call)
        sizes = (*map(symbols.expr, shape), *items_of(made.value.args[0]))
        inside = {var.name for stmt in statements((loops[0],)) for var in bound(stmt)}
        if any(inside.intersection(names_in(size)) for size in sizes):
            return None
        return _Sizes(sizes, (*shape, *(self.context.made[made.target.name] or ())), tuple(starts))

    def changed(self, block: Block, name: str, ends: tuple[_End, _End], made: Let, sizes: _Sizes) -> Block:
        """Return a block with an array of rows in the place of a list."""
        kind: Type = self.context.kinds[ends[0].array]
        self.context.kinds[name] = array(kind.dtype, len(sizes.lengths))
        self.context.made[name] = sizes.shape
        assert isinstance(made.value, Call)
        allocation = Let(Var(name), replace(made.value, args=(Call("tuple", sizes.lengths),)), made.loc)
        rows = {end.array: (Var(name), *end.place(sizes.starts)) for end in ends}
        out: list[Stmt] = []
        for stmt in block:
            if stmt == Let(Var(name), Call("list"), getattr(stmt, "loc", None)):
                continue
            if isinstance(stmt, For) and mentions(stmt, name):
                out += [allocation] if mentions(stmt, ends[0].array) else []
                out += in_rows((_without_append(stmt, name),), rows)
            else:
                out.append(stmt)
        return tuple(out)


def _end(stmt: Stmt, name: str, prim: str, step: int) -> _End | None:
    """Return the one place in a nest of loops where a list is used, if every iteration comes by it, or some that know.

    Those know it in advance: by their indices, and what is the same in all of them.
    """
    loops: list[For] = []
    conditions: list[tuple[Expr, bool]] = []
    block: Block = (stmt,)
    while True:
        users = [inner for inner in block if mentions(inner, name)]
        if len(users) != 1:
            return None
        match users[0]:
            case Effect(Call("append", (Var(own), Var(item)))) if prim == "append" and own == name and loops:
                return _End(tuple(loops), block, item, tuple(conditions))
            case Let(Var(item), Call("pop", (Var(own),))) if prim == "pop" and own == name and loops:
                return _End(tuple(loops), block, item, tuple(conditions))
            case For(step=own, until=None, parallel=False) as loop if own == Lit(step):
                if any(isinstance(inner, Return) for inner in statements(loop.body)):
                    return None
                loops.append(loop)
                block = loop.body
            case If(cond, then, orelse) if loops:
                is_then = any(mentions(inner, name) for inner in then)
                known = _known_in_advance(cond, loops)
                if known is None or is_then and any(mentions(inner, name) for inner in orelse):
                    return None
                conditions.append((known, is_then))
                block = then if is_then else orelse
            case _:
                return None


def _known_in_advance(cond: Expr, loops: Sequence[For]) -> Expr | None:
    """Return a condition with numbers for the indices of loops, if it is made of these and of what stays the same."""
    made = {s.target.name: s.value for loop in loops for s in loop.body if isinstance(s, Let)}
    if isinstance(cond, Var):
        cond = made.get(cond.name, cond)
    indices = {loop.index.name: Var(f"#{depth}") for depth, loop in enumerate(loops)}
    moving = Counter(var.name for stmt in statements((loops[0],)) for var in bound(stmt))
    if any(moving[name] > (name in indices) for name in names_in(cond)) or not is_comparison(cond):
        return None
    return substitute(cond, indices)


def is_comparison(cond: Expr) -> bool:
    """Whether an expression compares numbers, or sums of them."""
    match cond:
        case Call("lt" | "le" | "gt" | "ge" | "eq" | "ne", args):
            parts = [part for arg in args for part in subexpressions(arg)]
            return all(not isinstance(part, Call) or part.prim in _WHOLE for part in parts)
        case _:
            return False


def _without_append(stmt: Stmt, name: str) -> Stmt:
    def block(body: Block) -> Block:
        return tuple(_without_append(inner, name) for inner in body if not _appends(inner, name))

    return map_blocks(stmt, block)


def _appends(stmt: Stmt, name: str) -> bool:
    match stmt:
        case Effect(Call("append", (own, _))):
            return own == Var(name)
        case _:
            return False


def _elements(stmt: Stmt, name: str, kind: Type) -> int:
    """Count the single elements of an array that a statement itself uses."""
    found = 0

    def count(expr: Expr) -> Expr:
        nonlocal found
        match expr:
            case Call("getitem", (Var(own), *index)) if own == name:
                found += len(index) == kind.ndim and all(map(is_single, index))
            case _:
                pass
        return expr

    map_operands(stmt, lambda expr: map_expr(expr, count))
    match stmt:
        case Store(Var(own), index) | Accum(Var(own), index) if own == name:
            found += len(index) == kind.ndim and all(map(is_single, index))
        case _:
            pass
    return found
