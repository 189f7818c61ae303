import math

import numpy as np


def iterate_zip_value_and_grad(x, y):
    smaller = min(x.shape[0], y.shape[0])
    s = 0.0
    for k in range(smaller):
        s += x[k] * math.exp(-y[k])
    # backward: return s
    x_bar = np.zeros_like(x)
    y_bar = np.zeros_like(y)
    for k in range(smaller - 1, -1, -1):
        # backward: s += a * math.exp(-b)
        exp = math.exp(-y[k])
        # backward: for a, b in zip(x, y):
        y_bar[k] -= x[k] * exp
        x_bar[k] += exp
    return s, (x_bar, y_bar)
