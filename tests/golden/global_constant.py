def global_constant_value_and_grad(t):
    value = 4.905 * t**2
    # backward: return 0.5 * GRAVITY * t**2
    t_bar = 9.81 * t
    return value, t_bar
