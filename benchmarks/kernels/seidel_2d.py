"""Nine-point averaging in place: every element uses the new values of those before it."""

import numpy as np

WRT = ("A",)
SIZES = {"smoke": {"T": 2, "n": 7}, "headline": {"T": 15, "n": 100}}


def make(T, n):
    return np.random.default_rng(42).random((n, n)), T


def seidel_2d(A, T):
    A = A.copy()
    n = A.shape[0]
    for _ in range(T):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                above = A[i - 1, j - 1] + A[i - 1, j] + A[i - 1, j + 1]
                beside = A[i, j - 1] + A[i, j] + A[i, j + 1]
                below = A[i + 1, j - 1] + A[i + 1, j] + A[i + 1, j + 1]
                A[i, j] = (above + beside + below) / 9.0
    return 0.5 * np.sum(A * A)
