"""Small functions, one or more for every construct that the frontend reads."""

# ruff: noqa: E731, F821, F842

from __future__ import annotations

import functools
import math
import operator
from math import sin as sine
from typing import Any, NamedTuple

import numba
import numpy as np

Z = np.array  # an alias of a function of NumPy
SCALE = 2.5
WEIGHTS = np.array([0.5, 1.5, 2.5, 3.5])
COEFFICIENTS = (1.0, -2.0, 0.5)
SMALL = np.float32(0.25)
LIMITS = [1.0, 2.0]


class Point(NamedTuple):
    x: float
    y: float


class Settings:
    gain = 3.0


CASES: list[tuple[Any, tuple[Any, ...]]] = []


def case(*args: Any) -> Any:
    """Enter a function with its arguments; several lines enter it for several types or ways through it."""

    def enter(fun: Any) -> Any:
        CASES.append((fun, args))
        return fun

    return enter


V = np.array([0.3, 1.2, -0.7, 2.1])
W = np.array([1.5, -0.2, 0.9, 0.4])
M = np.arange(12.0).reshape(3, 4) / 5.0 - 1.0
I = np.array([2, 0, 2, 1])
C = np.array([1.0 + 2.0j, 0.5 - 1.0j])
F32 = np.array([0.3, 1.2, -0.7], dtype=np.float32)


# --- expressions -------------------------------------------------------------------------------------------------


@case(1.5, 2.0)
def arithmetic(x, y):
    return (x + y) * (x - y) / (x * y) + x**2 - 2**y + (-x) + (+y)


@case(7, 3)
def integers(a, b):
    return a // b + a % b - (a << 1) + (a >> 1) + (a & b) + (a | b) + (a ^ b) + ~a


@case(1.5)
def folded(x):
    n = 2 * 3 + 1
    m = n // 2
    return x * m + n % 4 - (-n)


@case(0.5, 2.0)
@case(3.0, 2.0)
def chained(x, y):
    a = 1.0 if 0.0 < x < y else 2.0
    b = 1.0 if x < y == 2.0 else 5.0
    return a + b


@case(V, 1)
@case(V, 9)
def short_circuit(x, k):
    if k < len(x) and x[k] > 0.0:
        return x[k]
    if k < 2 or x[k - 8] > 5.0:
        return -1.0
    return 0.0


@case(1.0, 0)
@case(0.0, 3)
def values_of_and_or(x, n):
    return (x and 2.0) + (x or 7.0) + (not x) + (n or 4)


@case(2.0)
@case(-2.0)
def conditional(x):
    y = math.sqrt(x) if x > 0.0 else -x
    return y + (1 if x > 1.0 else 0.5)


@case(1.0, 2.0)
def tuples(a, b):
    t = (a, b, a * b)
    a, b = b, a
    (p, q), r = (t[0], t[1]), t[-1]
    first, *rest = t
    return p - q + r * a + first + rest[1] + len(t)


@case(1.0, 2.0)
def swap(a, b):
    a, b = b, a
    a, b = b - 1.0, a
    return a * 10.0 + b


@case(2.0)
def nested_tuple_result(x):
    return x, (x * x, 3), -x


@case(2.0)
def nothing(x):
    y = x * x


@case(2.0)
def walrus(x):
    if (y := x * 2.0) > 3.0:
        return y
    return -y


@case(2.0)
def names_of_modules(x):
    import cmath

    f = math.cos
    return f(x) + sine(x) + np.exp(x) + operator.mul(x, 3.0) + abs(cmath.exp(1j * x))


@case(1.5)
def constants(x):
    return x * SCALE + COEFFICIENTS[1] + Settings.gain + math.pi + np.e + LIMITS[1]


@case(V)
def global_array(x):
    return np.sum(x * WEIGHTS) + WEIGHTS[2]


@case(F32)
def float32_scalar(x):
    return x[0] * SMALL


@case(1.5 + 0.5j)
def complex_numbers(z):
    w = z * (2.0 - 1j) + complex(1.0, 2.0)
    return w.real + w.imag + abs(w) + w.conjugate()


@case(C)
def complex_array(z):
    return np.sum(np.abs(z) ** 2) + z.real[0] + z.imag[1]


@case(3.7)
def conversions(x):
    return int(x) + float(2) + float(int(x)) + bool(x) + float(np.float32(x)) + np.int64(x) + float("1.5")


@case(2.0, 3.0, -1.0)
def least_and_largest(a, b, c):
    return min(a, b) + max(a, b, c) + min((a, c)) + max([b, c]) + sum((a, b, c)) + min(1, 2)


@case(2.0)
def annotated(x: float) -> float:
    y: float = x * 2.0
    z: int
    return y


@case(2.0)
def is_none(x, y=None):
    if y is None:
        y = x
    if x is not None and y is not None:
        return y + 1.0
    return None


@case(2)
def membership(k):
    if k in (1, 2, 3) and k not in [5, 6]:
        return 1.0
    return 2.0


@case(V)
def any_all(x):
    a = any(v > 2.0 for v in x)
    b = all(v > -1.0 for v in x)
    return (1.0 if a else 0.0) + (2.0 if b else 0.0) + any((x[0] > 0.0, x[1] < 0.0))


@case(V)
def generator_sum(x):
    return sum(v * v for v in x if v > 0.0) + sum(2 * k for k in range(4))


@case(7, 2)
def division_with_remainder(a, b):
    q, r = divmod(a, b)
    return q * 10 + r


# --- branches ----------------------------------------------------------------------------------------------------


@case(1.0)
@case(-1.0)
def branch(x):
    if x > 0.0:
        y = x
    elif x < -0.5:
        y = -x * 2.0
    else:
        y = 0.0
    return y


@case(1.0)
@case(-1.0)
def branch_of_int_and_float(x):
    y = 0
    if x > 0.0:
        y = x
    return y


@case(1.0)
@case(-1.0)
def branch_binds_one_side(x):
    if x > 0.0:
        t = x * 2.0
    if x > 0.0:
        return t
    return 0.0


@case(3.0)
@case(1.0)
@case(-1.0)
def early_returns(x):
    if x > 2.0:
        return 1.0
    if x > 0.0:
        y = x
    else:
        return -x
    return y + 10.0


@case(3.0)
@case(-1.0)
def returns_of_tuples(x):
    if x > 2.0:
        return x, 1
    return -x, 2


@case(V, True)
@case(V, False)
def branch_on_flag(x, flag):
    y = x.copy()
    if flag:
        y += 1.0
    else:
        y[0] = 5.0
    return y


@case(1.0)
@case(-1.0)
def branch_swaps(x):
    a, b = 1.0, x
    if x > 0.0:
        a, b = b, a
    t = (a, b)
    if x < 0.0:
        t = (b, a)
    return t[0] - 2.0 * t[1]


@case(-1.0)
@case(1.0)
def raises_or_not(x):
    if x > 5.0:
        raise ValueError(f"x is {x}")
    elif x < 0.0:
        y = -x
    else:
        y = x * 2.0
    assert y > 0.0, "y must be positive"
    return y


@case(4.0)
def static_branch(x, mode="square"):
    if mode == "square":
        return x * x
    elif mode == "none":
        return None
    return "neither"


# --- loops -------------------------------------------------------------------------------------------------------


@case(V)
def sum_loop(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * i
    return s


@case(V)
def int_becomes_float(x):
    s = 0
    for v in x:
        s += v
    return s


@case(2.0, 5)
@case(2.0, 0)
def power_loop(x, n):
    y = 1.0
    for _ in range(n):
        y = y * x
    return y


@case(5)
@case(0)
def loop_variable_after(n):
    i = -1
    for i in range(n):
        pass
    return i


@case(6)
def loop_variable_assigned(n):
    s = 0
    for i in range(n):
        i = i * 2
        s += i
    return s + i


@case(V)
def ranges(x):
    s = 0.0
    for i in range(1, 4):
        s += x[i] * i
    for i in range(3, -1, -1):
        s = s * 0.5 + x[i]
    for i in range(0, 4, 2):
        s -= x[i] * 3.0
    for i in reversed(range(1, 4)):
        s = s * 0.25 + x[i] * i
    for i in reversed(range(0, 4, 3)):
        s = s * 0.75 + x[i] * i
    for i in range(10, 0, -3):
        s = s * 0.9 + i
    return s


@case(2, 9, 3)
@case(9, 2, -2)
@case(2, 9, -1)
def range_of_any_step(a, b, c):
    s = 0
    for k, i in enumerate(range(a, b, c)):
        s = s * 3 + i + k
    for i in reversed(range(a, b, c)):
        s = s * 3 + i
    return s


@case(V, W)
def iterables(x, y):
    s = 0.0
    for k, v in enumerate(x):
        s += k * v
    for a, b in zip(x, y):
        s += a * b
    for k, (a, b) in enumerate(zip(x, y), 1):
        s += k * a - b
    for v in reversed(x):
        s = s * 0.5 + v
    for i, v in zip(range(2, 20), x):
        s += i * v
    for k, v in enumerate(reversed(y)):
        s += k * v
    return s


@case(M)
def rows(m):
    s = 0.0
    for row in m:
        s = s * 0.5 + row[0] * row.sum()
    for i, row in enumerate(m):
        row[1] = i
        s += np.sum(row)
    return s


@case(M)
def grid(m):
    s = 0.0
    for i, j in np.ndindex(m.shape):
        s = s * 0.9 + m[i, j] * (i + 2 * j)
    for i, j in np.ndindex(2, 3):
        s += i * j
    for (i, j), v in np.ndenumerate(m):
        s = s * 0.9 + v * (i - j)
    for index in np.ndindex(m.shape):
        s += m[index]
    return s


@case(2.0)
def unrolled(x):
    s = 0.0
    for c in (1.0, x, 3):
        s = s * x + c
    for k, c in enumerate([x, 2.0]):
        s += k * c
    for a, b in zip((1, 2), (x, -x)):
        s += a * b
    for c in COEFFICIENTS:
        s = s * 0.5 + c
    return s


@case(3.0)
@case(1.0)
def unrolled_with_break(x):
    s = 0.0
    for c in (1.0, 2.0, 3.0):
        if c > x:
            break
        s += c * x
    else:
        s += 100.0
    return s


@case(V, 0.2)
@case(V, 9.0)
def break_and_else(x, t):
    s = 0.0
    for i in range(4):
        if x[i] < t - 0.5:
            s += 10.0
            break
        s += x[i]
    else:
        s -= 100.0
    return s + i


@case(V)
def continues(x):
    s = 0.0
    for v in x:
        if v < 0.0:
            continue
        if v > 2.0:
            s += 1.0
            if s > 100.0:
                continue
        else:
            s += v
        s *= 2.0
    return s


@case(M, 0.9)
@case(M, 50.0)
def nested_breaks(m, t):
    total, count = 0.0, 0
    for i in range(3):
        for j in range(4):
            if m[i, j] > t:
                break
            if m[i, j] < -0.5:
                continue
            total += m[i, j]
        else:
            count += 1
            continue
        if i == 2:
            break
        count += 10
    return total + count


@case(M, 0.5)
@case(M, 50.0)
def return_in_loops(m, t):
    for i in range(3):
        for j in range(4):
            if m[i, j] > t:
                return m[i, j] * (i + j)
    return -1.0


@case(V, 1.0)
@case(V, 50.0)
def return_and_break(x, t):
    s = 0.0
    for v in x:
        if v > t:
            return s
        if v < 0.0:
            break
        s += v
    else:
        return -2.0
    return s + 100.0


@case(8.0)
def newton(a):
    x = a
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x


@case(V)
def while_with_element(x):
    i = 0
    while i < len(x) and x[i] > 0.0:
        i += 1
    return i


@case(V)
def while_with_call(x):
    def error(y):
        return np.max(np.abs(y))

    y = x.copy()
    n = 0
    while error(y) > 0.1 and n < 50:
        y *= 0.5
        n += 1
    else:
        n += 1000
    return y, n


@case(20.0)
def while_true(x):
    n = 0
    while True:
        x = x * 0.5
        n += 1
        if x < 1.0:
            break
    return x * n


@case(20.0)
def while_true_return(x):
    while True:
        x -= 3.0
        if x < 0.0:
            return x


@case(10)
def while_with_continue(n):
    s, i = 0, 0
    while i < n:
        i += 1
        if i % 3 == 0:
            continue
        if i == 8:
            break
        s += i
    return s * 100 + i


@case(10)
def while_walrus(n):
    s = 0
    while (n := n - 3) > 0:
        s += n
    return s


@case(V)
def previous_value(x):
    s = 0.0
    for i in range(4):
        if i > 0:
            s += x[i] * previous
        previous = x[i]
    return s


@case(V)
def previous_in_nested(x):
    s = 0.0
    for j in range(2):
        for i in range(4):
            if i + j > 0:
                s += x[i] * previous + other
            previous = x[i]
            other = j * 0.5
    return s + previous


@case(V, 3)
def double_buffer(x, steps):
    u = x.copy()
    v = np.zeros_like(x)
    for _ in range(steps):
        for i in range(1, 3):
            v[i] = 0.5 * (u[i - 1] + u[i + 1])
        u, v = v, u
    return u


@case(4)
def carried_tuple(n):
    state = (0, 1.0)
    for k in range(n):
        a, b = state
        state = (a + k, b * 0.5)
    return state[0] + state[1]


@case(5)
def types_widen(n):
    a, b, c = 0, 0, 0
    for i in range(n):
        c = b
        b = a
        a = a + 0.5 * i
    return a + b + c


@case(3)
def types_widen_in_nested(n):
    s = 0
    for i in range(n):
        t = 0
        for j in range(n):
            t = t + s
            s = s + 0.5
    return s


@case(np.ones(4))
def parallel(x):
    y = np.empty_like(x)
    for i in numba.prange(4):
        y[i] = x[i] * i
    return y


# --- arrays ------------------------------------------------------------------------------------------------------


@case(V)
def element_writes(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x[i]
        y[i] += 1.0
        y[-1] *= 2.0
    y[1:] -= x[:-1]
    y[::2] = 7.0
    return y


@case(M)
def matrices(m):
    a = m[1][2] + m[0, -1]
    m[1][0] = 5.0
    m[2, 1:3] = m[0, :2]
    m[:, 3] += 1.0
    c = m[..., 0] + m[:, 0][::-1]
    d = m[None, :, 0] + m[np.newaxis, 0:3, 1]
    return a, m, c, d, m.T, m.T[1, 2]


@case(V)
def in_place(x):
    y = x
    y += 1.0
    z = x.copy()
    z *= y
    z **= 2
    z[...] = z + 1.0
    z[:] = z * 2.0
    return x, y, z


@case(V, I)
def fancy(x, idx):
    y = np.zeros(4)
    y[idx] = x
    y[idx] += 1.0
    z = x[idx] + x[[0, 1, 2, 3]]
    np.add.at(z, idx, x)
    np.add.at(z, idx, 2.0)
    return y, z


@case(V)
def masks(x):
    y = x.copy()
    y[y < 0.0] = 0.0
    return y, x[x > 0.5], np.where(x > 0.0, x, -x)


@case(M)
def shapes(m):
    n, k = m.shape
    z = np.zeros(m.shape)
    w = np.ones((n, 2))
    s = m.shape
    if m.shape == z.shape and m.ndim == 2:
        n += 1
    return n * 100 + k + s[1] + m.size + len(m) + z.size + w.size + np.shape(m)[0] + len(m.shape) + np.size(m, 1)


@case(M)
def reductions(m):
    return (
        m.sum() + np.sum(m, axis=0)[1] + m.sum(axis=1)[0] + np.mean(m) + m.max() + np.min(m) + m.std() + np.sum(m, 0)[2]
    )


@case(M, V)
def methods(m, v):
    a = m.reshape(4, 3) + m.reshape((4, 3)) + m.ravel().reshape(4, 3)
    b = m.dot(v) + m @ v + np.dot(m, v)
    c = m.copy().flatten()
    c.sort()
    d = c.astype(np.float32).astype("float64")
    e = np.zeros(3)
    e.fill(2.0)
    return a, b, c, d, e, m.transpose(), m.item(1, 2)


@case(V, W)
def out_argument(x, y):
    z = np.empty_like(x)
    np.multiply(x, y, out=z)
    np.add(z, 1.0, z)
    np.exp(z, out=z)
    np.copyto(y, z)
    return z, y


@case(2.0, V)
def literals(a, x):
    m = np.array([[a, 1.0], [x[0], 2.0 * a]])
    v = np.array([1.0, a])
    w = np.asarray(x)
    u = Z(x)
    u[0] = 9.0
    return m @ v, w, u, np.concatenate((v, x)), np.stack([v, v]), np.hstack([v, x])


@case(V)
def rows_of_views(x):
    m = x.reshape(2, 2)
    row = m[1]
    row[0] = 7.0
    m.T[0, 1] += 1.0
    return x


@case(V)
def index_tuples(x):
    m = np.zeros((2, 3))
    where = (1, 2)
    m[where] = x[0]
    part = slice(1, 3)
    x[part] = 4.0
    return m, x[part], m[where]


@case(F32)
def data_types(x):
    y = np.zeros(3, dtype=x.dtype)
    z = np.ones(3, dtype=np.float32) + y
    eps = np.finfo(np.float64).eps
    w = np.zeros_like(x, dtype=np.float64)
    return z, w + eps


# --- lists -------------------------------------------------------------------------------------------------------


@case(V)
def lists(x):
    values = []
    for v in x:
        if v > 0.0:
            values.append(v * 2.0)
    last = values.pop()
    s = 0.0
    for v in values:
        s += v
    values[0] = 5.0
    values += [1.0, x[0]]
    return s + last + len(values) + values[0] + values[-1] + np.sum(np.array(values))


@case(V, 3)
def comprehensions(x, n):
    i = 5
    a = [v * i for i, v in enumerate(x) if v > 0.0]
    b = np.array([[x[i] * j for j in range(2)] [1] for i in range(n)])
    c = [p * q for p in x for q in (1.0, 2.0)]
    d = [k * 2 for k in (1, 2, 3)]
    return sum(a) + b[1] + c[3] + d[2] + i + len(c)


@case(V)
def list_of_arrays(x):
    rows = [x, x * 2.0]
    for k in range(3):
        rows.append(rows[-1] * 0.5)
    s = 0.0
    for r in rows:
        s += r[1]
    return s


@case(3.0, 4)
def repeated(x, n):
    a = [0.0] * 3
    a[1] = x
    b = [x] * n
    b[0] += 1.0
    return a[0] + a[1] + b[0] + b[3] + len(b)


# --- functions ---------------------------------------------------------------------------------------------------


def square(x):
    return x * x


def two(x, scale=2.0, *, shift=1.0):
    if x > 0.0:
        return x * scale, shift
    return -x, shift * 2.0


@numba.njit
def compiled(x, n):
    s = 0.0
    for i in range(n):
        if i == 3:
            break
        s += x * i
    return s


def fill(y, value):
    for i in range(y.shape[0]):
        y[i] = value * i


def apply(f, x, times):
    for _ in range(times):
        x = f(x)
    return x


def doubled_or_not(x, double=True):
    x = x * 2.0 if double else x
    return x


@case(1.5)
@case(-1.5)
def helpers(x):
    x = square(x) + x
    a, b = two(x - 1.0, shift=3.0)
    c = two(x)[0] + two(scale=4.0, x=x)[1]
    return a + b + c + compiled(x, 5) + doubled_or_not(x) + doubled_or_not(x, False)


@case(V)
def helper_writes(x):
    y = np.zeros(3)
    fill(y, x[0])
    fill(x[1:], 2.0)
    return y, x


@case(0.5)
def functions_as_values(x):
    def inner(v, k=2.0):
        return v * k + x

    g = lambda v: inner(v) - 1.0
    h = functools.partial(two, scale=3.0)
    x = x + 1.0
    a = apply(math.sin, x, 2) + apply(square, x, 3) + apply(inner, x, 2)
    return a + g(x) + h(x)[0] + apply(lambda v: v - x, 1.0, 2)


def make_adder(n, unit=1.0):
    def adder(x):
        return x + n * unit

    return adder


adder = make_adder(3)
CASES.append((adder, (2.0,)))
CASES.append((lambda x: x * x + 1.0, (2.0,)))
first, second = (lambda x: x + 1.0), (lambda x: x * 5.0)
CASES.append((first, (2.0,)))
CASES.append((second, (2.0,)))
CASES.append((numba.njit(square), (2.0,)))


@case(2.0)
def closure_factory(x):
    add = make_adder(x, unit=2.0)
    return add(1.0) * add(x)


@case(2.0)
def keyword_only(x, *, power=2, scale=1.5):
    return scale * x**power


@case(Point(1.0, 2.0))
def named_tuple(p):
    return p.x * 2.0 + p[1] + sum(p)


@case((1.0, 2.0), 3)
def tuple_argument(t, n):
    a, b = t
    s = a
    for v in t:
        s += v * n
    return s + t[1] + len(t)


@case(2.0, 0.0)
def tries(x, y):
    try:
        z = x * y
        w = math.sqrt(x)
    except ValueError:
        z = w = 0.0
    else:
        z += 1.0
    finally:
        w += 1.0
    return z + w


@case(2.0, 3.0)
def try_division(x, y):
    try:
        return x / y
    except ZeroDivisionError:
        return 0.0


@case(2.0)
def star_arguments(x):
    t = (x, 3.0)
    return math.hypot(*t) + two(*t)[0]
