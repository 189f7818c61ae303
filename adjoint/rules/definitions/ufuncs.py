"""The methods of NumPy's functions of two numbers: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from adjoint.rules.definitions.along import back, front


def reduce(function: Any, array: Any, axis: Any = 0) -> Any:
    vectors = front(array, axis)
    if vectors.shape[0] == 0:
        raise ValueError("`reduce` of an array without elements")
    total = vectors[0] if array.ndim == 1 else np.copy(vectors[0])
    for i in range(1, vectors.shape[0]):
        total = function(total, vectors[i])
    return total


def accumulate(function: Any, array: Any, axis: Any = 0) -> Any:
    vectors = front(array, axis)
    out = np.empty_like(vectors)
    if vectors.shape[0] > 0:
        out[0] = vectors[0]
    for i in range(1, vectors.shape[0]):
        out[i] = function(out[i - 1], vectors[i])
    return back(out, axis)


def outer(function: Any, A: Any, B: Any) -> Any:
    left = np.expand_dims(A, -1)
    if B.ndim == 2:
        left = np.expand_dims(left, -1)
    return function(left, B)


def along_first(function: Any, array: Any, axis: Any = 0) -> Any:
    """A reduction of NumPy's own, along the first axis unless another is named."""
    return function(array, axis=axis)


_REDUCTIONS: dict[object, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
_GENERAL = {"reduce": reduce, "accumulate": accumulate, "outer": outer}


def method_of(ufunc: np.ufunc, name: str) -> Callable[..., Any] | None:
    """Return the function to read in the place of a method; None if there is none."""
    if name == "reduce" and ufunc in _REDUCTIONS:
        return partial(along_first, _REDUCTIONS[ufunc])
    if name == "accumulate" and ufunc is np.add:
        return partial(along_first, np.cumsum)
    return partial(_GENERAL[name], ufunc) if name in _GENERAL and ufunc.nin == 2 and ufunc.nout == 1 else None
