import numpy as np


def guard_clauses_value_and_grad(x):
    test = x.shape[0] == 0
    if test:
        result = 0.0
    else:
        test_1 = x[0] > 10.0
        if test_1:
            result = x[0]
        else:
            x_0 = x[0]
            x_1 = x[1]
            result = x_0 * x_1 - x[2]
    # backward: return x[0] * x[1] - x[2]
    if test:
        x_bar = np.zeros_like(x)
    elif test_1:
        # backward: return x[0]
        x_bar = np.zeros_like(x)
        x_bar[0] += 1.0
    else:
        # backward: return x[0] * x[1] - x[2]
        x_bar = np.zeros_like(x)
        x_bar[2] -= 1.0
        x_bar[1] += x_0
        x_bar[0] += x_1
    return result, x_bar
