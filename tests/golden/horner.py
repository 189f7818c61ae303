import numpy as np


def horner_value_and_grad(c, x):
    difference = c.shape[0] - 1
    p_tape = np.empty(max(difference + 1, 0))
    p = 0.0
    for i in range(difference, -1, -1):
        p_tape[difference - i] = p
        p = p * x + c[i]
    value = p
    # backward: return p
    p_bar = 1.0
    x_bar = 0.0
    c_bar = np.zeros_like(c)
    for i in range(difference + 1):
        p = p_tape[difference - i]
        # backward: p = p * x + c[i]
        t_bar = p_bar
        c_bar[i] += p_bar
        p_bar *= x
        x_bar += t_bar * p
    return value, (c_bar, x_bar)
