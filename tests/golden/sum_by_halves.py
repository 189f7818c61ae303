import math

import numpy as np


def sum_by_halves(x, lo, hi):
    if hi - lo == 1:
        result = math.sin(x[lo])
    else:
        mid = (lo + hi) // 2
        product = 2.0 * sum_by_halves(x, mid, hi)
        result = sum_by_halves(x, lo, mid) + product
    return result


def sum_by_halves_pullback(x, lo, hi, y_bar):
    test = hi - lo == 1
    if test:
        x_lo = x[lo]
    else:
        mid = (lo + hi) // 2
    # backward: return sum_by_halves(x, lo, mid) + 2.0 * sum_by_halves(x, mid, hi)
    if test:
        # backward: return math.sin(x[lo])
        x_bar = np.zeros_like(x)
        x_bar[lo] += y_bar * math.cos(x_lo)
    else:
        # backward: return sum_by_halves(x, lo, mid) + 2.0 * sum_by_halves(x, mid, hi)
        x_bar = sum_by_halves_pullback(x, mid, hi, 2.0 * y_bar)
        x_bar += sum_by_halves_pullback(x, lo, mid, y_bar)
    return x_bar


def sum_by_halves_value_and_grad(x, lo, hi):
    value = sum_by_halves(x, lo, hi)
    x_bar = sum_by_halves_pullback(x, lo, hi, 1.0)
    return value, x_bar
