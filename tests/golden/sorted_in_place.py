import numpy as np


def sort_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    source = np.argsort(a, kind="mergesort")
    target = np.argsort(y, kind="mergesort")
    for i in range(a.shape[0]):
        x_bar[source[i]] = y_bar[target[i]]
    return x_bar


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def sorted_in_place_value_and_grad(x):
    y = x * 2.0
    sort_y = np.sort(y)
    y_old = y.copy()
    y[...] = sort_y
    arange = np.arange(x.shape[0])
    product = y * arange
    value = np.sum(product)
    # backward: return np.sum(y * np.arange(len(x)))
    y_bar = unbroadcast_1d_1d(np.full_like(product, 1.0) * arange, y)
    y[...] = y_old
    # backward: y.sort()
    y_seed = y_bar.copy()
    y_bar[...] = 0.0
    y_bar[...] = y_bar + sort_pullback(y, sort_y, y_seed)
    # backward: y = x * 2.0
    x_bar = 2.0 * y_bar
    return value, x_bar
