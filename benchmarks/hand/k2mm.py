"""Two matrix products: four more in the backward sweep."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(alpha, beta, A, B, C, D):
    AB = np.dot(A, B)
    out = np.dot(AB, C)
    D_bar = np.empty_like(out)
    value = 0.0
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            element = alpha * out[i, j] + beta * D[i, j]
            value += element * element
            D_bar[i, j] = beta * element
            out[i, j] = alpha * element
    AB_bar = np.dot(out, C.T)
    return 0.5 * value, (np.dot(AB_bar, B.T), np.dot(A.T, AB_bar), np.dot(AB.T, out), D_bar)
