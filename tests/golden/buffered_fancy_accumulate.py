import numpy as np


def buffered_fancy_accumulate_value_and_grad(x, idx):
    if x.shape[0] != idx.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    y = np.ones(3)
    total = y[idx] + x
    y[idx] = total
    value = np.sum(y**2)
    # backward: return np.sum(y**2)
    y_bar = 2.0 * y
    # backward: y[idx] += x
    x_bar = np.zeros_like(total)
    for k in range(idx.shape[0] - 1, -1, -1):
        x_bar[k] += y_bar[idx[k]]
        y_bar[idx[k]] = 0.0
    return value, x_bar
