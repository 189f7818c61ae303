import math


def digamma(x):
    if x == 0.0:
        return math.copysign(math.inf, -x)
    if x < 0.0 and (x == -math.inf or x == math.floor(x)):
        return math.nan
    t = (x - 1.4616321449683622) - 9.549995429965697e-17
    if abs(t) < 0.36:
        # A polynomial about the root.
        s = 0.0014265705740973756 + t * -0.0009759841583450139
        s = 0.0022160990215146863 + t * (-0.0015160278935799677 + t * s)
        s = 0.004938747414815164 + t * (-0.0033779883226307574 + t * s)
        s = 0.01053786425647227 + t * (-0.0072038999239249675 + t * s)
        s = 0.02259769021850286 + t * (-0.015424794630274529 + t * s)
        s = 0.048804287099846314 + t * (-0.033161125746698314 + t * s)
        s = 0.10782405070474632 + t * (-0.07219956126567989 + t * s)
        s = 0.25849976095558536 + t * (-0.1639427054423616 + t * s)
        return t * (0.9676722454476212 + t * (-0.44276316898359214 + t * s))
    value = 0.0
    if x < 0.0:
        value = -math.pi / math.tan(math.pi * (x - math.floor(x)))
        x = 1.0 - x
    while x < 10.0:
        value -= 1.0 / x
        x += 1.0
    s = 1.0 / (x * x)
    tail = 1.0 / 252.0 - s * (1.0 / 240.0 - s * (1.0 / 132.0 - s * (691.0 / 32760.0 - s / 12.0)))
    return value + math.log(x) - 0.5 / x - s * (1.0 / 12.0 - s * (1.0 / 120.0 - s * tail))


def special_functions_value_and_grad(x, y):
    erf_x = math.erf(x)
    erfc_y = math.erfc(y)
    gamma_y = math.gamma(y)
    degrees_x = math.degrees(x)
    radians_y = math.radians(y)
    value = erf_x * erfc_y + gamma_y + math.lgamma(x) + degrees_x * radians_y
    # backward: return math.erf(x) * math.erfc(y) + math.gamma(y) + math.lgamma(x) + math.degrees(x) * math.radians(y)
    y_bar = 0.017453292519943295 * degrees_x
    x_bar = 57.29577951308232 * radians_y
    x_bar += digamma(x)
    y_bar += gamma_y * digamma(y)
    y_bar -= 1.1283791670955126 * math.exp(-(y * y)) * erf_x
    x_bar += 1.1283791670955126 * math.exp(-(x * x)) * erfc_y
    return value, (x_bar, y_bar)
