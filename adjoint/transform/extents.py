"""How many places an array needs so that each iteration of a nest of loops has one of its own.

The bounds of an inner loop may depend on the loops around it. What counts is the greatest number of its iterations:
the count is a linear form where the bounds are, and is greatest at one end of the range of each index in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

from numba import types as nb

from adjoint.analysis.linear import Linear, symbol, whole
from adjoint.analysis.written import expression
from adjoint.ir import Call, Expr, For, Let, Lit, Stmt, Var, While
from adjoint.transform.program import Program

# More steps than this are not made to find the greatest value of a form.
MOST = 16
# An array of fewer places than this takes longer to make than as many items of a list.
FEWEST = 16

Rectangle = tuple[tuple[Expr, ...], tuple[Expr, ...]]


def extents(program: Program, loops: Sequence[For | While]) -> Rectangle | None:
    """Return sizes and indices of an array with a place for every iteration of nested loops, outermost first.

    The sizes are expressions of what is known before the outermost loop; the indices also of what the bounds of the
    loops depend on. None if the counts are not limited by anything that is known, or if the array would be much larger
    than what is kept there: half of it may be left over, as in a triangle, but not more.
    """
    nest = _Nest(program, loops)
    found = [nest.axis(loop) for loop in loops]
    axes = [axis for axis in found if axis is not None]
    if len(axes) < len(found) or sum(axis.is_loose for axis in axes) > 1:
        return None
    return tuple(axis.size for axis in axes), tuple(axis.index for axis in axes)


def rectangle_of(program: Program, loops: Sequence[For | While]) -> tuple[int, Rectangle | None]:
    """Return how many of nested loops, outermost first, run who knows how often, and the extents of those within."""
    for depth in range(len(loops)):
        found = extents(program, loops[depth:])
        if found is not None:
            return depth, None if depth and _is_small(found[0]) else found
    return 0, None


def _is_small(sizes: Sequence[Expr]) -> bool:
    known = [size.value for size in sizes if isinstance(size, Lit) and isinstance(size.value, int)]
    return len(known) == len(sizes) and prod(known) < FEWEST


@dataclass(frozen=True, slots=True)
class _Axis:
    size: Expr
    index: Expr
    # Whether the count depends on the loops around, so that the size is more than some of them need.
    is_loose: bool


@dataclass(frozen=True, slots=True)
class _Extreme:
    """The least or greatest of several values."""

    prim: str
    parts: tuple[Linear | _Extreme, ...]


_Value = Linear | _Extreme


class _Nest:
    def __init__(self, program: Program, loops: Sequence[For | While]) -> None:
        self.program = program
        self.outermost = loops[0]
        # How symbols are written that are not names known before.
        self.values: dict[str, Expr] = {}
        self.order = {name: k for k, name in enumerate(program.structure.bindings)}

    def axis(self, loop: For | While) -> _Axis | None:
        """Return the greatest count of a loop, and the position of an iteration."""
        if not isinstance(loop, For) or not isinstance(loop.step, Lit) or not isinstance(loop.step.value, int):
            return None
        step, start, stop = loop.step.value, self.form(loop.start), self.form(loop.stop)
        if start is None or stop is None or step == 0:
            return None
        count, position, stride = stop, symbol(loop.index.name), abs(step)
        if step != 1 or start.number is None or start.number < 0:
            sign = 1 if step > 0 else -1
            count, position = (stop - start).times(sign), (position - start).times(sign)
        most = self.most(count.plus(stride - 1), [MOST])
        if most is None:
            return None
        size, index = self.written(most), expression(position, self.values)
        if stride > 1:
            size, index = (Call("floordiv", (each, Lit(stride))) for each in (size, index))
        return _Axis(self.not_negative(size), index, bool(self.open(count)) and not isinstance(size, Lit))

    def written(self, value: _Value) -> Expr:
        if isinstance(value, Linear):
            return expression(value, self.values)
        parts = [self.written(part) for part in value.parts]
        return reduce(lambda a, b: Call(value.prim, (a, b), via="builtin"), parts)

    def not_negative(self, size: Expr) -> Expr:
        if isinstance(size, Lit) and isinstance(size.value, int):
            return Lit(max(size.value, 0))
        if isinstance(size, Var) and self._is_size(size.name):
            return size
        return Call("maximum", (size, Lit(0)), via="builtin")

    def _is_size(self, name: str) -> bool:
        stmt = self.program.structure.of(name).stmt
        return isinstance(stmt, Let) and isinstance(stmt.value, Call) and stmt.value.prim in ("dim", "size", "len")

    # -- linear forms ------------------------------------------------------------------------------------------

    def is_outside(self, name: str) -> bool:
        """Whether a name is bound before the outermost loop and keeps its value."""
        structure = self.program.structure
        return not structure.of(name).place.inside(structure.place(self.outermost))

    def form(self, expr: Expr) -> Linear | None:
        """Return an operand as a linear form of what is known before, of indices, and of other names."""
        match expr:
            case Lit(int(number)) if not isinstance(number, bool):
                return whole(number)
            case Var(name) if self.is_whole(name):
                stmt = None if self.is_outside(name) else self.program.structure.of(name).stmt
                found = self.form_of(name, stmt.value) if isinstance(stmt, Let) else None
                return symbol(name) if found is None else found
            case _:
                return None

    def is_whole(self, name: str) -> bool:
        return self.program.types.get(name) == nb.int64

    def form_of(self, name: str, value: Expr) -> Linear | None:
        match value:
            case Var():
                return self.form(value)
            case Call("dim", (Var(array), Lit())) if self.is_outside(array):
                self.values[name] = value
                return symbol(name)
            case Call("add" | "sub" as prim, (first, second)):
                a, b = self.form(first), self.form(second)
                return None if a is None or b is None else a + b if prim == "add" else a - b
            case Call("mul", (Lit(int(factor)), other) | (other, Lit(int(factor)))) if not isinstance(factor, bool):
                form = self.form(other)
                return None if form is None else form.times(factor)
            case _:
                return None

    # -- the greatest value ------------------------------------------------------------------------------------

    def open(self, form: Linear) -> list[str]:
        """Return the symbols of a form that are not known before the outermost loop."""
        return [name for name in form.symbols if name not in self.values and not self.is_outside(name)]

    def most(self, form: Linear, budget: list[int]) -> _Value | None:
        """Return what a form doesn't exceed, in what is known before; None if there is nothing."""
        open_ = self.open(form)
        if not open_:
            return form
        # The innermost first: what it is replaced by may cancel out against others.
        inner = max(open_, key=lambda name: self.order[name])
        budget[0] -= 1
        if budget[0] < 0:
            return None
        upwards = form.factor(inner) > 0
        stmt = self.program.structure.of(inner).stmt
        either = self.ends(stmt, inner, upwards)
        found = [self.most(form.replaced({inner: end}), budget) for end in either if end is not None]
        known = [each for each in found if each is not None]
        match stmt:
            case Let(_, Call("minimum" | "maximum" as prim)) if (prim == "maximum") == upwards:
                return _extreme("maximum", known) if len(known) == len(either) else None
            case _:
                return _extreme("minimum", known)

    def ends(self, stmt: Stmt | None, name: str, upwards: bool) -> list[Linear | None]:
        """Return what a name is at most, or at least: the end of a range, or the one or the other of two operands."""
        match stmt:
            case For(Var(index), start, stop, Lit(int(step))) if index == name and step:
                first, last = self.form(start), self.form(stop)
                if upwards == (step > 0):
                    return [None if last is None else last.plus(-1 if step > 0 else 1)]
                return [first]
            case Let(_, Call("minimum" | "maximum", (first, second))):
                return [self.form(first), self.form(second)]
            case _:
                return []


def _extreme(prim: str, values: Sequence[_Value]) -> _Value | None:
    """Return the least or greatest of some values, without those of which another one is known to be beyond."""
    parts: list[_Value] = []
    for value in values:
        parts += value.parts if isinstance(value, _Extreme) and value.prim == prim else (value,)
    kept: list[_Value] = []
    for part in parts:
        others = [other for other in parts if other is not part]
        if part not in kept and not any(_is_beyond(prim, other, part) for other in others):
            kept.append(part)
    return None if not kept else kept[0] if len(kept) == 1 else _Extreme(prim, tuple(kept))


def _is_beyond(prim: str, value: _Value, other: _Value) -> bool:
    if not isinstance(value, Linear) or not isinstance(other, Linear):
        return False
    apart = (value - other).number
    return apart is not None and (apart < 0 if prim == "minimum" else apart > 0)
