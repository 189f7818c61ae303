def halve_until_small_value_and_grad(x):
    k = 0
    trips = 0
    while x > 1.0:
        trips += 1
        x *= 0.6
        k += 1
    value = x * x + k
    # backward: return x * x + k
    x_bar = 2.0 * x
    for trip in range(trips - 1, -1, -1):
        # backward: x = 0.6 * x
        x_bar *= 0.6
    return value, x_bar
