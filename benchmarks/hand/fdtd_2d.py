"""Maxwell's equations: linear, so nothing is recorded; a step goes once through all fields, row by row."""

from benchmarks.flags import compiled


@compiled
def value_and_grad(ex, ey, hz, source):
    ex, ey, hz = ex.copy(), ey.copy(), hz.copy()
    n, m = hz.shape
    for t in range(source.shape[0]):
        for i in range(n):
            if i == 0:
                for j in range(m):
                    ey[0, j] = source[t]
            else:
                for j in range(m):
                    ey[i, j] -= 0.5 * (hz[i, j] - hz[i - 1, j])
            for j in range(1, m):
                ex[i, j] -= 0.5 * (hz[i, j] - hz[i, j - 1])
            if i > 0:
                h = i - 1
                for j in range(m - 1):
                    hz[h, j] -= 0.7 * (ex[h, j + 1] - ex[h, j] + ey[i, j] - ey[h, j])
    value = 0.0
    for i in range(n):
        for j in range(m):
            value += hz[i, j] * hz[i, j]
            ex[i, j] = 0.0
            ey[i, j] = 0.0
    # From here on the arrays hold cotangents: that of hz is hz itself.
    for _ in range(source.shape[0]):
        for i in range(n):
            if i < n - 1:
                ex[i, 0] += 0.7 * hz[i, 0]
                for j in range(1, m - 1):
                    ex[i, j] += 0.7 * (hz[i, j] - hz[i, j - 1])
                ex[i, m - 1] -= 0.7 * hz[i, m - 2]
            if i == 0:
                for j in range(m):
                    ey[0, j] = 0.0  # overwritten by the source
            elif i < n - 1:
                for j in range(m - 1):
                    ey[i, j] += 0.7 * (hz[i, j] - hz[i - 1, j])
            else:
                for j in range(m - 1):
                    ey[i, j] -= 0.7 * hz[i - 1, j]
            # The row before is no longer needed as it was.
            if i > 0:
                h = i - 1
                below = 0.0 if h == 0 else 0.5
                hz[h, 0] += 0.5 * ex[h, 1] + 0.5 * ey[i, 0] - below * ey[h, 0]
                for j in range(1, m - 1):
                    hz[h, j] += 0.5 * (ex[h, j + 1] - ex[h, j]) + 0.5 * ey[i, j] - below * ey[h, j]
                hz[h, m - 1] += 0.5 * ey[i, m - 1] - below * ey[h, m - 1] - 0.5 * ex[h, m - 1]
        h = n - 1
        hz[h, 0] += 0.5 * ex[h, 1] - 0.5 * ey[h, 0]
        for j in range(1, m - 1):
            hz[h, j] += 0.5 * (ex[h, j + 1] - ex[h, j]) - 0.5 * ey[h, j]
        hz[h, m - 1] += -0.5 * ey[h, m - 1] - 0.5 * ex[h, m - 1]
    return 0.5 * value, (ex, ey, hz)
