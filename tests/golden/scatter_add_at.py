import numpy as np


def scatter_add_at_value_and_grad(x, idx):
    y = np.zeros(3)
    product = x * x
    if product.shape[0] != idx.shape[0]:
        raise ValueError("`add.at` needs as many values as indices")
    for k in range(idx.shape[0]):
        idx_k = idx[k]
        y[idx_k] += product[k]
    value = np.sum(y**2)
    # backward: return np.sum(y**2)
    y_bar = 2.0 * y
    product_bar = np.zeros_like(product)
    for k in range(idx.shape[0] - 1, -1, -1):
        # backward: np.add.at(y, idx, x * x)
        product_bar[k] += y_bar[idx[k]]
    # backward: np.add.at(y, idx, x * x)
    x_bar = 2.0 * (product_bar * x)
    return value, x_bar
