import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def negative_index_writes_value_and_grad(m):
    a = m.copy()
    element = a[0, -1]
    element_1 = a[-3, 0]
    a[-1, -2] = element * element_1
    a_old_1_tape = np.empty(4)
    for i in range(1, 4):
        minus_i = -i
        a_old_1_tape[i] = a[minus_i, 0]
        a[minus_i, 0] += a[i, -1] ** 2
    element_2 = a[:, 0]
    element_3 = a[-1, :]
    product = element_2 * element_3
    a_old = a[:, -1].copy()
    a[:, -1] = product
    value = np.sum(a * a)
    # backward: return np.sum(a * a)
    a_bar = 2.0 * a
    a[:, -1] = a_old
    # backward: a[:, -1] = a[:, 0] * a[-1, :]
    a_seed = a_bar[:, -1].copy()
    a_bar[:, -1] = 0.0
    product_bar = unbroadcast_1d_1d(a_seed, product)
    a_bar[:, 0] += unbroadcast_1d_1d(product_bar * element_3, element_2)
    a_bar[-1, :] += unbroadcast_1d_1d(product_bar * element_2, element_3)
    for i in range(3, 0, -1):
        minus_i = -i
        a[minus_i, 0] = a_old_1_tape[i]
        # backward: a[-i, 0] += a[i, -1] ** 2
        a_bar[i, -1] += 2.0 * a[i, -1] * a_bar[minus_i, 0]
    # backward: a[-1, -2] = a[0, -1] * a[-3, 0]
    a_seed_1 = a_bar[-1, -2]
    a_bar[-1, -2] = 0.0
    a_bar[-3, 0] += a_seed_1 * element
    a_bar[0, -1] += a_seed_1 * element_1
    return value, a_bar
