"""Sparse product: both sweeps of a row together."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(values, x, starts, columns):
    values_bar = np.empty(values.shape[0])
    x_bar = np.zeros(x.shape[0])
    total = 0.0
    for i in range(starts.shape[0] - 1):
        y = 0.0
        for k in range(starts[i], starts[i + 1]):
            y += values[k] * x[columns[k]]
        total += y * y
        for k in range(starts[i], starts[i + 1]):
            values_bar[k] = y * x[columns[k]]
            x_bar[columns[k]] += y * values[k]
    return 0.5 * total, (values_bar, x_bar)
