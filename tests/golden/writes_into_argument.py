import numpy as np


def writes_into_argument_value_and_grad(x):
    x = x.copy()
    x_old_1_tape = np.empty(x.shape[0])
    for i in range(1, x.shape[0]):
        x_old_1_tape[i] = x[i]
        x[i] *= x[i - 1]
    x_old = x.copy()
    x *= 2.0
    value = np.sum(x * x)
    # backward: return np.sum(x * x)
    x_bar = 2.0 * x
    x[...] = x_old
    # backward: x *= 2.0
    x_bar *= 2.0
    for i in range(x.shape[0] - 1, 0, -1):
        x[i] = x_old_1_tape[i]
        # backward: x[i] = x[i] * x[i - 1]
        x_seed_1 = x_bar[i]
        x_bar[i] = 0.0
        x_bar[i - 1] += x_seed_1 * x[i]
        x_bar[i] += x_seed_1 * x[i - 1]
    return value, x_bar
