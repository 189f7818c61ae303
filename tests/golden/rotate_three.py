import math


def rotate_three_value_and_grad(a, b, c):
    product = c * 2.0
    value = product * product + 3.0 * b + math.sin(a)
    # backward: return a * a + 3.0 * b + math.sin(c)
    a_bar = math.cos(a)
    b_bar = 3.0
    # backward: a, b = b * 2.0, a
    c_bar = 4.0 * product
    return value, (a_bar, b_bar, c_bar)
