def chained_comparison_value_and_grad(x, y):
    test = 0.0 < x and x < 1.0
    if test:
        s = x * y
    else:
        s = 0.0
    test_1 = not x < y and (y > 0.0 or x > 5.0)
    if test_1:
        s += x**3
    # backward: return s
    if test_1:
        # backward: s += x**3
        x_bar = 3.0 * x**2
    else:
        x_bar = 0.0
    if test:
        # backward: s += x * y
        x_bar += y
        y_bar = x
    else:
        y_bar = 0.0
    return s, (x_bar, y_bar)
