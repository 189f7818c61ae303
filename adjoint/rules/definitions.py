"""Functions and options that NumPy has and Numba lacks, as functions that the compiler reads in their place.

Each is written in the language the compiler accepts, with NumPy's parameters, and inlined where the user calls
NumPy's; its derivative is that of its text. What depends on a rank or on an option is decided while it is read.
"""

# Types are those of the call: annotations would say nothing.
# pyright: basic

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from adjoint.ir import Call, Lit
from adjoint.rules.numba_types import dtype_of, is_array, types


def front(a, axis):
    """Move an axis to the front."""
    if a.ndim < 3:
        moved = a if axis % a.ndim == 0 else a.T
    elif axis % 3 == 0:
        moved = a
    else:
        moved = np.transpose(a, (1, 0, 2) if axis % 3 == 1 else (2, 0, 1))
    return moved


def back(a, axis):
    """Move the first axis to where it came from."""
    if a.ndim < 3:
        moved = a if axis % a.ndim == 0 else a.T
    elif axis % 3 == 0:
        moved = a
    else:
        moved = np.transpose(a, (1, 0, 2) if axis % 3 == 1 else (1, 2, 0))
    return moved


def reduced(function, a, axis, rest=(), keepdims=False):
    """Apply a function of vectors along an axis: one number for each."""
    vectors = front(a, axis)
    if a.ndim == 1:
        out = np.array([function(a, *rest)])
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


def reduced_at(function, a, q, axis, keepdims=False):
    return reduced(function, a, axis, (q,), keepdims)


def at_each(function, a, q):
    """Apply a function of an array and a number to each of several numbers."""
    out = np.empty(q.shape[0], a.dtype)
    for k in range(q.shape[0]):
        out[k] = function(a, q[k])
    return out


def mapped(function, a, axis=-1, rest=()):
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


def mapped_at(function, a, k, axis=-1):
    return mapped(function, a, axis, (k,))


def spread(function, a, axis, ddof=0, keepdims=False):
    """Variance or standard deviation along an axis."""
    return reduced(lambda vector: function(vector, ddof=ddof), a, axis, (), keepdims)


def norm(x, axis, keepdims=False):
    return reduced(np.linalg.norm, x, axis, (), keepdims)


def trapezoid(y, dx=1.0, axis=-1):
    vectors = front(y, axis)
    return dx * np.sum(0.5 * (vectors[1:] + vectors[:-1]), axis=0)


def diff(a, axis):
    vectors = front(a, axis)
    return back(vectors[1:] - vectors[:-1], axis)


def gradient(f, h=1.0):
    out = np.empty_like(f)
    out[0] = (f[1] - f[0]) / h
    out[1:-1] = (f[2:] - f[:-2]) / (2.0 * h)
    out[-1] = (f[-1] - f[-2]) / h
    return out


def average(a, axis=None, weights=None):
    if weights is None:
        result = np.mean(a, axis=axis)
    elif axis is None:
        result = np.sum(a * weights) / np.sum(weights)
    elif a.ndim == weights.ndim:
        result = np.sum(a * weights, axis=axis) / np.sum(weights, axis=axis)
    elif axis % a.ndim == 0:
        result = np.sum(a * np.expand_dims(weights, 1), axis=axis) / np.sum(weights)
    else:
        result = np.sum(a * weights, axis=axis) / np.sum(weights)
    return result


def repeat(a, repeats, axis):
    rows = np.repeat(np.arange(a.shape[axis]), repeats)
    return a[rows] if axis % a.ndim == 0 else a[:, rows]


def tile(A, reps):
    a = np.expand_dims(A, 0) if A.ndim == 1 else A
    rows = np.arange(reps[0] * a.shape[0]) % a.shape[0]
    columns = np.arange(reps[1] * a.shape[1]) % a.shape[1]
    return a[rows][:, columns]


def place(index, n, mode):
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


def pad(array, pad_width, mode="constant"):
    n = array.shape[0]
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


def meshgrid(x, y, indexing="xy"):
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


def polyval(p, x):
    y = 0.0 * x
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


def poly(seq_of_zeros):
    out = np.zeros(seq_of_zeros.shape[0] + 1, seq_of_zeros.dtype)
    out[0] = 1.0
    for k in range(seq_of_zeros.shape[0]):
        for j in range(k + 1, 0, -1):
            out[j] -= seq_of_zeros[k] * out[j - 1]
    return out


def fix(x):
    return np.trunc(x)


def heaviside(x, h):
    return np.where(x < 0.0, 0.0, np.where(x == 0.0, h, 1.0))


def vecdot(a, b):
    return np.vdot(a, b) if a.ndim == 1 else np.sum(np.conj(a) * b, axis=-1)


def scaled(a, b):
    """`np.dot` with a number."""
    return a * b


def take_along_axis(arr, indices, axis):
    out = np.empty(indices.shape, arr.dtype)
    for i in range(indices.shape[0]):
        if arr.ndim == 1:
            out[i] = arr[indices[i]]
        else:
            for j in range(indices.shape[1]):
                out[i, j] = arr[indices[i, j], j] if axis % 2 == 0 else arr[i, indices[i, j]]
    return out


def svdvals(a, compute_uv=False):
    return np.linalg.svd(a)[1]


def norm_of_all(x):
    return np.linalg.norm(np.ravel(np.ascontiguousarray(x)))


def norm_of_matrix(x):
    return np.linalg.norm(x)


@dataclass(frozen=True, slots=True)
class _Row:
    """A definition holds for calls with all the options needed, and of the rest at most those allowed."""

    function: Callable[..., Any]
    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    ranks: tuple[str, ...] = ()


def _row(function: Callable[..., Any], needed: str = "", allowed: str = "", ranks: str = "") -> _Row:
    return _Row(function, frozenset(needed.split()), frozenset(allowed.split()), tuple(ranks.split()))


_NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
_ALONG = "median nanmedian prod nanprod nansum nanmean nanvar nanstd nanmax nanmin ptp".split()
_AT = "quantile percentile nanquantile nanpercentile".split()
_MAPPED = "cumprod nancumsum nancumprod".split()

# Ranks are those of the first operands, `23` standing for two or three.
DEFINITIONS: dict[str, tuple[_Row, ...]] = {
    **{name: (_row(partial(reduced, _NUMPY[name]), "axis", "keepdims", "123"),) for name in _ALONG},
    **{
        name: (
            _row(partial(reduced_at, _NUMPY[name]), "axis", "keepdims", "123 0"),
            _row(partial(at_each, _NUMPY[name]), "", "", "123 1"),
        )
        for name in _AT
    },
    **{name: (_row(partial(mapped, _NUMPY[name]), "axis", "", "23"),) for name in _MAPPED},
    "sort": (_row(partial(mapped, np.sort), "", "axis", "23"),),
    "partition": (_row(partial(mapped_at, np.partition), "", "axis", "23 0"),),
    "var": (
        _row(partial(spread, np.var), "axis ddof", "keepdims", "123"),
        _row(partial(spread, np.var), "axis keepdims", "", "123"),
    ),
    "std": (
        _row(partial(spread, np.std), "axis ddof", "keepdims", "123"),
        _row(partial(spread, np.std), "axis keepdims", "", "123"),
    ),
    "linalg.norm": (_row(norm, "axis", "keepdims", "123"),),
    "trapezoid": (_row(trapezoid, "axis", "dx", "123"),),
    "diff": (_row(diff, "axis", "", "123"),),
    "gradient": (_row(gradient, "", "", "1"), _row(gradient, "", "", "1 0")),
    "average": (_row(average, "axis", "weights", "123"),),
    "repeat": (_row(repeat, "axis", "", "2"),),
    "tile": (_row(tile, "", "", "12 t"),),
    "pad": (_row(pad, "", "mode", "12 0"),),
    "meshgrid": (_row(meshgrid, "", "indexing", "1 1"),),
    "polyval": (_row(polyval, "", "", "1"),),
    "poly": (_row(poly, "", "", "1"),),
    "fix": (_row(fix),),
    "heaviside": (_row(heaviside),),
    "vecdot": (_row(vecdot, "", "", "12"),),
    "dot": (_row(scaled, "", "", "0"), _row(scaled, "", "", "123 0")),
    "take_along_axis": (_row(take_along_axis, "", "", "12 12"),),
    "linalg.svd": (_row(svdvals, "compute_uv", "", "2"),),
    "linalg.svdvals": (_row(svdvals, "", "", "2"),),
    "linalg.vector_norm": (_row(norm_of_all, "", "", "123"),),
    "linalg.matrix_norm": (_row(norm_of_matrix, "", "", "2"),),
}
_MODES = ("edge", "wrap", "reflect", "symmetric", "constant")


def written_out(call: Call, type_of: Callable[[Any], Any]) -> Callable[..., Any] | None:
    """Return the function to read in the place of a call; None if Numba has it, or there is none."""
    options = dict(call.kwargs)
    # Results have the data type of the operand, which is not so for integers and complex numbers.
    if not all(isinstance(dtype_of(type_of(arg)), types.Float) for arg in call.args[:1] if not isinstance(arg, Call)):
        return None
    if isinstance(mode := options.get("mode"), Lit) and call.prim == "pad" and mode.value not in _MODES:
        return None
    if options.get("axis") is not None and not _is_number(options["axis"]):
        return None
    if options.get("compute_uv", Lit(False)) != Lit(False):
        return None
    for row in DEFINITIONS.get(call.prim, ()):
        given = set(options)
        if row.needed <= given <= row.needed | row.allowed and _ranks_fit(row, call, type_of):
            return row.function
    return None


def _is_number(expr: Any) -> bool:
    return isinstance(expr, Lit) and isinstance(expr.value, int)


def _ranks_fit(row: _Row, call: Call, type_of: Callable[[Any], Any]) -> bool:
    if row.ranks and (len(call.args) < len(row.ranks)):
        return False
    return all(_rank(arg, type_of) in want for want, arg in zip(row.ranks, call.args, strict=False))


def _rank(arg: Any, type_of: Callable[[Any], Any]) -> str:
    if isinstance(arg, Call):
        return "t"
    kind = type_of(arg)
    return str(kind.ndim) if is_array(kind) else "0"
