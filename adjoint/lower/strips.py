"""Iterations that each run a recurrence run side by side, a strip of them at a time, so that loops vectorise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import reduce

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.iterations import Shared, exposed, shared, term
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    map_blocks,
    map_expr,
    map_operands,
    mentioned,
    names_in,
    nested,
    operands,
    statements,
    subexpressions,
    substitute,
    unshared,
)
from adjoint.lower.context import Context
from adjoint.lower.iteration import is_candidate, places, separated, targets, written
from adjoint.lower.recur import recur
from adjoint.lower.uses import element_arrays, mentions
from adjoint.rules.numba_types import Type, array, is_array, types

LANES = 64  # iterations in a strip: their numbers fill a few vectors, and stay in the nearest cache
FEWEST = 8  # fewer iterations than this aren't worth it
TURNS = 4  # of an inner loop at a time, if they have no more statements than this:
LONGEST = 12
LARGEST = 4096  # nor are arrays of one iteration with more elements: a strip's would not fit into a cache

_BOUNDS = frozenset("add sub mul dim maximum minimum".split())
_CHOOSING = frozenset("select and or where".split())


def strips(func: Func, context: Context) -> Func:
    """Cut a loop into strips where its iterations have nothing to do with each other, but are sequential inside.

    Statements between inner loops are done for all iterations of a strip before the next statement is: numbers that
    pass from one such part to another are kept in arrays, one element per iteration, and an array that each iteration
    makes for itself gets an axis more. Innermost loops that count upwards take four turns at a time. Sums may be added
    up in another order.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         p: float64 = 1.0
    ...         for j in range(dim(x, 0) - 1, -1, -1):
    ...             p = p * y[i] + x[j]
    ...         y[i] = p
    ... ''')
    >>> context = Context.of(func)
    >>> context.natural["i"] = True
    >>> print(text(strips(func, context)), end="")
    def f(x, y, n):
        if n >= 8:
            p_lanes = np.empty(64)
            for first in range(0, n, 64):
                count = min(n - first, 64)
                for lane in range(count):
                    p = 1.0
                    p_lanes[lane] = p
                for j in range(x.shape[0] - 1, -1, -1):
                    _1 = x[j]
                    for lane in range(count):
                        i = first + lane
                        p = p_lanes[lane]
                        p = p * y[i] + _1
                        p_lanes[lane] = p
                for lane in range(count):
                    i = first + lane
                    p = p_lanes[lane]
                    y[i] = p
        else:
            for i in range(n):
                p = 1.0
                for j in range(x.shape[0] - 1, -1, -1):
                    p = p * y[i] + x[j]
                y[i] = p
    """
    if not any(isinstance(stmt, For) and is_candidate(stmt) for stmt in statements(func.body)):
        return func
    func = separated(replace(func, body=unshared(func.body), types=context.kinds), context.kinds)
    cutter = _Cutter(func, context, Dependence(func))
    body = cutter.block(func.body, frozenset(), 0)
    return replace(func, body=unshared(body)) if cutter.found else func


# -- which loops -------------------------------------------------------------------------------------------------


def _is_bound(expr: Expr) -> bool:
    return all(not isinstance(part, Call) or part.prim in _BOUNDS for part in subexpressions(expr))


class _Cutter:
    def __init__(self, func: Func, context: Context, uses: Dependence) -> None:
        self.func = func
        self.context = context
        self.uses = uses
        self.own = element_arrays(func, context.kinds)
        self.found = False

    def block(self, block: Block, live: frozenset[str], depth: int) -> Block:
        """Cut loops in a block; `live` are names that are read after it, and `depth` counts the loops around."""
        out: list[Stmt] = []
        for k, stmt in enumerate(block):
            after = live | exposed(block[k + 1 :], (), self.func)[0]
            if isinstance(stmt, For) and (cut := self.cut(stmt, after, depth)) is not None:
                self.found = True
                out.append(cut)
                continue
            if isinstance(stmt, For | While):
                after |= frozenset(exposed((stmt,), (), self.func)[0] | exposed(stmt.body, (), self.func)[0])
            deeper = depth + isinstance(stmt, For | While)
            out.append(map_blocks(stmt, lambda inner, a=after, d=deeper: self.block(inner, a, d)))
        return tuple(out)

    def cut(self, loop: For, live: frozenset[str], depth: int) -> Stmt | None:
        if not is_candidate(loop) or not any(map(self.is_recurrence, nested(loop))):
            return None
        binds = {name.name for stmt in nested(loop) for name in targets(stmt)} | {loop.index.name}
        inner = [stmt for stmt in nested(loop) if isinstance(stmt, For)]
        bounds = [loop.start, loop.stop, *(each.start for each in inner), *(each.stop for each in inner)]
        indices = {stmt.index.name for stmt in inner}
        early = exposed(loop.body, {loop.index.name}, self.func)[0]
        if (indices | {loop.index.name}) & (early | live) or not all(map(_is_bound, bounds)):
            return None
        # Bounds of inner loops are the same for all iterations: so are indices that nothing else binds.
        moving = {target.name for s in nested(loop) if not isinstance(s, For) for target in targets(s)}
        if (moving | {loop.index.name}) & ({name for expr in bounds for name in names_in(expr)} | indices):
            return None
        own = [s for s in nested(loop) if isinstance(s, Let) and not self.is_number(s.target.name)]
        if not all(self.is_own(made, loop, binds) for made in own) or not self.is_compact(loop):
            return None
        found = shared(self.func, loop, depth, live, self.uses)
        if not isinstance(found, Shared) or found.distance:
            return None
        work = replace(loop, body=recur(loop.body, self.func, self.context.renewed))
        own = [made for made in own if any(made is stmt for stmt in work.body)]
        binds = {name.name for stmt in nested(work) for name in targets(stmt)} | {loop.index.name}
        private = binds - {*found.totals, *(made.target.name for made in own)}
        return replace(_Strip(self.context, work, private, own).stmt(), orelse=(loop,))

    def is_number(self, name: str) -> bool:
        return isinstance(self.context.kinds.get(name), types.Float | types.Integer)

    def is_own(self, made: Let, loop: For, binds: set[str]) -> bool:
        """Whether a statement makes an array for one iteration, the same in all of them."""
        uses = self.own.get(made.target.name)
        value = made.value
        if uses is None or uses.made is not made or not any(made is stmt for stmt in loop.body):
            return False
        plain = isinstance(value, Call) and value.prim == "empty" and all(map(_is_bound, value.args))
        return plain and not binds & set(names_in(value))

    def is_recurrence(self, loop: Stmt) -> bool:
        """Whether an inner loop hands on a number that isn't just a sum, so that it can't be vectorised as it is."""
        if not isinstance(loop, For) or any(isinstance(stmt, For) for stmt in loop.body):
            return False
        early = exposed(loop.body, {loop.index.name}, self.func)[0]
        carried = early & {name.name for stmt in loop.body for name in targets(stmt)}
        return any(not all(_only_adds(stmt, name) for stmt in loop.body) for name in carried)

    def is_compact(self, loop: For) -> bool:
        """Whether elements of successive iterations are next to each other, or the same, in inner loops."""
        inner = [stmt for each in loop.body if isinstance(each, For) for stmt in nested(each)]
        index = loop.index
        for stmt in inner:
            for element in places(stmt):
                if any(index.name in names_in(place) for place in element[:-1]):
                    return False
                if element and index.name in names_in(element[-1]) and element[-1] != index:
                    return False
        return True


def _only_adds(stmt: Stmt, name: str) -> bool:
    return not mentions(stmt, name) or term(stmt, name) is not None


# -- what they become --------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Strip:
    """A loop to be cut. `private` are the names that each iteration binds for itself, `own` makes its arrays."""

    context: Context
    loop: For
    private: set[str]
    own: list[Let]
    lanes: dict[str, Var] = field(default_factory=dict[str, Var])
    arrays: dict[str, Var] = field(default_factory=dict[str, Var])
    # For each part: the loops it is in, and the names that it reads from the iteration's other parts.
    reading: list[tuple[tuple[int, ...], set[str]]] = field(default_factory=list[tuple[tuple[int, ...], set[str]]])
    turn: int = 0

    def stmt(self) -> If:
        loop = self.loop
        self.first, self.count, self.lane = (self.number(name) for name in ("first", "count", "lane"))
        self.context.natural |= {self.lane.name: True}
        made = [self.wider(each) for each in self.own]
        body = tuple(stmt for stmt in loop.body if not any(stmt is each for each in self.own))
        crossing = self.crossing(body)
        for name in sorted(crossing):
            kind = self.context.kinds[name]
            hint = self.context.hint(name)
            base = "_" if hint is None else f"{hint}_lanes"
            self.lanes[name] = self.context.fresh(base, array(kind, 1), None if hint is None else base)
            made.append(Let(self.lanes[name], Call("empty", (Lit(LANES),), _dtype(kind))))
        count = Call("minimum", (Call("sub", (loop.stop, self.first)), Lit(LANES)), via="builtin")
        cut = (Let(self.count, count), *self.parts(body))
        strip = For(self.first, loop.start, loop.stop, Lit(LANES), cut, loc=loop.loc)
        return If(self.pays(), (*made, strip), (loop,))

    def number(self, name: str) -> Var:
        return self.context.fresh(name, types.int64, name)

    def pays(self) -> Expr:
        start, stop = self.loop.start, self.loop.stop
        count = shifted(stop, -start.value) if isinstance(start, Lit) and isinstance(start.value, int) else None
        count = Call("sub", (stop, start)) if count is None else count
        tests: list[Expr] = [Call("ge", (count, Lit(FEWEST)))]
        for made in self.own:
            assert isinstance(made.value, Call)
            size = reduce(lambda a, b: Call("mul", (a, b)), _sizes(made.value))
            tests.append(Call("le", (size, Lit(LARGEST))))
        return reduce(lambda a, b: Call("and", (a, b)), tests)

    def wider(self, made: Let) -> Let:
        """Make an array of one iteration for all in the strip."""
        name = made.target.name
        kind = self.context.kinds[name]
        new = self.arrays[name] = self.context.fresh(name, array(kind.dtype, kind.ndim + 1), self.context.hint(name))
        assert isinstance(made.value, Call)
        return Let(new, replace(made.value, args=(Call("tuple", (*_sizes(made.value), Lit(LANES))),)), made.loc)

    # -- parts without loops -------------------------------------------------------------------------------------

    def crossing(self, body: Block) -> set[str]:
        """Return the names of an iteration that a part reads which hasn't bound them itself."""
        indices = {stmt.index.name for stmt in statements(body) if isinstance(stmt, For)} | {self.loop.index.name}
        self.reading = [(path, _exposed(part) & self.private - indices) for path, part in _parts(body)]
        self.turn = 0
        return {name for _, names in self.reading for name in names}

    def wanted(self, turn: int) -> set[str]:
        """Return the names that may be read after a part, in a later one or in the next turn of a loop around it."""
        path = self.reading[turn][0]
        return {
            name
            for k, (other, names) in enumerate(self.reading)
            if k > turn or path[:1] == other[:1] != ()
            for name in names
        }

    def parts(self, body: Block) -> Iterator[Stmt]:
        part: list[Stmt] = []
        for stmt in body:
            if isinstance(stmt, For):
                yield from self.done(part)
                part = []
                yield from self.inner(stmt)
            else:
                part.append(stmt)
        yield from self.done(part)

    def inner(self, loop: For) -> Iterator[Stmt]:
        """Yield an inner loop; an innermost one does several turns at a time: numbers go through arrays less often."""
        count = sum(not isinstance(stmt, Comment) for stmt in loop.body)
        if loop.step != Lit(1) or not 0 < count <= LONGEST or any(isinstance(stmt, For) for stmt in loop.body):
            yield replace(loop, body=tuple(self.parts(loop.body)))
            return
        size: Expr = loop.stop if loop.start == Lit(0) else Call("sub", (loop.stop, loop.start))
        end = self.number("end")
        yield Let(end, Call("sub", (loop.stop, Call("mod", (size, Lit(TURNS))))))
        start = Call("maximum", (end, loop.start), via="builtin")  # the rest of less than nothing starts before it
        turn = self.turn
        several = [each for k in range(TURNS) for each in _turned(loop, k)]
        yield replace(loop, stop=end, step=Lit(TURNS), body=tuple(self.done(several)))
        self.turn = turn
        yield replace(loop, start=start, body=tuple(self.done(list(loop.body))))

    def done(self, part: list[Stmt]) -> Iterator[Stmt]:
        """Yield a part, done for all iterations of the strip."""
        kept = self.wanted(self.turn) & self.lanes.keys()
        self.turn += 1
        work = [self.elements(stmt) for stmt in part]
        if all(isinstance(stmt, Comment) for stmt in work):
            yield from work
            return
        loaded = {name for name in self.lanes if name in _exposed(part)}
        names = {name for stmt in part for name in mentioned(stmt)}
        binds = {name for stmt in part for target in targets(stmt) for name in (target.name,)}
        same: dict[Expr, Var] = {}
        fixed = binds | loaded | {self.loop.index.name, self.lane.name}
        changed = {self.context.class_of(name) for stmt in work for name in written(stmt)}
        work = [map_operands(stmt, lambda expr: self.hoisted(expr, fixed, changed, same)) for stmt in work]
        yield from (Let(var, expr) for expr, var in same.items())
        inner: list[Stmt] = []
        if self.loop.index.name in names:
            inner.append(Let(self.loop.index, Call("add", (self.first, self.lane))))
        inner += [Let(Var(n), Call("getitem", (self.lanes[n], self.lane))) for n in sorted(loaded)]
        inner += work
        inner += [Store(self.lanes[n], (self.lane,), Var(n)) for n in sorted(binds & kept)]
        yield For(self.lane, Lit(0), self.count, Lit(1), tuple(inner), loc=self.loop.loc)

    def hoisted(self, expr: Expr, moving: set[str], changed: set[str], same: dict[Expr, Var]) -> Expr:
        """Take elements that are the same for all iterations out of an expression."""
        if not isinstance(expr, Call) or "getitem" not in expr.prims or not _CHOOSING.isdisjoint(expr.prims):
            return expr

        def taken(part: Expr) -> Expr:
            if not isinstance(part, Call) or part.prim != "getitem" or moving & set(part.names):
                return part
            base = part.args[0]
            kind: Type = self.context.kinds.get(base.name) if isinstance(base, Var) else None
            if not is_array(kind) or kind.ndim != len(part.args) - 1 or self.context.class_of(part.names[0]) in changed:
                return part
            if part not in same:
                same[part] = self.context.temporary(kind.dtype)
            return same[part]

        return map_expr(expr, taken)

    def elements(self, stmt: Stmt) -> Stmt:
        """Write elements of the iteration's own arrays as those of the strip's."""

        def read(part: Expr) -> Expr:
            match part:
                case Call("getitem", (Var(name), *index)) if name in self.arrays:
                    return Call("getitem", (self.arrays[name], *index, self.lane))
                case _:
                    return part

        stmt = map_operands(stmt, lambda expr: map_expr(expr, read))
        match stmt:
            case Store(Var(name), index) if name in self.arrays:
                return replace(stmt, array=self.arrays[name], index=(*index, self.lane))
            case Accum(Var(name), index) if name in self.arrays:
                return replace(stmt, target=self.arrays[name], index=(*index, self.lane))
            case _:
                return stmt


def _parts(body: Block, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], list[Stmt]]]:
    """Yield the parts of a block that have no loops in them, with the places of the loops around them."""
    part: list[Stmt] = []
    for k, stmt in enumerate(body):
        if isinstance(stmt, For):
            yield path, part
            yield from _parts(stmt.body, (*path, k))
            part = []
        else:
            part.append(stmt)
    yield path, part


def _exposed(part: Iterable[Stmt]) -> set[str]:
    """Return the names that statements without loops may read before they bind them."""
    binds: set[str] = set()
    found: set[str] = set()
    for stmt in part:
        found |= {name for expr in operands(stmt) for name in names_in(expr)} - binds
        binds |= {target.name for target in targets(stmt)}
    return found


def _turned(loop: For, k: int) -> Iterator[Stmt]:
    """Yield the statements of the turn of a loop that is `k` turns further."""
    index: dict[str, Expr] = {loop.index.name: shifted(loop.index, k)}
    for stmt in loop.body:
        if k and not isinstance(stmt, Comment):
            yield map_operands(stmt, lambda expr: substitute(expr, index))
        elif not k:
            yield stmt


def _sizes(made: Call) -> tuple[Expr, ...]:
    (size,) = made.args
    return size.args if isinstance(size, Call) and size.prim == "tuple" else (size,)


def _dtype(kind: object) -> tuple[tuple[str, Expr], ...]:
    return () if kind == types.float64 else (("dtype", Lit(str(kind))),)
