import numpy as np


def partial_sum_until_value_and_grad(x, limit):
    s = 0.0
    trips = 0
    for i in range(x.shape[0]):
        trips += 1
        s += x[i] ** 2
        if s > limit:
            break
    # backward: return s
    x_bar = np.zeros_like(x)
    for i in range(trips - 1, -1, -1):
        # backward: s += x[i] ** 2
        x_bar[i] += 2.0 * x[i]
    return s, x_bar
