import math


def list_append_value_and_grad(x, n):
    values = [x]
    for i in range(n):
        values.append(math.sin(values[i]) + x)
    values_len = len(values)
    s = 0.0
    for k in range(values_len):
        v = values[k]
        s += v * v
    # backward: return s
    values_bar = [0.0] * len(values)
    for k in range(values_len - 1, -1, -1):
        # backward: s += v * v
        v = values[k]
        v_bar = 2.0 * v
        # backward: for v in values:
        values_bar[k] += v_bar
    x_bar = 0.0
    for i in range(n - 1, -1, -1):
        values.pop()
        # backward: values.append(math.sin(values[i]) + x)
        _item_bar = values_bar.pop()
        x_bar += _item_bar
        values_bar[i] += _item_bar * math.cos(values[i])
    # backward: values = [x]
    x_bar += values_bar[0]
    return s, x_bar
