"""How many turns groups of loops make, and where in a block of a matrix the element of their indices is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod

from adjoint.analysis.ranges import ends
from adjoint.ir import Call, Expr, For, Lit, Var
from adjoint.ir.walk import substitute
from adjoint.lower.factors import Factor, Group, Range, factors_of


def place(axes: Sequence[Group], ranges: Mapping[str, Range]) -> tuple[Expr, ...]:
    """Return where the element of some indices is in a block."""
    return tuple(_position(group, ranges) for group in axes)


def _position(group: Group, ranges: Mapping[str, Range]) -> Expr:
    """Return how many turns loops have made, each in the one before."""
    first, *others = group
    position = less(ranges[first][0], Var(first))
    for name in others:
        turns = Call("mul", (position, less(*ranges[name])))
        position = Call("add", (turns, less(ranges[name][0], Var(name))))
    return position


def size(group: Group, ranges: Mapping[str, Range]) -> Expr:
    """Return how many turns loops make, each in the one before."""
    return times(*(less(*ranges[name]) for name in group))


def times(*factors: Expr) -> Expr:
    number = prod(factor.value for factor in factors if isinstance(factor, Lit) and isinstance(factor.value, int))
    others = [factor for factor in factors if not isinstance(factor, Lit)]
    return reduce(lambda a, b: Call("mul", (a, b)), others if others and number == 1 else [*others, Lit(number)])


def holds(test: Expr) -> bool:
    match test:
        case Call("ge", (Lit(int() as size), Lit(int() as least))):
            return size >= least
        case _:
            return False


def ends_of(loop: For) -> Range:
    found = ends(loop)
    assert found is not None, "loops that count one up or down have ends"
    return found


def less(low: Expr, high: Expr) -> Expr:
    """Return how much one number is more than another."""
    match low, high:
        case Lit(int() as first), Lit(int() as last):
            return Lit(last - first)
        case _ if low == high:
            return Lit(0)
        case _:
            return high if low == Lit(0) else Call("sub", (high, low))


def identity(factor: Factor, ranges: Mapping[str, Range]) -> object:
    """Return what is the same for factors that are equal but for the names of indices, and the order of a product."""
    names = [name for group in factor.axes for name in group]
    places: dict[str, Expr] = {name: Lit(f"index {k}") for k, name in enumerate(names)}
    negative, factors = factors_of(substitute(factor.value, places))
    lengths = tuple(map(len, factor.axes)), tuple(ranges[name] for name in names)
    return negative, tuple(sorted(factors, key=repr)), *lengths


def turned(factor: Factor, matrix: Var, ranges: Mapping[str, Range], wanted: tuple[Group, Group]) -> Expr:
    """Return the matrix of a factor, with these axes."""
    block: Expr = matrix
    if factor.matrix is not None:
        (row,) = factor.axes[0]
        start, stop = (end if factor.first is None else less(factor.first, end) for end in ranges[row])
        block = Call("getitem", (matrix, Call("slice", (start, stop, Lit(None)))))
    return block if factor.axes == wanted else Call("transpose", (block,))
