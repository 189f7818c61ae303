import math

import numpy as np


def sum_of_positive_logs_value_and_grad(x):
    s = 0.0
    for i in range(x.shape[0]):
        if not x[i] <= 0.0:
            s += math.log(x[i])
    # backward: return s
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        if not x[i] <= 0.0:
            # backward: s += math.log(x[i])
            x_bar[i] += 1.0 / x[i]
    return s, x_bar
