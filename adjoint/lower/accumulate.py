"""Elements of arrays that a loop keeps adding to become numbers while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adjoint.analysis.ranges import ends, runs
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, names_in, with_body
from adjoint.lower.accesses import Access, Summary
from adjoint.lower.context import Context
from adjoint.lower.subset import number
from adjoint.rules.numba_types import Type, is_array
from adjoint.rules.typing import expr_type


def accumulate(func: Func, context: Context) -> Func:
    """Hoist `a[i, j] += e` out of loops that move neither `i` nor `j`: a number is added to, and stored at the end.

    No other access in the loop may be to the same element, except by the same subscript; where all that the loop does
    with the array is to add to it, what is added to the element is summed up apart. The element is touched only if the
    loop has an iteration.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(a: float64[:, :], n: int64):
    ...     for i in range(n):
    ...         a[i, 0] = 0.0
    ...         for k in range(i):
    ...             a[i, 0] += a[i, k + 1]
    ... ''')
    >>> context = Context.of(before)
    >>> context.natural["i"] = True
    >>> print(text(accumulate(before, context)), end="")
    def f(a, n):
        for i in range(n):
            a[i, 0] = 0.0
            _1 = a[i, 0]
            for k in range(i):
                _1 += a[i, k + 1]
            a[i, 0] = _1
    """
    return with_body(func, _Hoister(func, context).block(func.body))


class _Hoister:
    def __init__(self, func: Func, context: Context) -> None:
        self.is_natural = context.is_natural
        self.kinds = context.kinds
        self.fresh = context.temporary
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            stmt = map_blocks(stmt, self.block)
            if isinstance(stmt, For) and not stmt.parallel:
                out += self.loop(stmt, out)
            else:
                out.append(stmt)
        return tuple(out)

    def loop(self, loop: For, before: list[Stmt]) -> list[Stmt]:
        start: list[Stmt] = []
        end: list[Stmt] = []
        there, given = True, loop
        # All are judged by the loop as it is: what has been taken out of it would not be seen there.
        found = [(self.may_hoist(loop, *each), self.only_sums(loop, *each), *each) for each in self.candidates(loop)]
        for keeps, sums, target, index in found:
            if not keeps and not sums:
                continue
            dtype: Type = self.kinds[target.name].dtype
            total = self.fresh(dtype)
            loop = replace(loop, body=_Numbers(target, index, total).block(loop.body))
            start.append(Let(total, Call("getitem", (target, *index)) if keeps else number(0.0, dtype)))
            end.append(Store(target, index, total) if keeps else Accum(target, index, total))
            there &= any(_touches(stmt, target, index) for stmt in before)
        whole = [*start, loop, *end]
        if there or _certainly_runs(loop):
            return whole
        condition = runs(loop)
        return [given] if condition is None else [If(condition, tuple(whole))]

    def candidates(self, loop: For) -> Iterator[tuple[Var, tuple[Expr, ...]]]:
        """Yield the elements that the loop adds to in each iteration."""
        found: dict[tuple[Var, tuple[Expr, ...]], None] = {}
        for stmt in loop.body:
            match stmt:
                case Accum(target, index, value) if index and self.keeps_type(target, value):
                    found[target, index] = None
                case Store(target, index, Call("add" | "sub" | "mul", (Call("getitem", (array, *place)), value))) if (
                    array == target and tuple(place) == index and self.keeps_type(target, value)
                ):
                    found[target, index] = None
                case _:
                    pass
        yield from found

    def keeps_type(self, target: Var, value: Expr) -> bool:
        kind: Type = self.kinds.get(target.name)
        try:
            return is_array(kind) and expr_type(value, self.kinds) == kind.dtype
        except AdjointError:
            return False

    def may_hoist(self, loop: For, target: Var, index: tuple[Expr, ...]) -> bool:
        if loop.step not in (Lit(1), Lit(-1)) or not is_array(self.kinds.get(target.name)):
            return False
        facts = self.accesses.of(loop)
        if target.name in facts.binds or facts.effect or _moves(facts, index):
            return False
        own = next((a for a in facts.accesses if a.name == target.name and a.index == index), None)
        if own is None:
            return False
        return all(a.cls != own.cls or a == own or _same(a, own) or self.apart(a, own, loop) for a in facts.accesses)

    def only_sums(self, loop: For, target: Var, index: tuple[Expr, ...]) -> bool:
        """Whether all that a loop does with an array is to add to elements: the order of sums is free."""
        facts = self.accesses.of(loop)
        if target.name in facts.binds or facts.effect or _moves(facts, index):
            return False
        cls = self.accesses.class_of(target.name)
        return all(a.cls != cls or a.adds and a.name == target.name for a in facts.accesses)

    def apart(self, access: Access, own: Access, loop: For) -> bool:
        """Whether an access is certainly to another element: at some place its subscript is the index of the loop,
        which ends before, or starts after, what stands there in the other."""
        if access.name != own.name or access.index is None or own.index is None:
            return False
        return any(self.never_equal(a, b, loop) for a, b in zip(access.index, own.index, strict=True))

    def never_equal(self, a: Expr, b: Expr, loop: For) -> bool:
        """Whether two subscripts differ in every iteration: numbers, or the loop's index and where it never comes."""
        if isinstance(a, Lit) and isinstance(b, Lit) and isinstance(a.value, int) and isinstance(b.value, int):
            return a != b and a.value >= 0 and b.value >= 0
        between, offset = ends(loop), offset_from(a, loop.index.name)
        if between is None or offset is None:
            return False
        # From `low` to `high - 1`; negative subscripts would count from the end.
        low, high = (shifted(end, offset) for end in between)
        if not self.is_natural(low):
            return False
        if isinstance(low, Lit) and isinstance(b, Lit) and isinstance(b.value, int) and isinstance(low.value, int):
            return 0 <= b.value < low.value
        return b == high or b == shifted(low, -1) and self.is_natural(b)


def _same(a: Access, b: Access) -> bool:
    return a.name == b.name and a.index == b.index


def _moves(facts: Summary, index: tuple[Expr, ...]) -> bool:
    """Whether a loop changes what a subscript means."""
    names = {name for expr in index for name in names_in(expr)}
    written = {access.name for access in facts.accesses if access.writes}
    return bool(names & (facts.binds | written))


def _certainly_runs(loop: For) -> bool:
    match loop.start, loop.stop, loop.step:
        case Lit(int() as start), Lit(int() as stop), Lit(int() as step):
            return start < stop if step > 0 else start > stop
        case _:
            return False


def _touches(stmt: Stmt, target: Var, index: tuple[Expr, ...]) -> bool:
    """Whether a statement itself writes the element, so that it is there."""
    match stmt:
        case Store(array, place, _) | Accum(array, place, _):
            return array == target and place == index
        case _:
            return False


class _Numbers:
    """Writes a number where an element stood."""

    def __init__(self, target: Var, index: tuple[Expr, ...], total: Var) -> None:
        self.target = target
        self.index = index
        self.total = total
        self.element = Call("getitem", (target, *index))

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Store(array, index, value) if array == self.target and index == self.index:
                return Let(self.total, value, stmt.loc)
            case Accum(target, index, value) if target == self.target and index == self.index:
                return Accum(self.total, (), value, stmt.loc)
            case _:
                return stmt

    def read(self, expr: Expr) -> Expr:
        return self.total if expr == self.element else expr
