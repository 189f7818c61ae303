"""Heat equation: the stencil is its own adjoint once the boundary is held apart."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def half(A, B, i):
    """Write a plane of B from three of A."""
    n = A.shape[0]
    for j in range(1, n - 1):
        for k in range(1, n - 1):
            along = A[i + 1, j, k] + A[i - 1, j, k] + A[i, j + 1, k] + A[i, j - 1, k] + A[i, j, k + 1] + A[i, j, k - 1]
            B[i, j, k] = 0.125 * along + 0.25 * A[i, j, k]


@compiled
def step(A, B):
    """One step in place, A one plane behind B."""
    n = A.shape[0]
    for i in range(1, n):
        if i < n - 1:
            half(A, B, i)
        if i > 1:
            half(B, A, i - 1)


@compiled
def value_and_grad(A, B, T):
    n = A.shape[0]
    A = A.copy()
    B = B.copy()
    for _ in range(T):
        step(A, B)
    value = 0.0
    A_bar = np.empty((n, n, n))
    inner, other = np.zeros((n, n, n)), np.zeros((n, n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                value += A[i, j, k] * A[i, j, k]
                A_bar[i, j, k] = A[i, j, k]
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            for k in range(1, n - 1):
                inner[i, j, k] = A[i, j, k]
    for _ in range(T):
        step(inner, other)
        for j in range(1, n - 1):
            for k in range(1, n - 1):
                A_bar[0, j, k] += 0.125 * other[1, j, k]
                A_bar[n - 1, j, k] += 0.125 * other[n - 2, j, k]
                A_bar[j, 0, k] += 0.125 * other[j, 1, k]
                A_bar[j, n - 1, k] += 0.125 * other[j, n - 2, k]
                A_bar[j, k, 0] += 0.125 * other[j, k, 1]
                A_bar[j, k, n - 1] += 0.125 * other[j, k, n - 2]
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            for k in range(1, n - 1):
                A_bar[i, j, k] = inner[i, j, k]
    return 0.5 * value, (A_bar,)
