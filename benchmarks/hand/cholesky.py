"""Cholesky: updates are linear in what they overwrite, so nothing is recorded; each loop writes one row."""

import math

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(A):
    L = A.copy()
    n = L.shape[0]
    for i in range(n):
        row = L[i]
        for j in range(i):
            other = L[j]
            t = row[j]
            for k in range(j):
                t -= row[k] * other[k]
            row[j] = t / other[j]
        t = row[i]
        for k in range(i):
            t -= row[k] * row[k]
        row[i] = math.sqrt(t)
    value = 0.0
    A_bar = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            value += L[i, j] * L[i, j]
            A_bar[i, j] = L[i, j]
    for i_signed in range(n - 1, -1, -1):
        i = np.uint64(i_signed)
        row, row_bar = L[i], A_bar[i]
        b = 0.5 * row_bar[i] / row[i]
        row_bar[i] = b
        for k in range(i_signed):
            row_bar[k] -= 2.0 * row[k] * b
        for j_signed in range(i_signed - 1, -1, -1):
            j = np.uint64(j_signed)
            other, other_bar = L[j], A_bar[j]
            b = row_bar[j] / other[j]
            row_bar[j] = b
            other_bar[j] -= b * row[j]
            for k in range(j_signed):
                row_bar[k] -= other[k] * b
            for k in range(j_signed):
                other_bar[k] -= row[k] * b
    return 0.5 * value, (A_bar,)
