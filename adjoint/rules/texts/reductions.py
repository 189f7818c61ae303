"""Numbers out of arrays: products, order statistics, interpolation, covariance."""

TEXT = '''
def half_spectrum(a, spectrum, n):
    a_bar = np.zeros(a.shape, a.dtype)
    for k in range(min(a.shape[-1], spectrum.shape[-1])):
        parts = spectrum[..., k : k + 1]
        a_bar[..., k : k + 1] = parts if k == 0 or 2 * k == n else parts + parts
    return a_bar


def resized(x, n):
    y = np.zeros(x.shape[:-1] + (n,), x.dtype)
    kept = min(n, x.shape[-1])
    y[..., :kept] = x[..., :kept]
    return y


def prod_partials(a):
    flat = a.ravel()
    partials = np.ones(flat.shape[0], a.dtype)
    before = np.ones(1, a.dtype)[0]
    for i in range(flat.shape[0]):
        partials[i] = before
        before = before * flat[i]
    after = np.ones(1, a.dtype)[0]
    for i in range(flat.shape[0] - 1, -1, -1):
        partials[i] = partials[i] * after
        after = after * flat[i]
    return partials.reshape(a.shape)


def cumprod_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    carried = np.zeros(1, a.dtype)[0]
    for i in range(a.shape[0] - 1, -1, -1):
        seed = carried + y_bar[i]
        if i > 0:
            x_bar[i] = seed * y[i - 1]
        else:
            x_bar[i] = seed
        carried = seed * a[i]
    return x_bar


def cumprod_pushforward(a, a_dot):
    y_dot = np.zeros(a.shape, a.dtype)
    product = np.ones(1, a.dtype)[0]
    tangent = np.zeros(1, a.dtype)[0]
    for i in range(a.shape[0]):
        tangent = tangent * a[i] + product * a_dot[i]
        product = product * a[i]
        y_dot[i] = tangent
    return y_dot


def quantile_partials(a, q):
    if not 0.0 <= q <= 1.0:
        raise ValueError("quantiles must be in the range [0, 1]")
    flat = a.ravel()
    partials = np.zeros(flat.shape[0], a.dtype)
    ordered = np.sort(flat)
    n = 0
    for i in range(flat.shape[0]):
        if not np.isnan(flat[i]):
            n += 1
    if n > 0:
        place = q * (n - 1)
        first = min(int(math.floor(place)), n - 1)
        low = ordered[first]
        high = ordered[min(first + 1, n - 1)]
        weight = place - first
        at_low = 0
        at_high = 0
        for i in range(flat.shape[0]):
            if flat[i] == low:
                at_low += 1
            if flat[i] == high:
                at_high += 1
        for i in range(flat.shape[0]):
            if flat[i] == low:
                partials[i] += (1.0 - weight) / at_low
            if flat[i] == high:
                partials[i] += weight / at_high
    return partials.reshape(a.shape)


def quantile_slope(a, q):
    ordered = np.sort(a.ravel())
    n = 0
    for i in range(ordered.shape[0]):
        if not np.isnan(ordered[i]):
            n += 1
    place = q * (n - 1)
    first = min(int(math.floor(place)), n - 1)
    after = ordered[min(first + 1, n - 1)] - ordered[first]
    before = after
    if place == first and first > 0:
        before = ordered[first] - ordered[first - 1]
        if first == n - 1:
            after = before
    return 0.5 * (before + after) * (n - 1)


def sort_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    source = np.argsort(a, kind="mergesort")
    target = np.argsort(y, kind="mergesort")
    for i in range(a.shape[0]):
        x_bar[source[i]] = y_bar[target[i]]
    return x_bar


def sort_pushforward(a, y, a_dot):
    y_dot = np.zeros(a.shape, a.dtype)
    source = np.argsort(a, kind="mergesort")
    target = np.argsort(y, kind="mergesort")
    for i in range(a.shape[0]):
        y_dot[target[i]] = a_dot[source[i]]
    return y_dot


def vander_pullback(x, y_bar, increasing):
    x_bar = np.zeros(x.shape, x.dtype)
    columns = y_bar.shape[1]
    for i in range(x.shape[0]):
        for j in range(columns):
            power = j if increasing else columns - 1 - j
            if power > 0:
                x_bar[i] += y_bar[i, j] * power * x[i] ** (power - 1)
    return x_bar


def vander_pushforward(x, x_dot, columns, increasing):
    y_dot = np.zeros((x.shape[0], columns), x.dtype)
    for i in range(x.shape[0]):
        for j in range(columns):
            power = j if increasing else columns - 1 - j
            if power > 0:
                y_dot[i, j] = x_dot[i] * power * x[i] ** (power - 1)
    return y_dot


def centred(m):
    c = np.zeros(m.shape, np.float64)
    for i in range(m.shape[0]):
        mean = 0.0
        for j in range(m.shape[1]):
            mean += m[i, j] / m.shape[1]
        for j in range(m.shape[1]):
            c[i, j] = m[i, j] - mean
    return c


def cov_pullback(m, y_bar):
    x_bar = np.zeros(m.shape, m.dtype)
    both = np.zeros(y_bar.shape, np.float64)
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            both[i, j] = (y_bar[i, j] + y_bar[j, i]) / (m.shape[1] - 1)
    x_bar[:, :] = both @ centred(m)
    return x_bar


def cov_pushforward(m, m_dot):
    half = centred(m_dot) @ centred(m).T
    return (half + half.T) / (m.shape[1] - 1)


def corrcoef_pullback(x, y, y_bar):
    n = y.shape[0]
    c = centred(x)
    variance = np.zeros(n, np.float64)
    for i in range(n):
        variance[i] = np.sum(c[i] * c[i]) / (x.shape[1] - 1)
    cov_bar = np.zeros((n, n), np.float64)
    for i in range(n):
        for j in range(n):
            cov_bar[i, j] += y_bar[i, j] / math.sqrt(variance[i] * variance[j])
            cov_bar[i, i] -= 0.5 * y_bar[i, j] * y[i, j] / variance[i]
            cov_bar[j, j] -= 0.5 * y_bar[i, j] * y[i, j] / variance[j]
    return cov_pullback(x, cov_bar)


def corrcoef_pushforward(x, y, x_dot):
    n = y.shape[0]
    c = centred(x)
    cov_dot = cov_pushforward(x, x_dot)
    y_dot = np.zeros((n, n), np.float64)
    variance = np.zeros(n, np.float64)
    for i in range(n):
        variance[i] = np.sum(c[i] * c[i]) / (x.shape[1] - 1)
    for i in range(n):
        for j in range(n):
            scaled = cov_dot[i, j] / math.sqrt(variance[i] * variance[j])
            change = cov_dot[i, i] / variance[i] + cov_dot[j, j] / variance[j]
            y_dot[i, j] = scaled - 0.5 * y[i, j] * change
    return y_dot


def members_shares(a, b, y):
    shares = np.zeros(y.shape[0], np.float64)
    for value in a.ravel():
        k = np.searchsorted(y, value)
        if k < y.shape[0] and y[k] == value:
            shares[k] += 1.0
    for value in b.ravel():
        k = np.searchsorted(y, value)
        if k < y.shape[0] and y[k] == value:
            shares[k] += 1.0
    return shares


def members_pullback(a, b, y, y_bar):
    flat = a.ravel()
    shares = members_shares(a, b, y)
    x_bar = np.zeros(flat.shape[0], a.dtype)
    for i in range(flat.shape[0]):
        k = np.searchsorted(y, flat[i])
        if k < y.shape[0] and y[k] == flat[i]:
            x_bar[i] = y_bar[k] / shares[k]
    return x_bar.reshape(a.shape)


def members_pushforward(a, b, y, a_dot):
    flat = a.ravel()
    flat_dot = a_dot.ravel()
    shares = members_shares(a, b, y)
    y_dot = np.zeros(y.shape[0], y.dtype)
    for i in range(flat.shape[0]):
        k = np.searchsorted(y, flat[i])
        if k < y.shape[0] and y[k] == flat[i]:
            y_dot[k] += flat_dot[i] / shares[k]
    return y_dot


def roots_pullback(p, y, y_bar):
    n = p.shape[0]
    p_bar = np.zeros(n, p.dtype)
    for i in range(y.shape[0]):
        slope = 0.0 * y[i]
        power = 0.0 * y[i] + 1.0
        for k in range(n - 2, -1, -1):
            slope += (n - 1 - k) * p[k] * power
            power = power * y[i]
        factor = -y_bar[i] / slope
        for k in range(n - 1, -1, -1):
            p_bar[k] += factor.real
            factor = factor * y[i]
    return p_bar


def roots_pushforward(p, y, p_dot):
    n = p.shape[0]
    y_dot = np.zeros(y.shape[0], y.dtype)
    for i in range(y.shape[0]):
        slope = 0.0 * y[i]
        moved = 0.0 * y[i]
        for k in range(n):
            moved = moved * y[i] + p_dot[k]
        power = 0.0 * y[i] + 1.0
        for k in range(n - 2, -1, -1):
            slope += (n - 1 - k) * p[k] * power
            power = power * y[i]
        y_dot[i] = -moved / slope
    return y_dot
'''
