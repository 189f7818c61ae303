import numpy as np


def reductions_with_axis_value_and_grad(m):
    if m.shape[0] != 3:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    mean = np.sum(m, axis=1) / m.shape[1]
    centred = m - mean.reshape(3, 1)
    m_sum = m.sum(axis=0)
    m_size = m.size
    value = np.sum(centred**3) + m_sum[1] * m_size
    # backward: return np.sum(centred**3) + m.sum(axis=0)[1] * m.size
    m_sum_bar = np.zeros_like(m_sum)
    m_sum_bar[1] += 1.0 * m_size
    m_bar = np.broadcast_to(np.expand_dims(m_sum_bar, 0), m.shape)
    centred_bar = 3.0 * centred**2
    # backward: centred = m - mean.reshape(3, 1)
    m_bar = m_bar + centred_bar
    t_bar = np.sum(-centred_bar, axis=1, keepdims=True)
    mean_bar = np.reshape(t_bar, mean.shape)
    # backward: mean = np.sum(m, axis=1) / m.shape[1]
    m_bar += np.broadcast_to(np.expand_dims(mean_bar / m.shape[1], 1), m.shape)
    return value, m_bar
