import numba
import numpy as np


def conditional_grad(x, limit):
    # backward: return s
    x_bar = np.zeros_like(x)
    limit_bar = 0.0
    size = -(-x.shape[0] // 32)
    limit_bar_parts = np.zeros(32)
    for part in numba.prange(32):
        first = part * size
        limit_bar_part = 0.0
        for i in range(first, min(first + size, x.shape[0])):
            if x[i] > limit:
                # backward: s += limit * x[i] ** 2
                x_i = x[i]
                limit_bar_part += x_i**2
                x_bar[i] += 2.0 * x_i * limit
            else:
                # backward: s -= x[i] / limit
                t_bar = -1.0
                limit_bar_part -= t_bar * (x[i] / limit / limit)
                x_bar[i] += t_bar / limit
        limit_bar_parts[part] = limit_bar_part
    for part in range(32):
        limit_bar += limit_bar_parts[part]
    return x_bar, limit_bar
