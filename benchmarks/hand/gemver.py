"""Gemver: the changed matrix is never formed; three passes over A, the last one writes its gradient."""

import numpy as np

from benchmarks.flags import compiled


@compiled
def value_and_grad(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    n = A.shape[0]
    x = x + z + beta * (np.dot(u1, y) * v1 + np.dot(u2, y) * v2)
    for i in range(n):
        weight = beta * y[i]
        for j in range(n):
            x[j] += weight * A[i, j]
    x_v1, x_v2 = np.dot(x, v1), np.dot(x, v2)
    w_bar = np.empty(n)
    x_bar = np.zeros(n)
    value = 0.0
    for i in range(n):
        product = 0.0
        for j in range(n):
            product += A[i, j] * x[j]
        w_bar[i] = w[i] + alpha * (product + u1[i] * x_v1 + u2[i] * x_v2)
        value += w_bar[i] * w_bar[i]
        weight = alpha * w_bar[i]
        for j in range(n):
            x_bar[j] += weight * A[i, j]
    u1_w, u2_w = np.dot(u1, w_bar), np.dot(u2, w_bar)
    for j in range(n):
        x_bar[j] += alpha * (u1_w * v1[j] + u2_w * v2[j])
    A_bar = np.empty((n, n))
    y_bar = np.empty(n)
    z_v1, z_v2 = np.dot(x_bar, v1), np.dot(x_bar, v2)
    for i in range(n):
        left, right = alpha * w_bar[i], beta * y[i]
        product = 0.0
        for j in range(n):
            product += A[i, j] * x_bar[j]
            A_bar[i, j] = left * x[j] + right * x_bar[j]
        y_bar[i] = beta * (product + u1[i] * z_v1 + u2[i] * z_v2)
    u1_bar = alpha * x_v1 * w_bar + beta * z_v1 * y
    u2_bar = alpha * x_v2 * w_bar + beta * z_v2 * y
    v1_bar = alpha * u1_w * x + beta * np.dot(u1, y) * x_bar
    v2_bar = alpha * u2_w * x + beta * np.dot(u2, y) * x_bar
    return 0.5 * value, (A_bar, u1_bar, v1_bar, u2_bar, v2_bar, w_bar, x_bar.copy(), y_bar, x_bar)
