"""Gauss-Seidel: what isn't carried along a row is summed first, and scattered last, in loops that vectorise."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(A, T):
    A = A.copy()
    n = A.shape[0]
    known = np.zeros(n)
    for _ in range(T):
        for i in range(1, n - 1):
            up, row, down = A[i - 1], A[i], A[i + 1]
            for j in range(1, n - 1):
                above = up[j - 1] + up[j] + up[j + 1]
                known[j] = (above + row[j] + row[j + 1] + down[j - 1] + down[j] + down[j + 1]) / 9.0
            left = row[0]
            for j in range(1, n - 1):
                left = left / 9.0 + known[j]
                row[j] = left
    value = 0.0
    A_bar = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            value += A[i, j] * A[i, j]
            A_bar[i, j] = A[i, j]
    # Ends of the row have no element of their own to average: their weight stays zero.
    weight = np.zeros(n + 2)
    for _ in range(T):
        for i in range(n - 2, 0, -1):
            up, row, down = A_bar[i - 1], A_bar[i], A_bar[i + 1]
            right = 0.0
            for j in range(n - 2, 0, -1):
                right = (row[j] + right) / 9.0
                weight[j + 1] = right
            row[0] += weight[2]
            row[n - 1] += weight[n - 1]
            for j in range(1, n - 1):
                row[j] = weight[j + 1] + weight[j]
            for j in range(n):
                spread = weight[j] + weight[j + 1] + weight[j + 2]
                up[j] += spread
                down[j] += spread
    return 0.5 * value, (A_bar,)
