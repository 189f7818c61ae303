import numpy as np


def overwritten_array_value_and_grad(x):
    y = x * 2.0
    y_1 = np.sin(y)
    y_2 = y_1 * y_1 + x
    value = np.sum(y_2)
    # backward: y = y * y + x
    x_bar = np.full_like(x, 1.0)
    y_bar = 2.0 * y_1
    # backward: y = np.sin(y)
    y_bar = y_bar * np.cos(y)
    # backward: y = x * 2.0
    x_bar += 2.0 * y_bar
    return value, x_bar
