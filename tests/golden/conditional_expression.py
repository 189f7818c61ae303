import math


def conditional_expression_value_and_grad(x, y):
    test = x > y
    if test:
        a = x * x
    else:
        a = y * y
    test_1 = y > 0
    if test_1:
        a_bar = math.sin(x)
    else:
        a_bar = math.cos(y)
    value = a * a_bar
    # backward: return a * (math.sin(x) if y > 0 else math.cos(y))
    if test_1:
        # backward: return a * (math.sin(x) if y > 0 else math.cos(y))
        x_bar = a * math.cos(x)
        y_bar = 0.0
    else:
        # backward: return a * (math.sin(x) if y > 0 else math.cos(y))
        y_bar = -(a * math.sin(y))
        x_bar = 0.0
    if test:
        # backward: a = x * x if x > y else y * y
        x_bar += 2.0 * (a_bar * x)
    else:
        # backward: a = x * x if x > y else y * y
        y_bar += 2.0 * (a_bar * y)
    return value, (x_bar, y_bar)
