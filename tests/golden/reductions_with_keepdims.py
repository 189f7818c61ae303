import numpy as np


def max_along_2d(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation")
    if axis == 0 or axis == -2:
        y = a[0, :].copy()
        for i in range(1, a.shape[0]):
            for j in range(a.shape[1]):
                if a[i, j] > y[j] or a[i, j] != a[i, j]:
                    y[j] = a[i, j]
        return y
    y = a[:, 0].copy()
    for i in range(a.shape[0]):
        for j in range(1, a.shape[1]):
            if a[i, j] > y[i] or a[i, j] != a[i, j]:
                y[i] = a[i, j]
    return y


def reductions_with_keepdims_value_and_grad(m):
    max_along_2d_1 = max_along_2d(m, 1)
    expand_dims = np.expand_dims(max_along_2d_1, 1)
    if m.shape[0] != expand_dims.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    e = np.exp(m - expand_dims)
    e_sum = e.sum(axis=1, keepdims=True)
    p = e / e_sum
    value = np.sum(p * p) + np.mean(m, axis=(0, 1))
    # backward: return np.sum(p * p) + np.mean(m, axis=(0, 1))
    m_bar = np.broadcast_to(np.expand_dims(1.0 / (m.shape[0] * m.shape[1]), (0, 1)), m.shape)
    p_bar = 2.0 * p
    # backward: p = e / e.sum(axis=1, keepdims=True)
    e_bar = p_bar / e_sum
    e_sum_bar = np.sum(-(p_bar * (p / e_sum)), axis=1, keepdims=True)
    e_bar += np.broadcast_to(e_sum_bar, e.shape)
    # backward: e = np.exp(m - m.max(axis=1, keepdims=True))
    t_bar = e_bar * e
    m_bar = m_bar + t_bar
    max_along_2d_1_bar = np.sum(-t_bar, axis=1)
    m_bar += np.where(m == np.expand_dims(max_along_2d_1, 1), np.expand_dims(max_along_2d_1_bar / np.sum(m == np.expand_dims(max_along_2d_1, 1), axis=1), 1), 0.0)
    return value, m_bar
