import numpy as np


def exponential_smoothing_value_and_grad(x, a):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, x.shape[0]):
        y[i] = a * x[i] + (1.0 - a) * y[i - 1]
    value = np.sum(y**2)
    # backward: return np.sum(y**2)
    y_bar = 2.0 * y
    x_bar = np.zeros_like(x)
    a_bar = 0.0
    for i in range(x.shape[0] - 1, 0, -1):
        # backward: y[i] = a * x[i] + (1.0 - a) * y[i - 1]
        y_seed = y_bar[i]
        y_bar[i - 1] += y_seed * (1.0 - a)
        a_bar -= y_seed * y[i - 1]
        a_bar += y_seed * x[i]
        x_bar[i] += y_seed * a
    # backward: y[0] = x[0]
    x_bar[0] += y_bar[0]
    return value, (x_bar, a_bar)
