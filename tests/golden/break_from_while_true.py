import math


def break_from_while_true_value_and_grad(x):
    n = 0
    trips = 0
    while True:
        trips += 1
        x *= 1.5
        n += 1
        if x > 20.0 or n > 30:
            break
        x += 0.1
    value = math.log(x)
    # backward: return math.log(x)
    x_bar = 1.0 / x
    for trip in range(trips - 1, -1, -1):
        # backward: x = x * 1.5
        x_bar *= 1.5
    return value, x_bar
