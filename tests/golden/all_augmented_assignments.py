import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


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
    product = element * element_1
    y_old = y[1:4].copy()
    y[1:4] = product
    value = np.sum(y * x)
    # backward: return np.sum(y * x)
    y_bar = 1.0 * x
    x_bar = 1.0 * y
    y[1:4] = y_old
    # backward: y[1:4] *= x[2:5]
    y_seed = y_bar[1:4].copy()
    y_bar[1:4] = 0.0
    product_bar = unbroadcast_1d_1d(y_seed, product)
    y_bar[1:4] += unbroadcast_1d_1d(product_bar * element_1, element)
    x_bar[2:5] += unbroadcast_1d_1d(product_bar * element, element_1)
    # backward: y -= y * 0.3
    t_bar = -y_bar
    y_bar += 0.3 * t_bar
    # backward: y /= x + 1.0
    y_seed_1 = y_bar.copy()
    y_bar[...] = 0.0
    y_bar += y_seed_1 / total
    x_bar -= y_seed_1 * (ratio_1 / total)
    # backward: y *= 2.0
    y_seed_2 = y_bar.copy()
    y_bar[...] = 0.0
    y_bar += 2.0 * y_seed_2
    # backward: y[4] **= 2
    y_seed_3 = y_bar[4]
    y_bar[4] = 0.0
    y_bar[4] += 2.0 * y_4 * y_seed_3
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
