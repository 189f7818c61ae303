import math

import numba
import numpy as np


def sparse_grad(start, column, value, x):
    y = np.zeros(start.shape[0] - 1)
    total_tape = np.empty(y.shape[0])
    for i in numba.prange(y.shape[0]):
        total = 0.0
        for k in range(start[i], start[i + 1]):
            total_1 = total + value[k] * x[column[k]]
            total = total_1
        total_tape[i] = total
    # backward: return y.sum()
    y_bar = np.full_like(y, 1.0)
    value_bar = np.zeros_like(value)
    x_bar = np.zeros_like(x)
    parts = 8
    for i in range(y.shape[0]):
        if start[i] < 0 or start[i + 1] < start[i]:
            parts = 1
    size = -(-y.shape[0] // parts)
    x_bar_parts = np.zeros((parts, x_bar.shape[0]))
    for part in numba.prange(parts):
        first = part * size
        for i in range(first, min(first + size, y.shape[0])):
            total = total_tape[i]
            # backward: y[i] = math.tanh(total)
            y_seed = y_bar[i]
            y_bar[i] = 0.0
            tanh_total = math.tanh(total)
            total_bar = y_seed * (1.0 - tanh_total * tanh_total)
            for k in range(start[i + 1] - 1, start[i] - 1, -1):
                # backward: total += value[k] * x[column[k]]
                column_k = column[k]
                x_bar_parts[part, column_k] += total_bar * value[k]
                value_bar[k] += total_bar * x[column_k]
    for row in numba.prange(x_bar.shape[0]):
        for part in range(parts):
            x_bar[row] += x_bar_parts[part, row]
    return value_bar, x_bar
