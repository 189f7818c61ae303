import numpy as np


def reversed_range_value_and_grad(c):
    total = 1 + (-((1 - c.shape[0]) // 2) - 1) * 2
    p_tape = np.empty(max((total + 2) // 2, 0))
    p = 1.0
    for i in range(total, -1, -2):
        p_tape[(total - i) // 2] = p
        p = p * c[i] + c[i - 1]
    value = p
    # backward: return p
    p_bar = 1.0
    c_bar = np.zeros_like(c)
    for i in range(total - (len(range(total, -1, -2)) - 1) * 2, total + 2, 2):
        p = p_tape[(total - i) // 2]
        # backward: p = p * c[i] + c[i - 1]
        t_bar = p_bar
        c_bar[i - 1] += p_bar
        p_bar *= c[i]
        c_bar[i] += t_bar * p
    return value, c_bar
