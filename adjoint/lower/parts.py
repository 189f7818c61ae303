"""Arrays of zeros that are written in parts before anything is read are filled with zeros in the other places only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.linear import Linear, symbol, whole
from adjoint.ir import Accum, Block, Call, Expr, Func, Let, Stmt, Store, Var
from adjoint.ir.walk import bound, map_blocks, names_in, statements, with_body
from adjoint.lower.context import Context, Span
from adjoint.lower.filling import is_zeros, within, zero_of
from adjoint.lower.places import Box, Places, Use
from adjoint.lower.uses import mentions
from adjoint.lower.views import Shape
from adjoint.rules.numba_types import types

WIDEST = 4  # places along one axis at least: more are filled as fast together with the others
MOST = 4  # parts that are left


def in_parts(func: Func, context: Context) -> Func:
    """Turn `x = zeros(n)` into `x = empty(n)` if statements of the block store to all elements before they are read.

    The first sum into an element becomes a store. If few places are left, zeros are stored there.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:]):
    ...     y[0] = 1.0
    ...     x_bar: float64[:] = zeros_like(x)
    ...     x_bar[0] = x[1]
    ...     for i in range(1, dim(x, 0) - 1):
    ...         x_bar[i] += y[i] * x_bar[i - 1]
    ...     return x_bar
    ... '''))
    >>> print(text(in_parts(func, context)), end="")
    def f(x, y):
        y[0] = 1.0
        x_bar = np.empty(x.shape[0])
        for place in range(max(x.shape[0] - 1, 0), x.shape[0]):
            x_bar[place] = 0.0
        x_bar[0] = x[1]
        for i in range(1, x.shape[0] - 1):
            x_bar[i] = y[i] * x_bar[i - 1]
        return x_bar
    """
    made = [stmt for stmt in statements(func.body) if is_zeros(stmt, context)]
    return with_body(func, _Zeros(func, context).block(func.body)) if made else func


@dataclass(slots=True)
class _Written:
    """What statements after zeros do with them, as far as they read nothing else, and the sums that are first."""

    uses: list[Use] = field(default_factory=list[Use])
    first: dict[int, Stmt] = field(default_factory=dict[int, Stmt])
    last: int = 0


class _Zeros:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.places = Places(func, context)
        self.accesses = context.accesses(func)
        self.position = {id(stmt): place for place, stmt in enumerate(statements(func.body), 1)}
        self.bound = {var.name: self.position[id(stmt)] for stmt in statements(func.body) for var in bound(stmt)}

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        out: list[Stmt] = []
        while stmts:
            stmt = stmts.pop(0)
            done = self.narrowed(stmt, out, stmts) if isinstance(stmt, Let) and is_zeros(stmt, self.context) else None
            if done is None:
                out.append(stmt)
                continue
            new, stmts = done
            out += new
        return tuple(out)

    def narrowed(self, made: Let, before: Sequence[Stmt], after: Sequence[Stmt]) -> tuple[Block, list[Stmt]] | None:
        """Return what makes an array with zeros only where they are needed, and the statements after it."""
        shape = self.places.shape(made.value, made.target.name)
        written = None if shape is None else self.written(made.target.name, shape, after)
        if shape is None or written is None:
            return None
        boxes = [box for use in written.uses if use.kind != "read" and (box := use.box(0)) is not None]
        there = self.places.there(before)
        left = self.left(shape, boxes, there)
        if left is None or not all(self.stays(end, made) for box in left for pair in box for end in pair):
            return None
        assert isinstance(made.value, Call)
        empty = replace(made, value=replace(made.value, prim="empty"))
        fills = tuple(stmt for box in left for stmt in self.fill(made, box))
        rest = [_with(stmt, written.first) if k < written.last else stmt for k, stmt in enumerate(after)]
        return (empty, *fills), rest

    def stays(self, form: Linear, made: Let) -> bool:
        """Whether what a form is written with has its value by then, and keeps it."""
        names = names_in(self.context.facts.symbols.expr(form))
        before = self.position[id(made)]
        return self.places.often.isdisjoint(names) and all(self.bound.get(name, 0) < before for name in names)

    # -- what is written -----------------------------------------------------------------------------------------

    def written(self, name: str, shape: Shape, after: Sequence[Stmt]) -> _Written | None:
        """Return what is written before anything is read that has not been; None if nothing is."""
        users = [k for k, stmt in enumerate(after) if mentions(stmt, name)]
        moving = {each for k in range(users[-1] + 1 if users else 0) for each in self.accesses.of(after[k]).binds}
        found = _Written()
        for k in users:
            uses = self.places.uses(after[k], name, shape, moving)
            if uses is None:
                break
            new = [replace(use, order=use.order + len(found.uses)) for use in uses]
            first = self.first(new, [*found.uses, *new], shape)
            if _are_scattered([*found.uses, *new]):
                return None
            if first is None:
                break
            found.uses += new
            found.first |= first
            found.last = k + 1
        return found if any(use.kind != "read" for use in found.uses) else None

    def first(self, new: Sequence[Use], uses: Sequence[Use], shape: Shape) -> dict[int, Stmt] | None:
        """Return stores for the sums that are the first into their elements; None if zeros are needed."""
        found: dict[int, Stmt] = {}
        for use in new:
            if use.kind == "store":
                continue
            if use.index is not None and not self.places.escapes(
                use.index, use.inside(shape), self.places.written(uses, use)
            ):
                continue
            if not isinstance(use.stmt, Accum) or use.kind == "read" or use.index is None:
                return None
            if any(each.kind != "read" and self.places.meets(each, use, shape) for each in uses):
                return None
            if id(use.stmt) in found:
                return None
            found[id(use.stmt)] = Store(use.stmt.target, use.stmt.index, use.stmt.value, use.stmt.loc)
        return found

    # -- what is left --------------------------------------------------------------------------------------------

    def left(self, shape: Shape, boxes: Sequence[Box], there: Sequence[Linear]) -> list[Box] | None:
        """Return the places that are in none of some boxes; None if these are many, or can't be told."""
        point = tuple(symbol(f"place {axis}") for axis in range(len(shape)))
        system = [*there, *point, *((size - at).plus(-1) for size, at in zip(shape, point, strict=True))]
        ways = self.places.outside(point, system, boxes, most=MOST + 1)
        found = [self.corner(point, shape, way, there) for way in ways]
        if len(found) > MOST or not boxes or None in found:
            return None
        return [box for box in found if box is not None]

    def corner(self, point: Shape, shape: Shape, way: Sequence[Linear], there: Sequence[Linear]) -> Box | None:
        """Return a box around the places of which some forms aren't negative, if these are few along an axis."""
        box: list[tuple[Linear, Linear]] = []
        given = [*there, *way, *point, *((size - at).plus(-1) for size, at in zip(shape, point, strict=True))]
        few = False
        for at, size in zip(point, shape, strict=True):
            (name,) = at.symbols
            low = self.largest([whole(0), *(at - form for form in way if form.factor(name) > 0)], given)
            highs = [size, *((form + at).plus(1) for form in way if form.factor(name) < 0)]
            less = self.largest([each.times(-1) for each in highs], given)
            if low is None or less is None:
                return None
            width = (low + less).times(-1).number
            few |= width is not None and width <= WIDEST
            box.append(self.clipped(low, less.times(-1), size, there))
        return tuple(box) if few else None

    def clipped(self, low: Linear, high: Linear, size: Linear, there: Sequence[Linear]) -> tuple[Linear, Linear]:
        """Return the ends of a range within an axis."""
        symbols = self.context.facts.symbols
        if not self.places.never_negative(low, there):
            low = symbols.clipped(low)
        if not self.places.never_negative(size - high, there):
            high = symbols.opaque(Call("minimum", (symbols.expr(high), symbols.expr(size)), via="builtin"))
        return low, high

    def largest(self, forms: Sequence[Linear], given: Sequence[Linear]) -> Linear | None:
        """Return one of some forms that is never less than another."""
        for form in forms:
            if all(form == other or self.places.never_negative(form - other, given) for other in forms):
                return form
        return None

    def fill(self, made: Let, box: Box) -> Block:
        """Return loops that store zeros in the places of a box, without those that have one iteration."""
        symbols = self.context.facts.symbols
        index: list[Expr] = []
        ranges: list[tuple[Var, Expr, Expr]] = []
        for low, high in box:
            if high == low.plus(1):
                index.append(symbols.expr(low))
                continue
            place = self.context.fresh("place", types.int64, "place")
            self.context.natural[place.name] = True
            self.context.spans[place.name] = Span(low, high)
            self.context.symbol[place.name] = symbols.named(place.name).symbols[0]
            index.append(place)
            ranges.append((place, symbols.expr(low), symbols.bound(high)))
        return within(ranges, Store(made.target, tuple(index), zero_of(made, self.context), made.loc))


def _are_scattered(uses: Sequence[Use]) -> bool:
    """Whether loops add to elements at several distances from the iteration: these sums are gathered."""
    adding = [use for use in uses if use.kind == "add" and use.turns and use.at is not None]
    own = [{turn.symbol: Linear() for turn in use.turns} for use in adding]
    return len({tuple(form.replaced(zero) for form in use.at or ()) for use, zero in zip(adding, own, strict=True)}) > 1


def _with(stmt: Stmt, first: Mapping[int, Stmt]) -> Stmt:
    """Put statements in the place of others within one."""
    changed = first.get(id(stmt))
    return map_blocks(stmt, lambda block: tuple(_with(each, first) for each in block)) if changed is None else changed
