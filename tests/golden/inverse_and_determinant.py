import numpy as np


def prod_partials(a):
    flat = a.ravel()
    partials = np.ones(flat.shape[0], a.dtype)
    before = np.ones(1, a.dtype)[0]
    for i in range(flat.shape[0]):
        partials[i] = before
        before = before * flat[i]
    after = np.ones(1, a.dtype)[0]
    for i in range(flat.shape[0] - 1, -1, -1):
        partials[i] = partials[i] * after
        after = after * flat[i]
    return partials.reshape(a.shape)


def cofactors(a):
    u, s, vt = np.linalg.svd(a)
    others = prod_partials(s)
    turn = np.linalg.det(u) * np.linalg.det(vt)
    scaled = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            scaled[i, j] = np.conj(turn) * u[i, j] * others[j]
    return np.conj(scaled @ np.ascontiguousarray(vt))


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


def inverse_and_determinant_value_and_grad(m):
    m_t = m.T
    product = m @ m_t
    a = product + 2.0 * np.eye(4)
    inv_a = np.linalg.inv(a)
    m_0 = m[0]
    norm_m_0 = np.linalg.norm(m_0)
    value = np.trace(inv_a) + np.linalg.det(a) + np.linalg.slogdet(a)[1] + norm_m_0
    # backward: return np.trace(np.linalg.inv(a)) + np.linalg.det(a) + np.linalg.slogdet(a)[1] + np.linalg.norm(m[0])
    m_bar = np.zeros_like(m)
    m_bar[0] += (1.0 / norm_m_0 if norm_m_0 != 0.0 else 0.0) * m_0
    a_bar = 1.0 * np.linalg.inv(a).T
    a_bar += cofactors(a)
    inv_a_bar = diagonal_filled(inv_a, 1.0, 0)
    a_bar -= inv_a.T @ inv_a_bar @ inv_a.T
    # backward: a = m @ m.T + 2.0 * np.eye(4)
    product_bar = unbroadcast_2d_2d(a_bar, product)
    m_bar += product_bar @ m_t.T
    m_bar += (m.T @ product_bar).T
    return value, m_bar
