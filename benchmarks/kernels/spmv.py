"""A sparse matrix, rows compressed, times a vector."""

import numpy as np

WRT = ("values", "x")
SIZES = {"smoke": {"n": 8, "nnz": 20}, "headline": {"n": 262_144, "nnz": 262_144}}


def make(n, nnz):
    rng = np.random.default_rng(42)
    rows = np.sort(rng.integers(0, n, nnz))
    starts = np.searchsorted(rows, np.arange(n + 1))
    return rng.standard_normal(nnz), rng.standard_normal(n), starts, rng.integers(0, n, nnz)


def spmv(values, x, starts, columns):
    total = 0.0
    for i in range(starts.shape[0] - 1):
        y = 0.0
        for k in range(starts[i], starts[i + 1]):
            y += values[k] * x[columns[k]]
        total += y * y
    return 0.5 * total
