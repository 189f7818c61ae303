import math

import numpy as np


def filtered_comprehension_value_and_grad(x):
    items = []
    for i in range(x.shape[0]):
        if i != 2:
            items.append(math.sin(x[i]))
    y = np.array(items)
    value = np.sum(y * y)
    # backward: return np.sum(y * y)
    y_bar = 2.0 * y
    # backward: y = np.array([math.sin(x[i]) for i in range(len(x)) if i != 2])
    items_bar = [0.0] * len(items)
    for k in range(y_bar.shape[0]):
        items_bar[k] += y_bar[k]
    x_bar = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        if i != 2:
            # backward: y = np.array([math.sin(x[i]) for i in range(len(x)) if i != 2])
            _item_bar = items_bar.pop()
            x_bar[i] += _item_bar * math.cos(x[i])
    return value, x_bar
