import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def gather_repeated_value_and_grad(x, idx):
    y = x[idx]
    product = y * y
    arange_6 = np.arange(6)
    product_1 = product * arange_6
    value = np.sum(product_1)
    # backward: return np.sum(y * y * np.arange(6))
    y_bar = 2.0 * (unbroadcast_1d_1d(np.full_like(product_1, 1.0) * arange_6, product) * y)
    # backward: y = x[idx]
    x_bar = np.zeros_like(x)
    for k in range(idx.shape[0]):
        x_bar[idx[k]] += y_bar[k]
    return value, x_bar
