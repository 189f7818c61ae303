import math

import numpy as np


def helper_with_two_returns_value_and_grad(x, y):
    r = np.sqrt(x * x + y * y)
    test = r > 10.0
    if test:
        result = 10.0
        result_1 = 0.0
    else:
        result_1 = math.atan2(y, x)
        result = r
    value = result * result_1
    # backward: return r * phi
    if test:
        x_bar = 0.0
        y_bar = 0.0
    else:
        # backward: return r, math.atan2(y, x)
        y_bar = result * (x / math.hypot(y, x) / math.hypot(y, x)) if x != 0.0 else 0.0
        x_bar = -(result * (y / math.hypot(y, x) / math.hypot(y, x))) if y != 0.0 else 0.0
        # backward: r = np.sqrt(x * x + y * y)
        t_bar = 0.5 * result_1 / r
        y_bar += 2.0 * (t_bar * y)
        x_bar += 2.0 * (t_bar * x)
    return value, (x_bar, y_bar)
