import math


def scaled_value_and_grad(x):
    value = 3.0 * math.sin(x) + 0.25 * x
    # backward: return k * math.sin(x) + offset * x
    x_bar = 0.25
    x_bar += 3.0 * math.cos(x)
    return value, x_bar
