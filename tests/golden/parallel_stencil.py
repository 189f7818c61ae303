import math

import numba
import numpy as np


def stencil_grad(u, c):
    out = np.zeros_like(u)
    n = u.shape[0]
    m = u.shape[1]
    for i in numba.prange(1, n - 1):
        for j in range(1, m - 1):
            around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
            out[i, j] = math.sin(u[i, j]) + c * (around - 4.0 * u[i, j])
    # backward: return (out * out).sum()
    out_bar = 2.0 * out
    u_bar = np.zeros_like(u)
    c_bar = 0.0
    size = max(-(-(n - 2) // 64), 2)
    c_bar_parts = np.zeros(64)
    for turn in range(2):
        for pair in numba.prange(32):
            part = 2 * pair + turn
            first = 1 + part * size
            c_bar_part = 0.0
            for i in range(first, min(first + size, n - 1)):
                for j in range(m - 2, 0, -1):
                    # backward: out[i, j] = math.sin(u[i, j]) + c * (around - 4.0 * u[i, j])
                    out_seed = out_bar[i, j]
                    out_bar[i, j] = 0.0
                    around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
                    c_bar_part += out_seed * (around - 4.0 * u[i, j])
                    around_bar = out_seed * c
                    u_bar[i, j] -= 4.0 * around_bar
                    u_bar[i, j] += out_seed * math.cos(u[i, j])
                    # backward: around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
                    u_bar[i, j + 1] += around_bar
                    u_bar[i, j - 1] += around_bar
                    u_bar[i + 1, j] += around_bar
                    u_bar[i - 1, j] += around_bar
            c_bar_parts[part] = c_bar_part
    for part in range(64):
        c_bar += c_bar_parts[part]
    return u_bar, c_bar
