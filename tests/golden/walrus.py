import math


def walrus_value_and_grad(x):
    y = x * x
    test = y > 0.5
    if test:
        y_bar = math.sin(y)
        result = y * y_bar
    else:
        result = y
    # backward: return y
    if test:
        # backward: return y * math.sin(y)
        y_bar += y * math.cos(y)
    else:
        y_bar = 1.0
    # backward: if (y := x * x) > 0.5:
    x_bar = 2.0 * (y_bar * x)
    return result, x_bar
