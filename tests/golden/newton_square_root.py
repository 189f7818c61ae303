def newton_square_root_value_and_grad(a):
    x_tape = []
    x = a
    trips = 0
    while abs(x * x - a) > 1e-13:
        trips += 1
        x_tape.append(x)
        x = 0.5 * (x + a / x)
    value = x
    # backward: return x
    x_bar = 1.0
    a_bar = 0.0
    for trip in range(trips - 1, -1, -1):
        x = x_tape.pop()
        # backward: x = 0.5 * (x + a / x)
        x_bar *= 0.5
        a_bar += x_bar / x
        x_bar -= x_bar * (a / x / x)
    a_bar += x_bar
    return value, a_bar
