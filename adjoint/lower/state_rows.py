"""States that a loop over steps keeps on a list for the backward sweep: rows of one array."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from adjoint.analysis.memory import written_name
from adjoint.analysis.written import shifted
from adjoint.ir import Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import bound, items_of, mentioned, mentions_of, names_in, nested, statements
from adjoint.lower.context import Context
from adjoint.lower.iteration import is_empty
from adjoint.lower.rows import Row, in_rows
from adjoint.lower.uses import element_uses, mentions
from adjoint.lower.views import Shape
from adjoint.rules.numba_types import Type, array, is_array


@dataclass(slots=True)
class State:
    """An array `name` that a loop replaces by `new`, which it makes in each iteration, where `position` says."""

    name: str
    new: Let
    position: int
    tape: str | None = None


class Stock:
    """How often a program uses names, and how."""

    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.uses = mentions_of(func)
        self.elements = element_uses(func, context.kinds)
        self.bound = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))
        self.params = {param.name for param in func.params}

    def is_own(self, name: str, others: int, times: int = 1) -> bool:
        """Whether a name, bound so many times, is mentioned in elements, and so often elsewhere."""
        return self.bound[name] == times and self.uses[name] == self.elements[name] + others

    def is_empty(self, stmt: Let) -> bool:
        """Whether a statement makes an array without values, of a known shape."""
        kind: Type = self.context.kinds.get(stmt.target.name)
        known = self.context.made.get(stmt.target.name) is not None
        return known and is_empty(stmt.value) and is_array(kind) and kind.layout == "C"


@dataclass(frozen=True, slots=True)
class _Found:
    """Where in a block a state starts, is put on a list, and is taken from it, under which name; and its rows."""

    start: int
    back: int
    popped: str
    rows: Rows
    first: Block


class Recorder:
    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.context = stock.context

    def in_array(self, block: Block, place: int, state: State) -> Block | None:
        """Return a block in which the states of a loop, and the last one, are rows; None if more is done with them."""
        found = self.found(block, place, state)
        if found is None:
            return None
        loop, back, name, tape = block[place], block[found.back], state.name, found.rows.array.name
        assert isinstance(loop, For)
        assert isinstance(back, For)
        assert isinstance(state.new.value, Call)
        kind: Type = self.context.kinds[name]
        self.context.kinds[tape] = array(kind.dtype, kind.ndim + 1)
        self.context.made[tape] = found.rows.shape
        rows, new = found.rows, state.new.target.name
        now, then, end = rows.now(loop), rows.then(loop), rows.end(loop)
        body = tuple(stmt for stmt in loop.body[: state.position] if not mentions(stmt, tape))
        steps = (
            *in_rows(body, {name: now, new: then}),
            *in_rows(loop.body[state.position + 1 :], {name: then, new: then}),
        )
        before = tuple(stmt for stmt in block[found.start + 1 : place] if not mentions(stmt, tape))
        return (
            *(stmt for stmt in block[: found.start] if not mentions(stmt, tape)),
            Let(rows.array, replace(state.new.value, args=(Call("tuple", rows.sizes),)), state.new.loc),
            *found.first,
            *in_rows(before, {name: rows.begin(loop)}),
            replace(loop, body=steps),
            *in_rows(block[place + 1 : found.back], {name: end}),
            replace(back, body=in_rows(back.body, {name: end, found.popped: rows.now(back, mirrored=True)})),
            *in_rows(block[found.back + 1 :], {name: end}),
        )

    def found(self, block: Block, place: int, state: State) -> _Found | None:
        loop, name, tape, stock = block[place], state.name, state.tape or "", self.stock
        users = [k for k, stmt in enumerate(block) if mentions(stmt, tape)]
        starts = [k for k, stmt in enumerate(block[:place]) if isinstance(stmt, Let) and stmt.target.name == name]
        if stock.uses[tape] != 3 or len(users) != 3 or users[1] != place or len(starts) != 1:
            return None
        assert isinstance(loop, For)
        start, made, back = starts[0], block[users[0]], users[2]
        rows, popped = self.rows(loop, state, tape), self.popped(block[back], loop, state)
        if rows is None or popped is None or not isinstance(made, Let) or made.value != Call("list"):
            return None
        again = popped == name
        if not stock.is_own(name, 3 + again, 2 + again) or not again and not stock.is_own(popped, 1):
            return None
        if any(mentions(stmt, name) for stmt in (*block[:start], *(block[back + 1 :] if again else ()))):
            return None
        if any(mentions(stmt, state.new.target.name) for k, stmt in enumerate(block) if k != place):
            return None
        first = self.first(block, start, loop, state, rows)
        between = {var.name for stmt in block[start:place] for var in bound(stmt)}
        if first is None or any(between.intersection(names_in(size)) for size in rows.sizes):
            return None
        return _Found(start, back, popped, rows, first)

    def popped(self, back: Stmt, loop: For, state: State) -> str | None:
        """Return the name of what a loop takes from a list, if its iterations are those of another, backwards."""
        spans = self.context.spans
        if not isinstance(back, For) or back.until is not None or back.parallel or back.step == loop.step:
            return None
        if back.step not in (Lit(1), Lit(-1)) or spans.get(back.index.name) != spans.get(loop.index.name):
            return None
        if any(self.stock.bound[each.index.name] != 1 for each in (loop, back)):
            return None
        match [(k, stmt) for k, stmt in enumerate(back.body) if mentions(stmt, state.tape or "")]:
            case [(place, Let(Var(item), Call("pop", (Var(own),))))] if own == state.tape:
                inside = sum(mentioned(stmt).count(item) for stmt in nested(back))
                early = any(mentions(stmt, item) for stmt in back.body[:place])
                return item if not early and (item == state.name or inside == self.stock.uses[item]) else None
            case _:
                return None

    def rows(self, loop: For, state: State, tape: str) -> Rows | None:
        """Return where the states are in an array; None if its size isn't known before the loop."""
        span, own = self.context.spans[loop.index.name], self.context.made[state.new.target.name]
        if span is None or own is None or span.start.number is None or not isinstance(state.new.value, Call):
            return None
        symbols = self.context.facts.symbols
        turns = symbols.clipped(span.stop - span.start)
        sizes = (symbols.expr(turns.plus(1)), *items_of(state.new.value.args[0]))
        inside = {var.name for stmt in statements((loop,)) for var in bound(stmt)}
        if any(inside.intersection(names_in(size)) for size in sizes):
            return None
        return Rows(Var(tape), sizes, (turns.plus(1), *own), symbols.expr(turns), span.start.number)

    def first(self, block: Block, start: int, loop: For, state: State, rows: Rows) -> Block | None:
        """Return what puts the first state where it belongs, in the place of the statement that says what it is."""
        stmt, name = block[start], state.name
        match stmt:
            case Let(_, Var(source)) if is_array(self.context.kinds.get(source)):
                given = source in self.stock.params
                known = given or any(_makes(each, source) for each in block[:start])
                shape = self.context.facts.shape(Var(source)) if given else self.context.made.get(source)
                later = statements(self.stock.func.body if given else block[start:])
                if not known or shape != rows.shape[1:] or any(written_name(each) in (source, name) for each in later):
                    return None
                assert shape is not None
                indices = self.context.indices(shape)
                row, *place = rows.begin(loop)
                copied = Store(row, (*place, *indices), Call("getitem", (Var(source), *indices)), state.new.loc)
                return self.context.nest(indices, shape, (copied,))
            case Let() if self.stock.is_empty(stmt) and self.context.made.get(name) == rows.shape[1:]:
                return ()
            case _:
                return None


def _makes(stmt: Stmt, name: str) -> bool:
    return isinstance(stmt, Let) and stmt.target.name == name and not isinstance(stmt.value, Var)


@dataclass(frozen=True, slots=True)
class Rows:
    """An array with a row for what each iteration of a loop starts with, and one for what the last one leaves."""

    array: Var
    sizes: tuple[Expr, ...]
    shape: Shape
    turns: Expr
    least: int  # the least index

    def now(self, loop: For, *, mirrored: bool = False) -> Row:
        """Return the row that an iteration starts with; the loop may be the mirror image of the one that fills it."""
        upwards = (loop.step == Lit(1)) != mirrored
        return self.array, shifted(loop.index, -self.least if upwards else 1 - self.least)

    def then(self, loop: For) -> Row:
        return self.array, shifted(loop.index, (1 if loop.step == Lit(1) else 0) - self.least)

    def begin(self, loop: For) -> Row:
        return self.array, Lit(0) if loop.step == Lit(1) else self.turns

    def end(self, loop: For) -> Row:
        return self.array, self.turns if loop.step == Lit(1) else Lit(0)
