import numpy as np


def unbroadcast_1d_1d(y_bar, like):
    if like.shape[0] != y_bar.shape[0] and like.shape[0] != 1:
        raise ValueError("operands could not be broadcast together")
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    for i in range(y_bar.shape[0]):
        x_bar[i * i_step] += y_bar[i]
    return x_bar


def mask_read_and_scale_value_and_grad(x):
    mask = x > 0.2
    y = np.sin(x)
    product = y[mask] * 3.0
    y[mask] = product
    invert_mask = ~mask
    y_invert_mask = y[invert_mask]
    invert_mask_1 = ~mask
    element = x[invert_mask_1]
    if y_invert_mask.shape[0] != element.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    product_1 = y_invert_mask * element
    invert_mask_2 = ~mask
    y[invert_mask_2] = product_1
    x_mask = x[mask]
    value = np.sum(x_mask**3) + np.sum(y)
    # backward: return np.sum(x[mask] ** 3) + np.sum(y)
    y_bar = np.full_like(y, 1.0)
    x_bar = np.zeros_like(x)
    x_bar[mask] += 3.0 * x_mask**2
    # backward: y[~mask] = y[~mask] * x[~mask]
    y_seed = y_bar[invert_mask_2].copy()
    y_bar[invert_mask_2] = 0.0
    product_1_bar = unbroadcast_1d_1d(y_seed, product_1)
    x_bar[invert_mask_1] += product_1_bar * y_invert_mask
    y_bar[invert_mask] += product_1_bar * element
    # backward: y[mask] *= 3.0
    y_seed_1 = y_bar[mask].copy()
    y_bar[mask] = 3.0 * unbroadcast_1d_1d(y_seed_1, product)
    # backward: y = np.sin(x)
    x_bar += y_bar * np.cos(x)
    return value, x_bar
