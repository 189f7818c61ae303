import math


def helper_with_two_values_value_and_grad(x, y):
    total = x + y
    product = x * y
    product_1 = total * x
    total_1 = product + product_1
    product_2 = product * product_1
    sin_product_2 = math.sin(product_2)
    value = total_1 * sin_product_2
    # backward: return s * math.sin(p)
    product_2_bar = total_1 * math.cos(product_2)
    # backward: return x + y, x * y
    product_bar = product_2_bar * product_1 + sin_product_2
    product_1_bar = product_2_bar * product + sin_product_2
    # backward: s, p = _sum_and_product(p, s * x)
    total_bar = product_1_bar * x
    x_bar = product_1_bar * total
    # backward: return x + y, x * y
    x_bar += product_bar * y
    y_bar = product_bar * x
    x_bar += total_bar
    y_bar += total_bar
    return value, (x_bar, y_bar)
