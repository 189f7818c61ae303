import numpy as np


def swap_scalars_value_and_grad(a, b, n):
    b_tape = np.empty(max(n, 0))
    a_tape = np.empty(max(n, 0))
    for _ in range(n):
        a_tape[_] = a
        b_tape[_] = b
        total = a * b + 0.1
        a = b
        b = total
    value = a - b * b
    # backward: return a - b * b
    a_bar = 1.0
    b_bar = -2.0 * b
    for _ in range(n - 1, -1, -1):
        b = b_tape[_]
        a = a_tape[_]
        total_bar = b_bar
        b_bar = a_bar
        # backward: a, b = b, a * b + 0.1
        a_bar = total_bar * b
        b_bar += total_bar * a
    return value, (a_bar, b_bar)
