import numpy as np


def sort_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    source = np.argsort(a, kind="mergesort")
    target = np.argsort(y, kind="mergesort")
    for i in range(a.shape[0]):
        x_bar[source[i]] = y_bar[target[i]]
    return x_bar


def sorted_in_place_value_and_grad(x):
    y = x * 2.0
    sort_y = np.sort(y)
    y_old = y.copy()
    y[...] = sort_y
    arange = np.arange(x.shape[0])
    if y.shape[0] != arange.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    value = np.sum(y * arange)
    # backward: return np.sum(y * np.arange(len(x)))
    y_bar = 1.0 * arange
    y[...] = y_old
    # backward: y.sort()
    y_seed = y_bar.copy()
    y_bar[...] = sort_pullback(y, sort_y, y_seed)
    # backward: y = x * 2.0
    x_bar = 2.0 * y_bar
    return value, x_bar
