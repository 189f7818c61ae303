"""Loops that read what an earlier loop has stored one iteration before become one with it; numbers hand that on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.ranges import ends
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import AdjointError
from adjoint.ir import Accum, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_expr, map_operands, mentioned_within, names_in
from adjoint.lower.accesses import Access
from adjoint.lower.context import Context, Span
from adjoint.lower.fuse import Fuser, substituted
from adjoint.lower.places import Places
from adjoint.lower.subset import number
from adjoint.rules.numba_types import Type, types
from adjoint.rules.typing import expr_type
from adjoint.transform.dce import eliminate
from adjoint.transform.renaming import rename_block

MOST = 14  # arrays in a loop: LLVM compares the memory of each with that of those that are written


def trail(func: Func, context: Context) -> Func:
    """Join a loop with an earlier one that stores, one iteration before, what it reads: `b[i] = a[i - 1]`.

    Both run over the same range, or the second one over one element more, which is done apart. Iterations don't depend
    on each other, so that they may run in the direction in which the element comes from the iteration before. It is
    handed on as a number: LLVM vectorises that, but not loops that read memory which they have just written.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:]):
    ...     n: int64 = dim(x, 0)
    ...     a: float64[:] = empty(n)
    ...     a[0] = 1.0
    ...     for i in range(1, n):
    ...         a[i] = x[i] * x[i]
    ...     for i in range(1, n):
    ...         y[i] = x[i] * a[i - 1]
    ... '''))
    >>> print(text(trail(func, context)), end="")
    def f(x, y):
        n = x.shape[0]
        a_before = 1.0
        for i in range(1, n):
            a_now = x[i] * x[i]
            y[i] = x[i] * a_before
            a_before = a_now
    """
    trailer = _Trailer(func, context)
    body = trailer.block(func.body)
    return eliminate(replace(func, body=body, types=context.kinds)) if trailer.found else func


@dataclass(frozen=True, slots=True)
class _Plan:
    """How two loops become one: the arrays whose elements are handed on, the direction, if there is one, and the rest.

    `offsets` are, for the arrays that the first loop writes and the second one reads, the distance of the element from
    the iteration. If the second loop has an iteration more, it is done before both, or after them.
    """

    offsets: Mapping[str, int]
    handed: frozenset[str]
    way: int
    more: bool
    early: bool


class _Trailer(Fuser):
    steps = (Lit(1), Lit(-1))

    def __init__(self, func: Func, context: Context) -> None:
        super().__init__(func, context)
        self.places = Places(func, context)
        self.found = False
        self.plan = _Plan({}, frozenset(), 1, False, False)
        # Loops that have a direction, by their indices. How the next iteration calls what one stores to an array: by
        # index, array and number; those names that have a value even if there is no iteration; those of the plan.
        self.way: dict[str, int] = {}
        self.handed: dict[tuple[str, str, str], str] = {}
        self.certain: set[str] = set()
        self.was: dict[str, Var] = {}

    def span(self, loop: For) -> Span | None:
        span = super().span(loop)
        return None if span is None else self.places.plain(span)

    # -- may they be joined? -----------------------------------------------------------------------------------

    def fits(self, first: For, second: For) -> bool:
        if second.step != Lit(1) or not all(map(self.is_plain, (first, second))):
            return False
        way = self.way.get(first.index.name)
        plans = (self.planned(first, second, each) for each in ((1, -1) if way is None else (way,)))
        plan = next((plan for plan in plans if plan is not None), None)
        if plan is not None:
            self.plan = plan
        return plan is not None

    def is_plain(self, loop: For) -> bool:
        """Whether a loop has nothing in it but numbers and elements, and iterations that don't depend on each other."""
        if not all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loop.body):
            return False
        if self.span(loop) is None or self.is_open(loop):
            return False
        done = self.accesses.of(loop)
        sums = {stmt.target.name for stmt in loop.body if isinstance(stmt, Accum) and not stmt.index}
        if done.effect or (done.binds & done.exposed) - sums - set(self.handed.values()) - {loop.index.name}:
            return False
        written = [x for x in done.accesses if x.writes]
        return all(self.meet_at_once(x, y, loop, loop) for x in written for y in done.accesses)

    def meet_at_once(self, x: Access, y: Access, first: For, second: For) -> bool:
        """Whether two accesses meet the same memory only in the same iteration, sums too."""
        if x.adds and y.adds and x.index is not None and y.index is not None:
            return x.cls != y.cls or x.index == substituted(y.index, second.index, first.index)
        return self.in_step(x, y, first, second)

    def planned(self, first: For, second: For, way: int) -> _Plan | None:
        """Return how two loops become one that runs in a direction; None if they can't, or nothing is gained."""
        span, other = self.span(first), self.span(second)
        if span is None or other is None or span.start != other.start or not self.have_own_names(first, second):
            return None
        more = (other.stop - span.stop).number
        a, b = self.accesses.of(first), self.accesses.of(second)
        if more not in (0, 1) or len({x.name for x in (*a.accesses, *b.accesses)}) > MOST:
            return None
        read: dict[str, int] = {}
        handed: set[str] = set()
        for x in a.accesses:
            for y in b.accesses:
                if x.cls != y.cls or not (x.writes or y.writes):
                    continue
                flows = x.name == y.name and x.writes and not y.writes
                if self.meet_at_once(x, y, first, second):
                    read |= {x.name: 0} if flows else {}
                elif flows and self.distance(x, y, first, second) == -way:
                    handed.add(x.name)
                else:
                    return None
        written = {name: last for name in {*read, *handed} if (last := self.last(first, name)) is not None}
        if not handed <= written.keys() or not handed and not (more and read):
            return None
        offsets = {name: last[1] for name, last in written.items()}
        return _Plan(offsets, frozenset(handed), way, more == 1, not handed or way == -1)

    def distance(self, x: Access, y: Access, first: For, second: For) -> int | None:
        """Return how far the element of the second loop is from that of the first one in one iteration."""
        if x.name != y.name or x.index is None or y.index is None or len(x.index) != 1:
            return None
        if not all(map(self.context.is_natural, (*x.index, *y.index))):
            return None
        here, there = offset_from(x.index[0], first.index.name), offset_from(y.index[0], second.index.name)
        return None if here is None or there is None else there - here

    def last(self, loop: For, name: str) -> tuple[Store | Accum, int] | None:
        """Return the last write to an array of one axis in an iteration, and its offset."""
        writes = [s for s in loop.body if isinstance(s, Store | Accum) and _target(s) == name]
        index = writes[-1].index if writes else ()
        offset = offset_from(index[0], loop.index.name) if len(index) == 1 else None
        return (writes[-1], offset) if offset is not None and self.fits_exactly(writes[-1], name) else None

    def fits_exactly(self, write: Store | Accum, name: str) -> bool:
        """Whether a value that is written is a real number of the type that the elements have."""
        dtype = self.context.kinds[name].dtype
        try:
            return isinstance(dtype, types.Float) and expr_type(write.value, self.context.kinds) == dtype
        except AdjointError:
            return False

    # -- what becomes of them ----------------------------------------------------------------------------------

    def merged(self, first: For, second: For, before: Sequence[Stmt]) -> Sequence[Stmt]:
        plan, ends_ = self.plan, ends(first)
        assert ends_ is not None
        self.found = True
        body = [stmt for stmt in first.body if not self.is_handing(stmt)]
        handing: list[Stmt] = [stmt for stmt in first.body if self.is_handing(stmt)]
        now = {name: self.now(body, replace(first, body=tuple(body)), name) for name in sorted(plan.offsets)}
        own = {x.name for x in self.accesses.of(second).accesses if x.writes}
        read = {name: var for name, var in now.items() if name not in own}
        early = self.rest(second, before, read) if plan.more and plan.early else []
        starts: list[Let] = []
        self.was = {}
        for name in sorted(plan.handed):
            key = (first.index.name, name, now[name].name)
            if key not in self.handed:
                offset = plan.offsets[name]
                place = shifted(ends_[0], offset - 1) if plan.way == 1 else shifted(ends_[1], offset)
                starts.append(self.start(name, place, ends_, [*before, *early]))
                self.handed[key] = starts[-1].target.name
                handing.append(Let(starts[-1].target, now[name]))
            self.was[name] = Var(self.handed[key])
        late = self.rest(second, before, read) if plan.more and not plan.early else []
        reader = _Reader(second.index, read, self)
        second = replace(second, body=tuple(map_operands(stmt, reader.read) for stmt in second.body))
        (loop,) = super().merged(replace(first, body=tuple(body)), second, before)
        assert isinstance(loop, For)
        loop = replace(loop, body=(*loop.body, *handing))
        if plan.handed:
            self.way[first.index.name] = plan.way
            start, stop = ends_ if plan.way == 1 else (shifted(ends_[1], -1), shifted(ends_[0], -1))
            loop = replace(loop, start=start, stop=stop, step=Lit(plan.way))
        return [*early, *starts, loop, *late]

    def is_handing(self, stmt: Stmt) -> bool:
        """Whether a statement hands a number on to the next iteration."""
        match stmt:
            case Let(Var(before), Var(now)):
                return any(key[2] == now and name == before for key, name in self.handed.items())
            case _:
                return False

    def now(self, body: list[Stmt], loop: For, name: str) -> Var:
        """Return the number that an iteration writes last to an array, giving it a name in the body if it has none."""
        found = self.last(loop, name)
        assert found is not None
        write, _ = found
        place = next(k for k, stmt in enumerate(body) if stmt is write)
        hint = self.context.hint(name) or "element"
        if isinstance(write, Store) and isinstance(write.value, Var) and self.is_own(body, write.value):
            # A name with a hint stays where it is: stores must not come before it, or the loop doesn't vectorise.
            self.context.hints.setdefault(write.value.name, hint)
            return write.value
        target = write.array if isinstance(write, Store) else write.target
        here = Call("getitem", (target, *write.index))
        value = write.value if isinstance(write, Store) else Call("add", (here, write.value))
        made = self.context.fresh(f"{name}_now", self.context.kinds[name].dtype, hint)
        body[place : place + 1] = [Let(made, value, write.loc), Store(target, write.index, made, write.loc)]
        return made

    def is_own(self, body: Sequence[Stmt], value: Var) -> bool:
        """Whether a number is what one statement of a body makes it, and no other statement of the program."""
        here = any(isinstance(stmt, Let) and stmt.target == value and not self.is_handing(stmt) for stmt in body)
        return here and value.name not in self.places.often and value.name not in self.handed.values()

    def start(self, name: str, place: Expr, between: tuple[Expr, Expr], before: Sequence[Stmt]) -> Let:
        """Return the statement that gives a number its value for the first iteration: that of an element."""
        dtype: Type = self.context.kinds[name].dtype
        made = self.context.fresh(f"{name}_before", dtype, self.context.hint(name))
        known = self.known(name, place, before)
        there = any(isinstance(s, Store | Accum) and _target(s) == name and s.index == (place,) for s in before)
        if known is not None or there:
            self.certain.add(made.name)
        element = Call("getitem", (Var(name), place)) if known is None else known
        sure = known is not None or there
        return Let(made, element if sure else Call("select", (Call("lt", between), element, number(0.0, dtype))))

    def known(self, name: str, place: Expr, before: Sequence[Stmt]) -> Expr | None:
        """Return the number or name that has just been stored to an element, if it still has that value."""
        user = next((k for k in range(len(before) - 1, -1, -1) if name in mentioned_within(before[k])), None)
        match None if user is None else before[user]:
            case Store(_, (at,), Lit(float()) | Var() as value) if at == place:
                later = before[(user or 0) + 1 :]
                kept = not any(self.accesses.of(stmt).binds & set(names_in(value)) for stmt in later)
                return value if kept and self.is_number(value, name) else None
            case _:
                return None

    def is_number(self, value: Expr, name: str) -> bool:
        names = names_in(value)
        return all(self.context.kinds.get(each) == self.context.kinds[name].dtype for each in names)

    def rest(self, second: For, before: Sequence[Stmt], now: Mapping[str, Var]) -> list[Stmt]:
        """Return what the last iteration of a loop does, if there is one."""
        last = shifted(second.stop, -1)

        def moved(expr: Expr) -> Expr:
            match expr:
                case Var(name) if name == second.index.name:
                    return last
                case Call("add" | "sub" as prim, (inner, Lit(int() as by))) if inner == last:
                    return shifted(last, by if prim == "add" else -by)
                case Call("getitem", (Var(name), place)):
                    return (self.element(name, place, second, before) if name in now else None) or expr
                case _:
                    return expr

        names = {s.target.name: self.context.renewed(s.target.name).name for s in second.body if isinstance(s, Let)}
        body = rename_block(tuple(map_operands(s, lambda e: map_expr(e, moved)) for s in second.body), names)
        body = tuple(stmt for stmt in body if not (isinstance(stmt, Accum) and stmt.value == Lit(0.0)))
        span = self.span(second)
        assert span is not None
        sure = self.places.never_negative((span.stop - span.start).plus(-1), self.places.there(before))
        return list(body) if sure else [If(Call("lt", (second.start, second.stop)), body)]

    def element(self, name: str, place: Expr, second: For, before: Sequence[Stmt]) -> Expr | None:
        """Return what an element that nothing else is stored to is in the last iteration, if that is known."""
        if self.plan.early:
            value = self.known(name, place, before)
            return None if self.accesses.of(second).binds & set(names_in(value)) else value
        was = self.was.get(name)
        there = place == shifted(second.stop, self.plan.offsets[name] - 2)
        return was if there and was is not None and was.name in self.certain else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Puts numbers in the place of the elements that they are, `now` or in the iteration before."""

    index: Var
    now: Mapping[str, Var]
    trailer: _Trailer

    def read(self, expr: Expr) -> Expr:
        return map_expr(expr, self.element)

    def element(self, expr: Expr) -> Expr:
        plan = self.trailer.plan
        match expr:
            case Call("getitem", (Var(name), place)) if name in self.now:
                offset = offset_from(place, self.index.name)
                if offset == plan.offsets[name]:
                    return self.now[name]
                if name in plan.handed and offset == plan.offsets[name] - plan.way:
                    return self.trailer.was[name]
            case _:
                pass
        return expr


def _target(write: Store | Accum) -> str:
    return write.array.name if isinstance(write, Store) else write.target.name
