"""Five-point averaging between two buffers, in loops."""

import numpy as np

from benchmarks.kernels.jacobi_2d import SIZES, WRT, make

__all__ = ["SIZES", "WRT", "jacobi_2d_loops", "make"]


def jacobi_2d_loops(A, B, T):
    A = A.copy()
    B = B.copy()
    n = A.shape[0]
    for _ in range(T):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                B[i, j] = 0.2 * (A[i, j] + A[i, j - 1] + A[i, j + 1] + A[i + 1, j] + A[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i, j] = 0.2 * (B[i, j] + B[i, j - 1] + B[i, j + 1] + B[i + 1, j] + B[i - 1, j])
    return 0.5 * np.sum(A * A)
