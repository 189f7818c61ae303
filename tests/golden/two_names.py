import numpy as np


def two_names_value_and_grad(x):
    y = x * 2.0
    y_1 = y[1]
    y_1_1 = y[1]
    y[0] = y_1 * y_1_1
    y[1] = y[0] * 3.0
    value = np.sum(y * y)
    # backward: return np.sum(y * z)
    y_bar = 2.0 * y
    # backward: y[1] = z[0] * 3.0
    y_seed = y_bar[1]
    y_bar[1] = 0.0
    y_bar[0] += 3.0 * y_seed
    # backward: z[0] = y[1] * y[1]
    y_seed_1 = y_bar[0]
    y_bar[0] = 0.0
    y_bar[1] += y_seed_1 * y_1
    y_bar[1] += y_seed_1 * y_1_1
    # backward: y = x * 2.0
    x_bar = 2.0 * y_bar
    return value, x_bar
