"""Functions on which a careless transform goes wrong: state that is overwritten, shared, bound late or never there."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tests.cases.registry import Table, numbers

TRAPS = Table()
V5, V6, W6 = numbers(5, seed=41), numbers(6, seed=42), numbers(6, seed=43)
M34, S4 = numbers(3, 4, seed=44), numbers(4, 4, seed=45)
SIGNED = numbers(6, seed=46, low=-1.0, high=1.0)


# --- integer and boolean state that the backward sweep needs as it was --------------------------------------------


@TRAPS("integer state", V5)
def permutation_changes(x):
    order = np.arange(5)
    s = 0.0
    for i in range(4):
        s = s * 0.7 + x[order[i]] * x[order[i + 1]]
        order[i], order[i + 1] = order[i + 1], order[i]
    return s + x[order[0]] ** 3


@TRAPS("integer state", V5, 7)
def index_recurrence(x, steps):
    k = 1
    y = x * 1.0
    for _ in range(steps):
        y[k] = y[k] * y[(k + 2) % 5]
        k = (3 * k + 1) % 5
    return np.sum(y * x)


@TRAPS("integer state", V5)
def mask_is_overwritten(x):
    mask = x > 1.0
    y = x * x
    y[mask] = y[mask] * 3.0
    mask[:] = ~mask
    y[mask] = y[mask] ** 2
    mask[0] = not mask[0]
    return np.sum(y) + np.sum(y[mask])


@TRAPS("integer state", 0.83)
def index_from_a_float(x):
    y = np.zeros(3)
    for i in range(5):
        k = int(x * 10.0 * (i + 1)) % 3
        y[k] += x**i
    return y[0] + 2.0 * y[1] * y[2]


@TRAPS("integer state", SIGNED)
def boolean_flag(x):
    found = False
    where = 0
    s = 0.0
    for i in range(len(x)):
        if not found and x[i] < 0.0:
            found = True
            where = i
        s += x[i] ** 2 if found else x[i]
    return s * x[where]


@TRAPS("integer state", numbers(4, 4, seed=51, low=-1.0), numbers(4, seed=47), wrt=(0, 1))
def elimination_with_pivoting(m, b):
    a = m.copy()
    x = b.copy()
    n = len(x)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        if p != k:
            for j in range(n):
                a[k, j], a[p, j] = a[p, j], a[k, j]
            x[k], x[p] = x[p], x[k]
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
            x[i] -= f * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= a[k, j] * x[j]
        x[k] /= a[k, k]
    return np.sum(x * x)


# --- sharing ------------------------------------------------------------------------------------------------------


@TRAPS("sharing", V5)
def alias_of_the_argument(x):
    y = x
    y[0] = y[1] * y[2]
    x[3] = y[0] * x[4]
    return np.sum(x * x) + y[3]


@TRAPS("sharing", M34)
def rows_written_while_iterating(m):
    a = m * 1.0
    for row in a:
        row[0] = row[1] * row[2]
        row *= a[0, 3]
    return np.sum(a * a)


@TRAPS("sharing", V6)
def element_written_while_iterating(x):
    y = x * 1.0
    s = 0.0
    i = 0
    for v in y:
        s += v * v
        if i < 5:
            y[i + 1] = v * s
        i += 1
    return s + np.sum(y)


@TRAPS("sharing", V5)
def chained_assignment(x):
    a = b = x * 2.0
    a[0] = b[1] * b[1]
    b[2] = a[0]
    u = v = x[0]
    u = u * v
    return np.sum(a * b) + u * v


def _first_row(m):
    return m[0]


def _cube_into(row):
    row[:] = row**3


@TRAPS("sharing", M34, numba=False)
def helper_returns_a_view(m):
    a = m * 1.0
    row = _first_row(a)
    row[1] = row[0] * a[2, 2]
    for i in range(2):
        _cube_into(a[i + 1])
        _cube_into(a[:, i])
    return np.sum(a * m)


@TRAPS("sharing", V6)
def reversed_onto_itself(x):
    y = x * x
    y[:] = y[::-1] * 2.0
    y[:3] = y[3:] * y[2::-1]
    return np.sum(y * x)


@TRAPS("sharing", V6, numba=False)
def overlapping_in_place_operators(x):
    y = x * 1.0
    y[1:] += y[:-1]
    y[:-1] *= y[1:]
    return np.sum(y * x)


@TRAPS("sharing", V5)
def view_outlives_its_name(x):
    y = x * 1.0
    v = y[1:4]
    y = y * 2.0
    v[0] = v[1] * v[2]
    y[0] = v[0]
    return np.sum(v * v) + np.sum(y)


@TRAPS("sharing", V5, 4)
def view_moves_in_a_loop(x, n):
    y = x * 1.0
    v = y[0:2]
    for i in range(1, n):
        v[1] = v[0] * v[1]
        v = y[i : i + 2]
    v[0] = 2.0 * v[1]
    return np.sum(y * x)


@TRAPS("sharing", V5)
def old_value_kept_by_a_copy(x):
    y = x * 1.0
    old = y.copy()
    for i in range(1, 5):
        y[i] = old[i] * y[i - 1] + old[i - 1]
        if i == 2:
            old[:] = y
    return np.sum(y * old)


@TRAPS("sharing", M34)
def transposed_name(m):
    m = m.T
    m = m[1:]
    m[0, 0] = m[1, 1] * m[2, 2]
    return np.sum(m * m)


@TRAPS("sharing", S4)
def chained_subscripts(m):
    a = m * 1.0
    a[1][2] = a[0][3] * a[2][1]
    a[2][1:][0] *= a[3][0]
    return np.sum(a * m)


# --- loops inside loops, tapes of uneven length -------------------------------------------------------------------


@TRAPS("uneven loops", V5)
def newton_inside_a_loop(a):
    s = 0.0
    for i in range(len(a)):
        x = a[i] + s
        while abs(x * x - a[i]) > 1e-12:
            x = 0.5 * (x + a[i] / x)
        s += x
    return s


@TRAPS("uneven loops", 2.3, 1.1, wrt=(0, 1))
def while_inside_while(x, y):
    s = 1.0
    while x > 0.2:
        t = x * y
        while t > 0.5:
            t = 0.8 * t
            s = s * 1.1 + t
        x = 0.7 * x * math.cos(t)
    return s


@TRAPS("uneven loops", V6, -3)
def negative_trip_count(x, n):
    s = x[0]
    for i in range(n):
        s = s * x[i]
    for i in range(0, n, 1):
        s = math.sin(s)
    for i in range(3, 3, -1):
        s = s * 2.0
    return s * s


@TRAPS("uneven loops", V5)
def bounds_from_an_array(x):
    counts = np.array([2, 0, 3, 1, 0])
    s = 1.0
    for i in range(5):
        for j in range(counts[i]):
            s = s * x[j] + x[i]
            counts[i] = 7
    return s


@TRAPS("uneven loops", S4, 3)
def gauss_seidel(m, sweeps):
    u = m.copy()
    for _ in range(sweeps):
        for i in range(1, 3):
            for j in range(1, 3):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]) ** 2
    return np.sum(u)


@TRAPS("uneven loops", M34)
def temporary_array_in_a_loop(m):
    s = 0.0
    for i in range(3):
        t = np.zeros(4)
        for j in range(4):
            t[j] = m[i, j] * (t[j - 1] if j > 0 else 1.0)
        s += np.sum(t) * t[3]
    return s


@TRAPS("uneven loops", S4)
def matrix_power_by_squaring(m):
    a = m * 0.3
    p = np.eye(4)
    n = 11
    while n > 0:
        if n % 2 == 1:
            p = p @ a
        a = a @ a
        n //= 2
    return np.trace(p) * 1e3


@TRAPS("uneven loops", S4)
def shortest_paths(m):
    d = m.copy()
    for k in range(4):
        for i in range(4):
            for j in range(4):
                d[i, j] = min(d[i, j], d[i, k] + d[k, j] * 0.5)
    return np.sum(d * d)


# --- names and scopes ---------------------------------------------------------------------------------------------


@TRAPS("late binding", 0.8)
def closure_bound_late(x):
    k = 1.0
    scale = lambda t: t * k  # noqa: E731
    k = x
    return scale(x) + scale(2.0)


@TRAPS("late binding", V5)
def default_bound_early(x):
    k = x[0]
    scale = lambda t, k=k: t * k  # noqa: E731
    k = 5.0
    return scale(x[1]) * k


def _apply(f, x, times):
    for _ in range(times):
        x = f(x)
    return x


@TRAPS("functions as values", 0.8, numba=False)
def function_as_argument(x):
    return _apply(lambda t: math.sin(t) + 0.1 * t * x, x, 3) + _apply(math.cos, x, 2)


@njit
def _compiled_helper(x, y):
    x[0] = x[1] * y
    return np.sum(x), y * y


@TRAPS("functions as values", V5, 0.7, wrt=(0, 1))
def compiled_helper(x, y):
    z = x * 1.0
    s, t = _compiled_helper(z, y)
    return s * t + z[0]


@TRAPS("functions as values", V5, kwargs={"kind": "square"})
def options_by_name(x, weights=None, kind="plain", double=False):
    if weights is None:
        weights = np.arange(5) * 0.5
    if kind == "square":
        x = x * x
    if double:
        x = 2.0 * x
    return np.sum(x * weights)


@TRAPS("names", V5, 0.6, wrt=(0, 1))
def annotated(x: np.ndarray, y: float = 1.0) -> float:
    """A docstring, annotations, and names that hide builtins."""
    sum: float = 0.0
    max, len = y, 3
    for id in range(len):
        sum += max * x[id] ** 2
    return sum


@TRAPS("names", numbers(3, seed=48))
def unpacking(x):
    n = x.shape[0]
    (a, b), c = (x[0], x[1] * x[0]), x[2]
    a, b = b, a + c
    (n, a) = (2, a * n)
    return a * b * c + n


# --- values of exact zero, signs, powers --------------------------------------------------------------------------


@TRAPS("special values", np.array([0.0, -0.5, 2.0]), 3)
def powers_at_zero_and_below(x, n):
    s = 0.0
    for i in range(3):
        s += x[i] ** 2 + x[i] ** n + (x[i] - 1.0) ** 3 + x[i] ** 1
    return s + np.sum(x**2) + np.sum(x**3)


@TRAPS("special values", np.array([0.0, 2.0, 3.0]))
def product_with_a_zero(x):
    p = 1.0
    for v in x:
        p *= v
    return p + np.prod(x) * 2.0


@TRAPS("special values", -0.7)
def branch_hides_a_bad_domain(x):
    if x > 0.0:
        y = math.log(x) + math.sqrt(x)
    else:
        y = x * x
    return y + (math.sqrt(x) if x > 0.0 else -x)


@TRAPS("special values", np.array([4.0, 0.0, 1.0]))
def guarded_division(x):
    s = 0.0
    for v in x:
        if v > 0.5:
            s += 1.0 / v
        else:
            s += v * 3.0
    return s


# --- complex numbers ----------------------------------------------------------------------------------------------


@TRAPS("complex numbers", V5)
def complex_state(x):
    z = np.zeros(5, dtype=np.complex128)
    for k in range(5):
        z[k] = x[k] * np.exp(1j * x[k] * k)
    for _ in range(2):
        z[1:] = z[1:] * z[:-1]
    return np.sum(np.abs(z) ** 2) + z[2].real * z[3].imag


@TRAPS("complex numbers", numbers(3, seed=49) + 1j * numbers(3, seed=50))
def complex_argument(z):
    return np.sum((z * z * (1.0 + 2.0j)).real) + np.abs(z[0]) + z[1].imag * z[2].real


# --- exceptions ---------------------------------------------------------------------------------------------------


def _checked(x):
    if x < 1.0:
        raise ValueError("too small")
    return x * x


@TRAPS("exceptions", 0.8, numba=False)
def handler_reached_through_a_helper(x):
    try:
        y = _checked(x)
    except Exception:
        y = 3.0 * x
    return y * x


@TRAPS("exceptions", S4)
def handler_reached_in_a_library(m):
    a = m + m.T - 5.0 * np.eye(4)
    try:
        s = np.sum(np.linalg.cholesky(a))
    except Exception:
        s = np.sum(a * a)
    return s
