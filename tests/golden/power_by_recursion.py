def power_by_recursion(x, n):
    if n == 0:
        result = 1.0
    else:
        result = x * power_by_recursion(x, n - 1)
    return result


def power_by_recursion_pullback(x, n, y_bar):
    test = n == 0
    if not test:
        difference = n - 1
        power_by_recursion_1 = power_by_recursion(x, n - 1)
    # backward: return x * power_by_recursion(x, n - 1)
    if test:
        x_bar = 0.0
    else:
        # backward: return x * power_by_recursion(x, n - 1)
        x_bar = y_bar * power_by_recursion_1
        x_bar += power_by_recursion_pullback(x, difference, y_bar * x)
    return x_bar


def power_by_recursion_value_and_grad(x, n):
    value = power_by_recursion(x, n)
    x_bar = power_by_recursion_pullback(x, n, 1.0)
    return value, x_bar
