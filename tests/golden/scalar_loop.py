import math


def scalar_loop_value_and_grad(x, n):
    s = 0.0
    for i in range(n):
        s += math.sin(x * i)
    # backward: return s
    x_bar = 0.0
    for i in range(n - 1, -1, -1):
        # backward: s += math.sin(x * i)
        x_bar += math.cos(x * i) * i
    return s, x_bar
