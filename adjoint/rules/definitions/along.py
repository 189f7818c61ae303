"""Functions of vectors applied along an axis of an array, and at each of several numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def front(a: Any, axis: Any) -> Any:
    """Move an axis to the front."""
    if a.ndim < 3:
        moved = a if axis % a.ndim == 0 else a.T
    elif axis % 3 == 0:
        moved = a
    else:
        moved = np.transpose(a, (1, 0, 2) if axis % 3 == 1 else (2, 0, 1))
    return moved


def back(a: Any, axis: Any) -> Any:
    """Move the first axis to where it came from."""
    if a.ndim < 3:
        moved = a if axis % a.ndim == 0 else a.T
    elif axis % 3 == 0:
        moved = a
    else:
        moved = np.transpose(a, (1, 0, 2) if axis % 3 == 1 else (1, 2, 0))
    return moved


def reduced(function: Any, a: Any, axis: Any, rest: Any = (), keepdims: Any = False) -> Any:
    """Apply a function of vectors along an axis: one number for each."""
    vectors = front(a, axis)
    if a.ndim == 1:
        out = np.empty(1, a.dtype)
        out[0] = function(a, *rest)
    elif a.ndim == 2:
        out = np.empty(vectors.shape[1], a.dtype)
        for j in range(vectors.shape[1]):
            out[j] = function(vectors[:, j], *rest)
    else:
        out = np.empty((vectors.shape[1], vectors.shape[2]), a.dtype)
        for j in range(vectors.shape[1]):
            for k in range(vectors.shape[2]):
                out[j, k] = function(vectors[:, j, k], *rest)
    if keepdims:  # noqa: SIM108 (one line would be four cases)
        result = out if a.ndim == 1 else np.expand_dims(out, axis)
    else:
        result = out[0] if a.ndim == 1 else out
    return result


def reduced_at(function: Any, a: Any, q: Any, axis: Any, keepdims: Any = False) -> Any:
    return reduced(function, a, axis, (q,), keepdims)


def at_each(function: Any, a: Any, q: Any) -> Any:
    """Apply a function of an array and a number to each of several numbers."""
    out = np.empty(q.shape[0], a.dtype)
    for k in range(q.shape[0]):
        out[k] = function(a, q[k])
    return out


def mapped(function: Any, a: Any, axis: Any = -1, rest: Any = ()) -> Any:
    """Apply a function of vectors along an axis: a vector of the same length for each."""
    vectors = front(a, axis)
    out = np.empty_like(vectors)
    if a.ndim == 2:
        for j in range(vectors.shape[1]):
            out[:, j] = function(vectors[:, j], *rest)
    else:
        for j in range(vectors.shape[1]):
            for k in range(vectors.shape[2]):
                out[:, j, k] = function(vectors[:, j, k], *rest)
    return back(out, axis)


def mapped_at(function: Any, a: Any, k: Any, axis: Any = -1) -> Any:
    return mapped(function, a, axis, (k,))


def variance(a: Any, axis: Any, ddof: Any = 0, keepdims: Any = False) -> Any:
    n = a.shape[axis]

    def of(vector: Any) -> Any:
        return np.var(vector) * (n / (n - ddof))

    return reduced(of, a, axis, (), keepdims)


def deviation(a: Any, axis: Any, ddof: Any = 0, keepdims: Any = False) -> Any:
    n = a.shape[axis]

    def of(vector: Any) -> Any:
        return np.std(vector) * np.sqrt(n / (n - ddof))

    return reduced(of, a, axis, (), keepdims)


def variance_of_all(a: Any, ddof: Any) -> Any:
    return np.var(a) * (a.size / (a.size - ddof))


def deviation_of_all(a: Any, ddof: Any) -> Any:
    return np.std(a) * np.sqrt(a.size / (a.size - ddof))


def norm(x: Any, axis: Any, keepdims: Any = False) -> Any:
    return reduced(np.linalg.norm, x, axis, (), keepdims)
