import numpy as np


def first_partial_sum_above_value_and_grad(x, limit):
    s_tape = np.empty(x.shape[0])
    returned = False
    s = 0.0
    trips = 0
    for k in range(x.shape[0]):
        trips += 1
        s_tape[k] = s
        v = x[k]
        s += v
        returned = s > limit
        if returned:
            result = s * v
            break
    if not returned:
        result = -s
    # backward: return -s
    if returned:
        result_bar = 1.0
        s_bar = 0.0
    else:
        # backward: return -s
        s_bar = -1.0
        result_bar = 0.0
    x_bar = np.zeros_like(x)
    for k in range(trips - 1, -1, -1):
        s = s_tape[k]
        v = x[k]
        s += v
        returned = s > limit
        if returned:
            # backward: return s * v
            s_bar += result_bar * v
            v_bar = result_bar * s
            result_bar = 0.0
        else:
            v_bar = 0.0
        # backward: s += v
        v_bar += s_bar
        # backward: for v in x:
        x_bar[k] += v_bar
    return result, x_bar
