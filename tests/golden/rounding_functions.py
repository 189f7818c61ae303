import math


def rounding_functions_value_and_grad(x):
    int_floor_x = math.floor(x)
    int_ceil_x = math.ceil(x)
    int64_x = int(x)
    value = x * int_floor_x + int_ceil_x * x**2 + math.trunc(x) + int64_x * x + x % 1.0
    # backward: return x * math.floor(x) + math.ceil(x) * x**2 + math.trunc(x) + int(x) * x + x % 1.0
    x_bar = 1.0 + 1.0 * int64_x
    x_bar += 2.0 * x * (1.0 * int_ceil_x)
    x_bar += 1.0 * int_floor_x
    return value, x_bar
