import numpy as np


def diagonal_filled(a, y_bar, k):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        if 0 <= i + k < a.shape[1]:
            x_bar[i, i + k] = y_bar
    return x_bar


def unbroadcast_2d_2d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    j_step = 1 if like.shape[1] != 1 else 0
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            x_bar[i * i_step, j * j_step] += y_bar[i, j]
    return x_bar


def matrix_products_value_and_grad(a, b):
    c = a @ b
    element = a[:, 0]
    b_0 = b[0]
    outer = np.outer(element, b_0)
    d = outer + c
    d_t = d.T
    product = d_t @ d
    e = np.eye(5) + product
    c_0 = c[0]
    d_1 = d[1]
    element_1 = b[:, 1]
    product_1 = a @ element_1
    value = np.trace(e) + np.dot(c_0, d_1) + np.sum(product_1)
    # backward: return np.trace(e) + np.dot(c[0], d[1]) + np.sum(a @ b[:, 1])
    product_1_bar = np.full_like(product_1, 1.0)
    a_bar = np.outer(product_1_bar, element_1)
    b_bar = np.zeros_like(b)
    b_bar[:, 1] += a.T @ product_1_bar
    d_bar = np.zeros_like(d)
    d_bar[1] += c_0
    c_bar = np.zeros_like(c)
    c_bar[0] += d_1
    e_bar = diagonal_filled(e, 1.0, 0)
    # backward: e = np.eye(5) + d.T @ d
    product_bar = unbroadcast_2d_2d(e_bar, product)
    d_bar += d_t.T @ product_bar
    d_bar += (product_bar @ d.T).T
    # backward: d = np.outer(a[:, 0], b[0]) + c
    outer_bar = unbroadcast_2d_2d(d_bar, outer)
    c_bar += unbroadcast_2d_2d(d_bar, c)
    b_bar[0] += element @ outer_bar
    a_bar[:, 0] += outer_bar @ b_0
    # backward: c = a @ b
    a_bar += c_bar @ b.T
    b_bar += a.T @ c_bar
    return value, (a_bar, b_bar)
