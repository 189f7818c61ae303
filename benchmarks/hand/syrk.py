"""Rank-k update: a matrix product in each sweep, whole where half is needed."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(alpha, beta, C, A):
    n = C.shape[0]
    product = np.dot(A, A.T)
    C_bar = np.empty((n, n))
    value = 0.0
    for i in range(n):
        for j in range(i + 1):
            out = beta * C[i, j] + alpha * product[i, j]
            value += out * out
            C_bar[i, j] = beta * out
            product[i, j] = alpha * out
        for j in range(i + 1, n):
            value += C[i, j] * C[i, j]
            C_bar[i, j] = C[i, j]
    # The cotangent of the product, made symmetric: A has both parts in it.
    for i in range(n):
        product[i, i] *= 2.0
        for j in range(i):
            product[j, i] = product[i, j]
    return 0.5 * value, (C_bar, np.dot(product, A))
