"""Functions of matrices, applied to each matrix of a stack: an array of three axes, of which Numba has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def each_matrix(function: Any, a: NDArray[Any], rest: Any = ()) -> Any:
    """Apply a function from matrices to matrices of the same shape."""
    out = np.empty((a.shape[0], a.shape[1], a.shape[2]), a.dtype)
    for k in range(a.shape[0]):
        out[k] = function(np.ascontiguousarray(a[k]), *rest)
    return out


def each_number(function: Any, a: NDArray[Any]) -> Any:
    out = np.empty(a.shape[0], a.dtype)
    for k in range(a.shape[0]):
        out[k] = function(np.ascontiguousarray(a[k]))
    return out


def each_vector(function: Any, a: NDArray[Any]) -> Any:
    out = np.empty((a.shape[0], min(a.shape[1], a.shape[2])), a.dtype)
    for k in range(a.shape[0]):
        out[k] = function(np.ascontiguousarray(a[k]))
    return out


def matrix_power(a: Any, n: Any) -> Any:
    return each_matrix(np.linalg.matrix_power, a, (n,))


def pinv(a: NDArray[Any]) -> Any:
    out = np.empty((a.shape[0], a.shape[2], a.shape[1]), a.dtype)
    for k in range(a.shape[0]):
        out[k] = np.linalg.pinv(np.ascontiguousarray(a[k]))
    return out


def slogdet(a: NDArray[Any]) -> Any:
    signs, logs = np.empty(a.shape[0], a.dtype), np.empty(a.shape[0], a.dtype)
    for k in range(a.shape[0]):
        signs[k], logs[k] = np.linalg.slogdet(np.ascontiguousarray(a[k]))
    return signs, logs


def eigh(a: NDArray[Any]) -> Any:
    values, vectors = np.empty((a.shape[0], a.shape[1]), a.dtype), np.empty(a.shape, a.dtype)
    for k in range(a.shape[0]):
        values[k], vectors[k] = np.linalg.eigh(np.ascontiguousarray(a[k]))
    return values, vectors


def singular_values(a: NDArray[Any], compute_uv: Any = False) -> Any:
    def of(matrix: Any) -> Any:
        return np.linalg.svd(matrix)[1]

    return each_vector(of, a)


def solve(a: NDArray[Any], b: NDArray[Any]) -> Any:
    """A stack of systems, one system for each of several right-hand sides, or one side for all systems."""
    count = a.shape[0] if a.ndim == 3 else b.shape[0]
    if a.ndim == 3 and b.ndim == 3 and a.shape[0] != b.shape[0]:
        raise ValueError("`solve` of stacks of unequal lengths")
    out = np.empty((count, a.shape[-1]) if b.ndim == 1 else (count, b.shape[-2], b.shape[-1]), a.dtype)
    for k in range(count):
        left = a[k] if a.ndim == 3 else a
        right = b[k] if b.ndim == 3 else b
        out[k] = np.linalg.solve(np.ascontiguousarray(left), np.ascontiguousarray(right))
    return out


def trace(a: NDArray[Any]) -> Any:
    """`np.linalg.trace`, of the last two axes."""
    return np.trace(a) if a.ndim == 2 else each_number(np.trace, a)


def diagonal(a: NDArray[Any]) -> Any:
    return np.diag(a)


def matrix_transpose(a: NDArray[Any]) -> Any:
    """The last two axes exchanged."""
    return a.T if a.ndim == 2 else np.transpose(a, (0, 2, 1))


def multi_dot(arrays: Any) -> Any:
    product = arrays[0]
    for each in arrays[1:]:
        product = np.dot(product, each)
    return product
