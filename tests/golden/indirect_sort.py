import numpy as np


def indirect_sort_value_and_grad(x):
    order = np.argsort(x)
    order_0 = order[0]
    element = order[-1]
    x_element = x[element]
    value = x[order_0] * 2.0 + x_element**2
    # backward: return x[order[0]] * 2.0 + x[order[-1]] ** 2
    x_bar = np.zeros_like(x)
    x_bar[element] += 2.0 * x_element
    x_bar[order_0] += 2.0
    return value, x_bar
