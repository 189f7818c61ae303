import numpy as np


def iterate_array_value_and_grad(x):
    s = 0.0
    for k in range(x.shape[0]):
        v = x[k]
        s += v * v
    # backward: return s
    x_bar = np.zeros_like(x)
    for k in range(x.shape[0] - 1, -1, -1):
        # backward: s += v * v
        v = x[k]
        v_bar = 2.0 * v
        # backward: for v in x:
        x_bar[k] += v_bar
    return s, x_bar
