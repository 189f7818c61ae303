import math


def while_two_conditions_value_and_grad(x, y):
    x_tape = []
    steps = 0
    trips = 0
    while x < 3.0 and steps < 50:
        trips += 1
        x_tape.append(x)
        x += math.exp(-x) * y
        steps += 1
    value = x * y
    # backward: return x * y
    x_bar = y
    y_bar = x
    for trip in range(trips - 1, -1, -1):
        x = x_tape.pop()
        # backward: x = x + math.exp(-x) * y
        exp = math.exp(-x)
        y_bar += x_bar * exp
        x_bar -= x_bar * y * exp
    return value, (x_bar, y_bar)
