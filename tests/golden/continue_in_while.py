import numpy as np


def continue_in_while_value_and_grad(x):
    i_tape = []
    i = 0
    s = 0.0
    trips = 0
    while i < x.shape[0]:
        trips += 1
        i_tape.append(i)
        i += 1
        if not i % 2 == 0:
            s = s * 0.5 + x[i - 1] ** 3
    # backward: return s
    s_bar = 1.0
    x_bar = np.zeros_like(x)
    for trip in range(trips - 1, -1, -1):
        i = i_tape.pop()
        i += 1
        if not i % 2 == 0:
            # backward: s = s * 0.5 + x[i - 1] ** 3
            x_bar[i - 1] += 3.0 * x[i - 1] ** 2 * s_bar
            s_bar *= 0.5
    return s, x_bar
