import numpy as np


def cholesky_rows_pullback(y, x_bar, start, end):
    height = y.shape[0] - end
    width = end - start
    columns = y[end:, start:end].copy()
    product = x_bar[end:, end:].copy() @ columns
    across = np.zeros((width, height), y.dtype)
    for j in range(width):
        for i in range(height):
            across[j, i] = x_bar[end + i, start + j] - product[i, j]
    for k in range(width - 1, -1, -1):
        for i in range(height):
            across[k, i] /= y[start + k, start + k]
        for j in range(k):
            for i in range(height):
                across[j, i] -= across[k, i] * y[start + k, start + j]
    for j in range(width):
        for i in range(height):
            x_bar[end + i, start + j] = across[j, i]
            x_bar[start + j, end + i] = across[j, i]
    product = across @ columns
    for i in range(width):
        for j in range(i + 1):
            x_bar[start + i, start + j] -= product[i, j]


def cholesky_block_pullback(y, x_bar):
    n = y.shape[0]
    for k in range(n - 1, -1, -1):
        seed = x_bar[k, k]
        for i in range(k + 1, n):
            x_bar[i, k] /= y[k, k]
            x_bar[k, i] = x_bar[i, k]
            seed -= y[i, k] * x_bar[i, k]
        seed /= y[k, k]
        x_bar[k, k] = seed
        for j in range(k):
            x_bar[k, j] -= seed * y[k, j]
        for i in range(k + 1, n):
            seed = x_bar[i, k]
            for j in range(k):
                x_bar[k, j] -= seed * y[i, j]
                x_bar[i, j] -= seed * y[k, j]


def cholesky_pullback(y, y_bar):
    n = y.shape[0]
    x_bar = np.zeros(y.shape, y.dtype)
    for i in range(n):
        for j in range(i + 1):
            x_bar[i, j] = y_bar[i, j]
    for end in range(n, 0, -32):
        start = max(0, end - 32)
        if end < n:
            cholesky_rows_pullback(y, x_bar, start, end)
        cholesky_block_pullback(y[start:end, start:end].copy(), x_bar[start:end, start:end])
    for i in range(n):
        x_bar[i, i] /= 2
        for j in range(i):
            x_bar[j, i] = 0.0
    return x_bar


def diagonal_placed(a, y_bar, k):
    x_bar = np.zeros(a.shape, a.dtype)
    first = max(0, -k)
    for i in range(y_bar.shape[0]):
        x_bar[first + i, first + i + k] = y_bar[i]
    return x_bar


def log_determinant_by_cholesky_value_and_grad(m):
    m_t = m.T
    product = m @ m_t
    product_1 = 2.0 * np.eye(4)
    if product.shape[0] != product_1.shape[0] or product.shape[1] != product_1.shape[1]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    a = product + product_1
    c = np.linalg.cholesky(a)
    diag_c = np.diag(c)
    value = 2.0 * np.sum(np.log(diag_c))
    # backward: return 2.0 * np.sum(np.log(np.diag(c)))
    c_bar = diagonal_placed(c, 2.0 / diag_c, 0)
    # backward: c = np.linalg.cholesky(a)
    a_bar = cholesky_pullback(c, c_bar)
    # backward: a = m @ m.T + 2.0 * np.eye(4)
    m_bar = a_bar @ m_t.T
    m_bar += (m.T @ a_bar).T
    return value, m_bar
