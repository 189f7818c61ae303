import numpy as np


def out_keyword_value_and_grad(x):
    y = np.empty_like(x)
    y[...] = np.multiply(x, x)
    y_old = y.copy()
    y[...] = np.sin(y)
    value = np.sum(y * x)
    # backward: return np.sum(y * x)
    y_bar = 1.0 * x
    x_bar = 1.0 * y
    y[...] = y_old
    # backward: np.sin(y, out=y)
    y_bar *= np.cos(y)
    # backward: np.multiply(x, x, out=y)
    x_bar += 2.0 * (y_bar * x)
    return value, x_bar
