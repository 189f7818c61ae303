import numpy as np


def sort_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    source = np.argsort(a, kind="mergesort")
    target = np.argsort(y, kind="mergesort")
    for i in range(a.shape[0]):
        x_bar[source[i]] = y_bar[target[i]]
    return x_bar


def sorted_weighted_value_and_grad(x):
    y = np.sort(x)
    arange = np.arange(x.shape[0])
    if y.shape[0] != arange.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    element = y[-1]
    y_0 = y[0]
    value = np.sum(y * arange) + element * y_0
    # backward: return np.sum(y * np.arange(len(x))) + y[-1] * y[0]
    y_bar = np.zeros_like(y)
    y_bar[0] += element
    y_bar[-1] += y_0
    y_bar += 1.0 * arange
    # backward: y = np.sort(x)
    x_bar = sort_pullback(x, y, y_bar)
    return value, x_bar
