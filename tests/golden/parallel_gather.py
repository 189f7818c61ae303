import math

import numba
import numpy as np


def gather_grad(x, places):
    # backward: return s
    x_bar = np.zeros_like(x)
    size = -(-places.shape[0] // 8)
    x_bar_parts = np.zeros((8, x_bar.shape[0]))
    for part in numba.prange(8):
        first = part * size
        for i in range(first, min(first + size, places.shape[0])):
            # backward: s += math.sin(x[places[i]])
            places_i = places[i]
            x_bar_parts[part, places_i] += math.cos(x[places_i])
    for row in numba.prange(x_bar.shape[0]):
        for part in range(8):
            x_bar[row] += x_bar_parts[part, row]
    return (x_bar,)
