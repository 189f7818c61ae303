def inner_function_value_and_grad(x, k):
    product = k * x
    x_bar = product * x + x
    product_1 = k * k
    total = product_1 * k + x
    value = x_bar * total
    # backward: return k * t * t + x
    k_bar = x_bar * product_1
    k_bar += 2.0 * (x_bar * k * k)
    x_bar += total
    product_bar = total * x
    x_bar += total * product
    k_bar += product_bar * x
    x_bar += product_bar * k
    return value, (x_bar, k_bar)
