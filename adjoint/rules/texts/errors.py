"""The error function's inverses and scaled forms, and the normal distribution."""

TEXT = '''
def erfcx(x):
    if x < -26.7:
        return math.inf
    if x < 8.0:
        # exp(x * x) without the rounding of the square.
        rounded = math.floor(x * 1048576.0) / 1048576.0
        rest = (x - rounded) * (x + rounded)
        return math.exp(rounded * rounded) * math.exp(rest) * math.erfc(x)
    t = 0.5 / x / x
    total = 1.0
    for k in range(39, 0, -2):
        total = 1.0 - k * t * total
    return 0.5641895835477563 / x * total


def erfcx_slope(x):
    if x < 8.0:
        return 2.0 * x * erfcx(x) - 1.1283791670955126 if x > -26.7 else -math.inf
    t = 0.5 / x / x
    total = 1.0
    for k in range(41, 1, -2):
        total = 1.0 - k * t * total
    return -1.1283791670955126 * t * total


def erfinv_near(y):
    x = 0.8862269254527579 * y * (1.0 + 0.2617993877991494 * y * y)
    for _ in range(3):
        x -= (math.erf(x) - y) * 0.8862269254527579 * math.exp(x * x)
    return x if y != 0.0 else y


def erfcinv_far(y):
    t = math.sqrt(-2.0 * math.log(0.5 * y))
    x = 0.7071067811865476 * (t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + 0.04481 * t)))
    goal = math.log(y)
    for _ in range(5):
        scaled = erfcx(x)
        x += (math.log(scaled) - x * x - goal) * 0.8862269254527579 * scaled
    return x


def erfinv(y):
    if not -1.0 < y < 1.0:
        return math.copysign(math.inf, y) if abs(y) == 1.0 else math.nan
    if abs(y) > 0.5:
        return math.copysign(erfcinv_far(1.0 - abs(y)), y)
    return erfinv_near(y)


def erfcinv(y):
    if not 0.0 < y < 2.0:
        return math.inf if y == 0.0 else (-math.inf if y == 2.0 else math.nan)
    if y > 1.5:
        return -erfcinv_far(2.0 - y)
    return erfinv_near(1.0 - y) if y > 0.5 else erfcinv_far(y)


def ndtr(x):
    return 0.5 * math.erfc(-0.7071067811865476 * x)


def ndtri(p):
    if 0.25 < p < 0.75:
        return 1.4142135623730951 * erfinv(2.0 * p - 1.0)
    return -1.4142135623730951 * erfcinv(2.0 * p)


def log_ndtr(x):
    if x < -1.0:
        return math.log(0.5 * erfcx(-0.7071067811865476 * x)) - 0.5 * x * x if x > -math.inf else -math.inf
    return math.log1p(-0.5 * math.erfc(0.7071067811865476 * x))
'''
