"""What a loop adds to elements side by side is kept, and added by loops that vectorise: scatter to gather."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.written import offset_from, shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, names_in, subexpressions, with_body
from adjoint.lower.accesses import Access, apart
from adjoint.lower.addends import Addend, Addends, keeping, new_array, total
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, is_array, of_dtype, types

WIDEST = 8  # the most that offsets of one sum may differ by


def spread(func: Func, context: Context) -> Func:
    """Take sums into neighbouring elements of an array out of innermost loops: `x[j - 1] += t; x[j + 1] += t`.

    Such loops don't vectorise, as iterations meet in elements. What is added is kept in an array, with zeros around,
    and each element gets its sum in one go. The loop does nothing else with the elements that this adds to.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for j in range(1, n):
    ...         t: float64 = y[j]
    ...         y[j] = 0.0
    ...         x[j - 1] += t
    ...         x[j] += t
    ... '''))
    >>> print(text(spread(func, context)), end="")
    def f(x, y, n):
        t_kept = np.empty(max(n + 2, 0))
        if 1 < n:
            for j in range(1, n):
                t = y[j]
                t_kept[j + 1] = t
                y[j] = 0.0
            t_kept[1] = 0.0
            t_kept[n + 1] = 0.0
            for j_1 in range(n):
                x[j_1] += t_kept[j_1 + 2] + t_kept[j_1 + 1]
    """
    spreader = _Spreader(func, context)
    return with_body(func, spreader.block(func.body))


@dataclass(slots=True)
class _Sum:
    """A statement `target[..., j + offset] += value` that may come after the loop."""

    stmt: Accum
    offset: int
    addend: Addend

    @property
    def row(self) -> tuple[Var, tuple[Expr, ...]]:
        return self.stmt.target, self.stmt.index[:-1]


@dataclass(slots=True)
class _Plan:
    """How the sums of a loop are kept: arrays by the keys of what is added, `margin` elements of zero on both sides."""

    loop: For
    margin: int
    kept: dict[Expr | int, Var] = field(default_factory=dict["Expr | int", Var])

    @property
    def bounds(self) -> tuple[Expr, Expr]:
        """The least index, and the first after all."""
        if self.loop.step == Lit(1):
            return self.loop.start, self.loop.stop
        return shifted(self.loop.stop, 1), shifted(self.loop.start, 1)


class _Spreader:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.kinds = context.kinds
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For) and _is_plain(stmt):
                out += self.loop(stmt)
            else:
                out.append(map_blocks(stmt, self.block))
        return tuple(out)

    def loop(self, loop: For) -> Sequence[Stmt]:
        addends = Addends(loop, self.accesses, self.context)
        sums = [each for stmt in loop.body if isinstance(stmt, Accum) and (each := self.sum(loop, stmt, addends))]
        if len({id(each.stmt) for each in sums}) < len(sums):
            return [loop]  # statements are told apart below
        rows = {each.row: [s.offset for s in sums if s.row == each.row] for each in sums}
        widths = [max(offsets) - min(offsets) for offsets in rows.values()]
        if not any(widths) or max(widths) > WIDEST or not self.context.is_natural(loop.index):
            return [loop]
        plan = _Plan(loop, max(widths))
        sums = list(self.waiting(sums))
        core = self.core(plan, sums)
        size = Call("maximum", (shifted(plan.bounds[1], 2 * plan.margin), Lit(0)), via="builtin")
        made = [Let(var, Call("empty", (size,), self.options(var))) for var in plan.kept.values()]
        rows = dict.fromkeys(each.row for each in sums)
        added = [stmt for row in rows for stmt in self.added(plan, [s for s in sums if s.row == row])]
        return [*made, If(Call("lt", plan.bounds), (core, *_margins(plan), *added))]

    def options(self, var: Var) -> tuple[tuple[str, Expr], ...]:
        dtype = self.kinds[var.name].dtype
        return of_dtype(dtype)

    # -- which sums may wait -------------------------------------------------------------------------------------

    def sum(self, loop: For, stmt: Accum, addends: Addends) -> _Sum | None:
        """Return a sum that nothing else in a loop has to do with, until the loop has ended."""
        offset = offset_from(stmt.index[-1], loop.index.name) if stmt.index else None
        facts = self.accesses.of(loop)
        names = {name for each in stmt.index[:-1] for name in names_in(each)}
        kind: Type = self.kinds.get(stmt.target.name)
        if offset is None or facts.effect or names & facts.binds or stmt.target.name in facts.binds:
            return None
        if not is_array(kind) or kind.layout == "F" or not all(map(self.context.is_natural, stmt.index)):
            return None
        written = {access.name for access in facts.accesses if access.writes}
        if names & written or addends.type_of(stmt.value) != kind.dtype or not isinstance(kind.dtype, types.Float):
            return None
        cls, alone = self.accesses.class_of(stmt.target.name), self.accesses.alone(loop)
        position = next(k for k, each in enumerate(loop.body) if each is stmt)
        for k, each in enumerate(loop.body):
            for access in (a for a in self.accesses.of(each).accesses if a.cls == cls):
                if access.name != stmt.target.name and not alone.isdisjoint((access.name, stmt.target.name)):
                    continue
                waits = self.is_apart(access, stmt, facts.binds)
                if not waits and not self.is_passed(loop, access, stmt, before=k <= position):
                    return None
        return _Sum(stmt, offset, addends.of(stmt))

    def is_apart(self, access: Access, stmt: Accum, moving: set[str]) -> bool:
        """Whether an access is to other elements than a sum, or adds to them as well."""
        if access.name != stmt.target.name or access.index is None:
            return False
        if access.adds:
            return True
        natural = self.context.is_natural
        return any(apart(a, b, moving, natural) for a, b in zip(access.index, stmt.index, strict=True))

    def is_passed(self, loop: For, access: Access, stmt: Accum, *, before: bool) -> bool:
        """Whether the loop has come by an element for the last time when something is added to it.

        `before` says that the statement with the access comes before the sum.
        """
        if access.name != stmt.target.name or access.index is None:
            return False
        there, offset = (offset_from(index[-1], loop.index.name) for index in (access.index, stmt.index))
        if there is None or offset is None or not self.context.is_natural(access.index[-1]):
            return False
        return before if there == offset else (offset < there) == (loop.step == Lit(1))

    def waiting(self, sums: Sequence[_Sum]) -> Iterator[_Sum]:
        """Yield the sums that are kept for later.

        Those of a row into one element of the iteration may stay, as no other iteration uses that element in the loop
        any more. They do if this saves an array.
        """
        staying: dict[tuple[Var, tuple[Expr, ...]], int] = {}
        for each in sums:
            others = (s for s in sums if s.addend.key == each.addend.key)
            if each.row not in staying and all(s.row == each.row and s.offset == each.offset for s in others):
                staying[each.row] = each.offset
        yield from (each for each in sums if staying.get(each.row) != each.offset)

    # -- the loop that keeps them --------------------------------------------------------------------------------

    def core(self, plan: _Plan, sums: Sequence[_Sum]) -> For:
        """Return the loop without sums that keeps what is to be added."""
        place = (shifted(plan.loop.index, plan.margin),)
        kept: list[tuple[Addend, Store]] = []
        for each in sums:
            if each.addend.key not in plan.kept:
                dtype = self.kinds[each.stmt.target.name].dtype
                array = plan.kept[each.addend.key] = new_array(each.addend, each.stmt.target, dtype, 1, self.context)
                kept.append((each.addend, Store(array, place, each.addend.value)))
        return replace(plan.loop, body=keeping(plan.loop.body, [each.stmt for each in sums], kept))

    # -- the loops that add --------------------------------------------------------------------------------------

    def added(self, plan: _Plan, sums: Sequence[_Sum]) -> Iterator[Stmt]:
        """Yield the loop that adds all that goes into a row."""
        low, high = plan.bounds
        target, lead = sums[0].row
        offsets = [each.offset for each in sums]
        hint = self.context.hint(plan.loop.index.name) or "j"
        index = self.context.fresh(hint, types.int64, hint)
        self.context.natural[index.name] = True
        terms: list[tuple[float, Expr]] = []
        for each in sums:
            there = shifted(index, plan.margin - each.offset)
            terms.append((each.addend.factor, Call("getitem", (plan.kept[each.addend.key], there))))
        added = total(terms, self.kinds[target.name].dtype)
        body = (Accum(target, (*lead, index), added, sums[0].stmt.loc),)
        yield For(index, shifted(low, min(offsets)), shifted(high, max(offsets)), Lit(1), body, loc=plan.loop.loc)


def _margins(plan: _Plan) -> Iterator[Stmt]:
    """Yield the zeros before and after what is kept."""
    low, high = plan.bounds
    for kept in plan.kept.values():
        for k in range(plan.margin):
            yield Store(kept, (shifted(low, k),), Lit(0.0))
        for k in range(plan.margin):
            yield Store(kept, (shifted(high, plan.margin + k),), Lit(0.0))


def _is_plain(loop: For) -> bool:
    if loop.until is not None or loop.parallel or loop.step not in (Lit(1), Lit(-1)):
        return False
    if isinstance(loop.start, Lit) and isinstance(loop.stop, Lit):
        return False  # short, most often
    plain = all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loop.body)
    return plain and not any(isinstance(stmt, For | While) for stmt in loop.body) and _bounds_are_plain(loop)


def _bounds_are_plain(loop: For) -> bool:
    """Whether bounds may be evaluated several times: names and numbers that the loop leaves alone."""
    bound = {s.target.name for s in loop.body if isinstance(s, Let)} | {loop.index.name}
    names = {name for expr in (loop.start, loop.stop) for name in names_in(expr)}
    parts = [part for expr in (loop.start, loop.stop) for part in subexpressions(expr) if isinstance(part, Call)]
    return not names & bound and all(part.prim in ("add", "sub", "dim", "maximum", "minimum") for part in parts)
