import numpy as np


def diagonal_filled(a, y_bar, k):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        if 0 <= i + k < a.shape[1]:
            x_bar[i, i + k] = y_bar
    return x_bar


def matrix_products_value_and_grad(a, b):
    c = a @ b
    element = a[:, 0]
    b_0 = b[0]
    outer = np.outer(element, b_0)
    if outer.shape[0] != c.shape[0] or outer.shape[1] != c.shape[1]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    d = outer + c
    eye_5 = np.eye(5)
    d_t = d.T
    product = d_t @ d
    if eye_5.shape[0] != product.shape[0] or eye_5.shape[1] != product.shape[1]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    e = eye_5 + product
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
    d_bar += d_t.T @ e_bar
    d_bar += (e_bar @ d.T).T
    # backward: d = np.outer(a[:, 0], b[0]) + c
    c_bar += d_bar
    b_bar[0] += element @ d_bar
    a_bar[:, 0] += d_bar @ b_0
    # backward: c = a @ b
    a_bar += c_bar @ b.T
    b_bar += a.T @ c_bar
    return value, (a_bar, b_bar)
