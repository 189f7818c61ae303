"""Elements chosen, copied and placed; products of sequences."""

TEXT = '''
def diagonal_filled(a, y_bar, k):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        if 0 <= i + k < a.shape[1]:
            x_bar[i, i + k] = y_bar
    return x_bar


def diagonal_placed(a, y_bar, k):
    x_bar = np.zeros(a.shape, a.dtype)
    first = max(0, -k)
    for i in range(y_bar.shape[0]):
        x_bar[first + i, first + i + k] = y_bar[i]
    return x_bar


def trapezoid_pullback(y, y_bar, dx):
    x_bar = np.zeros(y.shape, y.dtype)
    for i in range(y.shape[0] - 1):
        x_bar[i] += 0.5 * dx * y_bar
        x_bar[i + 1] += 0.5 * dx * y_bar
    return x_bar


def trapezoid_pullback_at(y, y_bar, x):
    x_bar = np.zeros(y.shape, y.dtype)
    for i in range(y.shape[0] - 1):
        half = 0.5 * (x[i + 1] - x[i]) * y_bar
        x_bar[i] += half
        x_bar[i + 1] += half
    return x_bar


def trapezoid_pullback_of(y, x, y_bar):
    x_bar = np.zeros(x.shape, x.dtype)
    for i in range(x.shape[0] - 1):
        half = 0.5 * (y[i] + y[i + 1]) * y_bar
        x_bar[i] -= half
        x_bar[i + 1] += half
    return x_bar


def listed(numbers):
    out = np.empty(len(numbers))
    for i in range(len(numbers)):
        out[i] = numbers[i]
    return out


def take_one_pullback(a, index, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    x_bar[index] = y_bar
    return x_bar


def take_pullback(a, indices, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(indices.shape[0]):
        x_bar[indices[i]] += y_bar[i]
    return x_bar


def extract_pullback(chosen, a, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    k = 0
    for i in range(min(chosen.shape[0], a.shape[0])):
        if chosen[i]:
            x_bar[i] = y_bar[k]
            k += 1
    return x_bar


def repeat_pullback(a, repeats, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for k in range(repeats):
            x_bar[i] += y_bar[i * repeats + k]
    return x_bar


def repeat_each_pullback(a, repeats, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    place = 0
    for i in range(a.shape[0]):
        for k in range(repeats[i]):
            x_bar[i] += y_bar[place]
            place += 1
    return x_bar


def resize_pullback(a, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(y_bar.shape[0]):
        x_bar[i % a.shape[0]] += y_bar[i]
    return x_bar


def delete_pullback(a, index, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    gap = index if index >= 0 else index + a.shape[0]
    for i in range(y_bar.shape[0]):
        if i < gap:
            x_bar[i] = y_bar[i]
        else:
            x_bar[i + 1] = y_bar[i]
    return x_bar


def diff_transposed_1d(y_bar):
    n = y_bar.shape[0]
    x_bar = np.zeros(n + 1, y_bar.dtype)
    for i in range(n):
        x_bar[i] -= y_bar[i]
        x_bar[i + 1] += y_bar[i]
    return x_bar


def diff_transposed_2d(y_bar):
    rows, n = y_bar.shape
    x_bar = np.zeros((rows, n + 1), y_bar.dtype)
    for r in range(rows):
        for i in range(n):
            x_bar[r, i] -= y_bar[r, i]
            x_bar[r, i + 1] += y_bar[r, i]
    return x_bar


def diff_transposed_3d(y_bar):
    planes, rows, n = y_bar.shape
    x_bar = np.zeros((planes, rows, n + 1), y_bar.dtype)
    for p in range(planes):
        for r in range(rows):
            for i in range(n):
                x_bar[p, r, i] -= y_bar[p, r, i]
                x_bar[p, r, i + 1] += y_bar[p, r, i]
    return x_bar


def kron_left_1d(a, b, y_bar):
    a_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for k in range(b.shape[0]):
            a_bar[i] += y_bar[i * b.shape[0] + k] * b[k]
    return a_bar


def kron_right_1d(a, b, y_bar):
    b_bar = np.zeros(b.shape, b.dtype)
    for i in range(a.shape[0]):
        for k in range(b.shape[0]):
            b_bar[k] += y_bar[i * b.shape[0] + k] * a[i]
    return b_bar


def kron_left_2d(a, b, y_bar):
    a_bar = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(b.shape[0]):
                for m in range(b.shape[1]):
                    a_bar[i, j] += y_bar[i * b.shape[0] + k, j * b.shape[1] + m] * b[k, m]
    return a_bar


def kron_right_2d(a, b, y_bar):
    b_bar = np.zeros(b.shape, b.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(b.shape[0]):
                for m in range(b.shape[1]):
                    b_bar[k, m] += y_bar[i * b.shape[0] + k, j * b.shape[1] + m] * a[i, j]
    return b_bar


def convolve_pullback(a, v, y_bar, late):
    n = a.shape[0]
    m = v.shape[0]
    # How many elements of the full convolution the mode left out at the start: full, same, valid.
    skipped = min(n, m) - 1
    if y_bar.shape[0] == n + m - 1:
        skipped = 0
    elif y_bar.shape[0] == max(n, m):
        skipped = min(n, m) // 2 if late else (min(n, m) - 1) // 2
    a_bar = np.zeros(a.shape, a.dtype)
    for i in range(n):
        for k in range(max(0, i - skipped), min(y_bar.shape[0], i - skipped + m)):
            a_bar[i] += y_bar[k] * v[k + skipped - i]
    return a_bar


def trapezoid_pullback_2d(y, y_bar, dx):
    x_bar = np.zeros(y.shape, y.dtype)
    for r in range(y.shape[0]):
        for i in range(y.shape[1] - 1):
            x_bar[r, i] += 0.5 * dx * y_bar[r]
            x_bar[r, i + 1] += 0.5 * dx * y_bar[r]
    return x_bar


def trapezoid_pullback_2d_at(y, y_bar, x):
    x_bar = np.zeros(y.shape, y.dtype)
    for r in range(y.shape[0]):
        for i in range(y.shape[1] - 1):
            half = 0.5 * (x[i + 1] - x[i]) * y_bar[r]
            x_bar[r, i] += half
            x_bar[r, i + 1] += half
    return x_bar


def trapezoid_pullback_2d_of(y, x, y_bar):
    x_bar = np.zeros(x.shape, x.dtype)
    for r in range(y.shape[0]):
        for i in range(y.shape[1] - 1):
            half = 0.5 * (y[r, i] + y[r, i + 1]) * y_bar[r]
            x_bar[i] -= half
            x_bar[i + 1] += half
    return x_bar


def take_axis_pullback(a, indices, y_bar, axis):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            if axis == 0 or axis == -2:
                x_bar[indices[i], j] += y_bar[i, j]
            else:
                x_bar[i, indices[j]] += y_bar[i, j]
    return x_bar


def take_along_axis_pullback(a, indices, y_bar, axis):
    x_bar = np.zeros(a.shape, a.dtype)
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            if axis == 0 or axis == -2:
                x_bar[indices[i, j], j] += y_bar[i, j]
            else:
                x_bar[i, indices[i, j]] += y_bar[i, j]
    return x_bar


def insert_place(a, index):
    return index if index >= 0 else index + a.shape[0]


def insert_left_pullback(a, index, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    place = index if index >= 0 else index + a.shape[0]
    for i in range(a.shape[0]):
        if i < place:
            x_bar[i] = y_bar[i]
        else:
            x_bar[i] = y_bar[i + 1]
    return x_bar


def trim_zeros_pullback(a, y, y_bar):
    x_bar = np.zeros(a.shape, a.dtype)
    start = 0
    while start < a.shape[0] and a[start] == 0.0:
        start += 1
    for i in range(y.shape[0]):
        x_bar[start + i] = y_bar[i]
    return x_bar


def joined_1d(a, parts):
    x_bar = np.zeros(a.shape, a.dtype)
    place = 0
    for part in parts:
        for i in range(part.shape[0]):
            x_bar[place + i] = part[i]
        place += part.shape[0]
    return x_bar


def joined_2d(a, parts, axis):
    x_bar = np.zeros(a.shape, a.dtype)
    place = 0
    for part in parts:
        for i in range(part.shape[0]):
            for j in range(part.shape[1]):
                if axis == 0 or axis == -2:
                    x_bar[place + i, j] = part[i, j]
                else:
                    x_bar[i, place + j] = part[i, j]
        place += part.shape[0] if axis == 0 or axis == -2 else part.shape[1]
    return x_bar


def joined_3d(a, parts):
    x_bar = np.zeros(a.shape, a.dtype)
    place = 0
    for part in parts:
        for i in range(part.shape[0]):
            for j in range(part.shape[1]):
                for k in range(part.shape[2]):
                    x_bar[i, j, place + k] = part[i, j, k]
        place += part.shape[2]
    return x_bar
'''
