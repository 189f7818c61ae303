import numpy as np


def negative_index_writes_value_and_grad(m):
    if m.shape[1] != m.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    a = m.copy()
    element = a[0, -1]
    element_1 = a[-3, 0]
    a[-1, -2] = element * element_1
    for i in range(1, 4):
        minus_i = -i
        a[minus_i, 0] += a[i, -1] ** 2
    element_2 = a[:, 0]
    element_3 = a[-1, :]
    a_old = a[:, -1].copy()
    a[:, -1] = element_2 * element_3
    value = np.sum(a * a)
    # backward: return np.sum(a * a)
    a_bar = 2.0 * a
    a[:, -1] = a_old
    # backward: a[:, -1] = a[:, 0] * a[-1, :]
    a_seed = a_bar[:, -1].copy()
    a_bar[:, -1] = 0.0
    a_bar[:, 0] += a_seed * element_3
    a_bar[-1, :] += a_seed * element_2
    for i in range(3, 0, -1):
        # backward: a[-i, 0] += a[i, -1] ** 2
        a_bar[i, -1] += 2.0 * a[i, -1] * a_bar[-i, 0]
    # backward: a[-1, -2] = a[0, -1] * a[-3, 0]
    a_seed_1 = a_bar[-1, -2]
    a_bar[-1, -2] = 0.0
    a_bar[-3, 0] += a_seed_1 * element
    a_bar[0, -1] += a_seed_1 * element_1
    return value, a_bar
