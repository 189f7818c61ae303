import numpy as np


def mask_assignment_value_and_grad(x):
    y = x * x
    test = x < 0.0
    y[test] = 0.5
    value = np.sum(y * x)
    # backward: return np.sum(y * x)
    y_bar = 1.0 * x
    x_bar = 1.0 * y
    # backward: y[x < 0.0] = 0.5
    y_bar[test] = 0.0
    # backward: y = x * x
    x_bar += 2.0 * (y_bar * x)
    return value, x_bar
