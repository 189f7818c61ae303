import numpy as np


def out_positional_value_and_grad(x):
    y = np.empty_like(x)
    y[...] = np.multiply(x, x)
    y[...] = np.add(y, x)
    value = np.sum(y * y)
    # backward: return np.sum(y * y)
    y_bar = 2.0 * y
    # backward: np.add(y, x, y)
    x_bar = y_bar.copy()
    # backward: np.multiply(x, x, y)
    x_bar += 2.0 * (y_bar * x)
    return value, x_bar
