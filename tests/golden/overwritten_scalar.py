import math


def overwritten_scalar_value_and_grad(x):
    y = x * x
    z = math.sin(y)
    y_1 = y * z
    z_1 = z + y_1
    exp = math.exp(-y_1)
    y_1 = exp * z_1
    value = y_1 + z_1
    # backward: y = math.exp(-y) * z
    z_bar = 1.0 + exp
    y_bar = -(z_1 * exp)
    # backward: z = z + y
    y_bar += z_bar
    # backward: y = y * z
    y_bar_1 = y_bar * z
    z_bar += y_bar * y
    # backward: z = math.sin(y)
    y_bar_1 += z_bar * math.cos(y)
    # backward: y = x * x
    x_bar = 2.0 * (y_bar_1 * x)
    return value, x_bar
