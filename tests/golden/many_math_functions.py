import math

import numpy as np


def many_math_functions_value_and_grad(x, y):
    cos_y = math.cos(y)
    tan_x = math.tan(x)
    atan2 = math.atan2(y, x)
    s = math.sin(x) + cos_y * tan_x + math.asin(x) + math.acos(x) + math.atan(y) + atan2
    tanh_y = math.tanh(y)
    atanh_x = math.atanh(x)
    s += math.sinh(x) + math.cosh(x) + tanh_y + math.asinh(y) + math.acosh(y) + atanh_x
    exp_x = math.exp(x)
    log10_y = math.log10(y)
    s += exp_x + math.expm1(x) + math.log(y) + math.log1p(x) + math.log2(y) + log10_y
    sqrt_y = math.sqrt(y)
    hypot = math.hypot(x, y)
    power = math.pow(x, y)
    minus_x = -x
    value = s + sqrt_y + hypot + power + math.fabs(minus_x) + math.copysign(x, -1.0)
    # backward: return s + math.sqrt(y) + math.hypot(x, y) + math.pow(x, y) + math.fabs(-x) + math.copysign(x, -1.0)
    x_bar = math.copysign(1.0, x) * math.copysign(1.0, -1.0) if x != 0.0 else 0.0
    x_bar -= np.sign(minus_x)
    x_bar += y * x ** (y - 1.0) if y != 0.0 else 0.0
    y_bar = power * math.log(x) if x != 0.0 else 0.0
    x_bar += x / hypot if hypot != 0.0 else 0.0
    y_bar += y / hypot if hypot != 0.0 else 0.0
    y_bar += 0.5 / sqrt_y
    # backward: s += math.exp(x) + math.expm1(x) + math.log(y) + math.log1p(x) + math.log2(y) + math.log10(y)
    y_bar += 0.4342944819032518 / y
    y_bar += 1.4426950408889634 / y
    x_bar += 1.0 / (1.0 + x)
    y_bar += 1.0 / y
    x_bar += math.exp(x)
    x_bar += exp_x
    # backward: s += math.sinh(x) + math.cosh(x) + math.tanh(y) + math.asinh(y) + math.acosh(y) + math.atanh(x)
    x_bar += 1.0 / ((1.0 - x) * (1.0 + x))
    y_bar += 1.0 / math.sqrt((y - 1.0) * (y + 1.0))
    y_bar += 1.0 / math.hypot(1.0, y)
    y_bar += 1.0 - tanh_y * tanh_y
    x_bar += math.sinh(x)
    x_bar += math.cosh(x)
    # backward: s = math.sin(x) + math.cos(y) * math.tan(x) + math.asin(x) + math.acos(x) + math.atan(y) + math.atan2(y, x)
    y_bar += x / math.hypot(y, x) / math.hypot(y, x) if x != 0.0 else 0.0
    x_bar += -(y / math.hypot(y, x) / math.hypot(y, x)) if y != 0.0 else 0.0
    y_bar += 1.0 / (1.0 + y * y)
    x_bar += -1.0 / math.sqrt((1.0 - x) * (1.0 + x))
    x_bar += 1.0 / math.sqrt((1.0 - x) * (1.0 + x))
    x_bar += cos_y * (1.0 + tan_x * tan_x)
    y_bar -= tan_x * math.sin(y)
    x_bar += math.cos(x)
    return value, (x_bar, y_bar)
