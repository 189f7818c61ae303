import numpy as np


def where_with_nan_value_and_grad(x):
    test = x > 0.0
    sqrt_x = np.sqrt(x)
    y = np.where(test, sqrt_x, x * x)
    value = np.sum(y * 2.0)
    # backward: return np.sum(y * 2.0)
    y_bar = np.full_like(y, 2.0)
    # backward: y = np.where(x > 0.0, np.sqrt(x), x * x)
    sqrt_x_bar = np.where(test, y_bar, 0.0)
    t_bar = np.where(test, 0.0, y_bar)
    x_bar = np.where(t_bar != 0.0, 2.0 * (t_bar * x), 0.0)
    x_bar += np.where(sqrt_x_bar != 0.0, 0.5 * sqrt_x_bar / sqrt_x, 0.0)
    return value, x_bar
