"""Gamma functions and their like: of SciPy, and those that their derivatives need.

Factors of powers and gamma functions are taken together (`gamma_prefix`, `log_gamma_fall`), since each alone is far
larger than the result. A. Gil, J. Segura, N. Temme, Numerical methods for special functions, 2007.
"""

TEXT = '''
def gammaln(x):
    if x <= 0.0 and (x == -math.inf or x == math.floor(x)):
        return math.inf if x > -math.inf else x
    if x < 0.5 or x > 2.5:
        return math.lgamma(x) if not math.isinf(x) else x
    # A series about 2, where the function is zero, as it is at 1.
    t = x - 2.0 if x > 1.5 else x - 1.0
    s = -2.7595228851242334e-10 + t * 1.330476437424449e-10
    s = 2.4836745438024785e-09 + t * (-1.1921401405860912e-09 + t * (5.731367241678862e-10 + t * s))
    s = -2.2711094608943164e-08 + t * (1.0838659214896955e-08 + t * (-5.183475041970047e-09 + t * s))
    s = 2.1207184805554665e-07 + t * (-1.0043224823968099e-07 + t * (4.7698101693639804e-08 + t * s))
    s = -2.039215753801366e-06 + t * (9.55141213040742e-07 + t * (-4.492469198764566e-07 + t * s))
    s = 2.050721277567069e-05 + t * (-9.439488275268397e-06 + t * (4.374866789907488e-06 + t * s))
    s = -0.00022315475845357939 + t * (9.945751278180853e-05 + t * (-4.492623673813314e-05 + t * s))
    s = 0.0028905103307415234 + t * (-0.001192753911703261 + t * (0.0005096695247430425 + t * s))
    s = -0.0673523010531981 + t * (0.020580808427784546 + t * (-0.007385551028673986 + t * s))
    value = t * (0.42278433509846713 + t * (0.3224670334241132 + t * s))
    return value if x > 1.5 else value - math.log1p(t)


def gamma_function(x):
    if x > 171.62437695630272:
        return math.inf
    if x == 0.0:
        return math.copysign(math.inf, x)
    if x < 0.0 and (x == -math.inf or x == math.floor(x)):
        return math.nan
    return math.gamma(x)


def rgamma(x):
    if x <= 0.0 and x == math.floor(x):
        return 0.0
    if x > 171.62437695630272:
        return math.exp(-gammaln(x)) if x < math.inf else 0.0
    return 1.0 / gamma_function(x)


def rgamma_slope(x):
    if x <= 0.0 and x == math.floor(x):
        value = gamma_function(1.0 - x)
        return value if x % 2.0 == 0.0 else -value
    return -digamma(x) * rgamma(x)


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


def zeta(s, q):
    if s == 1.0:
        return math.inf
    if s < 1.0 or q != q or (q < 0.0 and q != math.floor(q) and s != math.floor(s)):
        return math.nan
    if q <= 0.0 and q == math.floor(q):
        return math.inf
    total = 0.0
    while q < 12.0 + s:
        total += math.pow(q, -s)
        q += 1.0
    power = math.pow(q, -s)
    total += power * (q / (s - 1.0) + 0.5)
    # Euler and Maclaurin: the Bernoulli numbers over factorials.
    term = power * s / q
    step = 1.0 / (q * q)
    total += term / 12.0
    term *= (s + 1.0) * (s + 2.0) * step
    total -= term / 720.0
    term *= (s + 3.0) * (s + 4.0) * step
    total += term / 30240.0
    term *= (s + 5.0) * (s + 6.0) * step
    total -= term / 1209600.0
    term *= (s + 7.0) * (s + 8.0) * step
    total += term / 47900160.0
    term *= (s + 9.0) * (s + 10.0) * step
    total -= term * 5.284190138687493e-10
    term *= (s + 11.0) * (s + 12.0) * step
    total += term * 1.3385364973664e-11
    term *= (s + 13.0) * (s + 14.0) * step
    return total - term * 3.3898e-13


def zeta_slope(q, s):
    # The derivative of `zeta` by s.
    if s <= 1.0 or q <= 0.0 or q != q:
        return math.nan
    total = 0.0
    while q < 12.0 + s:
        total -= math.log(q) * math.pow(q, -s)
        q += 1.0
    power = math.pow(q, -s)
    turn = -math.log(q)
    total += power * (turn * (q / (s - 1.0) + 0.5) - q / ((s - 1.0) * (s - 1.0)))
    # Each term times the derivative of its logarithm.
    term = power * s / q
    turn += 1.0 / s
    weight = 1.0 / 12.0
    for k in range(8):
        if k == 1:
            weight = -1.0 / 720.0
        elif k == 2:
            weight = 1.0 / 30240.0
        elif k == 3:
            weight = -1.0 / 1209600.0
        elif k == 4:
            weight = 1.0 / 47900160.0
        elif k == 5:
            weight = -5.284190138687493e-10
        elif k == 6:
            weight = 1.3385364973664e-11
        elif k == 7:
            weight = -3.3898e-13
        total += weight * term * turn
        term *= (s + 2.0 * k + 1.0) * (s + 2.0 * k + 2.0) / (q * q)
        turn += 1.0 / (s + 2.0 * k + 1.0) + 1.0 / (s + 2.0 * k + 2.0)
    return total


def polygamma(n, x):
    if n == 0:
        return digamma(x)
    value = math.gamma(n + 1.0) * zeta(n + 1.0, x)
    return value if n % 2 == 1 else -value


def stirling_rest(x):
    s = 1.0 / (x * x)
    tail = 1.0 / 1260.0 - s * (1.0 / 1680.0 - s * (1.0 / 1188.0 - s * (691.0 / 360360.0 - s / 156.0)))
    return (1.0 / 12.0 - s * (1.0 / 360.0 - s * tail)) / x


def log_gamma_fall(a, b):
    # log(gamma(b) / gamma(a + b)) for b >= 10 and a > 0.
    fall = (a + b - 0.5) * math.log1p(a / b) + a * (math.log(b) - 1.0)
    return stirling_rest(b) - stirling_rest(a + b) - fall


def betaln(a, b):
    small = min(a, b)
    large = max(a, b)
    if small != small or large != large:
        return math.nan
    if small <= 0.0:
        if small == math.floor(small):
            return math.inf
        return math.lgamma(a) + math.lgamma(b) - gammaln(a + b)
    if math.isinf(large):
        return -math.inf
    if small >= 10.0:
        rest = stirling_rest(small) + stirling_rest(large) - stirling_rest(small + large)
        ratio = small / large
        turned = (small - 0.5) * math.log(ratio / (1.0 + ratio)) - large * math.log1p(ratio)
        return 0.9189385332046727 - 0.5 * math.log(large) + rest + turned
    if large >= 10.0:
        return gammaln(small) + log_gamma_fall(small, large)
    if small < 1e-3:
        return gammaln(small) + gammaln(large) - gammaln(small + large)
    return math.log(math.gamma(small) * (math.gamma(large) / math.gamma(small + large)))


def beta(a, b):
    small = min(a, b)
    if small <= 0.0 or max(a, b) != max(a, b):
        if small == math.floor(small):
            return math.inf
        return gamma_function(a) * gamma_function(b) * rgamma(a + b)
    if a + b < 170.0:
        return math.gamma(small) * (math.gamma(max(a, b)) / math.gamma(a + b))
    return math.exp(betaln(a, b))


def digamma_rise(a, b):
    # digamma(a + b) - digamma(a), without their cancellation.
    if a <= 0.0 or a + b <= 0.0 or a != a or b != b:
        return digamma(a + b) - digamma(a)
    rise = 0.0
    while min(a, a + b) < 12.0:
        rise += b / (a * (a + b))
        a += 1.0
    c = a + b
    first = b / (2.0 * a * c) + b * (a + c) / (12.0 * a * a * c * c)
    s = 1.0 / (a * a)
    r = 1.0 / (c * c)
    above = r * r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r / 132.0)))
    below = s * s * (1.0 / 120.0 - s * (1.0 / 252.0 - s * (1.0 / 240.0 - s / 132.0)))
    return rise + math.log1p(b / a) + first + (above - below)


def binom(n, k):
    if n < 0.0 and n == math.floor(n):
        return math.nan
    if k == math.floor(k) and abs(k) < 30.0:
        count = int(k)
        if n == math.floor(n) and n >= 0.0 and k > 0.5 * n:
            count = int(n - k)
        value = 1.0
        for i in range(1, count + 1):
            value *= (n + i - count) / i
        return value if count >= 0 else 0.0
    if n - k < 0.0 and n == math.floor(n) and k == math.floor(k):
        return 0.0
    if n - k > -1.0 and k > -1.0 and n > -1.0:
        return math.exp(-betaln(1.0 + n - k, 1.0 + k)) / (n + 1.0)
    return gamma_function(n + 1.0) * rgamma(k + 1.0) * rgamma(n - k + 1.0)


def gamma_prefix(a, x):
    # x**a * exp(-x) / gamma(a + 1).
    if a < 10.0:
        if x > 700.0:
            return math.exp(a * math.log(x) - x - gammaln(a + 1.0))
        return math.pow(x, a) * math.exp(-x) / math.gamma(a + 1.0)
    lost = log_gap((x - a) / a)
    return math.exp(-a * lost - stirling_rest(a)) / math.sqrt(2.0 * math.pi * a)


def gamma_series(a, x):
    # The lower function over `gamma_prefix`, and its derivative by a.
    term = 1.0
    total = 1.0
    slope = 0.0
    turn = 0.0
    k = 0
    while k < 100000 and (term > 1e-17 * total or k == 0):
        k += 1
        term *= x / (a + k)
        turn -= 1.0 / (a + k)
        total += term
        slope += term * turn
    return total, slope


def gamma_fraction(a, x):
    # The upper function over `gamma_prefix` and a, and the derivative of its logarithm by a; Lentz's method.
    b = x + 1.0 - a
    b_dot = -1.0
    d = 1.0 / b
    d_dot = d * d
    c = 1e300
    c_dot = 0.0
    value = d
    turn = d_dot / d
    for k in range(1, 100000):
        n = -k * (k - a)
        b += 2.0
        d_dot = k * d + n * d_dot + b_dot
        d = 1.0 / (n * d + b)
        d_dot = -d_dot * d * d
        c_dot = b_dot + (k - n * c_dot / c) / c
        c = b + n / c
        value *= c * d
        change = c_dot / c + d_dot / d
        turn += change
        if abs(c * d - 1.0) < 1e-16 and abs(change) < 1e-16 * abs(turn):
            break
    return value, turn


def gammainc(a, x):
    if x < 0.0 or a < 0.0 or a != a or x != x or (a == math.inf and x == math.inf):
        return math.nan
    if a == 0.0:
        return 1.0 if x > 0.0 else math.nan
    if x == 0.0 or a == math.inf:
        return 0.0
    if x == math.inf:
        return 1.0
    if x < a + 1.0:
        return gamma_prefix(a, x) * gamma_series(a, x)[0]
    return 1.0 - gamma_prefix(a, x) * a * gamma_fraction(a, x)[0]


def gammaincc(a, x):
    if x < 0.0 or a < 0.0 or a != a or x != x or (a == math.inf and x == math.inf):
        return math.nan
    if a == 0.0:
        return 0.0 if x > 0.0 else math.nan
    if x == 0.0 or a == math.inf:
        return 1.0
    if x == math.inf:
        return 0.0
    if x < a + 1.0:
        return 1.0 - gamma_prefix(a, x) * gamma_series(a, x)[0]
    return gamma_prefix(a, x) * a * gamma_fraction(a, x)[0]


def gammainc_slope(x, a):
    # The derivative of `gammainc` by a.
    if a <= 0.0 or x <= 0.0 or a == math.inf or x == math.inf:
        return 0.0
    if x < a + 1.0:
        total, slope = gamma_series(a, x)
        return gamma_prefix(a, x) * (total * (math.log(x) - digamma(a + 1.0)) + slope)
    value, turn = gamma_fraction(a, x)
    return -gamma_prefix(a, x) * a * value * (math.log(x) - digamma(a) + turn)


def gammainc_density(a, x):
    # The derivative of `gammainc` by x.
    if a <= 0.0 or x < 0.0 or x == math.inf:
        return 0.0
    if x == 0.0:
        return math.inf if a < 1.0 else (1.0 if a == 1.0 else 0.0)
    return gamma_prefix(a, x) * (a / x)
'''
