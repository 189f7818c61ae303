"""Which elements of an array the statements of a block use, in what order, and which of them have values by then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from adjoint.analysis.linear import Linear, arithmetic, may_hold, symbol
from adjoint.ir import Accum, Call, Expr, For, Func, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, bound, mentioned_within, names_in, operands
from adjoint.lower.bindings import bound_often
from adjoint.lower.context import Context, Span
from adjoint.lower.uses import is_single
from adjoint.lower.views import Shape
from adjoint.rules import spelling
from adjoint.rules.numba_types import is_array

MOST = 8  # boxes that are told from each other

# For each axis the first place, and the first beyond the last.
Box = tuple[tuple[Linear, Linear], ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A loop around an element: the symbol of its index, what it runs over if that is known, and which way."""

    loop: For | While
    symbol: str
    span: Span | None
    up: bool

    def bounds(self, index: Linear) -> tuple[Linear, ...]:
        """Return what isn't negative if an index is one of the loop's."""
        return () if self.span is None else (index - self.span.start, (self.span.stop - index).plus(-1))


@dataclass(frozen=True, slots=True)
class Use:
    """A read of an element ("read"), a store into it ("store") or a sum ("add").

    The place is `index`, None if it isn't known. If it is `certain`, every iteration of the loops around does this.
    Where subscripts may be negative, so that another element is meant, they are known as `at` only.
    """

    kind: str
    stmt: Stmt
    index: tuple[Linear, ...] | None
    at: tuple[Linear, ...] | None
    turns: tuple[Turn, ...]
    certain: bool
    order: int

    def shared(self, other: Use) -> int:
        """Return how many loops are around both."""
        return sum(a is b for a, b in zip(self.turns, other.turns, strict=False))

    def box(self, level: int, before: bool = False) -> Box | None:
        """Return the places in this iteration of the first loops around and all of the others; None if it isn't a box.

        With `before`, only those of the iterations of the first of the others that come before this one.
        """
        free = self.turns[level:]
        if self.at is None or not self.certain or not _are_apart(self.at, free):
            return None
        found: list[tuple[Linear, Linear]] = []
        for form in self.at:
            turn = next((turn for turn in free if form.factor(turn.symbol)), None)
            found.append((form, form.plus(1)) if turn is None else _range(form, turn, before and turn is free[0]))
        return tuple(found)

    def inside(self, shape: Shape) -> list[Linear]:
        """Return what isn't negative because the place is one of the array's, in an iteration of the loops around."""
        bounds = [form for turn in self.turns for form in turn.bounds(symbol(turn.symbol))]
        pairs = () if self.index is None else zip(self.index, shape, strict=True)
        return [*bounds, *(form for at, size in pairs for form in (at, (size - at).plus(-1)))]


def _are_apart(index: Sequence[Linear], turns: Sequence[Turn]) -> bool:
    """Whether each loop goes along an axis of its own, place by place, over a range that no other one changes."""
    names = [turn.symbol for turn in turns]
    for turn in turns:
        factors = [form.factor(turn.symbol) for form in index]
        if turn.span is None or [factor for factor in factors if factor] not in ([1], [-1]):
            return False
        if not {*turn.span.start.symbols, *turn.span.stop.symbols}.isdisjoint(names):
            return False
    return all(sum(bool(form.factor(name)) for name in names) <= 1 for form in index)


def _range(form: Linear, turn: Turn, before: bool) -> tuple[Linear, Linear]:
    """Return the places that a subscript takes in a loop, or in the iterations before the present one."""
    assert turn.span is not None
    index = symbol(turn.symbol)
    start, stop = turn.span.start, turn.span.stop
    if before:
        start, stop = (start, index) if turn.up else (index.plus(1), stop)
    rest = form - index.times(form.factor(turn.symbol))
    up = form.factor(turn.symbol) == 1
    return (rest + start, rest + stop) if up else (rest - stop.plus(-1), rest - start.plus(-1))


class Places:
    """What is known of the elements that a program uses; loops are told from each other by their indices."""

    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.often = bound_often(func)

    # -- subscripts ----------------------------------------------------------------------------------------------

    def shape(self, made: Expr, name: str) -> Shape | None:
        """Return the lengths of an array that a call makes."""
        known = self.context.made.get(name)
        if known is None and isinstance(made, Call):
            sizes = made.args[0]
            items = sizes.args if isinstance(sizes, Call) and sizes.prim == "tuple" else (sizes,)
            forms = [self.form(item, frozenset()) for item in items]
            known = None if None in forms else tuple(form for form in forms if form is not None)
        return None if known is None else tuple(map(self.context.facts.same, known))

    def form(self, expr: Expr, moving: Collection[str]) -> Linear | None:
        """Return a subscript as a linear form, if the names in it are indices of loops or keep their values."""
        match expr:
            case Var() | Lit() | Call("dim", (Var(), Lit())):
                if any(name in self.often or name in moving for name in names_in(expr)):
                    return None
                if isinstance(expr, Var) and expr.name in self.context.spans and expr.name in self.context.symbol:
                    return symbol(self.context.symbol[expr.name])
                form = self.context.facts.integer(expr)
                return None if form is None else self.context.facts.same(form)
            case Call(prim, args) if prim in ("add", "sub", "mul", "neg"):
                parts = [self.form(arg, moving) for arg in args]
                return None if None in parts else arithmetic(prim, [part for part in parts if part is not None])
            case _:
                return None

    def plain(self, span: Span) -> Span:
        """Return a range that is the same, and easier to compare: from 0 on, `max(n, 0)` as its end is `n`."""
        facts = self.context.facts
        start, stop = facts.same(span.start), facts.same(span.stop)
        return Span(start, facts.symbols.unclipped(stop) if facts.symbols.never_negative(start) else stop)

    def about(self, forms: Sequence[Linear]) -> list[Linear]:
        """Return what is known not to be negative of the symbols in some forms."""
        symbols = self.context.facts.symbols
        found = list(forms)
        seen: set[str] = set()
        at_least_zero = list(symbols.at_least_zero)
        for form in found:
            for name in form.symbols:
                if name in seen:
                    continue
                seen.add(name)
                if name in symbols.lengths:
                    found.append(symbol(name))
                if name in symbols.inside:
                    found.append(symbol(name) - symbols.inside[name])
                found += [each for each in at_least_zero if each.factor(name)]
                at_least_zero = [each for each in at_least_zero if not each.factor(name)]
        return found[len(forms) :]

    def never_negative(self, form: Linear, given: Sequence[Linear] = ()) -> bool:
        if self.context.facts.symbols.never_negative(form):
            return True
        below = form.times(-1).plus(-1)
        return not may_hold((), (below, *given, *self.about((below, *given))))

    def there(self, before: Sequence[Stmt]) -> list[Linear]:
        """Return forms that aren't negative because statements store to elements: these are there."""
        found: list[Linear] = []
        for stmt in before:
            shape = self.context.made.get(stmt.array.name) if isinstance(stmt, Store) else None
            if isinstance(stmt, Store) and shape is not None and len(shape) == len(stmt.index):
                for expr, size in zip(stmt.index, shape, strict=True):
                    if isinstance(expr, Lit) and isinstance(expr.value, int) and expr.value >= 0:
                        found.append(self.context.facts.same(size).plus(-1 - expr.value))
        return found

    # -- uses ----------------------------------------------------------------------------------------------------

    def uses(self, stmt: Stmt, name: str, shape: Shape, moving: Collection[str]) -> list[Use] | None:
        """Return what a statement does with elements of an array; None if it does anything else with the array.

        `moving` are the names that are bound while this goes on.
        """
        finder = _Uses(self, name, shape, moving)
        finder.visit(stmt, (), True)
        return None if finder.other else finder.found

    def written(self, uses: Sequence[Use], at: Use) -> list[Box]:
        """Return the places that have been written when an element is used."""
        found: list[Box | None] = []
        for use in uses:
            if use.kind == "read":
                continue
            common = use.shared(at)
            if use.order < at.order:
                found.append(use.box(common))
            found += [use.box(level, before=True) for level in range(common)]
        return [box for box in found if box is not None]

    def meets(self, first: Use, second: Use, shape: Shape, boxes: Sequence[Box] = ()) -> bool:
        """Whether an element that is used, and not one of some boxes, may be used later on by the second of two."""
        if second.index is None and first.index is None:
            return True
        for place, system in self.meetings(first, second, shape):
            at = second.index or place or ()
            same = [] if place is None or second.index is None else [a - b for a, b in zip(place, at, strict=True)]
            if self.escapes(at, system, boxes, same):
                return True
        return False

    def meetings(self, first: Use, second: Use, shape: Shape) -> Iterator[tuple[Shape | None, list[Linear]]]:
        """Yield the ways in which one use may come before another: the place of the first, and what isn't negative."""
        common = first.shared(second)
        levels = [*range(common), *([common] if first.order < second.order else [])]
        for level in levels:
            own = {turn.symbol: symbol(f"{turn.symbol}'") for turn in first.turns[level:]}
            system = [*second.inside(shape), *(form.replaced(own) for form in first.inside(shape))]
            if level < common and (turn := first.turns[level]).span is not None:
                step = symbol(turn.symbol) - own[turn.symbol]
                system.append(step.times(1 if turn.up else -1).plus(-1))
            place = None if first.index is None else tuple(form.replaced(own) for form in first.index)
            yield place, system

    def escapes(
        self, point: Shape, system: Sequence[Linear], boxes: Sequence[Box], zero: Sequence[Linear] = ()
    ) -> bool:
        """Whether a place may be in none of some boxes, where `system` isn't negative, and some forms are `zero`."""
        return bool(self.outside(point, system, boxes, 1, zero))

    def outside(
        self, point: Shape, system: Sequence[Linear], boxes: Sequence[Box], most: int, zero: Sequence[Linear] = ()
    ) -> list[Sequence[Linear]]:
        """Return what more may hold of a place in none of some boxes, each form not negative: `most` ways at most."""
        ends = [end for box in boxes for pair in box for end in pair]
        known = [*system, *self.about([*system, *point, *ends, *zero])]
        found: list[Sequence[Linear]] = []
        # What holds of the place and the first so many boxes; the last is looked at next.
        ahead: list[tuple[int, tuple[Linear, ...]]] = [(0, ())]
        while ahead and len(found) < most:
            depth, more = ahead.pop()
            if not may_hold(zero, (*known, *more)):
                continue
            if depth >= min(len(boxes), MOST):
                found.append(more)
                continue
            pairs = list(zip(point, boxes[depth], strict=True))
            sides = [side for place, (low, high) in pairs for side in ((low - place).plus(-1), place - high)]
            ahead += [(depth + 1, (*more, side)) for side in reversed(sides)]
        return found


class _Uses:
    """Finds the uses of elements of one array, in the order in which they happen."""

    def __init__(self, places: Places, name: str, shape: Shape, moving: Collection[str]) -> None:
        self.places = places
        self.name = name
        self.shape = shape
        self.moving = moving
        self.found: list[Use] = []
        self.other = False

    def visit(self, stmt: Stmt, turns: tuple[Turn, ...], certain: bool) -> None:
        if self.name not in mentioned_within(stmt):
            return
        self.other |= any(var.name == self.name for var in bound(stmt))
        exprs = operands(stmt)
        match stmt:
            case Store(Var(name), index, value) | Accum(Var(name), index, value) if name == self.name and index:
                for expr in (*index, value):
                    self.read(stmt, expr, turns)
                self.use("store" if isinstance(stmt, Store) else "add", stmt, index, turns, certain)
            case For() | While():
                self.read_all(stmt, exprs if isinstance(stmt, For) else (), turns)
                turn = self.turn(stmt, turns)
                inside = certain and turn.span is not None
                for expr in exprs if isinstance(stmt, While) else ():
                    self.read(stmt, expr, (*turns, turn))
                for inner in stmt.body:
                    self.visit(inner, (*turns, turn), inside)
            case _:
                self.read_all(stmt, exprs, turns)
                for body in blocks(stmt):
                    for inner in body:
                        self.visit(inner, turns, False)

    def turn(self, loop: For | While, around: Sequence[Turn]) -> Turn:
        """Return what is known of a loop: its span only if that is made of what stays the same."""
        context = self.places.context
        name = loop.index.name if isinstance(loop, For) else ""
        if not isinstance(loop, For) or name in self.places.often or name not in context.symbol:
            return Turn(loop, f"turn {id(loop)}", None, up=True)
        span = context.spans.get(name)
        if span is not None:
            span = self.places.plain(span)
            reads, indices = context.facts.symbols.reads, {each.symbol for each in around}
            others = {*span.start.symbols, *span.stop.symbols} - indices
            moving = {name for each in others for name in reads.get(each, ())}.intersection(self.moving)
            span = None if moving else span
        return Turn(loop, context.symbol[name], span, loop.step == Lit(1))

    def use(self, kind: str, stmt: Stmt, index: Sequence[Expr], turns: tuple[Turn, ...], certain: bool) -> None:
        if len(index) != len(self.shape) or not all(map(is_single, index)):
            self.other = True
            return
        moving = set(self.moving) - _indices(turns)
        forms = [self.places.form(expr, moving) for expr in index]
        at = None if None in forms else tuple(form for form in forms if form is not None)
        if at is not None:
            at = tuple(map(self.from_start, at, self.shape))
        triples = () if at is None else zip(index, at, self.shape, strict=True)
        sure = at is not None and all(self.is_natural(expr, form, size, turns) for expr, form, size in triples)
        self.found.append(Use(kind, stmt, at if sure else None, at, turns, certain, len(self.found)))

    def from_start(self, form: Linear, size: Linear) -> Linear:
        return form if form.number is None or form.number >= 0 else size.plus(form.number)

    def is_natural(self, expr: Expr, form: Linear, size: Linear, turns: Sequence[Turn]) -> bool:
        """Whether a subscript is never negative where there is an element: the last one is, or there is none."""
        if form == size.plus(-1) or isinstance(expr, Lit) or self.places.context.is_natural(expr):
            return True
        given = [bound for turn in turns for bound in turn.bounds(symbol(turn.symbol))]
        return self.places.never_negative(form, given)

    def read_all(self, stmt: Stmt, exprs: Sequence[Expr], turns: tuple[Turn, ...]) -> None:
        for expr in exprs:
            self.read(stmt, expr, turns)

    def read(self, stmt: Stmt, expr: Expr, turns: tuple[Turn, ...]) -> None:
        match expr:
            case Var(name):
                self.other |= name == self.name
            case Call("getitem", (Var(name), *index)) if name == self.name:
                self.read_all(stmt, index, turns)
                self.other |= any(is_array(self.places.context.kinds.get(n)) for e in index for n in _names(e))
                self.use("read", stmt, index, turns, True)
            case Call(prim, (Var(name), *rest)) if prim in spelling.SIZES and name == self.name:
                self.read_all(stmt, rest, turns)
            case Call(_, args, kwargs):
                self.read_all(stmt, (*args, *(value for _, value in kwargs)), turns)
            case Lit():
                pass


def _indices(turns: Sequence[Turn]) -> set[str]:
    return {turn.loop.index.name for turn in turns if isinstance(turn.loop, For) and turn.span is not None}


def _names(index: Expr) -> tuple[str, ...]:
    return (index.name,) if isinstance(index, Var) else ()
