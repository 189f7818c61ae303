def builtin_max_min_value_and_grad(x, y):
    smaller = min(x, y)
    smaller_1 = min(smaller, 0.7)
    difference = x - y
    value = max(x, y) * 2.0 + smaller_1**2 + max(0.0, difference)
    # backward: return max(x, y) * 2.0 + min(x, y, 0.7) ** 2 + max(0.0, x - y)
    x_bar = 1.0 if difference > 0.0 else 0.5 if 0.0 == difference else 0.0
    y_bar = -x_bar
    smaller_1_bar = 2.0 * smaller_1
    smaller_bar = smaller_1_bar if smaller < 0.7 else 0.5 * smaller_1_bar if smaller == 0.7 else 0.0
    x_bar += smaller_bar if x < y else 0.5 * smaller_bar if x == y else 0.0
    y_bar += smaller_bar if y < x else 0.5 * smaller_bar if x == y else 0.0
    x_bar += 2.0 if x > y else 1.0 if x == y else 0.0
    y_bar += 2.0 if y > x else 1.0 if x == y else 0.0
    return value, (x_bar, y_bar)
