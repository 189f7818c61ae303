import numpy as np


def product_loop_int_start_value_and_grad(x, n):
    p_tape = np.empty(max(n, 0))
    p = 1.0
    for i in range(n):
        p_tape[i] = p
        p *= x + 0.1 * i
    value = p
    # backward: return p
    p_bar = 1.0
    x_bar = 0.0
    for i in range(n - 1, -1, -1):
        p = p_tape[i]
        p_bar_1 = p_bar
        # backward: p *= x + 0.1 * i
        p_bar *= x + 0.1 * i
        x_bar += p_bar_1 * p
    return value, x_bar
