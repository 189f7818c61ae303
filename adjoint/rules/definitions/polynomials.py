"""`np.poly*`: polynomials as arrays of coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

_LSTSQ: Any = np.linalg.lstsq


def polyval(p: Any, x: Any) -> Any:
    y = 0.0 * x
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


def poly(seq_of_zeros: Any) -> Any:
    out = np.zeros(seq_of_zeros.shape[0] + 1, seq_of_zeros.dtype)
    out[0] = 1.0
    for k in range(seq_of_zeros.shape[0]):
        for j in range(k + 1, 0, -1):
            out[j] -= seq_of_zeros[k] * out[j - 1]
    return out


def polyadd(a1: Any, a2: Any) -> Any:
    n = max(a1.shape[0], a2.shape[0])
    out = np.zeros(n, a1.dtype)
    out[n - a1.shape[0] :] += a1
    out[n - a2.shape[0] :] += a2
    return out


def polysub(a1: Any, a2: Any) -> Any:
    return polyadd(a1, -a2)


def polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


def _without_leading_zeros(a: Any) -> Any:
    first = 0
    while first < a.shape[0] - 1 and a[first] == 0.0:
        first += 1
    return a[first:]


def polyder(p: Any) -> Any:
    degree = p.shape[0] - 1
    out = np.empty(degree, p.dtype)
    for k in range(degree):
        out[k] = (degree - k) * p[k]
    return out


def polyint(p: Any) -> Any:
    n = p.shape[0]
    out = np.zeros(n + 1, p.dtype)
    for k in range(n):
        out[k] = p[k] / (n - k)
    return out


def polyfit(x: Any, y: Any, deg: Any) -> Any:
    """Least squares with columns scaled to length 1, as NumPy does it."""
    columns = np.ones((x.shape[0], deg + 1), x.dtype)
    for k in range(deg - 1, -1, -1):
        columns[:, k] = columns[:, k + 1] * x
    scale = np.sqrt(np.sum(columns * columns, axis=0))
    solution = _LSTSQ(columns / scale, y)[0]
    return solution / scale if y.ndim == 1 else solution / np.expand_dims(scale, 1)
