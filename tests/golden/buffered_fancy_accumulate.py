import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def buffered_fancy_accumulate_value_and_grad(x, idx):
    y = np.ones(3)
    total = y[idx] + x
    y[idx] = total
    value = np.sum(y**2)
    # backward: return np.sum(y**2)
    y_bar = 2.0 * y
    # backward: y[idx] += x
    total_bar = np.zeros_like(total)
    for k in range(idx.shape[0] - 1, -1, -1):
        total_bar[k] += y_bar[idx[k]]
        y_bar[idx[k]] = 0.0
    x_bar = unbroadcast_1d_1d(total_bar, x)
    return value, x_bar
