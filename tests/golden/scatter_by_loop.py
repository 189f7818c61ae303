import numpy as np


def scatter_by_loop_value_and_grad(x, idx):
    y = np.zeros(3)
    for k in range(idx.shape[0]):
        idx_k = idx[k]
        y[idx_k] += x[k] * x[k]
    value = np.sum(y**2)
    # backward: return np.sum(y**2)
    y_bar = 2.0 * y
    x_bar = np.zeros_like(x)
    for k in range(idx.shape[0] - 1, -1, -1):
        # backward: y[idx[k]] += x[k] * x[k]
        t_bar = y_bar[idx[k]]
        x_bar[k] += t_bar * x[k]
        x_bar[k] += t_bar * x[k]
    return value, x_bar
