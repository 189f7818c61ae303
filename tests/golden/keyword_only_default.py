def keyword_only_default_value_and_grad(x, y, scale=2.0, squared=True):
    if scale != 2.0 or squared != True:
        raise ValueError("this gradient was made for scale=2.0, squared=True")
    product = 2.0 * x
    z = product * y
    z_1 = z * z
    # backward: z = z * z
    z_bar = 2.0 * z
    # backward: z = scale * x * y
    y_bar = z_bar * product
    x_bar = 2.0 * (z_bar * y)
    return z_1, (x_bar, y_bar)
