import math


def try_except_value_and_grad(x):
    sqrt_x = math.sqrt(x)
    if not math.isfinite(sqrt_x):
        raise ValueError("math domain error")
    y = sqrt_x * x
    value = y * y
    # backward: return y * y
    y_bar = 2.0 * y
    # backward: y = math.sqrt(x) * x
    x_bar = y_bar * sqrt_x
    # backward: y = math.sqrt(x) * x
    x_bar += 0.5 * (y_bar * x) / sqrt_x
    return value, x_bar
