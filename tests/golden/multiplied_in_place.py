import numpy as np


def multiplied_in_place_value_and_grad(x):
    y = np.ones(3)
    y_tape = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        remainder = i % 3
        y_remainder = y[remainder]
        y_tape[i] = y_remainder
        y[remainder] = y_remainder * x[i]
    y_2 = y[2]
    value = y[0] + 2.0 * y[1] + y_2**2
    # backward: return y[0] + 2.0 * y[1] + y[2] ** 2
    y_bar = np.zeros(3)
    y_bar[2] += 2.0 * y_2
    y_bar[1] += 2.0
    y_bar[0] += 1.0
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        remainder = i % 3
        # backward: y[i % 3] *= x[i]
        y_seed = y_bar[remainder]
        x_bar[i] += y_seed * y_tape[i]
        y_bar[remainder] = y_seed * x[i]
    return value, x_bar
