"""What a loop adds to elements side by side is kept, and added by loops that vectorise: scatter to gather."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, names_in, statements, subexpressions, substitute
from adjoint.lower.accesses import Access, Accesses, apart
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, array, is_array, types
from adjoint.rules.typing import expr_type

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
    return replace(func, body=spreader.block(func.body))


@dataclass(slots=True)
class _Sum:
    """A statement `target[..., j + offset] += value` that may come after the loop."""

    stmt: Accum
    offset: int

    @property
    def row(self) -> tuple[Var, tuple[Expr, ...]]:
        return self.stmt.target, self.stmt.index[:-1]


@dataclass(slots=True)
class _Plan:
    """How the sums of a loop are kept: arrays by what they hold, `margin` elements of zero on both sides.

    They hold a name that is set once in an iteration, an expression that means the same all over it, or else what one
    statement adds.
    """

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
        self.accesses = Accesses(func, context.kinds, memory_classes(func))

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For) and _is_plain(stmt):
                out += self.loop(stmt)
            else:
                out.append(map_blocks(stmt, self.block))
        return tuple(out)

    def loop(self, loop: For) -> Sequence[Stmt]:
        sums = [each for stmt in loop.body if isinstance(stmt, Accum) and (each := self.sum(loop, stmt)) is not None]
        if len({id(each.stmt) for each in sums}) < len(sums):
            return [loop]  # statements are told apart below
        rows = {each.row: [s.offset for s in sums if s.row == each.row] for each in sums}
        widths = [max(offsets) - min(offsets) for offsets in rows.values()]
        if not any(widths) or max(widths) > WIDEST or not self.context.is_natural(loop.index):
            return [loop]
        plan = _Plan(loop, max(widths))
        sums = list(self.waiting(loop, sums))
        core = self.core(plan, sums)
        if core is None:
            return [loop]
        size = Call("maximum", (shifted(plan.bounds[1], 2 * plan.margin), Lit(0)), via="builtin")
        made = [Let(var, Call("empty", (size,), self.options(var))) for var in plan.kept.values()]
        rows = dict.fromkeys(each.row for each in sums)
        added = [stmt for row in rows for stmt in self.added(plan, [s for s in sums if s.row == row])]
        return [*made, If(Call("lt", plan.bounds), (core, *_margins(plan), *added))]

    def options(self, var: Var) -> tuple[tuple[str, Expr], ...]:
        dtype = self.kinds[var.name].dtype
        return () if dtype == types.float64 else (("dtype", Lit(str(dtype))),)

    # -- which sums may wait -------------------------------------------------------------------------------------

    def sum(self, loop: For, stmt: Accum) -> _Sum | None:
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
        if names & written or self.type_of(stmt.value) != kind.dtype or not isinstance(kind.dtype, types.Float):
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
        return _Sum(stmt, offset)

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

    def type_of(self, expr: Expr) -> Type:
        try:
            return expr_type(expr, self.kinds)
        except AdjointError:
            return None

    def waiting(self, loop: For, sums: Sequence[_Sum]) -> Iterator[_Sum]:
        """Yield the sums that are kept for later.

        Those of a row into one element of the iteration may stay, as no other iteration uses that element in the loop
        any more. They do if this saves an array.
        """
        keys = {id(each.stmt): self.key(each.stmt, loop) for each in sums}
        staying: dict[tuple[Var, tuple[Expr, ...]], int] = {}
        for each in sums:
            others = (s for s in sums if keys[id(s.stmt)] == keys[id(each.stmt)])
            if each.row not in staying and all(s.row == each.row and s.offset == each.offset for s in others):
                staying[each.row] = each.offset
        yield from (each for each in sums if staying.get(each.row) != each.offset)

    # -- the loop that keeps them --------------------------------------------------------------------------------

    def core(self, plan: _Plan, sums: Sequence[_Sum]) -> For | None:
        """Return the loop without sums that keeps what is to be added; None if nothing else would be left of it."""
        body = plan.loop.body
        gone = {id(each.stmt) for each in sums}
        place = (shifted(plan.loop.index, plan.margin),)
        after: dict[int, list[Stmt]] = {}
        for each in sums:
            name, key = self.source(each.stmt, body), self.key(each.stmt, plan.loop)
            if key not in plan.kept:
                value = each.stmt.value if name is None else name
                kept = plan.kept[key] = self.buffer(value)
                owner = next((s for s in body if isinstance(s, Let) and s.target == name), each.stmt)
                after.setdefault(id(owner), []).append(Store(kept, place, value))
        new: list[Stmt] = []
        for stmt in body:
            new += [*([] if id(stmt) in gone else [stmt]), *after.get(id(stmt), [])]
        return replace(plan.loop, body=tuple(new))

    def key(self, stmt: Accum, loop: For) -> Expr | int:
        """Return what kept values are known by: one name, one expression or one statement."""
        name = self.source(stmt, loop.body)
        facts = self.accesses.of(loop)
        changed = {access.cls for access in facts.accesses if access.writes}
        names = set(names_in(stmt.value)) - {loop.index.name}
        if name is not None:
            return name
        return id(stmt) if names & facts.binds or changed & set(map(self.accesses.class_of, names)) else stmt.value

    def source(self, stmt: Accum, body: Block) -> Var | None:
        """Return the name that what is added is a multiple of, if it is set once in the loop, and before."""
        value = stmt.value
        names = set(names_in(value))
        parts = tuple(subexpressions(value))
        simple = all(not isinstance(p, Call) or p.prim in ("neg", "mul") for p in parts)
        finite = all(isinstance(p.value, float) and abs(p.value) < 1e300 for p in parts if isinstance(p, Lit))
        lets = [s for s in body if isinstance(s, Let) and s.target.name in names]
        everything = [s for s in statements(body) if isinstance(s, Let | Accum) and s.target.name in names]
        if not simple or not finite or not len(names) == len(lets) == len(everything) == 1:
            return None
        places = [k for k, each in enumerate(body) if each is lets[0] or each is stmt]
        same = self.type_of(lets[0].target) == self.type_of(value) and body[places[0]] is lets[0]
        return lets[0].target if same and names_in(value).count(lets[0].target.name) == 1 else None

    def buffer(self, value: Expr) -> Var:
        name = value.name if isinstance(value, Var) else ""
        hint = self.context.hint(name)
        base = "_" if hint is None else f"{hint}_kept"
        return self.context.fresh(base, array(self.type_of(value), 1), None if hint is None else base)

    # -- the loops that add --------------------------------------------------------------------------------------

    def added(self, plan: _Plan, sums: Sequence[_Sum]) -> Iterator[Stmt]:
        """Yield the loop that adds all that goes into a row."""
        low, high = plan.bounds
        target, lead = sums[0].row
        offsets = [each.offset for each in sums]
        hint = self.context.hint(plan.loop.index.name) or "j"
        index = self.context.fresh(hint, types.int64, hint)
        self.context.natural[index.name] = True
        terms: list[Expr] = []
        for each in sums:
            name, kept = self.source(each.stmt, plan.loop.body), plan.kept[self.key(each.stmt, plan.loop)]
            there = Call("getitem", (kept, shifted(index, plan.margin - each.offset)))
            terms.append(there if name is None else substitute(each.stmt.value, {name.name: there}))
        total = reduce(lambda a, b: Call("add", (a, b)), terms)
        body = (Accum(target, (*lead, index), total, sums[0].stmt.loc),)
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
