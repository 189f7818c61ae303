import numpy as np


def gather_repeated_value_and_grad(x, idx):
    y = x[idx]
    product = y * y
    arange_6 = np.arange(6)
    if product.shape[0] != arange_6.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    value = np.sum(product * arange_6)
    # backward: return np.sum(y * y * np.arange(6))
    y_bar = 2.0 * (1.0 * arange_6 * y)
    # backward: y = x[idx]
    x_bar = np.zeros_like(x)
    for k in range(idx.shape[0]):
        x_bar[idx[k]] += y_bar[k]
    return value, x_bar
