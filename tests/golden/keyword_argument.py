def keyword_argument_value_and_grad(x, n=3, scale=2.0):
    if n != 3:
        raise ValueError("this gradient was made for n=3")
    s = 0.0
    for i in range(3):
        s += scale * x**i
    # backward: return s
    x_bar = 0.0
    for i in range(2, -1, -1):
        # backward: s += scale * x**i
        x_bar += scale * i * x ** (i - 1) if i != 0.0 else 0.0
    return s, x_bar
