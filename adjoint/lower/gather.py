"""What a nest of loops adds to elements around is kept for a few rows, and fetched by these: scatter to gather."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from adjoint.analysis.ranges import counts_by_one, ends, may_be_asked_again
from adjoint.analysis.written import offset_from, shifted
from adjoint.errors import Loc
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, with_body
from adjoint.lower.accesses import apart
from adjoint.lower.addends import Addend, Addends, keeping, new_array, total
from adjoint.lower.context import Context, Span
from adjoint.lower.uses import open_indices
from adjoint.rules.numba_types import Type, is_array, of_dtype, types
from adjoint.transform.renaming import rename_block

WIDEST = 8  # the most that offsets of one sum may differ by
FEWEST = 2  # sums for each array: storing and fetching an element is as much as adding to one


def gather(func: Func, context: Context) -> Func:
    """Take sums into elements around out of nests of loops, if they go to several rows: `x[i - 1, j] += t`.

    An element has its sum in one go as soon as all of that is known: what is to be added is kept for as many rows as
    that takes, in an array that they use in turns, with zeros around. Nothing else in the nest has to do with the
    elements that this adds to.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, :], y: float64[:, :], n: int64):
    ...     for i in range(1, n):
    ...         for j in range(1, n):
    ...             t: float64 = y[i, j]
    ...             y[i, j] = 0.0
    ...             x[i, j] += t
    ...             x[i - 1, j - 1] += t
    ... '''))
    >>> print(text(gather(func, context)), end="")
    def f(x, y, n):
        t_kept = np.empty((2, max(n + 1, 0)))
        if 1 < n:
            for place in range(2):
                for place_1 in range(n + 1):
                    t_kept[place, place_1] = 0.0
            for i_1 in range(1, n):
                for j in range(1, n):
                    t = y[i_1, j]
                    t_kept[i_1 % 2, j] = t
                    y[i_1, j] = 0.0
                for j_1 in range(n):
                    x[i_1 - 1, j_1] += t_kept[(i_1 + 1) % 2, j_1] + t_kept[i_1 % 2, j_1 + 1]
            for i_2 in range(n, n + 1):
                for j_3 in range(1, n):
                    t_kept[i_2 % 2, j_3] = 0.0
                for j_2 in range(n):
                    x[i_2 - 1, j_2] += t_kept[(i_2 + 1) % 2, j_2] + t_kept[i_2 % 2, j_2 + 1]
    """
    gatherer = _Gatherer(func, context)
    return with_body(func, gatherer.block(func.body))


@dataclass(frozen=True, slots=True)
class _Sum:
    """A statement `target[..., i + offset, j + offset] += value`.

    `place` has for each subscript the number of the loop that it goes along, or what it is all over the nest.
    """

    stmt: Accum
    place: tuple[Expr | int, ...]
    offsets: tuple[int, ...]
    addend: Addend

    @property
    def row(self) -> tuple[Var, tuple[Expr | int, ...]]:
        return self.stmt.target, self.place


@dataclass(slots=True)
class _Plan:
    """Loops, the sums that leave them, by what they go into, and the arrays that hold what is added.

    `widths` are the most that offsets differ along each loop; of the first one that many rows are kept, and one more.
    """

    loops: Sequence[For]
    rows: Sequence[Sequence[_Sum]]
    kept: dict[Expr | int, Var] = field(default_factory=dict["Expr | int", Var])

    @property
    def sums(self) -> list[_Sum]:
        return [each for row in self.rows for each in row]

    @property
    def widths(self) -> list[int]:
        return [max(_width(row, k) for row in self.rows) for k in range(len(self.loops))]

    def bounds(self, k: int) -> tuple[Expr, Expr]:
        """The least index of a loop, and the first after all."""
        found = ends(self.loops[k])
        assert found is not None, "loops count by one"
        return found

    def place(self, k: int, index: Expr, by: int = 0) -> Expr:
        """Return where things are kept along a loop: from 0, or as many rows in turns as are needed."""
        if k == 0:
            depth = self.widths[0] + 1
            return Call("mod", (shifted(index, by % depth), Lit(depth)))
        return shifted(index, by + self.widths[k] - self.low(k))

    def size(self, k: int) -> Expr:
        """Return the length of the arrays along a loop that isn't the first."""
        return self.place(k, self.bounds(k)[1], self.widths[k])

    def low(self, k: int) -> int:
        """The least index of a loop that isn't the first: these are numbers."""
        low, _ = self.bounds(k)
        assert isinstance(low, Lit)
        assert isinstance(low.value, int)
        return low.value


class _Gatherer:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)
        self.read_outside = open_indices(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            plan = self.plan(stmt) if isinstance(stmt, For) else None
            out += [map_blocks(stmt, self.block)] if plan is None else self.written(plan)
        return tuple(out)

    # -- which sums leave a nest ---------------------------------------------------------------------------------

    def plan(self, loop: For) -> _Plan | None:
        loops = self.nest(loop)
        if loops is None:
            return None
        addends = Addends(loops[-1], self.accesses, self.context)
        sums = [each for stmt in loops[-1].body if isinstance(stmt, Accum) and (each := self.sum(loops, stmt, addends))]
        if len({id(each.stmt) for each in sums}) < len(sums):
            return None  # statements are told apart below
        free = {name for name in {each.stmt.target.name for each in sums} if self.is_free(name, loop, sums)}
        rows = self.leaving([each for each in sums if each.stmt.target.name in free])
        plan = _Plan(loops, rows)
        arrays = {each.addend.key for each in plan.sums}
        if not rows or not plan.widths[0] or max(plan.widths) > WIDEST or len(plan.sums) < FEWEST * len(arrays):
            return None
        return plan

    def nest(self, loop: For) -> list[For] | None:
        """Return two loops or more, each with just one in it, over a range that is the same for all iterations."""
        found = [loop]
        while inner := [stmt for stmt in found[-1].body if isinstance(stmt, For)]:
            if len(inner) > 1 or not all(isinstance(stmt, Let | Comment | For) for stmt in found[-1].body):
                return None
            found += inner
        plain = all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in found[-1].body)
        done = self.accesses.of(loop)
        if len(found) < 2 or not plain or done.effect or loop.step != Lit(1):
            return None
        for k, each in enumerate(found):
            names = {name for bound in (each.start, each.stop) for name in names_in(bound)}
            if not counts_by_one(each) or not may_be_asked_again(each) or names & done.binds:
                return None
            if isinstance(each.start, Lit) and isinstance(each.stop, Lit):
                return None  # short, most often
            low = ends(each)
            natural = self.context.is_natural(each.index) and each.index.name not in self.read_outside
            if not natural or low is None or k > 0 and not isinstance(low[0], Lit):
                return None
        return found

    def sum(self, loops: Sequence[For], stmt: Accum, addends: Addends) -> _Sum | None:
        """Return a sum into an element that is, along each loop, at a distance from the iteration."""
        kind: Type = self.context.kinds.get(stmt.target.name)
        done = self.accesses.of(loops[0])
        if not stmt.index or not is_array(kind) or kind.layout == "F" or stmt.target.name in done.binds:
            return None
        if addends.type_of(stmt.value) != kind.dtype or not isinstance(kind.dtype, types.Float):
            return None
        written = {access.name for access in done.accesses if access.writes}
        place: list[Expr | int] = []
        offsets: dict[int, int] = {}
        for expr in stmt.index:
            along = [(k, by) for k, each in enumerate(loops) if (by := offset_from(expr, each.index.name)) is not None]
            moves = not (written | done.binds).isdisjoint(names_in(expr))
            if not self.context.is_natural(expr) or moves and (not along or along[0][0] in offsets):
                return None
            offsets |= dict(along)
            place.append(along[0][0] if along else expr)
        if len(offsets) < len(loops):
            return None
        return _Sum(stmt, tuple(place), tuple(offsets[k] for k in range(len(loops))), addends.of(stmt))

    def is_free(self, name: str, loop: For, sums: Sequence[_Sum]) -> bool:
        """Whether a nest does nothing with an array but add to elements of it, or of other parts of it."""
        done, alone = self.accesses.of(loop), self.accesses.alone(loop)
        mine = [each.stmt for each in sums if each.stmt.target.name == name]
        cls, natural = self.accesses.class_of(name), self.context.is_natural
        for access in done.accesses:
            other = access.name != name
            if access.cls != cls or access.adds or other and not alone.isdisjoint((access.name, name)):
                continue
            if other or access.index is None:
                return False
            for stmt in mine:
                if not any(apart(a, b, done.binds, natural) for a, b in zip(access.index, stmt.index, strict=True)):
                    return False
        return True

    def leaving(self, sums: Sequence[_Sum]) -> list[list[_Sum]]:
        """Return the sums that are taken out of a nest, those into the same elements together.

        All of those at one distance may stay: no other iteration uses that element. They do if this saves an array.
        """
        rows = {each.row: [s for s in sums if s.row == each.row] for each in sums}
        wide = [row for row in rows.values() if len({each.offsets for each in row}) > 1]
        found: list[list[_Sum]] = []
        for row in wide:
            others = {each.addend.key for other in wide if other is not row for each in other}
            staying: tuple[int, ...] | None = None
            for each in row:
                alone = all(s.offsets == each.offsets for s in row if s.addend.key == each.addend.key)
                if staying is None and alone and each.addend.key not in others:
                    staying = each.offsets
            found.append([each for each in row if each.offsets != staying])
        return found

    # -- what becomes of the nest --------------------------------------------------------------------------------

    def written(self, plan: _Plan) -> Iterator[Stmt]:
        """Yield what makes the arrays, and a nest that keeps what is added, one row after the other, and adds it.

        The rows after the last, in which zeros are kept, have loops of their own: if those of the nest went on, LLVM
        would take it to go on in all arrays, and think that these overlap.
        """
        outer, (_, high) = plan.loops[0], plan.bounds(0)
        for each in plan.sums:
            if each.addend.key not in plan.kept:
                yield self.array(plan, each)
        first, last = self.moved(outer, 0, 0), self.moved(outer, 0, plan.widths[0])
        body = (*self.core(plan, first), *(self.added(plan, row, first) for row in plan.rows))
        nest = For(first, outer.start, high, Lit(1), body, loc=outer.loc)
        after: list[Stmt] = []
        for row in plan.rows:
            width, added = _width(row, 0), self.added(plan, row, last)
            if width == plan.widths[0]:
                after.append(added)
            elif width > 0:
                after.append(If(Call("lt", (last, shifted(high, width))), (added,)))
        rest = For(last, high, shifted(high, plan.widths[0]), Lit(1), (self.ended(plan, last), *after), loc=outer.loc)
        yield If(_runs(plan), (self.started(plan), nest, rest))

    def array(self, plan: _Plan, each: _Sum) -> Let:
        """Return the statement that makes an array for what a sum adds, and what has the same key."""
        kind: Type = self.context.kinds[each.stmt.target.name]
        var = new_array(each.addend, each.stmt.target, kind.dtype, len(plan.loops), self.context)
        plan.kept[each.addend.key] = var
        options = of_dtype(kind.dtype)
        return Let(var, Call("empty", (Call("tuple", tuple(self.sizes(plan))),), options), loc=plan.loops[0].loc)

    def sizes(self, plan: _Plan) -> Iterator[Expr]:
        yield Lit(plan.widths[0] + 1)
        for k, loop in enumerate(plan.loops[1:], 1):
            size, span, symbols = plan.size(k), self.context.spans.get(loop.index.name), self.context.facts.symbols
            # The loop's text may end at `n - 2` where its span ends at `max(n - 2, 0)`.
            least = None if span is None else symbols.unclipped(span.stop).plus(2 * plan.widths[k] - plan.low(k))
            certain = least is not None and symbols.never_negative(least)
            yield size if certain else Call("maximum", (size, Lit(0)), via="builtin")

    def started(self, plan: _Plan) -> Stmt:
        """Return loops that keep zeros for the rows before the first, and around all rows."""
        sizes = [Lit(plan.widths[0] + 1), *(plan.size(k) for k in range(1, len(plan.loops)))]
        indices = [self.context.fresh("place", types.int64, "place") for _ in sizes]
        self.context.natural |= {index.name: True for index in indices}
        return _zeros(plan, indices, indices, [(Lit(0), size) for size in sizes])

    def ended(self, plan: _Plan, index: Var) -> Stmt:
        """Return loops that keep zeros for a row after the last."""
        inner = [self.moved(loop, 0, 0) for loop in plan.loops[1:]]
        place = [plan.place(k, each) for k, each in enumerate((index, *inner))]
        return _zeros(plan, place, inner, [plan.bounds(k) for k in range(1, len(plan.loops))])

    def moved(self, loop: For, least: int, most: int) -> Var:
        """Return an index for a loop that starts and ends later than another one, which counts up."""
        name = loop.index.name
        hint = self.context.hint(name) or "i"
        index = self.context.fresh(hint, self.context.kinds[name], hint)
        self.context.natural[index.name] = True
        span = self.context.spans.get(name)
        if span is not None:
            self.context.spans[index.name] = Span(span.start.plus(least), span.stop.plus(most))
        return index

    def core(self, plan: _Plan, index: Var) -> list[Stmt]:
        """Return what the first loop does, but that sums are kept."""
        place = tuple(plan.place(k, loop.index) for k, loop in enumerate(plan.loops))
        addends = {each.addend.key: each.addend for each in plan.sums}
        kept = [(addends[key], Store(var, place, addends[key].value)) for key, var in plan.kept.items()]
        body = keeping(plan.loops[-1].body, [each.stmt for each in plan.sums], kept)
        for k in range(len(plan.loops) - 2, -1, -1):
            inner = replace(plan.loops[k + 1], body=body)
            body = tuple(inner if isinstance(stmt, For) else stmt for stmt in plan.loops[k].body)
        return list(rename_block(body, {plan.loops[0].index.name: index.name}))

    def added(self, plan: _Plan, row: Sequence[_Sum], index: Var) -> Stmt:
        """Return the loops that add all that goes into the last row for which it is known."""
        first, loops = row[0], plan.loops
        least = [min(each.offsets[k] for each in row) for k in range(len(loops))]
        most = [max(each.offsets[k] for each in row) for k in range(len(loops))]
        inner = range(1, len(loops))
        indices = [self.moved(loops[k], least[k], most[k]) for k in inner]
        own: list[Expr] = [shifted(index, least[0]), *indices]
        terms: list[tuple[float, Expr]] = []
        for each in row:
            behind = plan.place(0, index, least[0] - each.offsets[0])
            there = [plan.place(k, own[k], -each.offsets[k]) for k in inner]
            terms.append((each.addend.factor, Call("getitem", (plan.kept[each.addend.key], behind, *there))))
        kind: Type = self.context.kinds[first.stmt.target.name]
        subscripts = tuple(own[each] if isinstance(each, int) else each for each in first.place)
        added = Accum(first.stmt.target, subscripts, total(terms, kind.dtype), first.stmt.loc)
        ranges = [(shifted(plan.bounds(k)[0], least[k]), shifted(plan.bounds(k)[1], most[k])) for k in inner]
        return _nest(list(zip(indices, ranges, strict=True)), (added,), loops[0].loc)


def _width(row: Sequence[_Sum], k: int) -> int:
    offsets = [each.offsets[k] for each in row]
    return max(offsets) - min(offsets)


def _runs(plan: _Plan) -> Expr:
    """Return the condition under which all loops have iterations."""
    tests = dict.fromkeys(Call("lt", plan.bounds(k)) for k in range(len(plan.loops)))
    return reduce(lambda a, b: Call("and", (a, b)), tests)


def _zeros(plan: _Plan, place: Sequence[Expr], indices: Sequence[Var], bounds: Sequence[tuple[Expr, Expr]]) -> For:
    """Return loops that keep zeros at places."""
    block: Block = tuple(Store(var, tuple(place), Lit(0.0)) for var in plan.kept.values())
    return _nest(list(zip(indices, bounds, strict=True)), block, plan.loops[0].loc)


def _nest(loops: Sequence[tuple[Var, tuple[Expr, Expr]]], block: Block, loc: Loc | None) -> For:
    """Return loops around statements, each in the one before."""
    for index, (low, high) in reversed(loops):
        block = (For(index, low, high, Lit(1), block, loc=loc),)
    (outer,) = block
    assert isinstance(outer, For), "there is a loop"
    return outer
