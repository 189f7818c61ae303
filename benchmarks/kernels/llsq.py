"""Least-squares fit of a polynomial to the sign function on [-1, 1]."""

import numpy as np

WRT = ("x",)
SIZES = {"smoke": {"n": 40, "m": 6}, "headline": {"n": 16_392, "m": 128}}


def make(n, m):
    return np.random.default_rng(42).standard_normal(m) / m, n


def llsq(x, n):
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        fit = 0.0
        power = 1.0
        for j in range(x.shape[0]):
            fit += x[j] * power
            power *= t
        total += (np.sign(t) - fit) ** 2
    return 0.5 * total
