"""Functions of arrays that Numba lacks, or that lack options there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adjoint.rules.definitions.along import back, front

_MOVEAXIS: Any = np.moveaxis
_CUMPROD: Any = np.cumprod
_ARANGE: Any = np.arange


def trapezoid(y: Any, dx: Any = 1.0, axis: Any = -1) -> Any:
    vectors = front(y, axis)
    return dx * np.sum(0.5 * (vectors[1:] + vectors[:-1]), axis=0)


def diff(a: Any, axis: Any) -> Any:
    vectors = front(a, axis)
    return back(vectors[1:] - vectors[:-1], axis)


def gradient(f: Any, h: Any = 1.0, axis: Any = 0) -> Any:
    vectors = front(f, axis)
    out = np.empty_like(vectors)
    out[0] = (vectors[1] - vectors[0]) / h
    out[1:-1] = (vectors[2:] - vectors[:-2]) / (2.0 * h)
    out[-1] = (vectors[-1] - vectors[-2]) / h
    return back(out, axis)


def gradient_2d(f: Any, h: Any = 1.0) -> Any:
    return gradient(f, h, 0), gradient(f, h, 1)


def linspace(start: Any, stop: Any, num: Any = 50, endpoint: Any = True) -> Any:
    return start + (stop - start) / num * _ARANGE(num)


def of_two(function: Any, x: Any, y: Any) -> Any:
    """A function of the rows of a matrix, of two vectors."""
    return function(np.vstack((x, y)))


def average(a: NDArray[np.floating[Any]], axis: int | None = None, weights: Any = None) -> Any:
    if weights is None:
        result = np.mean(a, axis=axis)
    elif axis is None:
        if weights.shape != a.shape:
            raise ValueError("weights need the shape of what they weigh where no axis is given")
        result = np.sum(a * weights) / np.sum(weights)
    elif a.ndim == weights.ndim:
        result = np.sum(a * weights, axis=axis) / np.sum(weights, axis=axis)
    elif axis % a.ndim == 0:
        result = np.sum(a * np.expand_dims(weights, 1), axis=axis) / np.sum(weights)
    else:
        result = np.sum(a * weights, axis=axis) / np.sum(weights)
    return result


def counted(n: int) -> NDArray[np.int64]:
    return np.arange(n, dtype=np.int64)


def repeat(a: NDArray[np.floating[Any]], repeats: int, axis: int) -> Any:
    rows = np.repeat(counted(a.shape[axis]), repeats)
    return a[rows] if axis % a.ndim == 0 else a[:, rows]


def tile(A: NDArray[np.floating[Any]], reps: tuple[int, int]) -> Any:
    a = np.expand_dims(A, 0) if A.ndim == 1 else A
    rows = counted(reps[0] * a.shape[0]) % a.shape[0]
    columns = counted(reps[1] * a.shape[1]) % a.shape[1]
    return a[rows][:, columns]


def place(index: Any, n: Any, mode: Any) -> Any:
    """Return where the elements of a padded axis come from."""
    if mode == "edge":
        found = np.minimum(np.maximum(index, 0), n - 1)
    elif mode == "wrap":
        found = index % n
    elif mode == "reflect":
        found = n - 1 - np.abs(n - 1 - index % (2 * n - 2))
    else:
        found = (2 * n - 1 - np.abs(2 * n - 1 - 2 * (index % (2 * n)))) // 2
    return found


def pad(array: Any, pad_width: Any, mode: Any = "constant") -> Any:
    n = array.shape[0]
    if pad_width < 0:
        raise ValueError("index can't contain negative values")
    if mode != "constant":
        out = array[place(np.arange(n + 2 * pad_width) - pad_width, n, mode)]
        if array.ndim == 2:
            m = array.shape[1]
            out = out[:, place(np.arange(m + 2 * pad_width) - pad_width, m, mode)]
    elif array.ndim == 1:
        out = np.zeros(n + 2 * pad_width, array.dtype)
        out[pad_width : pad_width + n] = array
    else:
        m = array.shape[1]
        out = np.zeros((n + 2 * pad_width, m + 2 * pad_width), array.dtype)
        out[pad_width : pad_width + n, pad_width : pad_width + m] = array
    return out


def meshgrid(x: Any, y: Any, indexing: Any = "xy") -> Any:
    if indexing == "xy":
        shape = (y.shape[0], x.shape[0])
        first, second = np.empty(shape, x.dtype), np.empty(shape, y.dtype)
        first[:] = x
        second[:] = np.expand_dims(y, 1)
    else:
        shape = (x.shape[0], y.shape[0])
        first, second = np.empty(shape, x.dtype), np.empty(shape, y.dtype)
        first[:] = np.expand_dims(x, 1)
        second[:] = y
    return first, second


def fix(x: Any) -> Any:
    return np.trunc(x)


def heaviside(x: Any, h: Any) -> Any:
    return np.where(x < 0.0, 0.0, np.where(x == 0.0, h, 1.0))


def vecdot(a: NDArray[Any], b: NDArray[Any]) -> Any:
    return np.vdot(a, b) if a.ndim == 1 else np.sum(np.conj(a) * b, axis=-1)


def scaled(a: Any, b: Any) -> Any:
    """`np.dot` with a number."""
    return a * b


def take_along_axis(arr: Any, indices: Any, axis: Any) -> Any:
    out = np.empty(indices.shape, arr.dtype)
    for i in range(indices.shape[0]):
        if arr.ndim == 1:
            out[i] = arr[indices[i]]
        else:
            for j in range(indices.shape[1]):
                out[i, j] = arr[indices[i, j], j] if axis % 2 == 0 else arr[i, indices[i, j]]
    return out


def svdvals(a: Any, compute_uv: Any = False) -> Any:
    values: Any = np.linalg.svd(a)[1]
    return values


def norm_of_all(x: Any) -> Any:
    return np.linalg.norm(np.ravel(np.ascontiguousarray(x)))


def norm_of_matrix(x: Any) -> Any:
    return np.linalg.norm(x)


def cumulative_sum(x: Any, axis: Any = 0) -> Any:
    return np.cumsum(x, axis=axis)


def cumulative_prod(x: Any, axis: Any = 0) -> Any:
    return _CUMPROD(x) if x.ndim == 1 else _CUMPROD(x, axis=axis)


def modf(x: Any) -> Any:
    return x - np.trunc(x), np.trunc(x)


def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    place = start if start >= 0 else start + a.ndim
    return _MOVEAXIS(a, axis, place - 1 if axis % a.ndim < place else place)


def same(a: Any) -> Any:
    """`np.real_if_close` of real numbers, `np.asanyarray`."""
    return np.asarray(a)


def asarray_chkfinite(a: Any) -> Any:
    if not np.all(np.isfinite(a)):
        raise ValueError("array must not contain infs or NaNs")
    return np.asarray(a)
