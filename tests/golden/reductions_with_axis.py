import numpy as np


def unbroadcast_2d_2d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    j_step = 1 if like.shape[1] != 1 else 0
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            x_bar[i * i_step, j * j_step] += y_bar[i, j]
    return x_bar


def reductions_with_axis_value_and_grad(m):
    mean = np.sum(m, axis=1) / m.shape[1]
    reshape = mean.reshape(3, 1)
    centred = m - reshape
    m_sum = m.sum(axis=0)
    m_size = m.size
    value = np.sum(centred**3) + m_sum[1] * m_size
    # backward: return np.sum(centred**3) + m.sum(axis=0)[1] * m.size
    m_sum_bar = np.zeros_like(m_sum)
    m_sum_bar[1] += 1.0 * m_size
    m_bar = np.broadcast_to(np.expand_dims(m_sum_bar, 0), m.shape)
    centred_bar = 3.0 * centred**2
    # backward: centred = m - mean.reshape(3, 1)
    m_bar = m_bar + unbroadcast_2d_2d(centred_bar, m)
    reshape_bar = unbroadcast_2d_2d(-centred_bar, reshape)
    mean_bar = np.reshape(reshape_bar, mean.shape)
    # backward: mean = np.sum(m, axis=1) / m.shape[1]
    m_bar += np.broadcast_to(np.expand_dims(mean_bar / m.shape[1], 1), m.shape)
    return value, m_bar
