import numpy as np


def matrix_vector_by_hand_value_and_grad(m):
    y = np.zeros(3)
    for i in range(3):
        for j in range(4):
            y[i] += m[i, j] * m[i, 3 - j]
    y_0 = y[0]
    y_1 = y[1]
    value = y_0 * y_1 + y[2]
    # backward: return y[0] * y[1] + y[2]
    y_bar = np.zeros(3)
    y_bar[2] += 1.0
    y_bar[1] += y_0
    y_bar[0] += y_1
    m_bar = np.zeros_like(m)
    for i in range(2, -1, -1):
        for j in range(3, -1, -1):
            # backward: y[i] += m[i, j] * m[i, 3 - j]
            t_bar = y_bar[i]
            difference = 3 - j
            m_bar[i, difference] += t_bar * m[i, j]
            m_bar[i, j] += t_bar * m[i, difference]
    return value, m_bar
