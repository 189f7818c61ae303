import math

import numpy as np


def overwritten_element_value_and_grad(x):
    y = np.zeros(2)
    y[0] = x
    y_0 = y[0]
    y_0_1 = y[0]
    y[0] = y_0 * y_0_1
    y_0_2 = y[0]
    y[1] = math.sin(y_0_2)
    y_0_3 = y[0]
    y_1 = y[1]
    y[0] = y_0_3 * y_1
    value = y[0] + y[1]
    # backward: return y[0] + y[1]
    y_bar = np.zeros(2)
    y_bar[1] += 1.0
    y_bar[0] += 1.0
    # backward: y[0] = y[0] * y[1]
    y_seed = y_bar[0]
    y_bar[0] = 0.0
    y_bar[1] += y_seed * y_0_3
    y_bar[0] += y_seed * y_1
    # backward: y[1] = math.sin(y[0])
    y_bar[0] += y_bar[1] * math.cos(y_0_2)
    # backward: y[0] = y[0] * y[0]
    y_seed_2 = y_bar[0]
    y_bar[0] = y_seed_2 * y_0
    y_bar[0] += y_seed_2 * y_0_1
    # backward: y[0] = x
    x_bar = y_bar[0]
    return value, x_bar
