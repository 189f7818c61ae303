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
    if a.shape[0] != a.shape[1]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    determinant = np.linalg.det(a)
    if 1e-30 < abs(determinant) < np.inf:
        inverse = np.ascontiguousarray(np.linalg.inv(a).T)
        if np.sum(np.abs(a) ** 2) * np.sum(np.abs(inverse) ** 2) < 1e8:
            return determinant * inverse
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


def inverse_and_determinant_value_and_grad(m):
    m_t = m.T
    product = m @ m_t
    product_1 = 2.0 * np.eye(4)
    if product.shape[0] != product_1.shape[0] or product.shape[1] != product_1.shape[1]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    a = product + product_1
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
    m_bar += a_bar @ m_t.T
    m_bar += (m.T @ a_bar).T
    return value, m_bar
