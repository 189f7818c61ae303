import numpy as np


def running_maximum_value_and_grad(x):
    best = x[0]
    best_tape = np.empty(x.shape[0])
    total = 0.0
    for i in range(1, x.shape[0]):
        best_tape[i] = best
        if x[i] > best:
            best = x[i]
        total += best * best
    # backward: return total
    best_bar = 0.0
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, 0, -1):
        best = best_tape[i]
        # backward: total += best * best
        test = x[i] > best
        if test:
            best = x[i]
        best_bar += 2.0 * best
        if test:
            # backward: best = x[i]
            x_bar[i] += best_bar
            best_bar = 0.0
    # backward: best = x[0]
    x_bar[0] += best_bar
    return total, x_bar
