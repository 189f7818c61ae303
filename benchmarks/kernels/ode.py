"""Runge-Kutta of fourth order on y0' = x0, yi' = xi y(i-1), from 0, over [0, 2]."""

import numpy as np
from numba import njit

WRT = ("x",)
SIZES = {"smoke": {"n": 12, "steps": 5}, "headline": {"n": 10_000, "steps": 100}}


def make(n, steps):
    return np.random.default_rng(42).random(n), steps


@njit
def rate(x, y):
    slope = np.empty_like(y)
    slope[0] = x[0]
    slope[1:] = x[1:] * y[:-1]
    return slope


def ode(x, steps):
    h = 2.0 / steps
    y = np.zeros_like(x)
    for _ in range(steps):
        k1 = rate(x, y)
        k2 = rate(x, y + 0.5 * h * k1)
        k3 = rate(x, y + 0.5 * h * k2)
        k4 = rate(x, y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum(y)
