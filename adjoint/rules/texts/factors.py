"""Linear algebra: singular values, QR, pseudo-inverse, least squares, norms."""

TEXT = '''
def svd_pullback(a, u, s, vt, u_bar, s_bar, vt_bar):
    k = s.shape[0]
    for i in range(u.shape[0]):
        for j in range(k, u.shape[1]):
            if u_bar[i, j] != 0.0:
                raise ValueError("svd: the extra vectors of full_matrices=True have no derivative")
    for i in range(k, vt.shape[0]):
        for j in range(vt.shape[1]):
            if vt_bar[i, j] != 0.0:
                raise ValueError("svd: the extra vectors of full_matrices=True have no derivative")
    left = np.ascontiguousarray(u[:, :k])
    right = np.ascontiguousarray(vt[:k, :])
    left_bar = np.ascontiguousarray(u_bar[:, :k])
    right_bar = np.ascontiguousarray(vt_bar[:k, :])
    left_t = np.ascontiguousarray(left.T)
    from_left = left_t @ left_bar
    from_right = right @ np.ascontiguousarray(right_bar.T)
    outside_left = left_bar - left @ from_left
    outside_right = right_bar - np.ascontiguousarray(from_right.T) @ right
    smallest = k * np.spacing(np.max(s)) if k > 0 else 0.0
    inner = np.zeros((k, k), a.dtype)
    for i in range(k):
        inner[i, i] = s_bar[i]
        for j in range(k):
            if i != j and abs(s[j] - s[i]) > smallest:
                turn = (from_left[i, j] - from_left[j, i]) * s[j] + (from_right[i, j] - from_right[j, i]) * s[i]
                inner[i, j] = turn / ((s[j] - s[i]) * (s[j] + s[i]))
        for j in range(left.shape[0]):
            outside_left[j, i] = outside_left[j, i] / s[i] if s[i] > smallest else 0.0
        for j in range(right.shape[1]):
            outside_right[i, j] = outside_right[i, j] / s[i] if s[i] > smallest else 0.0
    return left @ (inner @ right) + outside_left @ right + left @ outside_right


def svd_values_pushforward(u, vt, s, a_dot):
    product = np.ascontiguousarray(u.T) @ np.ascontiguousarray(a_dot) @ np.ascontiguousarray(vt.T)
    s_dot = np.zeros(s.shape[0], s.dtype)
    for i in range(s.shape[0]):
        s_dot[i] = product[i, i]
    return s_dot


def svd_left_pushforward(u, s, vt, a_dot):
    k = s.shape[0]
    left = np.ascontiguousarray(u[:, :k])
    moved = np.ascontiguousarray(a_dot) @ np.ascontiguousarray(vt[:k, :].T)
    inner = np.ascontiguousarray(left.T) @ moved
    outside = moved - left @ inner
    smallest = k * np.spacing(np.max(s)) if k > 0 else 0.0
    turns = np.zeros((k, k), u.dtype)
    for i in range(k):
        for j in range(k):
            if i != j and abs(s[j] - s[i]) > smallest:
                turns[i, j] = (inner[i, j] * s[j] + s[i] * inner[j, i]) / ((s[j] - s[i]) * (s[j] + s[i]))
    turned = left @ turns
    u_dot = np.full(u.shape, np.nan).astype(u.dtype)
    for j in range(k):
        for i in range(u.shape[0]):
            u_dot[i, j] = turned[i, j] + (outside[i, j] / s[j] if s[j] > smallest else 0.0)
    return u_dot


def svd_right_pushforward(u, s, vt, a_dot):
    turned = svd_left_pushforward(vt.T, s, u.T, np.ascontiguousarray(a_dot.T))
    return np.ascontiguousarray(turned.T)


def qr_tall_pullback(q, r, q_bar, r_bar):
    n = r.shape[0]
    upper_bar = np.zeros(r.shape, r.dtype)
    for i in range(n):
        for j in range(i, n):
            upper_bar[i, j] = r_bar[i, j]
    m = r @ np.ascontiguousarray(upper_bar.T) - np.ascontiguousarray(q_bar.T) @ q
    for i in range(n):
        for j in range(i):
            m[j, i] = m[i, j]
    inner = np.ascontiguousarray((q_bar + q @ m).T)
    return np.ascontiguousarray(np.linalg.solve(r, inner).T)


def qr_pullback(a, q, r, q_bar, r_bar):
    rows = a.shape[0]
    columns = a.shape[1]
    left = np.ascontiguousarray(q)
    left_bar = np.ascontiguousarray(q_bar)
    if rows >= columns:
        return qr_tall_pullback(left, np.ascontiguousarray(r), left_bar, r_bar)
    x_bar = np.zeros(a.shape, a.dtype)
    rest_bar = np.ascontiguousarray(r_bar[:, rows:])
    left_bar = left_bar + np.ascontiguousarray(a[:, rows:]) @ np.ascontiguousarray(rest_bar.T)
    x_bar[:, :rows] = qr_tall_pullback(left, np.ascontiguousarray(r[:, :rows]), left_bar, r_bar[:, :rows])
    x_bar[:, rows:] = left @ rest_bar
    return x_bar


def qr_rotation(q, r, a_dot):
    k = q.shape[1]
    moved = np.ascontiguousarray(q.T) @ np.ascontiguousarray(a_dot[:, :k])
    product = np.linalg.solve(np.ascontiguousarray(r[:, :k].T), np.ascontiguousarray(moved.T))
    rotation = np.zeros((k, k), q.dtype)
    for i in range(k):
        for j in range(i):
            rotation[i, j] = product[j, i]
            rotation[j, i] = -product[j, i]
    return rotation


def qr_left_pushforward(q, r, a_dot):
    k = q.shape[1]
    left = np.ascontiguousarray(q)
    leading = np.ascontiguousarray(np.ascontiguousarray(a_dot[:, :k]).T)
    moved = np.ascontiguousarray(np.linalg.solve(np.ascontiguousarray(r[:, :k].T), leading).T)
    inside = np.ascontiguousarray(left.T) @ moved
    return moved - left @ (inside - qr_rotation(q, r, a_dot))


def qr_right_pushforward(q, r, a_dot):
    moved = np.ascontiguousarray(q.T) @ np.ascontiguousarray(a_dot)
    r_dot = moved - qr_rotation(q, r, a_dot) @ np.ascontiguousarray(r)
    for i in range(r.shape[0]):
        for j in range(min(i, r.shape[1])):
            r_dot[i, j] = 0.0
    return r_dot


def pinv_pullback(a, y, y_bar):
    p = np.ascontiguousarray(y)
    p_t = np.ascontiguousarray(y.T)
    matrix = np.ascontiguousarray(a)
    seed_t = np.ascontiguousarray(y_bar.T)
    first = p_t @ np.ascontiguousarray(y_bar) @ p_t
    second = seed_t @ (p @ p_t)
    third = (p_t @ p) @ seed_t
    return second - matrix @ (p @ second) + third - (third @ p) @ matrix - first


def pinv_pushforward(a, y, a_dot):
    p = np.ascontiguousarray(y)
    p_t = np.ascontiguousarray(y.T)
    matrix = np.ascontiguousarray(a)
    moved_t = np.ascontiguousarray(a_dot.T)
    second = (p @ p_t) @ moved_t
    third = moved_t @ (p_t @ p)
    first = p @ np.ascontiguousarray(a_dot) @ p
    return second - (second @ matrix) @ p + third - p @ (matrix @ third) - first


def inverse_of_rank(a, rank):
    if rank == 0 or rank < a.shape[1]:
        return np.ascontiguousarray(np.linalg.pinv(a))
    # The columns are independent.
    q, r = np.linalg.qr(np.ascontiguousarray(a))
    return np.ascontiguousarray(np.linalg.solve(r, np.ascontiguousarray(q.T)))


def lstsq_left_pullback(a, p, b, x, x_bar):
    p_t = np.ascontiguousarray(p.T)
    matrix = np.ascontiguousarray(a)
    residual = b - matrix @ x
    seed = p_t @ x_bar
    outside = x_bar - np.ascontiguousarray(matrix.T) @ seed
    return np.outer(residual, p @ seed) + np.outer(p_t @ x, outside) - np.outer(seed, x)


def lstsq_pushforward(a, p, b, x, a_dot):
    p_t = np.ascontiguousarray(p.T)
    matrix = np.ascontiguousarray(a)
    moved = np.ascontiguousarray(a_dot)
    moved_t = np.ascontiguousarray(a_dot.T)
    second = moved_t @ (p_t @ x)
    return p @ (p_t @ (moved_t @ (b - matrix @ x))) + second - p @ (matrix @ second) - p @ (moved @ x)


def lstsq_left_pullback_2d(a, p, b, x, x_bar):
    p_t = np.ascontiguousarray(p.T)
    matrix = np.ascontiguousarray(a)
    solution = np.ascontiguousarray(x)
    residual = b - matrix @ solution
    seed = p_t @ np.ascontiguousarray(x_bar)
    outside = x_bar - np.ascontiguousarray(matrix.T) @ seed
    first = seed @ np.ascontiguousarray(solution.T)
    second = np.ascontiguousarray(residual) @ np.ascontiguousarray((p @ seed).T)
    return second + (p_t @ solution) @ np.ascontiguousarray(outside.T) - first


def lstsq_pushforward_2d(a, p, b, x, a_dot):
    p_t = np.ascontiguousarray(p.T)
    matrix = np.ascontiguousarray(a)
    moved = np.ascontiguousarray(a_dot)
    moved_t = np.ascontiguousarray(a_dot.T)
    solution = np.ascontiguousarray(x)
    second = moved_t @ (p_t @ solution)
    first = p @ (p_t @ (moved_t @ np.ascontiguousarray(b - matrix @ solution)))
    return first + second - p @ (matrix @ second) - p @ (moved @ solution)


def singular_value_partials(x, which):
    u, s, vt = np.linalg.svd(x)
    k = which if which >= 0 else s.shape[0] - 1
    return np.outer(u[:, k], vt[k, :])


def nuclear_partials(x):
    u, s, vt = np.linalg.svd(x)
    k = s.shape[0]
    return np.ascontiguousarray(u[:, :k]) @ np.ascontiguousarray(vt[:k, :])


def cond_partials(x):
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    u, s, vt = np.linalg.svd(x)
    k = s.shape[0] - 1
    partials = np.zeros(x.shape, x.dtype)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            partials[i, j] = (u[i, 0] * vt[0, j] - s[0] / s[k] * u[i, k] * vt[k, j]) / s[k]
    return partials


def column_sum_partials(x, y):
    partials = np.zeros(x.shape, x.dtype)
    ties = 0
    for j in range(x.shape[1]):
        if np.sum(np.abs(x[:, j])) == y:
            ties += 1
            for i in range(x.shape[0]):
                partials[i, j] = np.sign(x[i, j])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            partials[i, j] /= max(ties, 1)
    return partials


def row_sum_partials(x, y):
    partials = np.zeros(x.shape, x.dtype)
    ties = 0
    for i in range(x.shape[0]):
        if np.sum(np.abs(x[i, :])) == y:
            ties += 1
            for j in range(x.shape[1]):
                partials[i, j] = np.sign(x[i, j])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            partials[i, j] /= max(ties, 1)
    return partials
'''
