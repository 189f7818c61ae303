import numpy as np


def short_circuit_guards_an_index_value_and_grad(x):
    i_tape = []
    s = 0.0
    i = 0
    trips = 0
    while True:
        trips += 1
        i_tape.append(i)
        if i < x.shape[0]:
            test = x[i] < 1.5
        else:
            test = False
        if test:
            s += x[i] * (i + 1)
            i += 1
        if not test:
            break
    # backward: return s
    x_bar = np.zeros_like(x)
    for trip in range(trips - 1, -1, -1):
        i = i_tape.pop()
        if i < x.shape[0]:
            test = x[i] < 1.5
        else:
            test = False
        if test:
            # backward: s += x[i] * (i + 1)
            x_bar[i] += 1.0 * (i + 1)
    return s, x_bar
