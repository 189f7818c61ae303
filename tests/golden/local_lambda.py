import math


def local_lambda_value_and_grad(x):
    exp_x = math.exp(x)
    product = 2.0 * x
    exp_product = math.exp(product)
    value = x * exp_x + product * exp_product
    # backward: f = lambda t: t * math.exp(t)  # noqa: E731
    exp_product += product * exp_product
    # backward: return f(x) + f(2.0 * x)
    x_bar = 2.0 * exp_product
    # backward: f = lambda t: t * math.exp(t)  # noqa: E731
    x_bar += exp_x
    x_bar += x * exp_x
    return value, x_bar
