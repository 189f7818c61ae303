import numpy as np


def iterate_enumerate_zip_uneven_value_and_grad(x, y):
    smaller = min(x.shape[0], y.shape[0])
    s = 0.0
    for i in range(smaller):
        s += x[i] * y[i] * (i + 1)
    # backward: return s
    x_bar = np.zeros_like(x)
    y_bar = np.zeros_like(y)
    for i in range(smaller - 1, -1, -1):
        # backward: s += a * b * (i + 1)
        t_bar = 1.0 * (i + 1)
        # backward: for i, (a, b) in enumerate(zip(x, y)):
        y_bar[i] += t_bar * x[i]
        x_bar[i] += t_bar * y[i]
    return s, (x_bar, y_bar)
