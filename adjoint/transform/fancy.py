"""Adjoints of reading and writing through arrays of integers, element by element: an index may occur more than once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numba import types as nb

from adjoint.ir import Accum, Call, Expr, For, Let, Lit, Stmt, Store, Var
from adjoint.rules.numba_types import element_type, is_array
from adjoint.transform.program import Program, part_of

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse

Index = tuple[Expr, ...]
WHOLE = Call("slice", (Lit(None), Lit(None), Lit(None)))


@dataclass(frozen=True, slots=True)
class Fancy:
    """Arrays of integers among the indices: their positions, and the axes of `array[index]` that they make."""

    positions: tuple[int, ...]
    axis: int
    rank: int


def fancy_index(array: str, index: Index, program: Program) -> Fancy | None:
    """Return what arrays of integers do in `array[index]`; None if there are none (masks are something else)."""
    kinds = [program.types.get(item.name) if isinstance(item, Var) else None for item in index]
    arrays = [k for k, kind in enumerate(kinds) if isinstance(kind, nb.Array) and not _is_mask(kind)]
    if not arrays:
        return None
    # An integer beside an array is an array without axes: all together make the axes where the first of them stands,
    # or in front of all others if something stands between them.
    scalars = [k for k, item in enumerate(index) if isinstance(kinds[k], nb.Integer) or _is_integer(item)]
    advanced = sorted((*arrays, *scalars))
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    before = index[: advanced[0]] if together else ()
    consumed = sum(item not in (Lit(None), Lit(...)) for item in index)
    axis = sum(rank_of(program.types[array]) - consumed if item == Lit(...) else 1 for item in before)
    return Fancy(tuple(arrays), axis, max(rank_of(kinds[k]) for k in arrays))


def _is_mask(kind: Any) -> bool:
    return isinstance(element_type(kind), nb.Boolean)


def _is_integer(item: Expr) -> bool:
    return isinstance(item, Lit) and isinstance(item.value, int)


def rank_of(kind: Any) -> int:
    return kind.ndim


def read(reverse: Reverse, source: str, index: Index, bar: Var, fancy: Fancy) -> None:
    """Add the cotangent of `source[index]` to that of `source`."""
    target = reverse.bars.bar(source)
    nest = _Nest(reverse, index, fancy, bar)
    reverse.emit(nest.loop(lambda at, to: (Accum(target, at, part_of(bar, to)),)))


def write(reverse: Reverse, stmt: Store, fancy: Fancy, pass_on: Callable[[Var], None]) -> None:
    """Adjoint of a write through arrays of integers: of several writes to one element the last one counts.

    `pass_on` contributes the cotangent of `array[index]` to that of the value.
    """
    bar, value, program = reverse.bars.bar(stmt.array.name), stmt.value, reverse.program
    if not isinstance(value, Var) or value.name not in reverse.active:
        reverse.emit(Store(bar, stmt.index, Lit(0.0)))
        return
    reverse.bars.ensure_buffer(value.name)
    own = reverse.bars.bar(value.name)
    nest = _Nest(reverse, stmt.index, fancy, own)
    if program.equal(program.shapes.indexed(stmt), program.shapes.of(value), stmt):
        reverse.emit(nest.loop(lambda at, to: (Accum(own, to, part_of(bar, at)), Store(bar, at, Lit(0.0))), True))
    elif nest.is_plain and not isinstance(program.types[value.name], nb.Array):
        reverse.emit(nest.loop(lambda at, _: _summed(reverse, own, bar, at), True))
    else:
        read_ = part_of(bar, stmt.index)
        seed = program.fresh(f"{program.word(value.name, 'value')}_seed", program.type_at(read_, stmt.loc), hint=False)
        reverse.emit(Let(seed, read_))
        nest = _Nest(reverse, stmt.index, fancy, seed)
        reverse.emit(nest.loop(lambda at, to: (Store(seed, to, part_of(bar, at)), Store(bar, at, Lit(0.0))), True))
        pass_on(seed)


def _summed(reverse: Reverse, own: Var, bar: Var, place: Index) -> tuple[Stmt, ...]:
    part = part_of(bar, place)
    total = Call("sum", (part,), via="np") if is_array(reverse.program.type_of(part)) else part
    return Let(own, Call("add", (own, total))), Store(bar, place, Lit(0.0))


class _Nest:
    """Loops over the elements that arrays of integers choose; `whole` has the shape of `array[index]`, if need be."""

    def __init__(self, reverse: Reverse, index: Index, fancy: Fancy, whole: Var) -> None:
        self._program, self._index, self._fancy, self._whole = reverse.program, index, fancy, whole
        arrays = [index[k] for k in fancy.positions]
        self._first = arrays[0]
        # Otherwise one may be stretched to the shape of another.
        self.is_plain = all(self._program.shapes.same(self._first, other) for other in arrays[1:])
        self._counters = tuple(self._program.fresh("k", nb.int64) for _ in range(fancy.rank))

    def loop(self, body: Callable[[Index, Index], tuple[Stmt, ...]], backwards: bool = False) -> Stmt:
        """Return the loops around `body(place in the array, place in its part)`."""
        place = tuple(
            self._element(item) if k in self._fancy.positions else item for k, item in enumerate(self._index)
        )
        stmts = body(place, (*[WHOLE] * self._fancy.axis, *self._counters))
        for number, k in reversed(list(enumerate(self._counters))):
            stmts = (self._over(k, self._length(number), stmts, backwards),)
        (nest,) = stmts
        return nest

    def _over(self, k: Var, length: Expr, stmts: tuple[Stmt, ...], backwards: bool) -> Stmt:
        if backwards:
            return For(k, Call("sub", (length, Lit(1))), Lit(-1), Lit(-1), stmts)
        return For(k, Lit(0), length, Lit(1), stmts)

    def _length(self, number: int) -> Expr:
        if self.is_plain:
            return Call("dim", (self._first, Lit(number)))
        return Call("dim", (self._whole, Lit(self._fancy.axis + number)))

    def _element(self, where: Expr) -> Expr:
        rank = rank_of(self._program.type_of(where))
        counters: Index = self._counters[len(self._counters) - rank :]
        if not self.is_plain:
            ends = (Call("sub", (Call("dim", (where, Lit(k))), Lit(1))) for k in range(rank))
            counters = tuple(
                Call("minimum", (k, end), via="builtin") for k, end in zip(counters, ends, strict=True)
            )
        return Call("getitem", (where, *counters))
