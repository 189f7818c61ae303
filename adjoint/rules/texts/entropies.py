"""Logistic functions, entropies, differences near one: of SciPy."""

TEXT = '''
def expit(x):
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def logit(x):
    if not 0.0 < x < 1.0:
        return -math.inf if x == 0.0 else (math.inf if x == 1.0 else math.nan)
    if 0.3 < x < 0.65:
        s = 2.0 * (x - 0.5)
        return math.log1p(s) - math.log1p(-s)
    return math.log(x / (1.0 - x))


def log_expit(x):
    return x - math.log1p(math.exp(x)) if x < 0.0 else -math.log1p(math.exp(-x))


def logarithm(x):
    return math.log(x) if x > 0.0 else (-math.inf if x == 0.0 else math.nan)


def xlogy(x, y):
    return 0.0 if x == 0.0 and y == y else x * logarithm(y)


def xlog1py(x, y):
    if x == 0.0 and y == y:
        return 0.0
    return x * (math.log1p(y) if y > -1.0 else (-math.inf if y == -1.0 else math.nan))


def entr(x):
    if x > 0.0:
        return -x * math.log(x)
    return x if x == 0.0 or x != x else -math.inf


def rel_entr(x, y):
    if x != x or y != y:
        return math.nan
    if x > 0.0 and y > 0.0:
        if 0.5 * y < x < 2.0 * y:
            return x * math.log1p((x - y) / y)
        ratio = x / y
        return x * (math.log(ratio) if 0.0 < ratio < math.inf else math.log(x) - math.log(y))
    return 0.0 if x == 0.0 and y >= 0.0 else math.inf


def log_gap(t):
    # t - log(1 + t), by the series of the inverse hyperbolic tangent where it cancels.
    if abs(t) > 0.1:
        return t - math.log1p(t) if t > -1.0 else math.inf
    u = t / (2.0 + t)
    s = u * u
    series = 0.0
    for k in range(12, 0, -1):
        series = s * (1.0 / (2.0 * k + 1.0) + series)
    return u * t - 2.0 * u * series


def kl_div(x, y):
    if x != x or y != y:
        return math.nan
    if x > 0.0 and y > 0.0:
        t = (x - y) / y
        if abs(t) < 0.1:
            return y * (t * math.log1p(t) - log_gap(t))
        return rel_entr(x, y) - x + y
    return y if x == 0.0 and y >= 0.0 else math.inf


def log_ratio(x, y):
    if x > 0.0 and y > 0.0:
        return math.log1p((x - y) / y) if 0.5 * y < x < 2.0 * y else math.log(x) - math.log(y)
    return -math.inf if x == 0.0 and y > 0.0 else (math.inf if x > 0.0 and y == 0.0 else 0.0)


def exprel(x):
    if abs(x) < 1e-16 or x != x:
        return 1.0 + x
    return math.expm1(x) / x if x < 709.0 else (math.exp(0.5 * x) / x * math.exp(0.5 * x) if x < 717.0 else math.inf)


def exprel_slope(x):
    if x < -1.0:
        return (math.exp(x) - exprel(x)) / x
    if x > 1.0:
        return exprel(x) - (exprel(x) - 1.0) / x if x < 717.0 else math.inf
    term = 0.5
    total = 0.5
    for k in range(2, 21):
        term *= x * k / ((k - 1.0) * (k + 1.0))
        total += term
    return total


def exprel_bend(x):
    # The second derivative near 0.
    term = 1.0 / 3.0
    total = term
    for k in range(3, 23):
        term *= x * k / ((k - 2.0) * (k + 1.0))
        total += term
    return total


def unmoved(x):
    # What has no influence on a result has no derivative.
    return x


def cosm1(x):
    half = math.sin(0.5 * x)
    return -2.0 * half * half
'''
