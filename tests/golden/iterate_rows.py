import numpy as np


def iterate_rows_value_and_grad(m):
    s = 0.0
    for k in range(m.shape[0]):
        row = m[k]
        s += row[0] * row[1] + np.sum(row)
    # backward: return s
    m_bar = np.zeros_like(m)
    for k in range(m.shape[0] - 1, -1, -1):
        # backward: s += row[0] * row[1] + np.sum(row)
        row = m[k]
        row_bar = np.full_like(row, 1.0)
        row_bar[1] += row[0]
        row_bar[0] += row[1]
        # backward: for row in m:
        m_bar[k] += row_bar
    return s, m_bar
