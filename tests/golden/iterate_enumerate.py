import math

import numpy as np


def iterate_enumerate_value_and_grad(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += i * math.cos(x[i])
    # backward: return s
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        # backward: for i, v in enumerate(x):
        x_bar[i] -= 1.0 * i * math.sin(x[i])
    return s, x_bar
