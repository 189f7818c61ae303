"""Sets of inputs in the place of tangents: sums, products and quotients are unions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np


class Dependence:
    """The inputs that a number depends on, by their positions. Numbers depend on nothing.

    It takes part in arithmetic only. Comparisons and conversions raise TypeError, or dependences would be lost.
    """

    __slots__ = ("inputs",)
    __array_ufunc__ = None  # so that NumPy's numbers and arrays leave operators to us

    def __init__(self, inputs: Iterable[int] = ()) -> None:
        self.inputs = inputs if isinstance(inputs, frozenset) else frozenset(inputs)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Dependence):
            return self if other.inputs <= self.inputs else Dependence(self.inputs | other.inputs)
        if isinstance(other, np.ndarray):
            return _each(self, other)
        return self

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __add__

    def __neg__(self) -> Dependence:
        return self

    __pos__ = __neg__

    def _refused(self, *_: Any) -> NoReturn:
        raise TypeError("no value, but what a value depends on")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __int__ = __complex__ = _refused


NOTHING = Dependence()


def _each(one: Dependence, others: Any) -> Any:
    found = np.empty(others.shape, object)
    if others.dtype != object:
        found.fill(one)
    else:
        for place, other in np.ndenumerate(others):
            found[place] = one + other
    return found


def nothing(shape: Any) -> Any:
    """Return an array of numbers that depend on nothing."""
    return np.full(shape, NOTHING, object)


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def seeds(value: Any, start: int) -> Any:
    """Return what stands for the tangent of an input whose first number is at position `start`."""
    if not is_array(value):
        return Dependence((start,))
    found = np.empty(value.shape, object)
    for k in range(value.size):
        found.flat[k] = Dependence((start + k,))
    return found


def inputs_of(leaf: Any) -> list[tuple[int, ...]]:
    """Return, for each number of a result, the positions that it depends on, in order."""
    elements: Iterable[Any] = leaf.flat if is_array(leaf) else (leaf,)
    return [tuple(sorted(each.inputs)) if isinstance(each, Dependence) else () for each in elements]
