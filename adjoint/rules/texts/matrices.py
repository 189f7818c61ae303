"""Linear algebra: determinants, powers, factorisations of symmetric matrices, eigenvalues."""

TEXT = '''
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


def sum_between_powers(base, term, n):
    # base**k @ term @ base**(n - 1 - k) for all k, by halves: twice as many factors, and one more
    if n == 0:
        return np.zeros(term.shape, term.dtype)
    total = term.copy()
    power = base
    place = 1
    while 2 * place <= n:
        place *= 2
    while place > 1:
        place //= 2
        total = total @ power + power @ total
        power = power @ power
        if n // place % 2 == 1:
            total = base @ total + term @ power
            power = power @ base
    return total


def matrix_power_pullback(a, n, y_bar):
    base = np.ascontiguousarray(a)
    if n < 0:
        base = np.ascontiguousarray(np.linalg.inv(a))
    transposed = np.ascontiguousarray(base.T)
    x_bar = sum_between_powers(transposed, np.ascontiguousarray(y_bar), abs(n))
    if n < 0:
        x_bar = -(transposed @ x_bar @ transposed)
    return x_bar


def matrix_power_pushforward(a, n, a_dot):
    base = np.ascontiguousarray(a)
    term = np.ascontiguousarray(a_dot)
    if n < 0:
        base = np.ascontiguousarray(np.linalg.inv(a))
        term = -(base @ term @ base)
    return sum_between_powers(base, term, abs(n))


def lower_of_symmetric(full):
    x_bar = np.zeros(full.shape, full.dtype)
    for i in range(full.shape[0]):
        x_bar[i, i] = full[i, i]
        for j in range(i):
            x_bar[i, j] = full[i, j] + full[j, i]
    return x_bar


def symmetric_of_lower(a):
    full = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(i + 1):
            full[i, j] = a[i, j]
            full[j, i] = a[i, j]
    return full


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


def cholesky_pushforward(y, a_dot):
    factor = np.ascontiguousarray(y)
    half = np.linalg.solve(factor, symmetric_of_lower(a_dot))
    inner = np.linalg.solve(factor, np.ascontiguousarray(half.T))
    for i in range(y.shape[0]):
        inner[i, i] /= 2
        for j in range(i + 1, y.shape[0]):
            inner[i, j] = 0.0
    return factor @ np.ascontiguousarray(inner)


def divide_by_gaps(inner, w):
    smallest = w.shape[0] * np.spacing(np.max(np.abs(w))) if w.shape[0] > 0 else 0.0
    for i in range(w.shape[0]):
        for j in range(w.shape[0]):
            if abs(w[j] - w[i]) > smallest:
                inner[i, j] = inner[i, j] / (w[j] - w[i])
            else:
                inner[i, j] = 0.0


def eigh_pullback(w, v, w_bar, v_bar):
    vectors = np.ascontiguousarray(v)
    transposed = np.ascontiguousarray(v.T)
    inner = transposed @ np.ascontiguousarray(v_bar)
    divide_by_gaps(inner, w)
    for i in range(w.shape[0]):
        inner[i, i] = w_bar[i]
    return lower_of_symmetric(vectors @ inner @ transposed)


def eigh_values_pushforward(v, a_dot):
    vectors = np.ascontiguousarray(v)
    product = symmetric_of_lower(a_dot) @ vectors
    w_dot = np.zeros(v.shape[0], v.dtype)
    for i in range(v.shape[0]):
        w_dot[i] = np.sum(vectors[:, i] * product[:, i])
    return w_dot


def eigh_vectors_pushforward(w, v, a_dot):
    vectors = np.ascontiguousarray(v)
    inner = np.ascontiguousarray(v.T) @ symmetric_of_lower(a_dot) @ vectors
    divide_by_gaps(inner, w)
    return vectors @ inner


def eigvalsh_pullback(a, w_bar):
    w, v = np.linalg.eigh(a)
    vectors = np.ascontiguousarray(v)
    scaled = vectors * w_bar
    return lower_of_symmetric(scaled @ np.ascontiguousarray(v.T))


def eigvalsh_pushforward(a, a_dot):
    w, v = np.linalg.eigh(a)
    return eigh_values_pushforward(v, a_dot)


def eig_pullback(w, v, w_bar, v_bar):
    vectors = np.ascontiguousarray(v)
    transposed = np.ascontiguousarray(v.T)
    inner = transposed @ np.ascontiguousarray(v_bar)
    gram = transposed @ vectors
    for j in range(w.shape[0]):
        along = inner[j, j]
        for i in range(w.shape[0]):
            inner[i, j] -= gram[i, j] * along
    divide_by_gaps(inner, w)
    for i in range(w.shape[0]):
        inner[i, i] = w_bar[i]
    return np.ascontiguousarray(np.linalg.solve(transposed, inner @ transposed))


def eig_values_pushforward(v, a_dot):
    vectors = np.ascontiguousarray(v)
    inner = np.linalg.solve(vectors, np.ascontiguousarray(a_dot) @ vectors)
    w_dot = np.zeros(v.shape[0], v.dtype)
    for i in range(v.shape[0]):
        w_dot[i] = inner[i, i]
    return w_dot


def eig_vectors_pushforward(w, v, a_dot):
    vectors = np.ascontiguousarray(v)
    inner = np.ascontiguousarray(np.linalg.solve(vectors, np.ascontiguousarray(a_dot) @ vectors))
    divide_by_gaps(inner, w)
    v_dot = vectors @ inner
    for j in range(w.shape[0]):
        along = np.sum(vectors[:, j] * v_dot[:, j])
        for i in range(w.shape[0]):
            v_dot[i, j] -= vectors[i, j] * along
    return v_dot


def eigvals_pullback(a, w_bar):
    w, v = np.linalg.eig(a)
    transposed = np.ascontiguousarray(v.T)
    scaled = np.zeros(v.shape, v.dtype)
    for i in range(w.shape[0]):
        for j in range(w.shape[0]):
            scaled[i, j] = w_bar[i] * transposed[i, j]
    return np.ascontiguousarray(np.linalg.solve(transposed, scaled))


def eigvals_pushforward(a, a_dot):
    w, v = np.linalg.eig(a)
    return eig_values_pushforward(v, a_dot)
'''
