"""Runge-Kutta: the states are recorded, the stages recomputed; each sweep is one pass over the components."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(x, steps):
    n = x.shape[0]
    h = 2.0 / steps
    states = np.empty((steps + 1, n))
    for i in range(n):
        states[0, i] = 0.0
    for step in range(steps):
        y, y_new = states[step], states[step + 1]
        k1 = k2 = k3 = x[0]
        y_new[0] = y[0] + h * x[0]
        for i in range(1, n):
            s1 = x[i] * y[i - 1]
            s2 = x[i] * (y[i - 1] + 0.5 * h * k1)
            s3 = x[i] * (y[i - 1] + 0.5 * h * k2)
            s4 = x[i] * (y[i - 1] + h * k3)
            y_new[i] = y[i] + h / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
            k1, k2, k3 = s1, s2, s3
    value = 0.0
    for i in range(n):
        value += states[steps, i]

    x_bar = np.zeros(n)
    y_bar = np.ones(n)
    y_bar_new = np.empty(n)
    # Cotangents of the four stages; one more element, zero, stands for the component after the last.
    b1, b2, b3, b4 = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    x_next = np.zeros(n + 1)
    for i in range(1, n):
        x_next[i - 1] = x[i]
    for step in range(steps - 1, -1, -1):
        y = states[step]
        for i in range(n):
            b4[i] = h / 6.0 * y_bar[i]
        for i in range(n):
            b3[i] = h / 3.0 * y_bar[i] + h * x_next[i] * b4[i + 1]
        for i in range(n):
            b2[i] = h / 3.0 * y_bar[i] + 0.5 * h * x_next[i] * b3[i + 1]
        for i in range(n):
            b1[i] = h / 6.0 * y_bar[i] + 0.5 * h * x_next[i] * b2[i + 1]
        for i in range(n):
            y_bar_new[i] = y_bar[i] + x_next[i] * (b1[i + 1] + b2[i + 1] + b3[i + 1] + b4[i + 1])
        x_bar[0] += b1[0] + b2[0] + b3[0] + b4[0]
        k1 = k2 = k3 = x[0]
        for i in range(1, n):
            z2 = y[i - 1] + 0.5 * h * k1
            z3 = y[i - 1] + 0.5 * h * k2
            z4 = y[i - 1] + h * k3
            x_bar[i] += b1[i] * y[i - 1] + b2[i] * z2 + b3[i] * z3 + b4[i] * z4
            k1, k2, k3 = x[i] * y[i - 1], x[i] * z2, x[i] * z3
        y_bar, y_bar_new = y_bar_new, y_bar
    return value, (x_bar,)
