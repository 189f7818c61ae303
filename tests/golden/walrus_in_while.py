def walrus_in_while_value_and_grad(x):
    x_tape = []
    s = 0.0
    trips = 0
    while True:
        trips += 1
        x_tape.append(x)
        x *= 0.7
        test = x > 0.1
        if test:
            s += x * x
        if not test:
            break
    # backward: return s
    x_bar = 0.0
    for trip in range(trips - 1, -1, -1):
        x = x_tape.pop()
        x *= 0.7
        if x > 0.1:
            # backward: s += x * x
            x_bar += 2.0 * x
        # backward: while (x := x * 0.7) > 0.1:
        x_bar *= 0.7
    return s, x_bar
