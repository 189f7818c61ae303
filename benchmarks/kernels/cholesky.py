"""Cholesky factorisation, in place, by loops; the part above the diagonal stays what it was."""

import math

import numpy as np

WRT = ("A",)
SIZES = {"smoke": {"n": 7}, "headline": {"n": 300}}


def make(n):
    M = np.random.default_rng(42).standard_normal((n, n))
    return (M @ M.T / n + np.eye(n),)


def cholesky(A):
    L = A.copy()
    n = L.shape[0]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                L[i, j] -= L[i, k] * L[j, k]
            L[i, j] /= L[j, j]
        for k in range(i):
            L[i, i] -= L[i, k] * L[i, k]
        L[i, i] = math.sqrt(L[i, i])
    return 0.5 * np.sum(L * L)
