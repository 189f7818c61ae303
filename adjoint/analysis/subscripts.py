"""Which elements of which arrays the statements of an imperative program use, as linear forms.

`accesses` walks a program in the order it runs and keeps, for every name, what is known of its value: a whole number
as a linear form over atoms, an array as the part it shows of the array that was allocated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.access import Access, Array, Axis, Known, Point, Renewal, Round, Span, Test, Uses
from adjoint.analysis.effects import binds_of
from adjoint.analysis.linear import Linear, arithmetic, may_hold, symbol
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, items_of, operands, statements
from adjoint.rules import spelling
from adjoint.rules.numba_types import is_array, is_number, is_signed, is_subclass


def accesses(func: Func, made: Collection[str] = (), tapes: Collection[str] = ()) -> Uses:
    """Return the uses of the contents of arrays in an imperative program.

    Reads that are not followed, such as those of opaque calls, have no root. From `tapes`, lists of arrays, names are
    bound again to arrays; those in `made` to what they showed when it was made.
    """
    walker = _Walker(func, made, tapes)
    known: dict[str, Known] = {}
    for param in func.params:
        if walker.is_whole(param.name):
            known[param.name] = walker.unknown(param.name)
        elif isinstance(func.types.get(param.name), nb.Array):
            known[param.name] = walker.allocated(param.name, None)
    walker.block(func.body, known)
    walker.uses.renewals += [renewal for store in walker.stores for renewal in walker.renewals(store)]
    return walker.uses


_NEW_AXIS, _REST, _WHOLE = Lit(None), Lit(...), Span()
_SAME_SHAPE = frozenset("copy zeros_like ones_like empty_like full_like".split())
# Whether the second operand is the larger one, and by how much at least.
_BELOW = {"lt": (True, 1), "le": (True, 0), "gt": (False, 1), "ge": (False, 0)}
_OPPOSITE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "ne": "eq"}


class _Walker:
    def __init__(self, func: Func, made: Collection[str], tapes: Collection[str]) -> None:
        self.func = func
        self.made = made
        self.tapes = tapes
        self.uses = Uses()
        self.rounds: tuple[Round, ...] = ()
        self.branches: tuple[tuple[int, int], ...] = ()
        self.facts: tuple[Linear, ...] = ()
        self.position = 0
        self.stores: list[Access] = []
        # Of loops, by their counters: the number of iterations, the branches around, the last position inside.
        self.trips: dict[str, Linear] = {}
        self.around: dict[str, tuple[tuple[int, int], ...]] = {}
        self.last: dict[str, int] = {}

    def is_whole(self, name: str) -> bool:
        return is_signed(self.func.types.get(name))

    def unknown(self, word: str) -> Linear:
        return self.uses.atoms.fresh(word, len(self.rounds))

    # -- statements --------------------------------------------------------------------------------------------

    def block(self, block: Block, known: dict[str, Known]) -> None:
        for stmt in block:
            self.position += 1
            self.stmt(stmt, known)

    def stmt(self, stmt: Stmt, known: dict[str, Known]) -> None:
        match stmt:
            case Let(target, value):
                found = self.value(target.name, value, known)
                if isinstance(found, Array) and found.root != target.name:
                    self.read_all(value.args[1:] if isinstance(value, Call) else (), known)  # nothing but a view
                else:
                    self.read_value(stmt, known)
                known.pop(target.name, None)
                if found is not None:
                    known[target.name] = found
            case Store(array, index, value) | Accum(array, index, value) if index:
                self.read_all((*index, value), known)
                access = self.access(array.name, index, known)
                self.exists(access)
                self.uses.writes[id(stmt)] = access
                if isinstance(stmt, Accum):
                    self.uses.reads.append(access)
                else:
                    self.stores.append(access)
            case For():
                self.read_all((stmt.start, stmt.stop, stmt.step), known)
                self.loop(stmt, self.round(stmt, known), known)
            case While():
                counter = self.uses.atoms.fresh("iteration", len(self.rounds) + 1)
                self.loop(stmt, Round(self.position, counter.symbols[0], 1), known)
            case If():
                self.read(stmt.cond, known)
                self.branch(stmt, known)
            case _:
                self.other(stmt, known)

    def other(self, stmt: Stmt, known: dict[str, Known]) -> None:
        match stmt:
            case Accum(target, _, value):
                self.read_all((target, value), known)
            case Effect(Call("move", (_, values))):
                self.read(values, known)
            case Effect(Call("append", (Var(tape), Var()))) if tape in self.tapes:
                pass  # what is in the array isn't looked at
            case _:
                self.read_all(operands(stmt), known)
        for name in binds_of(stmt, self.func):
            self.forget(name, known)

    def forget(self, name: str, known: dict[str, Known]) -> None:
        known.pop(name, None)
        if self.is_whole(name):
            known[name] = self.unknown(name)

    def loop(self, stmt: For | While, round_: Round, known: dict[str, Known]) -> None:
        changed = sorted({name for inner in statements(stmt.body) for name in binds_of(inner, self.func)})
        outer, self.rounds = self.rounds, (*self.rounds, round_)
        inside = dict(known)
        for name in changed:
            self.forget(name, inside)
        if isinstance(stmt, For):
            inside[stmt.index.name] = self.index(stmt, round_, known)
        else:
            self.read(stmt.cond, inside)
        self.block(stmt.body, inside)
        self.last[round_.counter] = self.position
        self.rounds = outer
        for name in (*changed, *binds_of(stmt, self.func)):
            self.forget(name, known)

    def round(self, stmt: For, known: dict[str, Known]) -> Round:
        counter = self.uses.atoms.fresh(stmt.index.name, len(self.rounds) + 1).symbols[0]
        self.around[counter] = self.branches
        rising = 0 if stmt.parallel else 1
        return Round(self.position, counter, rising)

    def index(self, stmt: For, round_: Round, known: dict[str, Known]) -> Linear:
        """Return the value of a loop index, and state its bounds. The counter counts the iterations from 0."""
        counter = symbol(round_.counter)
        self.uses.atoms.state(counter, counter)
        start, stop = self.whole(stmt.start, known), self.whole(stmt.stop, known)
        step = stmt.step.value if isinstance(stmt.step, Lit) else None
        if not isinstance(step, int) or isinstance(step, bool) or start is None:
            value = self.unknown(stmt.index.name)
            if isinstance(step, int) and stop is not None:
                self.uses.atoms.state(value, (stop - value if step > 0 else value - stop).plus(-1))
            return value
        value = start + counter.times(step)
        if stop is not None and abs(step) == 1 and stmt.until is None:
            self.trips[round_.counter] = (stop - start).times(step)
        if stop is not None:
            self.uses.atoms.state(counter, (stop - value if step > 0 else value - stop).plus(-1))
        return value

    def branch(self, stmt: If, known: dict[str, Known]) -> None:
        here, outer, facts = self.position, self.branches, self.facts
        ends: list[dict[str, Known]] = []
        for arm, body in enumerate(blocks(stmt)):
            self.branches = (*outer, (here, arm))
            self.facts = (*facts, *self.tested(stmt.cond, arm == 0, known))
            inside = dict(known)
            self.block(body, inside)
            ends.append(inside)
        self.branches, self.facts = outer, facts
        for name in sorted({*ends[0], *ends[1]}):
            value = ends[0].get(name)
            if value is not None and value == ends[1].get(name):
                known[name] = value
            else:
                self.forget(name, known)

    def tested(self, cond: Expr, holds: bool, known: Mapping[str, Known]) -> Iterator[Linear]:
        """Yield what a condition says about whole numbers."""
        match cond:
            case Var(name):
                test = known.get(name)
                if isinstance(test, Test):
                    yield from test.holds if holds else test.fails
            case Call("and", (first, second)) if holds:
                yield from self.tested(first, holds, known)
                yield from self.tested(second, holds, known)
            case Call("not", (inner,)):
                yield from self.tested(inner, not holds, known)
            case Call(prim, (first, second)):
                a, b = self.whole(first, known), self.whole(second, known)
                relation = prim if holds else _OPPOSITE.get(prim, "")
                if a is None or b is None:
                    return
                if relation == "eq":
                    yield from (a - b, b - a)
                elif relation in _BELOW:
                    second_larger, gap = _BELOW[relation]
                    yield (b - a if second_larger else a - b).plus(-gap)
            case _:
                pass

    # -- values ------------------------------------------------------------------------------------------------

    def value(self, name: str, value: Expr, known: Mapping[str, Known]) -> Known | None:
        if self.is_whole(name):
            found = self.whole(value, known)
            return self.unknown(name) if found is None else found
        kind = self.func.types.get(name)
        if is_subclass(type(kind), nb.Boolean):
            return Test(tuple(self.tested(value, True, known)), tuple(self.tested(value, False, known)))
        if not is_array(kind):
            return None
        return self.array(name, value, known)

    def whole(self, expr: Expr, known: Mapping[str, Known]) -> Linear | None:
        match expr:
            case Lit(int(number)) if not isinstance(number, bool):
                return Linear((), number)
            case Var(name):
                value = known.get(name)
                return value if isinstance(value, Linear) and self.is_whole(name) else None
            case Call("dim", (Var(name), Lit(int(axis)))):
                shape = _shape(known.get(name))
                return shape[axis] if shape is not None and axis < len(shape) else None
            case Call(prim, args) if prim in ("add", "sub", "mul", "neg", "pos"):
                parts = [self.whole(arg, known) for arg in args]
                return arithmetic(prim, [part for part in parts if part is not None]) if None not in parts else None
            case _:
                return None

    def array(self, name: str, value: Expr, known: Mapping[str, Known]) -> Array | None:
        match value:
            case Var(other):
                found = known.get(other)
                return found if isinstance(found, Array) else None
            case Call("getitem", (Var(other), *index)):
                found = known.get(other)
                if any(is_array(self.func.types.get(i.name)) for i in index if isinstance(i, Var)):
                    return self.allocated(name, None)
                return self.part(found, index, known) if isinstance(found, Array) else None
            case Call(prim, args) if prim in _SAME_SHAPE:
                source = _shape(known.get(args[0].name)) if isinstance(args[0], Var) else None
                return self.allocated(name, source)
            case Call(prim, (shape, *_)) if prim in ("zeros", "ones", "empty", "full"):
                sizes = items_of(shape)
                return self.allocated(name, [self.whole(size, known) for size in sizes])
            case Call("pop", (Var(tape),)) if tape in self.tapes:
                return self.allocated(name, None) if name in self.made else None
            case Call(prim) if spelling.makes_array(prim):
                return self.allocated(name, None)
            case _:
                return None

    def allocated(self, name: str, shape: Iterable[Linear | None] | None) -> Array:
        type_ = self.func.types[name]
        assert isinstance(type_, nb.Array)
        sizes = [] if shape is None else list(shape)
        found: list[Linear] = []
        for axis in range(type_.ndim):
            size = sizes[axis] if axis < len(sizes) else None
            if size is None:
                size = self.unknown(f"{name}.shape")
                self.uses.atoms.state(size, size)
            found.append(size)
        return Array(name, tuple(found), (Span(),) * len(found))

    def renewals(self, write: Access) -> Iterator[Renewal]:
        """Yield what a store renews: by itself, and in loops that each go along an axis from end to end."""
        if write.root is None or any(axis is None or isinstance(axis, Span) and not axis.exact for axis in write.index):
            return
        yield Renewal(write.root, write.index, write.rounds, write.branches, write.position, write.position)
        counters = [self.covering(axis, size) for axis, size in zip(write.index, write.shape, strict=True)]
        found = sorted(counter for counter in counters if counter is not None)
        outer = len(write.rounds) - len(found)
        if found and found == sorted(round_.counter for round_ in write.rounds[outer:]):
            loop = write.rounds[outer]
            if self.around[loop.counter] == write.branches:
                index = (Span() if counter else axis for axis, counter in zip(write.index, counters, strict=True))
                around, last = write.rounds[:outer], self.last[loop.counter]
                yield Renewal(write.root, tuple(index), around, write.branches, loop.loop, last)

    def covering(self, axis: Axis, size: Linear) -> str | None:
        """Return the counter of the loop in which a subscript takes all values along an axis."""
        match axis:
            case Point(at):
                pass
            case _:
                return None
        for name in at.symbols:
            rest = {sign: at - symbol(name).times(sign) for sign in (1, -1)}
            if self.trips.get(name) == size and (rest[1] == Linear() or rest[-1] == size.plus(-1)):
                return name
        return None

    # -- uses of contents --------------------------------------------------------------------------------------

    def read_all(self, exprs: Iterable[Expr], known: Mapping[str, Known]) -> None:
        for expr in exprs:
            self.read(expr, known)

    def read_value(self, stmt: Let, known: Mapping[str, Known]) -> None:
        first = len(self.uses.reads)
        self.read(stmt.value, known)
        if isinstance(stmt.value, Call) and stmt.value.prim == "getitem" and isinstance(stmt.value.args[0], Var):
            self.uses.elements[id(stmt)] = self.uses.reads[first]
            self.exists(self.uses.reads[first])

    def exists(self, access: Access) -> None:
        """State what sizes are at least, for constant subscripts of statements that always run."""
        if self.rounds or self.branches:
            return
        for axis, size in zip(access.index, access.shape, strict=True):
            if isinstance(axis, Point) and not axis.at.terms:
                room = size.plus(-1) - axis.at if axis.at.constant >= 0 else size + axis.at
                for name in room.symbols:
                    self.uses.atoms.state(symbol(name), room)

    def read(self, expr: Expr, known: Mapping[str, Known]) -> None:
        match expr:
            case Var(name):
                if not is_number(self.func.types.get(name)):
                    self.uses.reads.append(self.access(name, (), known))
            case Call("getitem", (Var(name), *index)):
                self.uses.reads.append(self.access(name, tuple(index), known))
                self.read_all(index, known)
            case Call("pop", (Var(tape),)) if tape in self.tapes:
                pass
            case Call(prim, (source, Var())) if prim.startswith("helper.unbroadcast_"):
                self.read(source, known)  # of the other only the shape
            case Call(prim, args, kwargs):
                skip = 1 if prim in spelling.SIZES or prim in _SAME_SHAPE - {"copy"} else 0
                kept = args[skip:] if args and isinstance(args[0], Var) else args
                self.read_all((*kept, *(value for _, value in kwargs)), known)
            case Lit():
                pass

    def access(self, name: str, index: Iterable[Expr], known: Mapping[str, Known]) -> Access:
        found = known.get(name)
        part = self.part(found, list(index), known) if isinstance(found, Array) else None
        root, shape, axes = (None, (), ()) if part is None else (part.root, part.shape, part.index)
        return Access(name, root, shape, axes, self.rounds, self.branches, self.facts, self.position)

    def part(self, array: Array, index: list[Expr], known: Mapping[str, Known]) -> Array:
        """Return the part of an array that an index shows."""
        if index == [_REST]:
            return array
        axes = list(array.index)
        free = [k for k, axis in enumerate(axes) if not isinstance(axis, Point)]
        for position, item in enumerate(index):
            if position >= len(free) or item in (_NEW_AXIS, _REST):
                # The axes shift: nothing more is known.
                return replace(array, index=(*(a if isinstance(a, Point) else None for a in axes),))
            axis = free[position]
            axes[axis] = self.axis(axes[axis], array.shape[axis], item, known)
        return replace(array, index=tuple(axes))

    def axis(self, outer: Axis, size: Linear, item: Expr, known: Mapping[str, Known]) -> Axis:
        """Return the place that a subscript means on an axis of some size, of which `outer` is shown."""
        match item:
            case Call("slice", (low, high, Lit(None) | Lit(1))):
                first = Linear() if low == Lit(None) else self.whole(low, known)
                if not isinstance(outer, Span) or first is None or not self.not_negative(first):
                    return None
                if high == Lit(None):
                    return replace(outer, low=outer.low + first)
                last = self.whole(high, known)
                if last is not None and outer == _WHOLE and not last.terms and last.constant < 0:
                    return Span(first, size + last)
                if last is None or not self.not_negative(last):
                    return Span(outer.low + first, outer.high, exact=False)
                return Span(outer.low + first, outer.low + last, outer.exact and outer.high is None)
            case Call("slice"):
                return None
            case _:
                at = self.whole(item, known)
                if at is None or outer is None:
                    return None
                if outer == _WHOLE:
                    return Point(at)
                return Point(outer.low + at) if isinstance(outer, Span) and self.not_negative(at) else None

    def not_negative(self, form: Linear) -> bool:
        """Whether a form is not negative: because nothing in it is, or by what is known of what it mentions."""
        if form.constant >= 0 and all(f > 0 and symbol(n) in self.uses.atoms.facts[n] for n, f in form.terms):
            return True
        return not may_hold([], [*self.uses.atoms.known(form.symbols), form.plus(1).times(-1)])


def _shape(known: Known | None) -> tuple[Linear, ...] | None:
    """Return the sizes of an array that is the whole of what was allocated."""
    if isinstance(known, Array) and all(axis == _WHOLE for axis in known.index):
        return known.shape
    return None
