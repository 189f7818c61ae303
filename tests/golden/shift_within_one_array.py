import numpy as np


def shift_within_one_array_value_and_grad(x):
    y = x * x
    element = y[:-1]
    element_1 = y[1:]
    y_old_2 = y[1:].copy()
    y[1:] = element * element_1
    y_old_1 = y[:-1].copy()
    y[:-1] = y[1:]
    if y[::2].shape[0] != y[1::2].shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    y[::2] = y[::2] + y[1::2]
    value = np.sum(y * x)
    # backward: return np.sum(y * x)
    y_bar = 1.0 * x
    x_bar = 1.0 * y
    # backward: y[::2] += y[1::2]
    y_bar[1::2] = y_bar[1::2] + y_bar[::2].copy()
    y[:-1] = y_old_1
    # backward: y[:-1] = y[1:]
    y_seed = y_bar[:-1].copy()
    y_bar[:-1] = 0.0
    y_bar[1:] += y_seed
    y[1:] = y_old_2
    # backward: y[1:] = y[:-1] * y[1:]
    y_seed_1 = y_bar[1:].copy()
    y_bar[1:] = 0.0
    y_bar[:-1] += y_seed_1 * element_1
    y_bar[1:] += y_seed_1 * element
    # backward: y = x * x
    x_bar += 2.0 * (y_bar * x)
    return value, x_bar
