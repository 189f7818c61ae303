import numpy as np


def reductions_with_keepdims_value_and_grad(m):
    m_max = np.max(m, axis=1)
    e = np.exp(m - np.expand_dims(m_max, 1))
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
    m_max_bar = np.sum(-t_bar, axis=1)
    m_bar += np.where(m == np.expand_dims(m_max, 1), np.expand_dims(m_max_bar / np.sum(m == np.expand_dims(m_max, 1), axis=1), 1), 0.0)
    return value, m_bar
