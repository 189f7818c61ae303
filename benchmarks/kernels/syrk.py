"""Symmetric update of the lower triangle of a matrix by a product with its own transpose, by loops."""

import numpy as np

WRT = ("C", "A")
SIZES = {"smoke": {"m": 5, "n": 6}, "headline": {"m": 500, "n": 600}}


def make(m, n):
    rng = np.random.default_rng(42)
    return 1.5, 1.2, rng.standard_normal((n, n)), rng.standard_normal((n, m))


def syrk(alpha, beta, C, A):
    C = C.copy()
    n, m = A.shape
    for i in range(n):
        for j in range(i + 1):
            C[i, j] *= beta
        for k in range(m):
            for j in range(i + 1):
                C[i, j] += alpha * A[i, k] * A[j, k]
    return 0.5 * np.sum(C * C)
