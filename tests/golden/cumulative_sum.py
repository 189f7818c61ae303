import numpy as np


def cumulative_sum_value_and_grad(x):
    cumsum = np.cumsum(x * x)
    cumsum_x = x.cumsum()
    value = np.sum(cumsum**2) + cumsum_x[3]
    # backward: return np.sum(np.cumsum(x * x) ** 2) + x.cumsum()[3]
    cumsum_x_bar = np.zeros_like(cumsum_x)
    cumsum_x_bar[3] += 1.0
    x_bar = np.cumsum(cumsum_x_bar[::-1])[::-1]
    x_bar = x_bar + 2.0 * (np.cumsum((2.0 * cumsum)[::-1])[::-1] * x)
    return value, x_bar
