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


def array_methods_value_and_grad(m):
    a = m.sum(axis=0)
    b = m.mean()
    copied = m.T.copy()
    c = copied.reshape(12)
    ravel_m = m.ravel()
    flatten_m = m.flatten()
    d = ravel_m.dot(c) + flatten_m.sum()
    b_bar = m.std()
    value = (a * a).sum() + b * b_bar + m.var() + c.prod() + d
    # backward: return (a * a).sum() + b * m.std() + m.var() + c.prod() + d
    c_bar = 1.0 * prod_partials(c)
    m_bar = 2.0 / m.size * (m - np.mean(m))
    m_bar += (b / (m.size * b_bar) if b_bar != 0.0 else 0.0) * (m - np.mean(m) - np.mean(m - np.mean(m)))
    a_bar = 2.0 * a
    # backward: d = m.ravel().dot(c) + m.flatten().sum()
    m_bar += np.reshape(np.full_like(flatten_m, 1.0), m.shape)
    c_bar += ravel_m
    m_bar += np.reshape(1.0 * c, m.shape)
    # backward: c = m.T.copy().reshape(12)
    m_bar += np.reshape(c_bar, copied.shape).T
    # backward: b = m.mean()
    m_bar += np.full_like(m, b_bar / m.size)
    # backward: a = m.sum(axis=0)
    m_bar += np.broadcast_to(np.expand_dims(a_bar, 0), m.shape)
    return value, m_bar
