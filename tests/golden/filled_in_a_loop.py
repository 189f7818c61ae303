import math

import numpy as np


def filled_in_a_loop_value_and_grad(x):
    y = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        y[i] = math.sin(x[i]) * x[i]
    value = np.sum(y * y)
    # backward: return np.sum(y * y)
    y_bar = 2.0 * y
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        # backward: y[i] = math.sin(x[i]) * x[i]
        y_seed = y_bar[i]
        x_i = x[i]
        x_bar[i] += y_seed * math.sin(x_i)
        x_bar[i] += y_seed * x[i] * math.cos(x_i)
    return value, x_bar
