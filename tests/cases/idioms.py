"""The idioms of numerical Python, each as a small function: what a user's code looks like.

Every function is plain Python and smooth at its arguments. Numba compiles it as it stands unless its row says
`numba=False`.
"""

from __future__ import annotations

import importlib.util
import math

import numpy as np

from tests.cases.registry import Table, numbers

IDIOMS = Table()
V5, V6, W6 = numbers(5, seed=1), numbers(6, seed=2), numbers(6, seed=3)
M34, M45, S4 = numbers(3, 4, seed=4), numbers(4, 5, seed=5), numbers(4, 4, seed=6)
SIGNED = numbers(7, seed=7, low=-1.0, high=1.0)
GRAVITY = 9.81
# rocket-fft teaches Numba the Fourier transforms.
HAS_FFT = importlib.util.find_spec("rocket_fft") is not None
TABLE = numbers(4, seed=8)


# --- loops ----------------------------------------------------------------------------------------------------------


@IDIOMS("scalar loop", 1.3, 5)
def scalar_loop(x, n):
    s = 0.0
    for i in range(n):
        s += math.sin(x * i)
    return s


@IDIOMS("scalar loop", 0.7, 12)
def product_loop_int_start(x, n):
    p = 1
    for i in range(n):
        p *= x + 0.1 * i
    return p


@IDIOMS("data-dependent while", 7.3)
def halve_until_small(x):
    k = 0
    while x > 1.0:
        x = 0.6 * x
        k += 1
    return x * x + k


@IDIOMS("data-dependent while", 0.4, 1.7, wrt=(0, 1))
def while_two_conditions(x, y):
    steps = 0
    while x < 3.0 and steps < 50:
        x = x + math.exp(-x) * y
        steps += 1
    return x * y


@IDIOMS("break", V6, 2.5)
def partial_sum_until(x, limit):
    s = 0.0
    for i in range(len(x)):
        s += x[i] ** 2
        if s > limit:
            break
    return s


@IDIOMS("break", 1.1)
def break_from_while_true(x):
    n = 0
    while True:
        x = x * 1.5
        n += 1
        if x > 20.0 or n > 30:
            break
        x += 0.1
    return math.log(x)


@IDIOMS("continue", SIGNED)
def sum_of_positive_logs(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] <= 0.0:
            continue
        s += math.log(x[i])
    return s


@IDIOMS("continue", V6)
def continue_in_while(x):
    s, i = 0.0, 0
    while i < len(x):
        i += 1
        if i % 2 == 0:
            continue
        s = s * 0.5 + x[i - 1] ** 3
    return s


@IDIOMS("early return in a loop", V6, 2.0)
def first_partial_sum_above(x, limit):
    s = 0.0
    for v in x:
        s += v
        if s > limit:
            return s * v
    return -s


@IDIOMS("early return in a loop", SIGNED)
def guard_clauses(x):
    if len(x) == 0:
        return 0.0
    if x[0] > 10.0:
        return x[0]
    return x[0] * x[1] - x[2]


@IDIOMS("recursion", 0.9, 5, numba=False)
def power_by_recursion(x, n):
    if n == 0:
        return 1.0
    return x * power_by_recursion(x, n - 1)


@IDIOMS("recursion", V5, 0, 5, numba=False)
def sum_by_halves(x, lo, hi):
    if hi - lo == 1:
        return math.sin(x[lo])
    mid = (lo + hi) // 2
    return sum_by_halves(x, lo, mid) + 2.0 * sum_by_halves(x, mid, hi)


@IDIOMS("negative-step range", V6, 0.8, wrt=(0, 1))
def horner(c, x):
    p = 0.0
    for i in range(len(c) - 1, -1, -1):
        p = p * x + c[i]
    return p


@IDIOMS("negative-step range", V6, numba=False)
def reversed_range(c):
    p = 1.0
    for i in reversed(range(1, len(c), 2)):
        p = p * c[i] + c[i - 1]
    return p


@IDIOMS("iterating an array, enumerate, zip", V6)
def iterate_array(x):
    s = 0.0
    for v in x:
        s += v * v
    return s


@IDIOMS("iterating an array, enumerate, zip", M34)
def iterate_rows(m):
    s = 0.0
    for row in m:
        s += row[0] * row[1] + np.sum(row)
    return s


@IDIOMS("iterating an array, enumerate, zip", V6)
def iterate_enumerate(x):
    s = 0.0
    for i, v in enumerate(x):
        s += i * math.cos(v)
    return s


@IDIOMS("iterating an array, enumerate, zip", V6, W6, wrt=(0, 1))
def iterate_zip(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += a * math.exp(-b)
    return s


@IDIOMS("iterating an array, enumerate, zip", V6, V5, wrt=(0, 1))
def iterate_enumerate_zip_uneven(x, y):
    s = 0.0
    for i, (a, b) in enumerate(zip(x, y)):
        s += a * b * (i + 1)
    return s


@IDIOMS("running maximum with branch", SIGNED)
def running_maximum(x):
    best = x[0]
    total = 0.0
    for i in range(1, len(x)):
        if x[i] > best:
            best = x[i]
        total += best * best
    return total


@IDIOMS("Newton iteration to convergence", 2.7)
def newton_square_root(a):
    x = a
    while abs(x * x - a) > 1e-13:
        x = 0.5 * (x + a / x)
    return x


@IDIOMS("Newton iteration to convergence", 0.3, 0.1, wrt=(0, 1))
def kepler(mean, e):
    big = mean
    for _ in range(50):
        step = (big - e * math.sin(big) - mean) / (1.0 - e * math.cos(big))
        big -= step
        if abs(step) < 1e-14:
            break
    return math.cos(big)


# --- scalars --------------------------------------------------------------------------------------------------------


@IDIOMS("value overwritten several times", 0.8)
def overwritten_scalar(x):
    y = x * x
    z = math.sin(y)
    y = y * z
    z = z + y
    y = math.exp(-y) * z
    return y + z


@IDIOMS("value overwritten several times", V5)
def overwritten_array(x):
    y = x * 2.0
    y = np.sin(y)
    y = y * y + x
    return np.sum(y)


@IDIOMS("value overwritten several times", 0.6)
def overwritten_element(x):
    y = np.zeros(2)
    y[0] = x
    y[0] = y[0] * y[0]
    y[1] = math.sin(y[0])
    y[0] = y[0] * y[1]
    return y[0] + y[1]


@IDIOMS("swapping scalars", 1.2, 0.5, 4, wrt=(0, 1))
def swap_scalars(a, b, n):
    for _ in range(n):
        a, b = b, a * b + 0.1
    return a - b * b


@IDIOMS("swapping scalars", 1.2, 0.5, 0.9, wrt=(0, 1, 2))
def rotate_three(a, b, c):
    a, b, c = b, c, a
    a, b = b * 2.0, a
    return a * a + 3.0 * b + math.sin(c)


@IDIOMS("conditional expression", 0.7, -0.4, wrt=(0, 1))
def conditional_expression(x, y):
    a = x * x if x > y else y * y
    return a * (math.sin(x) if y > 0 else math.cos(y))


@IDIOMS("and/or/not, chained comparison", 0.7, 0.2, wrt=(0, 1))
def chained_comparison(x, y):
    s = 0.0
    if 0.0 < x < 1.0:
        s += x * y
    if not (x < y) and (y > 0.0 or x > 5.0):
        s += x**3
    return s


@IDIOMS("and/or/not, chained comparison", V6)
def short_circuit_guards_an_index(x):
    s = 0.0
    i = 0
    while i < len(x) and x[i] < 1.5:
        s += x[i] * (i + 1)
        i += 1
    return s


@IDIOMS("math.*", 0.6, 1.7, wrt=(0, 1))
def many_math_functions(x, y):
    s = math.sin(x) + math.cos(y) * math.tan(x) + math.asin(x) + math.acos(x) + math.atan(y) + math.atan2(y, x)
    s += math.sinh(x) + math.cosh(x) + math.tanh(y) + math.asinh(y) + math.acosh(y) + math.atanh(x)
    s += math.exp(x) + math.expm1(x) + math.log(y) + math.log1p(x) + math.log2(y) + math.log10(y)
    return s + math.sqrt(y) + math.hypot(x, y) + math.pow(x, y) + math.fabs(-x) + math.copysign(x, -1.0)


@IDIOMS("math.*", 0.6, 1.7, wrt=(0, 1))
def special_functions(x, y):
    return math.erf(x) * math.erfc(y) + math.gamma(y) + math.lgamma(x) + math.degrees(x) * math.radians(y)


@IDIOMS("math.*", 2.7)
def rounding_functions(x):
    return x * math.floor(x) + math.ceil(x) * x**2 + math.trunc(x) + int(x) * x + x % 1.0


@IDIOMS("max, min, maximum", 0.4, 0.9, wrt=(0, 1))
def builtin_max_min(x, y):
    return max(x, y) * 2.0 + min(x, y, 0.7) ** 2 + max(0.0, x - y)


@IDIOMS("max, min, maximum", SIGNED)
def array_max_min(x):
    return np.max(x) ** 2 + x.min() * 3.0 + np.sum(np.maximum(x, 0.0)) + np.sum(np.minimum(x, 0.1) * x)


@IDIOMS("max, min, maximum", M34)
def maximum_along_axis_by_loop(m):
    s = 0.0
    for j in range(m.shape[1]):
        s += m[:, j].max() ** 2
    return s


@IDIOMS("complex modulus", 0.8, -0.5, wrt=(0, 1))
def complex_modulus(x, y):
    z = complex(x, y)
    for _ in range(3):
        z = z * z + complex(0.3, x)
    return abs(z)


@IDIOMS("complex modulus", V5)
def phasor_sum(phase):
    s = 0.0 + 0.0j
    for k in range(len(phase)):
        s += np.exp(1j * phase[k] * k)
    return s.real**2 + s.imag**2


# --- arrays ---------------------------------------------------------------------------------------------------------


@IDIOMS("new array filled in a loop", V6)
def filled_in_a_loop(x):
    y = np.empty(len(x))
    for i in range(len(x)):
        y[i] = math.sin(x[i]) * x[i]
    return np.sum(y * y)


@IDIOMS("recurrence over an array", V6, 0.3, wrt=(0, 1))
def exponential_smoothing(x, a):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = a * x[i] + (1.0 - a) * y[i - 1]
    return np.sum(y**2)


@IDIOMS("recurrence over an array", 0.9, 3.1, wrt=(0, 1))
def logistic_map_history(x0, r):
    x = np.zeros(6)
    x[0] = x0
    for t in range(5):
        x[t + 1] = 0.3 * r * x[t] * (1.0 - x[t])
    return x[5] + np.sum(x)


@IDIOMS("y[i] += ...", V6, 4)
def histogram_of_weights(w, bins):
    y = np.zeros(bins)
    for i in range(len(w)):
        y[i % bins] += w[i] ** 2
    return np.sum(y * y)


@IDIOMS("y[i] += ...", M34)
def matrix_vector_by_hand(m):
    y = np.zeros(3)
    for i in range(3):
        for j in range(4):
            y[i] += m[i, j] * m[i, 3 - j]
    return y[0] * y[1] + y[2]


@IDIOMS("y[i] *= ...", V6)
def multiplied_in_place(x):
    y = np.ones(3)
    for i in range(len(x)):
        y[i % 3] *= x[i]
    return y[0] + 2.0 * y[1] + y[2] ** 2


@IDIOMS("y[i] *= ...", V6)
def all_augmented_assignments(x):
    y = x.copy()
    y[1] *= y[0]
    y[2] /= y[1]
    y[3] -= y[2] * y[3]
    y[4] **= 2
    y *= 2.0
    y /= x + 1.0
    y -= y * 0.3
    y[1:4] *= x[2:5]
    return np.sum(y * x)


@IDIOMS("slice assignment with shifted slices", V6, 4)
def heat_step_in_slices(u0, steps):
    u = u0.copy()
    for _ in range(steps):
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u**2)


@IDIOMS("slice assignment with shifted slices", V6)
def shift_within_one_array(x):
    y = x * x
    y[1:] = y[:-1] * y[1:]
    y[:-1] = y[1:]
    y[::2] += y[1::2]
    return np.sum(y * x)


@IDIOMS("two names for one array", V5)
def two_names(x):
    y = x * 2.0
    z = y
    z[0] = y[1] * y[1]
    y[1] = z[0] * 3.0
    return np.sum(y * z)


@IDIOMS("write through a view", S4)
def write_through_a_view(m):
    a = m * 1.0
    row = a[1]
    row[0] = row[1] * a[1, 2]
    diagonal_block = a[1:3, 1:3]
    diagonal_block[0, 1] = a[0, 0] ** 2
    diagonal_block *= 2.0
    return np.sum(a * a)


@IDIOMS("double-buffer swap", V6, 5)
def double_buffer(u0, steps):
    a = u0.copy()
    b = np.zeros_like(a)
    for _ in range(steps):
        for i in range(1, len(a) - 1):
            b[i] = 0.5 * (a[i - 1] + a[i + 1]) * a[i]
        a, b = b, a
    return np.sum(a) + np.sum(b * b)


def _sum_and_product(x, y):
    return x + y, x * y


@IDIOMS("helper returning two values", 0.7, 1.4, wrt=(0, 1), numba=False)
def helper_with_two_values(x, y):
    s, p = _sum_and_product(x, y)
    s, p = _sum_and_product(p, s * x)
    return s * math.sin(p)


def _polar(x, y):
    r = np.sqrt(x * x + y * y)
    if r > 10.0:
        return 10.0, 0.0
    return r, math.atan2(y, x)


@IDIOMS("helper returning two values", 0.7, 1.4, wrt=(0, 1), numba=False)
def helper_with_two_returns(x, y):
    r, phi = _polar(x, y)
    return r * phi


def _make_scaled(k, offset):
    def scaled(x):
        return k * math.sin(x) + offset * x

    return scaled


_scaled_by_three = _make_scaled(3.0, 0.25)
IDIOMS("closure", 0.6)(_scaled_by_three)


@IDIOMS("closure", 0.6, 1.9, wrt=(0, 1))
def inner_function(x, k):
    def inner(t):
        return k * t * t + x

    return inner(x) * inner(k)


square_sum = lambda x: np.sum(x * x) + x[0]  # noqa: E731
IDIOMS("lambda", V5)(square_sum)


@IDIOMS("lambda", 0.6)
def local_lambda(x):
    f = lambda t: t * math.exp(t)  # noqa: E731
    return f(x) + f(2.0 * x)


@IDIOMS("global constant", 1.4)
def global_constant(t):
    return 0.5 * GRAVITY * t**2


@IDIOMS("global constant", numbers(4, seed=9))
def global_array(x):
    return np.sum(TABLE * x * x) + TABLE[1] * x[2]


@IDIOMS("list append in a loop", 0.9, 5)
def list_append(x, n):
    values = [x]
    for i in range(n):
        values.append(math.sin(values[i]) + x)
    s = 0.0
    for v in values:
        s += v * v
    return s


@IDIOMS("list append in a loop", V5)
def list_pop(x):
    stack = [x[0]]
    for i in range(1, len(x)):
        stack.append(x[i] * stack[-1])
    s = 0.0
    while len(stack) > 2:
        s += stack.pop() ** 2
    return s + stack[0]


@IDIOMS("list comprehension", V5)
def list_comprehension(x):
    y = [v * v for v in x]
    return sum(y) + y[0]


@IDIOMS("list comprehension", V5)
def filtered_comprehension(x):
    y = np.array([math.sin(x[i]) for i in range(len(x)) if i != 2])
    return np.sum(y * y)


@IDIOMS("array methods", M34)
def array_methods(m):
    a = m.sum(axis=0)
    b = m.mean()
    c = m.T.copy().reshape(12)
    d = m.ravel().dot(c) + m.flatten().sum()
    return (a * a).sum() + b * m.std() + m.var() + c.prod() + d


@IDIOMS("array methods", M34)
def reductions_with_axis(m):
    mean = np.sum(m, axis=1) / m.shape[1]
    centred = m - mean.reshape(3, 1)
    return np.sum(centred**3) + m.sum(axis=0)[1] * m.size


@IDIOMS("array methods", M34, numba=False)
def reductions_with_keepdims(m):
    e = np.exp(m - m.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.sum(p * p) + np.mean(m, axis=(0, 1))


@IDIOMS("@, outer, eye", M34, M45, wrt=(0, 1))
def matrix_products(a, b):
    c = a @ b
    d = np.outer(a[:, 0], b[0]) + c
    e = np.eye(5) + d.T @ d
    return np.trace(e) + np.dot(c[0], d[1]) + np.sum(a @ b[:, 1])


@IDIOMS("np.where with an unselected NaN", SIGNED)
def where_with_nan(x):
    y = np.where(x > 0.0, np.sqrt(x), x * x)
    return np.sum(y * 2.0)


@IDIOMS("np.where with an unselected NaN", SIGNED)
def where_with_log(x):
    safe = np.where(x > 0.0, x, 1.0)
    return np.sum(np.where(x > 0.0, np.log(safe), 0.0)) + np.sum(np.where(x > 0.0, 1.0 / x, 0.0))


@IDIOMS("boolean-mask assignment", SIGNED)
def mask_assignment(x):
    y = x * x
    y[x < 0.0] = 0.5
    return np.sum(y * x)


@IDIOMS("boolean-mask assignment", SIGNED)
def mask_read_and_scale(x):
    mask = x > 0.2
    y = np.sin(x)
    y[mask] *= 3.0
    y[~mask] = y[~mask] * x[~mask]
    return np.sum(x[mask] ** 3) + np.sum(y)


INDICES = np.array([0, 2, 2, 1, 0, 2])


@IDIOMS("fancy indexing with repeated indices", V5, INDICES)
def gather_repeated(x, idx):
    y = x[idx]
    return np.sum(y * y * np.arange(6))


@IDIOMS("fancy indexing with repeated indices", V6, INDICES)
def scatter_by_loop(x, idx):
    y = np.zeros(3)
    for k in range(len(idx)):
        y[idx[k]] += x[k] * x[k]
    return np.sum(y**2)


@IDIOMS("fancy indexing with repeated indices", V6, INDICES, numba=False)
def scatter_add_at(x, idx):
    y = np.zeros(3)
    np.add.at(y, idx, x * x)
    return np.sum(y**2)


@IDIOMS("fancy indexing with repeated indices", V6, INDICES)
def buffered_fancy_accumulate(x, idx):
    """Each repeated index counts once, with its last value: that is what NumPy does."""
    y = np.ones(3)
    y[idx] += x
    return np.sum(y**2)


@IDIOMS("cumsum, sort", SIGNED)
def cumulative_sum(x):
    return np.sum(np.cumsum(x * x) ** 2) + x.cumsum()[3]


@IDIOMS("cumsum, sort", SIGNED)
def sorted_weighted(x):
    y = np.sort(x)
    return np.sum(y * np.arange(len(x))) + y[-1] * y[0]


@IDIOMS("cumsum, sort", SIGNED)
def sorted_in_place(x):
    y = x * 2.0
    y.sort()
    return np.sum(y * np.arange(len(x)))


@IDIOMS("cumsum, sort", SIGNED)
def indirect_sort(x):
    order = np.argsort(x)
    return x[order[0]] * 2.0 + x[order[-1]] ** 2


@IDIOMS("np.linalg.solve, cholesky", S4, numbers(4, seed=10), wrt=(0, 1))
def linear_solve(m, b):
    a = m @ m.T + 2.0 * np.eye(4)
    return np.sum(np.linalg.solve(a, b) ** 2)


@IDIOMS("np.linalg.solve, cholesky", S4)
def log_determinant_by_cholesky(m):
    a = m @ m.T + 2.0 * np.eye(4)
    c = np.linalg.cholesky(a)
    return 2.0 * np.sum(np.log(np.diag(c)))


@IDIOMS("np.linalg.solve, cholesky", S4)
def inverse_and_determinant(m):
    a = m @ m.T + 2.0 * np.eye(4)
    return np.trace(np.linalg.inv(a)) + np.linalg.det(a) + np.linalg.slogdet(a)[1] + np.linalg.norm(m[0])


@IDIOMS("FFT magnitude", V6, numba=HAS_FFT)
def fft_magnitude(x):
    return np.sum(np.abs(np.fft.fft(x)) * np.arange(6))


@IDIOMS("FFT magnitude", V6, numba=HAS_FFT)
def rfft_power(x):
    spectrum = np.fft.rfft(x)
    return np.sum((spectrum * np.conj(spectrum)).real * np.arange(4))


@IDIOMS("out=", V5)
def out_positional(x):
    y = np.empty_like(x)
    np.multiply(x, x, y)
    np.add(y, x, y)
    return np.sum(y * y)


@IDIOMS("out=", V5, numba=False)
def out_keyword(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    return np.sum(y * x)


@IDIOMS("try/except", 0.8)
def try_except(x):
    try:
        y = math.sqrt(x) * x
    except Exception:
        y = 0.0
    return y * y


@IDIOMS("keyword-only default", 0.8, 1.5, wrt=(0, 1), numba=False)
def keyword_only_default(x, y, *, scale=2.0, squared=True):
    z = scale * x * y
    if squared:
        z = z * z
    return z


@IDIOMS("keyword-only default", 0.8, wrt=0, kwargs={"scale": 3.0})
def keyword_argument(x, n=3, scale=2.0):
    s = 0.0
    for i in range(n):
        s += scale * x**i
    return s


@IDIOMS("walrus", 0.8, numba=False)
def walrus(x):
    if (y := x * x) > 0.5:
        return y * math.sin(y)
    return y


@IDIOMS("walrus", 0.8, numba=False)
def walrus_in_while(x):
    s = 0.0
    while (x := x * 0.7) > 0.1:
        s += x * x
    return s


@IDIOMS("writing into the input array", V5)
def writes_into_argument(x):
    for i in range(1, len(x)):
        x[i] = x[i] * x[i - 1]
    x *= 2.0
    return np.sum(x * x)


@IDIOMS("writing into the input array", V5, W6, wrt=(0, 1))
def overwrites_argument_completely(x, y):
    x[:] = y[:5] * x
    y[0] = x[0] + x[1]
    return np.sum(x) * y[0]


@IDIOMS("2-D writes with a negative index", S4)
def negative_index_writes(m):
    a = m.copy()
    a[-1, -2] = a[0, -1] * a[-3, 0]
    for i in range(1, 4):
        a[-i, 0] += a[i, -1] ** 2
    a[:, -1] = a[:, 0] * a[-1, :]
    return np.sum(a * a)


# The list that the table has to cover, word by word.
COVERED = (
    "scalar loop", "data-dependent while", "break", "continue", "early return in a loop", "recursion",
    "new array filled in a loop", "recurrence over an array", "value overwritten several times", "y[i] += ...",
    "y[i] *= ...", "slice assignment with shifted slices", "two names for one array", "write through a view",
    "double-buffer swap", "helper returning two values", "closure", "lambda", "global constant",
    "list append in a loop", "list comprehension", "conditional expression", "and/or/not, chained comparison",
    "iterating an array, enumerate, zip", "negative-step range", "array methods", "@, outer, eye",
    "np.where with an unselected NaN", "boolean-mask assignment", "fancy indexing with repeated indices",
    "cumsum, sort", "max, min, maximum", "math.*", "np.linalg.solve, cholesky", "FFT magnitude", "complex modulus",
    "out=", "try/except", "keyword-only default", "walrus", "Newton iteration to convergence",
    "writing into the input array", "2-D writes with a negative index", "swapping scalars",
    "running maximum with branch",
)  # fmt: skip
