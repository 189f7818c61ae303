"""Softmax: value and gradient of a row while it is in the cache."""

import numpy as np

from benchmarks.flags import compiled
from benchmarks.hand.vector_math import exp


@compiled
def value_and_grad(x):
    n = x.shape[3]
    rows = x.reshape(-1, n)
    x_bar = np.empty_like(x)
    rows_bar = x_bar.reshape(-1, n)
    value = 0.0
    tops = np.empty(8)
    for i in range(rows.shape[0]):
        row, bar = rows[i], rows_bar[i]
        for lane in range(8):
            tops[lane] = row[0]
        for block in range(n // 8):
            for lane in range(8):
                entry = row[block * 8 + lane]
                tops[lane] = entry if entry > tops[lane] else tops[lane]
        top = tops[0]
        for lane in range(1, 8):
            top = max(top, tops[lane])
        for j in range(n // 8 * 8, n):
            top = max(top, row[j])
        total = 0.0
        square = 0.0
        for j in range(n):
            e = exp(row[j] - top)
            bar[j] = e
            total += e
            square += e * e
        scale = 1.0 / total
        square *= scale * scale
        value += square
        for j in range(n):
            out = bar[j] * scale
            bar[j] = out * (out - square)
    return 0.5 * value, (x_bar,)
