"""Maxwell's equations in two dimensions on staggered grids, in slices."""

import numpy as np

WRT = ("ex", "ey", "hz")
SIZES = {"smoke": {"T": 3, "nx": 6, "ny": 7}, "headline": {"T": 60, "nx": 400, "ny": 450}}


def make(T, nx, ny):
    rng = np.random.default_rng(42)
    return (*(rng.random((nx, ny)) for _ in range(3)), np.arange(float(T)))


def fdtd_2d(ex, ey, hz, source):
    ex = ex.copy()
    ey = ey.copy()
    hz = hz.copy()
    for t in range(source.shape[0]):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return 0.5 * np.sum(hz * hz)
