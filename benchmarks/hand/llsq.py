"""Polynomial fit: both sweeps of a block of points at once, a point to a lane, four powers at a time."""

import numpy as np

from benchmarks.flags import compiled

LANES = 64


@compiled
def value_and_grad(x, n):
    m = x.shape[0]
    quads = m // 4 * 4
    x_bar = np.zeros(m)
    t = np.empty(LANES)
    fit = np.empty(LANES)
    total = 0.0
    for start in range(0, n, LANES):
        for lane in range(LANES):
            t[lane] = -1.0 + 2.0 * (start + lane) / (n - 1)
            fit[lane] = 0.0
        for j in range(m - 1, quads - 1, -1):
            for lane in range(LANES):
                fit[lane] = fit[lane] * t[lane] + x[j]
        for j in range(quads - 4, -1, -4):
            a, b, c, d = x[j], x[j + 1], x[j + 2], x[j + 3]
            for lane in range(LANES):
                s = t[lane]
                fit[lane] = (((fit[lane] * s + d) * s + c) * s + b) * s + a
        count = min(LANES, n - start)
        for lane in range(LANES):
            fit[lane] = fit[lane] - np.sign(t[lane]) if lane < count else 0.0
            total += fit[lane] * fit[lane]
        for j in range(0, quads, 4):
            a = b = c = d = 0.0
            for lane in range(LANES):
                s = t[lane]
                w0 = fit[lane]
                w1 = w0 * s
                w2 = w1 * s
                w3 = w2 * s
                a += w0
                b += w1
                c += w2
                d += w3
                fit[lane] = w3 * s
            x_bar[j] += a
            x_bar[j + 1] += b
            x_bar[j + 2] += c
            x_bar[j + 3] += d
        for j in range(quads, m):
            moment = 0.0
            for lane in range(LANES):
                moment += fit[lane]
                fit[lane] *= t[lane]
            x_bar[j] += moment
    return 0.5 * total, (x_bar,)
