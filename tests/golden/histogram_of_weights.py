import numpy as np


def histogram_of_weights_value_and_grad(w, bins):
    y = np.zeros(bins)
    for i in range(w.shape[0]):
        remainder = i % bins
        y[remainder] += w[i] ** 2
    value = np.sum(y * y)
    # backward: return np.sum(y * y)
    y_bar = 2.0 * y
    w_bar = np.zeros_like(w)
    for i in range(w.shape[0] - 1, -1, -1):
        # backward: y[i % bins] += w[i] ** 2
        w_bar[i] += 2.0 * w[i] * y_bar[i % bins]
    return value, w_bar
