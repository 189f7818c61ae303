"""Parts of arrays: which element of the array a view was taken of is which element of the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adjoint.analysis.linear import Linear, whole
from adjoint.analysis.written import shifted
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import names_in

Shape = tuple[Linear, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """An axis of the base of which one index is taken."""

    index: Expr


_ZERO = Lit(0)


@dataclass(frozen=True, slots=True)
class Along:
    """An axis of the base that is the axis `axis` of the view: index `k` there is `start + step * k` here."""

    axis: int
    start: Expr = _ZERO
    step: int = 1

    def at(self, k: Expr) -> Expr:
        if self.step == 1:
            return plus(k, self.start)
        if self.step == -1:
            return Call("sub", (self.start, k)) if k != Lit(0) else self.start
        return plus(Call("mul", (Lit(self.step), k)) if k != Lit(0) else k, self.start)


@dataclass(frozen=True, slots=True)
class View:
    """A view of `base`: for each axis of the base where it is found, and the lengths of its own axes."""

    base: str
    axes: tuple[Fixed | Along, ...]
    shape: Shape
    # The names that the subscripts read.
    names: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        read = (axis.index if isinstance(axis, Fixed) else axis.start for axis in self.axes)
        object.__setattr__(self, "names", frozenset(name for expr in read for name in names_in(expr)))

    def index(self, at: Sequence[Expr]) -> tuple[Expr, ...]:
        """Return the subscript of the base that belongs to one of the view."""
        return tuple(axis.index if isinstance(axis, Fixed) else axis.at(at[axis.axis]) for axis in self.axes)

    def moved(self, to: Sequence[Fixed | Along | None], shape: Shape) -> View:
        """Take a view of the view: `to[k]` says where its axis `k` went (None: it has length 1 and is gone)."""
        return View(self.base, tuple(_through(axis, to) for axis in self.axes), shape)


def whole_view(base: str, shape: Shape) -> View:
    return View(base, tuple(Along(k) for k in range(len(shape))), shape)


def _through(axis: Fixed | Along, to: Sequence[Fixed | Along | None]) -> Fixed | Along:
    if isinstance(axis, Fixed):
        return axis
    match to[axis.axis]:
        case None:
            return Fixed(axis.at(Lit(0)))
        case Fixed(index):
            return Fixed(axis.at(index))
        case Along(place, start, step):
            return Along(place, axis.at(start), axis.step * step)


def plus(a: Expr, b: Expr) -> Expr:
    """Return the sum of two indices, folded where one is a number."""
    if isinstance(b, Lit) and isinstance(b.value, int):
        return shifted(a, b.value)
    if isinstance(a, Lit) and isinstance(a.value, int):
        return shifted(b, a.value)
    return Call("add", (a, b))


def transposed(view: View, axes: Sequence[int] | None = None) -> View:
    """Return the view with its axes in another order, by default the opposite one."""
    order = tuple(range(len(view.shape)))[::-1] if axes is None else tuple(axes)
    to = [Along(order.index(k)) for k in range(len(order))]
    return view.moved(to, tuple(view.shape[k] for k in order))


def expanded(view: View, axes: Sequence[int]) -> View:
    """Return the view with new axes of length 1, at these places of the result."""
    rank = len(view.shape) + len(axes)
    added = {axis % rank for axis in axes}
    kept = [axis for axis in range(rank) if axis not in added]
    sizes = iter(view.shape)
    shape = tuple(whole(1) if axis in added else next(sizes) for axis in range(rank))
    return view.moved([Along(axis) for axis in kept], shape)


def stretched(view: View, shape: Shape) -> View:
    """Return the view broadcast to a shape; axes of length 1 stay at their first element."""
    lead = len(shape) - len(view.shape)
    to: list[Fixed | Along | None] = [
        None if size == whole(1) else Along(lead + k) for k, size in enumerate(view.shape)
    ]
    return view.moved(to, shape)

