import numpy as np


def linear_solve_value_and_grad(m, b):
    m_t = m.T
    product = m @ m_t
    product_1 = 2.0 * np.eye(4)
    if product.shape[0] != product_1.shape[0] or product.shape[1] != product_1.shape[1]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    a = product + product_1
    solve = np.linalg.solve(a, b)
    value = np.sum(solve**2)
    # backward: return np.sum(np.linalg.solve(a, b) ** 2)
    b_bar = np.linalg.solve(a.T, 2.0 * solve)
    a_bar = -np.outer(b_bar, solve)
    # backward: a = m @ m.T + 2.0 * np.eye(4)
    m_bar = a_bar @ m_t.T
    m_bar += (m.T @ a_bar).T
    return value, (m_bar, b_bar)
