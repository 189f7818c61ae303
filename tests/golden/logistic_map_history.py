import numpy as np


def logistic_map_history_value_and_grad(x0, r):
    x = np.zeros(6)
    x[0] = x0
    for t in range(5):
        x[t + 1] = 0.3 * r * x[t] * (1.0 - x[t])
    value = x[5] + np.sum(x)
    # backward: return x[5] + np.sum(x)
    x_bar = np.full_like(x, 1.0)
    x_bar[5] += 1.0
    r_bar = 0.0
    for t in range(4, -1, -1):
        # backward: x[t + 1] = 0.3 * r * x[t] * (1.0 - x[t])
        x_seed = x_bar[t + 1]
        t_bar = x_seed * (1.0 - x[t])
        product = 0.3 * r
        x_t = x[t]
        x_bar[t] -= x_seed * (product * x_t)
        x_bar[t] += t_bar * product
        r_bar += 0.3 * (t_bar * x_t)
    # backward: x[0] = x0
    x0_bar = x_bar[0]
    return value, (x0_bar, r_bar)
