"""Interpolation between points, and extrema along an axis."""

TEXT = '''
def interp_slope(x, xp, fp):
    n = xp.shape[0]
    if fp.shape[0] != n:
        raise ValueError("fp and xp are not of the same length")
    if n < 2 or x < xp[0] or x > xp[n - 1] or x != x:
        return 0.0
    i = np.searchsorted(xp, x, side="right") - 1
    right = 0.0
    if i < n - 1:
        right = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
    if x > xp[i]:
        return right
    left = 0.0
    if i > 0:
        left = (fp[i] - fp[i - 1]) / (xp[i] - xp[i - 1])
    return 0.5 * (left + right)


def interp_slopes(x, xp, fp):
    slopes = np.zeros(x.shape, x.dtype)
    for i in range(x.shape[0]):
        slopes[i] = interp_slope(x[i], xp, fp)
    return slopes


def interp_add(x, xp, y_bar, x_bar):
    n = xp.shape[0]
    if x != x:
        return
    i = np.searchsorted(xp, x, side="right") - 1
    if i < 0:
        x_bar[0] += y_bar
    elif i >= n - 1:
        x_bar[n - 1] += y_bar
    else:
        t = (x - xp[i]) / (xp[i + 1] - xp[i])
        x_bar[i] += (1.0 - t) * y_bar
        x_bar[i + 1] += t * y_bar


def interp_transposed(x, xp, y_bar):
    x_bar = np.zeros(xp.shape, xp.dtype)
    interp_add(x, xp, y_bar, x_bar)
    return x_bar


def interp_all_transposed(x, xp, y_bar):
    x_bar = np.zeros(xp.shape, xp.dtype)
    for i in range(x.shape[0]):
        interp_add(x[i], xp, y_bar[i], x_bar)
    return x_bar


def max_along_2d(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation")
    if axis == 0 or axis == -2:
        y = a[0, :].copy()
        for i in range(1, a.shape[0]):
            for j in range(a.shape[1]):
                if a[i, j] > y[j] or a[i, j] != a[i, j]:
                    y[j] = a[i, j]
        return y
    y = a[:, 0].copy()
    for i in range(a.shape[0]):
        for j in range(1, a.shape[1]):
            if a[i, j] > y[i] or a[i, j] != a[i, j]:
                y[i] = a[i, j]
    return y


def max_along_3d(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation")
    rows = a.shape[0]
    columns = a.shape[1]
    layers = a.shape[2]
    y = a[0, :, :].copy()
    if axis == 1 or axis == -2:
        y = a[:, 0, :].copy()
    elif axis == 2 or axis == -1:
        y = a[:, :, 0].copy()
    for i in range(rows):
        for j in range(columns):
            for k in range(layers):
                first = i
                second = j
                if axis == 0 or axis == -3:
                    first = j
                    second = k
                elif axis == 1 or axis == -2:
                    second = k
                value = a[i, j, k]
                if value > y[first, second] or value != value:
                    y[first, second] = value
    return y


def min_along_2d(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation")
    if axis == 0 or axis == -2:
        y = a[0, :].copy()
        for i in range(1, a.shape[0]):
            for j in range(a.shape[1]):
                if a[i, j] < y[j] or a[i, j] != a[i, j]:
                    y[j] = a[i, j]
        return y
    y = a[:, 0].copy()
    for i in range(a.shape[0]):
        for j in range(1, a.shape[1]):
            if a[i, j] < y[i] or a[i, j] != a[i, j]:
                y[i] = a[i, j]
    return y


def min_along_3d(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation")
    rows = a.shape[0]
    columns = a.shape[1]
    layers = a.shape[2]
    y = a[0, :, :].copy()
    if axis == 1 or axis == -2:
        y = a[:, 0, :].copy()
    elif axis == 2 or axis == -1:
        y = a[:, :, 0].copy()
    for i in range(rows):
        for j in range(columns):
            for k in range(layers):
                first = i
                second = j
                if axis == 0 or axis == -3:
                    first = j
                    second = k
                elif axis == 1 or axis == -2:
                    second = k
                value = a[i, j, k]
                if value < y[first, second] or value != value:
                    y[first, second] = value
    return y
'''
