"""A loop cut into strips: each statement is done for all iterations of a strip before the next one is done for any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from adjoint.analysis.iterations import exposed
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, mentioned, names_in, statements, substitute
from adjoint.lower.context import Context
from adjoint.lower.filling import over
from adjoint.lower.iteration import places, targets, written
from adjoint.lower.layout import Layout, changed_in, is_one, side_by_side, sizes_of
from adjoint.lower.uses import mentions
from adjoint.lower.views import plus
from adjoint.rules.numba_types import Type, array, is_array, of_dtype, types

LANES = 128  # iterations in a strip: their numbers fill some vectors, and stay in the nearest cache
FEWEST = 8  # fewer iterations than this aren't worth it
TURNS = 4  # of an inner loop at a time, if they have no more statements than this:
LONGEST = 12
LARGEST = 2048  # nor are arrays of one iteration with more elements: a strip's would not fit into a cache

_CHOOSING = frozenset("select and or where".split())


@dataclass(eq=False)
class Strip:
    """A loop to be cut. `private` are the numbers that each iteration binds for itself, `tests` what must hold.

    `whole` is what runs where strips don't pay.
    """

    context: Context
    func: Func
    loop: For
    whole: For
    private: set[str]
    layout: Layout
    tests: Sequence[Expr] = ()
    lanes: dict[str, Var] = field(default_factory=dict[str, Var])
    arrays: dict[str, Var] = field(default_factory=dict[str, Var])
    # For each part: the loops it is in, and the names that it reads from the iteration's other parts.
    reading: list[tuple[tuple[int, ...], set[str]]] = field(default_factory=list[tuple[tuple[int, ...], set[str]]])
    turn: int = 0

    def stmts(self) -> tuple[Stmt, ...]:
        """Return what takes the place of the loop: memory for the numbers of a strip, and strips, if they pay."""
        loop, layout = self.loop, self.layout
        self.first, self.count, self.lane = (self.number(name) for name in ("first", "count", "lane"))
        self.context.natural |= {self.lane.name: True, self.first.name: self.context.is_natural(loop.start)}
        made = [*layout.same_arrays, *(self.wider(each) for each in layout.own)]
        made += [self.packing(name, axis) for name, axis in layout.packed.items()]
        lanes: list[Stmt] = []
        for name in sorted(self.crossing(loop.body)):
            kind = self.context.kinds[name]
            hint = self.context.hint(name)
            base = "lanes" if hint is None else f"{hint}_lanes"
            self.lanes[name] = self.context.fresh(base, array(kind, 1), base)
            self.context.in_strips.add(self.lanes[name].name)
            lanes.append(Let(self.lanes[name], Call("empty", (Lit(LANES),), of_dtype(kind))))
        count = Call("minimum", (Call("sub", (loop.stop, self.first)), Lit(LANES)), via="builtin")
        fetched = [self.moved(name, axis, back=False) for name, axis in layout.packed.items()]
        stored = [self.moved(name, axis, back=True) for name, axis in layout.packed.items() if name in layout.written]
        cut = (Let(self.count, count), *fetched, *self.parts(loop.body), *stored)
        strip = For(self.first, loop.start, loop.stop, Lit(LANES), cut, loc=loop.loc)
        # Memory that is made on no condition can be made once, before the loops around.
        return (*lanes, If(self.pays(), (*made, strip), (self.whole,)))

    def number(self, name: str) -> Var:
        return self.context.fresh(name, types.int64, name)

    def pays(self) -> Expr:
        start, stop = self.loop.start, self.loop.stop
        count = shifted(stop, -start.value) if isinstance(start, Lit) and isinstance(start.value, int) else None
        count = Call("sub", (stop, start)) if count is None else count
        tests: list[Expr] = [Call("ge", (count, Lit(FEWEST))), *self.tests]
        sizes = [sizes_of(made) for made in self.layout.own]
        sizes += [self.lengths(name, axis) for name, axis in self.layout.packed.items()]
        counts = [reduce(lambda a, b: Call("mul", (a, b)), each) for each in dict.fromkeys(sizes) if each]
        tests += [Call("le", (number, Lit(LARGEST))) for number in counts]
        return reduce(lambda a, b: Call("and", (a, b)), tests)

    def wider(self, made: Let) -> Let:
        """Make an array of one iteration for all in the strip."""
        name = made.target.name
        kind = self.context.kinds[name]
        new = self.arrays[name] = self.context.fresh(name, array(kind.dtype, kind.ndim + 1), self.context.hint(name))
        assert isinstance(made.value, Call)
        self.context.in_strips.add(new.name)
        return Let(new, replace(made.value, args=(Call("tuple", (*sizes_of(made), Lit(LANES))),)), made.loc)

    # -- arrays whose elements for one iteration lie apart from those for the next --------------------------------

    def lengths(self, name: str, axis: int) -> tuple[Expr, ...]:
        """Return the lengths of the axes of an array, but for the one along which the loop goes, and the fixed ones."""
        gone = {axis, *self.layout.fixed[name]}
        return tuple(Call("dim", (Var(name), Lit(k))) for k in range(self.context.kinds[name].ndim) if k not in gone)

    def packing(self, name: str, axis: int) -> Let:
        """Return the statement that makes the array which has the elements for a strip side by side."""
        kind = self.context.kinds[name]
        hint = self.context.hint(name) or name
        sizes = *self.lengths(name, axis), Lit(LANES)
        new = self.arrays[name] = self.context.fresh(f"{name}_strip", array(kind.dtype, len(sizes)), f"{hint}_strip")
        self.context.in_strips.add(new.name)
        shape = Call("tuple", sizes)
        return Let(new, Call("empty", (shape,), of_dtype(kind.dtype)))

    def moved(self, name: str, axis: int, *, back: bool) -> For:
        """Return the loops that fetch the elements for a strip, or store them."""
        sizes = self.lengths(name, axis)
        places = [self.number("place") for _ in sizes]
        self.context.natural |= {place.name: True for place in places}
        known = {**self.layout.fixed[name], axis: Call("add", (self.first, self.lane))}
        free = iter(places)
        there = tuple(known[k] if k in known else next(free) for k in range(self.context.kinds[name].ndim))
        here = (*places, self.lane)
        if back:
            stmt: Stmt = Store(Var(name), there, Call("getitem", (self.arrays[name], *here)))
        else:
            stmt = Store(self.arrays[name], here, Call("getitem", (Var(name), *there)))
        return For(self.lane, Lit(0), self.count, Lit(1), over(places, sizes, stmt))

    # -- parts without loops -------------------------------------------------------------------------------------

    def pieces(self, body: Iterable[Stmt]) -> Iterator[For | list[Stmt]]:
        """Yield loops, and what stands between them: statements that are the same for all iterations by themselves.

        These go before what is done for each iteration, unless that has to do with the same name.
        """
        part: list[Stmt] = []
        own = (*self.layout.same_arrays, *self.layout.own)
        for stmt in body:
            if any(stmt is made for made in own):
                continue
            if isinstance(stmt, For) and not is_one(stmt):
                yield part
                yield stmt
                part = []
            elif self.layout.is_same(stmt):
                if part and any(mentions(other, name) for other in part for name in changed_in(stmt)):
                    yield part
                    part = []
                yield [stmt]
            else:
                part.append(stmt)
        yield part

    def is_part(self, piece: Sequence[Stmt]) -> bool:
        """Whether statements are for each iteration of a strip."""
        return not (len(piece) == 1 and self.layout.is_same(piece[0]))

    def all_parts(self, body: Block, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], list[Stmt]]]:
        """Yield what is done for each iteration, in parts, with the places of the loops around them."""
        for k, piece in enumerate(self.pieces(body)):
            if isinstance(piece, For):
                yield from self.all_parts(piece.body, (*path, k))
            elif self.is_part(piece):
                yield path, piece

    def crossing(self, body: Block) -> set[str]:
        """Return the names of an iteration that a part reads which hasn't bound them itself."""
        indices = {stmt.index.name for stmt in side_by_side(body) if isinstance(stmt, For) and not is_one(stmt)}
        private = self.private - indices - {self.loop.index.name}
        self.reading = [(path, self.exposed(part) & private) for path, part in self.all_parts(body)]
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
        for piece in self.pieces(body):
            if isinstance(piece, For):
                yield from self.inner(piece)
            elif self.is_part(piece):
                yield from self.done(piece)
            else:
                yield from piece

    def inner(self, loop: For) -> Iterator[Stmt]:
        """Yield an inner loop; an innermost one does several turns at a time: numbers go through arrays less often."""
        count = sum(not isinstance(stmt, Comment) for stmt in loop.body)
        if loop.step not in (Lit(1), Lit(-1)) or not 0 < count <= LONGEST or not self.is_one_part(loop):
            yield replace(loop, body=tuple(self.parts(loop.body)))
            return
        sign = 1 if loop.step == Lit(1) else -1
        over = Call("mod", (_turns(loop), Lit(TURNS)))
        end = self.number("end")
        yield Let(end, Call("sub", (loop.stop, over)) if sign == 1 else plus(loop.stop, over))
        # The rest of less than nothing starts before it.
        start = Call("maximum" if sign == 1 else "minimum", (end, loop.start), via="builtin")
        turn = self.turn
        several = [each for k in range(TURNS) for each in _turned(loop, k * sign)]
        yield replace(loop, stop=end, step=Lit(TURNS * sign), body=tuple(self.done(several)))
        self.turn = turn
        yield replace(loop, start=start, body=tuple(self.done(list(loop.body))))

    def exposed(self, part: Sequence[Stmt]) -> set[str]:
        """Return the names that statements may read before they bind them."""
        return exposed(tuple(part), (), self.func)[0]

    def is_one_part(self, loop: For) -> bool:
        """Whether nothing but elements and numbers of a turn is the same for all iterations in an inner loop."""
        if any(isinstance(stmt, For) or is_one(stmt) for stmt in loop.body):
            return False
        same = [stmt for stmt in loop.body if self.layout.is_same(stmt)]
        made = {stmt.target.name for stmt in same if isinstance(stmt, Let)}
        # Subscripts that are the same for all are made outside of the loop over the lanes: sums are then numbers in it.
        kept = {name for stmt in loop.body for place in places(stmt) for each in place for name in names_in(each)}
        parts = [piece for piece in self.pieces(loop.body) if not isinstance(piece, For) and self.is_part(piece)]
        alone = made.isdisjoint(kept | self.exposed(loop.body))
        return alone and len(parts) == 1 and all(isinstance(stmt, Let) for stmt in same)

    def done(self, part: list[Stmt]) -> Iterator[Stmt]:
        """Yield a part, done for all iterations of the strip."""
        kept = self.wanted(self.turn) & self.lanes.keys()
        self.turn += 1
        work = tuple(map(self.elements, part))
        if all(isinstance(stmt, Comment) for stmt in work):
            yield from work
            return
        names = {name for stmt in statements(work) for name in mentioned(stmt)}
        binds = {target.name for stmt in statements(tuple(part)) for target in targets(stmt)}
        # What only some iterations bind is stored for all.
        perhaps = {name for stmt in part if is_one(stmt) for name in changed_in(stmt)} & kept
        loaded = self.exposed(part) & self.lanes.keys() | perhaps
        same: dict[Expr, Var] = {}
        fixed = binds | loaded | {self.loop.index.name, self.lane.name}
        changed = {self.context.class_of(name) for stmt in statements(work) for name in written(stmt)}
        work = tuple(s if is_one(s) else map_operands(s, lambda e: self.hoisted(e, fixed, changed, same)) for s in work)
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
                case Call("getitem", (Var(name), *index)) if self.is_moved(name, index):
                    return Call("getitem", (self.arrays[name], *self.place(name, index)))
                case _:
                    return part

        stmt = map_blocks(stmt, lambda block: tuple(map(self.elements, block)))
        stmt = map_operands(stmt, lambda expr: map_expr(expr, read))
        match stmt:
            case Store(Var(name), index) if self.is_moved(name, index):
                return replace(stmt, array=self.arrays[name], index=self.place(name, index))
            case Accum(Var(name), index) if self.is_moved(name, index):
                return replace(stmt, target=self.arrays[name], index=self.place(name, index))
            case _:
                return stmt

    def is_moved(self, name: str, index: Sequence[Expr]) -> bool:
        axis = self.layout.packed.get(name)
        return name in self.arrays and (axis is None or index[axis] == self.loop.index)

    def place(self, name: str, index: Sequence[Expr]) -> tuple[Expr, ...]:
        """Return the subscript in the array of a strip for one in an array of the iteration, or one that is packed."""
        gone = {self.layout.packed.get(name), *self.layout.fixed.get(name, ())}
        return (*(each for k, each in enumerate(index) if k not in gone), self.lane)


def _turns(loop: For) -> Expr:
    """Return how many turns a loop makes that counts one up or down, if it isn't less than none."""
    low, high = (loop.start, loop.stop) if loop.step == Lit(1) else (shifted(loop.stop, 1), shifted(loop.start, 1))
    return high if low == Lit(0) else Call("sub", (high, low))


def _turned(loop: For, k: int) -> Iterator[Stmt]:
    """Yield the statements of the turn of a loop that is `k` turns further."""
    index: dict[str, Expr] = {loop.index.name: shifted(loop.index, k)}
    for stmt in loop.body:
        if k and not isinstance(stmt, Comment):
            yield map_operands(stmt, lambda expr: substitute(expr, index))
        elif not k:
            yield stmt
