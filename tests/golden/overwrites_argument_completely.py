import numpy as np


def share_memory(a, b):
    a_start = a.ctypes.data
    b_start = b.ctypes.data
    a_stop = a_start + a.itemsize
    b_stop = b_start + b.itemsize
    for k in range(a.ndim):
        if a.shape[k] == 0:
            return False
        reach = (a.shape[k] - 1) * a.strides[k]
        a_start += min(reach, 0)
        a_stop += max(reach, 0)
    for k in range(b.ndim):
        if b.shape[k] == 0:
            return False
        reach = (b.shape[k] - 1) * b.strides[k]
        b_start += min(reach, 0)
        b_stop += max(reach, 0)
    return a_start < b_stop and b_start < a_stop


def overwrites_argument_completely_value_and_grad(x, y):
    if share_memory(x, y):
        raise ValueError("x and y share memory, and one of them is written: pass a copy")
    x = x.copy()
    y_1 = y.copy()
    element = y_1[:5]
    if y_1[:5].shape[0] != x.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    product = element * x
    if x[:].shape[0] != product.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    x_old = x[:].copy()
    x[:] = product
    y_old = y_1[0]
    y_1[0] = x[0] + x[1]
    x_sum = np.sum(x)
    y_1_0 = y_1[0]
    value = x_sum * y_1_0
    # backward: return np.sum(x) * y[0]
    y_bar = np.zeros_like(y)
    y_bar[0] += x_sum
    x_bar = np.full_like(x, y_1_0)
    y_1[0] = y_old
    # backward: y[0] = x[0] + x[1]
    y_seed = y_bar[0]
    y_bar[0] = 0.0
    x_bar[1] += y_seed
    x_bar[0] += y_seed
    x[:] = x_old
    # backward: x[:] = y[:5] * x
    x_seed = x_bar[:].copy()
    x_bar[:] = 0.0
    y_bar[:5] += x_seed * x
    x_bar += x_seed * element
    return value, (x_bar, y_bar)
