import numpy as np


def double_buffer_value_and_grad(u0, steps):
    a = u0.copy()
    b = np.zeros_like(a)
    b_old_tape = []
    for _ in range(steps):
        difference = a.shape[0] - 1
        b_old_row = np.empty(max(difference, 0))
        b_old_tape.append(b_old_row)
        for i in range(1, difference):
            b_old_row[i] = b[i]
            b[i] = 0.5 * (a[i - 1] + a[i + 1]) * a[i]
        a, b = b, a
    value = np.sum(a) + np.sum(b * b)
    # backward: return np.sum(a) + np.sum(b * b)
    b_bar = 2.0 * b
    a_bar = np.full_like(a, 1.0)
    for _ in range(steps - 1, -1, -1):
        b, a = a, b
        b_old_row = b_old_tape.pop()
        b_bar, a_bar = a_bar, b_bar
        for i in range(a.shape[0] - 1 - 1, 0, -1):
            b[i] = b_old_row[i]
            # backward: b[i] = 0.5 * (a[i - 1] + a[i + 1]) * a[i]
            b_seed = b_bar[i]
            b_bar[i] = 0.0
            a_bar[i] += b_seed * (0.5 * (a[i - 1] + a[i + 1]))
            t_bar = 0.5 * (b_seed * a[i])
            a_bar[i + 1] += t_bar
            a_bar[i - 1] += t_bar
    return value, a_bar
