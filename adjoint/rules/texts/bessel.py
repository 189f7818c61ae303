"""Bessel functions of the orders 0 and 1: of SciPy.

Power series near 0; the recurrence downwards and Neumann's series, or an integral by the trapezoidal rule, which
converges exponentially, in the middle; Hankel's series far out. NIST Digital Library of Mathematical Functions, 10.
"""

TEXT = '''
def bessel_waves(n, x):
    # Hankel's series: sums of even and of odd terms.
    even = 1.0
    odd = 0.0
    term = 1.0
    for k in range(1, 50):
        factor = (4.0 * n * n - (2.0 * k - 1.0) * (2.0 * k - 1.0)) / (8.0 * k * x)
        if abs(factor) > 1.0 or abs(term) < 1e-18:
            break
        term *= factor
        if k % 2 == 1:
            odd += term if k % 4 == 1 else -term
        else:
            even += term if k % 4 == 0 else -term
    return even, odd


def bessel_far(n, x, second):
    even, odd = bessel_waves(n, x)
    size = math.sqrt(1.0 / (math.pi * x))
    plus = math.sin(x) + math.cos(x)
    minus = math.sin(x) - math.cos(x)
    if n == 0:
        return size * (even * minus + odd * plus) if second else size * (even * plus - odd * minus)
    return size * (odd * minus - even * plus) if second else size * (even * minus + odd * plus)


def bessel_near(n, x, second):
    # Power series; the second kind has the logarithm and sums of reciprocals beside it.
    square = -0.25 * x * x
    term = 1.0 if n == 0 else 0.5 * x
    total = 0.0
    sums = 0.0
    rise = 0.0 if n == 0 else 1.0
    for k in range(30):
        total += term
        sums += term * rise
        rise += 2.0 / (k + 1.0) if n == 0 else 1.0 / (k + 1.0) + 1.0 / (k + 2.0)
        term *= square / ((k + 1.0) * (k + 1.0 + n))
    if not second:
        return total
    value = 2.0 / math.pi * (math.log(0.5 * x) + 0.5772156649015329) * total - sums / math.pi
    return value if n == 0 else value - 2.0 / (math.pi * x)


def bessel_between(n, x, second):
    # J of all orders by the recurrence downwards, of the size of their sum.
    above = 0.0
    here = 1e-30
    total = 0.0
    sums = 0.0
    first = 0.0
    k = 2 * int(0.5 * x + 25.0)
    while k > 0:
        if k % 2 == 0:
            total += 2.0 * here
            # Neumann's series of the second kind of order 0.
            sums += here / (0.5 * k) if k % 4 == 2 else -here / (0.5 * k)
        first = here
        here, above = 2.0 * k / x * here - above, here
        k -= 1
    total += here
    zeroth = here / total
    first = first / total
    if not second:
        return zeroth if n == 0 else first
    lead = math.log(0.5 * x) + 0.5772156649015329
    if n == 0:
        return 2.0 / math.pi * (lead * zeroth + 2.0 * sums / total)
    # The derivative of the series, term by term, needs the odd orders.
    odd = 0.0
    above = 0.0
    here = 1e-30
    k = 2 * int(0.5 * x + 25.0)
    while k > 1:
        here, above = 2.0 * k / x * here - above, here
        k -= 1
        if k % 2 == 1 and k > 1:
            # Order k takes part in the terms of the even orders k - 1 and k + 1.
            both = 1.0 / (0.5 * (k - 1)) + 1.0 / (0.5 * (k + 1))
            odd += here * both if k % 4 == 3 else -here * both
    odd -= here
    return 2.0 / math.pi * (lead * first - zeroth / x + odd / total)


def bessel(n, x, second):
    size = abs(x)
    if size != size or second and x < 0.0:
        return math.nan
    if size == math.inf:
        return 0.0
    if second and x == 0.0:
        return -math.inf
    if size < 2.0:
        value = bessel_near(n, size, second)
    elif size < 25.0:
        value = bessel_between(n, size, second)
    else:
        value = bessel_far(n, size, second)
    return -value if n == 1 and x < 0.0 else value


def j0(x):
    return bessel(0, x, False)


def j1(x):
    return bessel(1, x, False)


def y0(x):
    return bessel(0, x, True)


def y1(x):
    return bessel(1, x, True)


def bessel_i_far(n, x, start):
    # The sum from the term `start` on, over sqrt(2 pi x).
    term = 1.0
    total = 1.0 if start == 0 else 0.0
    for k in range(1, 60):
        factor = -(4.0 * n * n - (2.0 * k - 1.0) * (2.0 * k - 1.0)) / (8.0 * k * x)
        if abs(factor) > 1.0 or abs(term) < 1e-18:
            break
        term *= factor
        total += term
    return total / math.sqrt(2.0 * math.pi) / math.sqrt(x)


def bessel_i_near(n, x):
    square = 0.25 * x * x
    term = 1.0 if n == 0 else 0.5 * x
    total = term
    for k in range(1, 80):
        term *= square / (k * (k + n))
        total += term
        if term < 1e-18 * total:
            break
    return total


def i0e(x):
    size = abs(x)
    if size == math.inf:
        return 0.0
    return bessel_i_near(0, size) * math.exp(-size) if size < 20.0 else bessel_i_far(0, size, 0)


def i1e(x):
    size = abs(x)
    if size == math.inf:
        return 0.0
    value = bessel_i_near(1, size) * math.exp(-size) if size < 20.0 else bessel_i_far(1, size, 0)
    return -value if x < 0.0 else value


def i0(x):
    size = abs(x)
    if size < 20.0:
        return bessel_i_near(0, size)
    return math.exp(0.5 * size) * bessel_i_far(0, size, 0) * math.exp(0.5 * size) if size < 714.0 else size * math.inf


def i1(x):
    size = abs(x)
    if size < 20.0:
        value = bessel_i_near(1, size)
    elif size < 714.0:
        value = math.exp(0.5 * size) * bessel_i_far(1, size, 0) * math.exp(0.5 * size)
    else:
        value = size * math.inf
    return -value if x < 0.0 else value


def i0e_slope(x):
    # i1e(x) - sign(x) * i0e(x), whose terms are nearly equal far out.
    size = abs(x)
    if x == 0.0 or size == math.inf:
        return 0.0
    if size < 20.0:
        value = i1e(size) - i0e(size)
    else:
        value = bessel_i_far(1, size, 1) - bessel_i_far(0, size, 1)
    return -value if x < 0.0 else value


def bessel_k(n, x, scaled):
    # The integral of exp(-x cosh t) cosh(n t); n = 2 stands for that of cosh t - 1.
    if x <= 0.0 or x != x:
        return math.inf if x == 0.0 else math.nan
    if x == math.inf:
        return 0.0
    step = 0.2 / math.sqrt(1.0 + x * 0.25)
    total = 0.0
    k = 0
    while k < 10000:
        t = k * step
        half = math.sinh(0.5 * t)
        rise = 2.0 * half * half
        if x * rise > 45.0 + t:
            break
        value = math.exp(-x * rise)
        if n == 1:
            value *= 1.0 + rise
        elif n == 2:
            value *= rise
        total += 0.5 * value if k == 0 else value
        k += 1
    return step * total if scaled else step * total * math.exp(-x)


def k0(x):
    return bessel_k(0, x, False)


def k1(x):
    return bessel_k(1, x, False)


def k0e(x):
    return bessel_k(0, x, True)


def k1e(x):
    return bessel_k(1, x, True)


def k0e_slope(x):
    return -bessel_k(2, x, True)
'''
