import numpy as np


def array_max_min_value_and_grad(x):
    x_max = np.max(x)
    x_min = x.min()
    smaller = np.minimum(x, 0.1)
    value = x_max**2 + x_min * 3.0 + np.sum(np.maximum(x, 0.0)) + np.sum(smaller * x)
    # backward: return np.max(x) ** 2 + x.min() * 3.0 + np.sum(np.maximum(x, 0.0)) + np.sum(np.minimum(x, 0.1) * x)
    smaller_bar = 1.0 * x
    x_bar = 1.0 * smaller
    x_bar += np.where(x < 0.1, smaller_bar, np.where(x == 0.1, 0.5 * smaller_bar, 0.0))
    x_bar += np.where(x > 0.0, 1.0, np.where(x == 0.0, 0.5, 0.0))
    x_bar += np.where(x == x_min, 3.0 / np.sum(x == x_min), 0.0)
    x_bar += np.where(x == x_max, 2.0 * x_max / np.sum(x == x_max), 0.0)
    return value, x_bar
