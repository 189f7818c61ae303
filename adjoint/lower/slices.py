"""Subscripts with slices: which part of a view they take, and what must hold for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adjoint.analysis.linear import Linear, whole
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.lower.facts import Facts
from adjoint.lower.views import Along, Fixed, View

_NONE = Lit(None)


@dataclass(slots=True)
class Part:
    """A view, and what must not be negative for it to be what the subscript says."""

    view: View
    needs: list[Linear] = field(default_factory=list[Linear])


def sliced(view: View, index: Sequence[Expr], facts: Facts) -> Part | None:
    """Return the part of a view that a subscript takes; None for subscripts with arrays, or that can't be followed."""
    items = _filled(index, len(view.shape))
    if items is None:
        return None
    to: list[Fixed | Along | None] = []
    shape: list[Linear] = []
    needs: list[Linear] = []
    for item in items:
        if item == _NONE:
            shape.append(whole(1))
        elif isinstance(item, Call) and item.prim == "slice":
            cut = _cut(view.shape[len(to)], item.args, facts, needs)
            if cut is None:
                return None
            to.append(Along(len(shape), *cut[1:]))
            shape.append(cut[0])
        else:
            place = _place(item, len(to), view, facts)
            if place is None:
                return None
            to.append(Fixed(place))
    return Part(view.moved(to, tuple(shape)), needs) if len(to) == len(view.shape) else None


def _place(item: Expr, k: int, view: View, facts: Facts) -> Expr | None:
    """Return a single index into an axis of a view, one that may count from the end only if the base is meant."""
    if isinstance(item, Lit) and (not isinstance(item.value, int) or isinstance(item.value, bool)):
        return None
    if not facts.is_scalar(item):
        return None
    form = facts.integer(item)
    if _is_whole(k, view, facts) or form is not None and facts.symbols.never_negative(form):
        return item
    return facts.symbols.expr(view.shape[k] + form) if form is not None and form.number is not None else None


def _is_whole(k: int, view: View, facts: Facts) -> bool:
    """Whether an axis of a view is a whole axis of its base."""
    base = facts.shape(Var(view.base))
    axes = [(at, axis) for at, axis in enumerate(view.axes) if isinstance(axis, Along) and axis.axis == k]
    return base is not None and len(axes) == 1 and axes[0][1] == Along(k) and base[axes[0][0]] == view.shape[k]


def _filled(index: Sequence[Expr], rank: int) -> list[Expr] | None:
    """Write an ellipsis, and the axes left out at the end, as full slices."""
    full = Call("slice", (_NONE, _NONE, _NONE))
    taken = sum(item not in (_NONE, Lit(...)) for item in index)
    items = [*index] if Lit(...) in index else [*index, Lit(...)]
    if taken > rank or items.count(Lit(...)) > 1:
        return None
    place = items.index(Lit(...))
    return [*items[:place], *([full] * (rank - taken)), *items[place + 1 :]]


def _cut(
    size: Linear, bounds: tuple[Expr, ...], facts: Facts, needs: list[Linear]
) -> tuple[Linear, Expr, int] | None:
    """Return the length, the start and the step of a slice of an axis; add to `needs` what it takes for granted."""
    if len(bounds) != 3:
        return None
    start, stop, step = bounds
    match step:
        case Lit(None):
            pace = 1
        case Lit(int() as pace):
            pass
        case _:
            return None
    symbols = facts.symbols
    if pace == -1 and start == stop == _NONE:
        return size, symbols.expr(size.plus(-1)), -1
    first = _bound(start, whole(0), size, facts, needs)
    last = _bound(stop, size, size, facts, needs)
    if pace < 1 or first is None or last is None:
        return None
    # A negative number as the end means the start of the axis where that is too short.
    from_end = last != size and _counts_back(facts.integer(stop))
    _check(first, last, size, facts, needs, from_end=from_end)
    length = facts.same(last - first)
    if pace == 1:
        return symbols.clipped(length), symbols.expr(first), 1
    if length.number is not None:
        return whole(max(0, -(-length.number // pace))), symbols.expr(first), pace
    steps = Call("floordiv", (symbols.expr(length.plus(pace - 1)), Lit(pace)))
    counted = Call("maximum", (steps, Lit(0)), via="builtin")
    return symbols.opaque(counted, length=True), symbols.expr(first), pace


def _bound(bound: Expr, default: Linear, size: Linear, facts: Facts, needs: list[Linear]) -> Linear | None:
    """Return a bound of a slice as a form; a negative number, as `-k` is taken to be, counts from the end."""
    if bound == _NONE:
        return default
    form = facts.integer(bound)
    if form is None or not _counts_back(form):
        return form
    if not facts.symbols.never_negative(negative := form.plus(1).times(-1)):
        needs.append(negative)
    return size + form


def _counts_back(form: Linear | None) -> bool:
    """Whether a form is a negative number, or one where nothing in it is."""
    if form is None or form.constant > 0:
        return False
    return form.constant < 0 if not form.terms else all(factor < 0 for _, factor in form.terms)


def _check(
    first: Linear, last: Linear, size: Linear, facts: Facts, needs: list[Linear], *, from_end: bool
) -> None:
    symbols = facts.symbols
    # `size - 1` is negative only for an empty axis, and then the slice is empty in either reading.
    lowest = -1 if last == size.plus(-1) else 0
    if not symbols.never_negative(first):
        needs.append(first)
    if not from_end and not symbols.never_negative(last.plus(-lowest)):
        needs.append(last)
    if not symbols.never_negative(size - last):
        needs.append(size - last)
