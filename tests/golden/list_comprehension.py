import numpy as np


def list_comprehension_value_and_grad(x):
    items = []
    for k_1 in range(x.shape[0]):
        v = x[k_1]
        items.append(v * v)
    array_items = np.array(items)
    value = np.sum(array_items) + items[0]
    # backward: return sum(y) + y[0]
    items_bar = [0.0] * len(items)
    items_bar[0] += 1.0
    array_items_bar = np.full_like(array_items, 1.0)
    for k in range(array_items_bar.shape[0]):
        items_bar[k] += array_items_bar[k]
    x_bar = np.zeros_like(x)
    for k_1 in range(x.shape[0] - 1, -1, -1):
        # backward: y = [v * v for v in x]
        _item_bar = items_bar.pop()
        v = x[k_1]
        v_bar = 2.0 * (_item_bar * v)
        x_bar[k_1] += v_bar
    return value, x_bar
