import numpy as np


def all_augmented_assignments_value_and_grad(x):
    y = x.copy()
    y_1 = y[1]
    y_0 = y[0]
    y[1] = y_1 * y_0
    y_1_1 = y[1]
    ratio = y[2] / y_1_1
    y[2] = ratio
    y_2 = y[2]
    y_3 = y[3]
    y[3] -= y_2 * y_3
    y_4 = y[4]
    y[4] = y_4**2
    y *= 2.0
    total = x + 1.0
    ratio_1 = y / total
    y[...] = ratio_1
    y[...] = y - y * 0.3
    element = y[1:4]
    element_1 = x[2:5]
    if y[1:4].shape[0] != element_1.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    product = element * element_1
    if y[1:4].shape[0] != product.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    y_old = y[1:4].copy()
    y[1:4] = product
    value = np.sum(y * x)
    # backward: return np.sum(y * x)
    y_bar = 1.0 * x
    x_bar = 1.0 * y
    y[1:4] = y_old
    # backward: y[1:4] *= x[2:5]
    y_seed = y_bar[1:4].copy()
    y_bar[1:4] = y_seed * element_1
    x_bar[2:5] += y_seed * element
    # backward: y -= y * 0.3
    t_bar = -y_bar
    y_bar += 0.3 * t_bar
    # backward: y /= x + 1.0
    y_seed_1 = y_bar.copy()
    y_bar[...] = y_seed_1 / total
    x_bar -= y_seed_1 * (ratio_1 / total)
    # backward: y *= 2.0
    y_bar *= 2.0
    # backward: y[4] **= 2
    y_bar[4] *= 2.0 * y_4
    # backward: y[3] -= y[2] * y[3]
    t_bar_1 = -y_bar[3]
    y_bar[3] += t_bar_1 * y_2
    y_bar[2] += t_bar_1 * y_3
    # backward: y[2] /= y[1]
    y_seed_4 = y_bar[2]
    y_bar[2] = 0.0
    y_bar[1] -= y_seed_4 * (ratio / y_1_1)
    y_bar[2] += y_seed_4 / y_1_1
    # backward: y[1] *= y[0]
    y_seed_5 = y_bar[1]
    y_bar[1] = 0.0
    y_bar[0] += y_seed_5 * y_1
    y_bar[1] += y_seed_5 * y_0
    # backward: y = x.copy()
    x_bar += y_bar
    return value, x_bar
