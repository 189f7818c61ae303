import numpy as np


def short_circuit_guards_an_index_value_and_grad(x):
    i_tape = []
    s = 0.0
    i = 0
    trips = 0
    while i < x.shape[0] and x[i] < 1.5:
        trips += 1
        i_tape.append(i)
        s += x[i] * (i + 1)
        i += 1
    # backward: return s
    x_bar = np.zeros_like(x)
    for trip in range(trips - 1, -1, -1):
        i = i_tape.pop()
        # backward: s += x[i] * (i + 1)
        x_bar[i] += 1.0 * (i + 1)
    return s, x_bar
