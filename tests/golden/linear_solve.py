import numpy as np


def unbroadcast_2d_2d(y_bar, like):
    x_bar = np.zeros(like.shape, like.dtype)
    i_step = 1 if like.shape[0] != 1 else 0
    j_step = 1 if like.shape[1] != 1 else 0
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            x_bar[i * i_step, j * j_step] += y_bar[i, j]
    return x_bar


def linear_solve_value_and_grad(m, b):
    m_t = m.T
    product = m @ m_t
    a = product + 2.0 * np.eye(4)
    solve = np.linalg.solve(a, b)
    value = np.sum(solve**2)
    # backward: return np.sum(np.linalg.solve(a, b) ** 2)
    solve_bar = 2.0 * solve
    a_bar = -np.outer(np.linalg.solve(a.T, solve_bar), solve)
    b_bar = np.linalg.solve(a.T, solve_bar)
    # backward: a = m @ m.T + 2.0 * np.eye(4)
    product_bar = unbroadcast_2d_2d(a_bar, product)
    m_bar = product_bar @ m_t.T
    m_bar += (m.T @ product_bar).T
    return value, (m_bar, b_bar)
