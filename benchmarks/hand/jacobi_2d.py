"""Averaging between two buffers: the stencil is its own adjoint once the boundary is held apart."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def sweep(A, B, T):
    """`T` steps in place. Both halves of a step go through the rows together, A one row behind B."""
    n = A.shape[0]
    for _ in range(T):
        for i in range(1, n):
            if i < n - 1:
                for j in range(1, n - 1):
                    B[i, j] = 0.2 * (A[i, j] + A[i, j - 1] + A[i, j + 1] + A[i + 1, j] + A[i - 1, j])
            if i > 1:
                h = i - 1
                for j in range(1, n - 1):
                    A[h, j] = 0.2 * (B[h, j] + B[h, j - 1] + B[h, j + 1] + B[h + 1, j] + B[h - 1, j])


@compiled
def value_and_grad(A, B, T):
    n = A.shape[0]
    A = A.copy()
    sweep(A, B.copy(), T)
    value = 0.0
    for i in range(n):
        for j in range(n):
            value += A[i, j] * A[i, j]
    # Cotangents of the interior, in buffers whose boundary is zero; the boundary's collect in A_bar.
    A_bar = A.copy()
    inner, other = np.zeros((n, n)), np.zeros((n, n))
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            inner[i, j] = A[i, j]
    for _ in range(T):
        sweep(inner, other, 1)
        for j in range(1, n - 1):
            A_bar[0, j] += 0.2 * other[1, j]
            A_bar[n - 1, j] += 0.2 * other[n - 2, j]
            A_bar[j, 0] += 0.2 * other[j, 1]
            A_bar[j, n - 1] += 0.2 * other[j, n - 2]
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            A_bar[i, j] = inner[i, j]
    return 0.5 * value, (A_bar,)
