"""Idioms in their trickier forms: views of views, odd layouts, empty ranges, aliases, jumps out of nested loops."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from tests.cases.registry import Table, numbers

HARD = Table()
V5, V6, W6 = numbers(5, seed=21), numbers(6, seed=22), numbers(6, seed=23)
M34, S4, T234 = numbers(3, 4, seed=24), numbers(4, 4, seed=25), numbers(2, 3, 4, seed=26)
SIGNED = numbers(7, seed=27, low=-1.0, high=1.0)
EMPTY, EMPTY2 = np.empty(0), np.empty((0, 3))
FORTRAN = np.asfortranarray(numbers(3, 4, seed=28))
STRIDED = numbers(12, seed=29)[1::2]
REVERSED = numbers(6, seed=30)[::-1]
STRIDED2 = numbers(6, 8, seed=31)[::2, 1::2]
SINGLE, SINGLE2 = numbers(5, seed=32).astype(np.float32), numbers(3, 4, seed=33).astype(np.float32)
SPARSE_ROWS, SPARSE_COLS = np.array([0, 2, 3, 5]), np.array([0, 2, 1, 0, 3])


# --- views ----------------------------------------------------------------------------------------------------------


@HARD("views of views", S4)
def view_of_view(m):
    a = m * 1.0
    b = a[1:, :3]
    c = b[::2, 1:]
    c[1, 0] = b[0, 0] * c[0, 1]
    b[0, 2] *= c[1, 0]
    return np.sum(a * a)


@HARD("views of views", M34)
def write_through_transpose(m):
    a = m + 0.0
    t = a.T
    t[0, 1] = t[2, 0] ** 2
    t[1] = t[1] * t[2]
    a[2] = t[:, 0]
    return np.sum(a * m)


@HARD("views of views", M34)
def transpose_of_slice_of_transpose(m):
    a = m * m
    b = a.T[1:3].T
    b[0, 0] = 2.0 * a[1, 1]
    b += 1.0
    return np.sum(a**2)


@HARD("views of views", M34)
def reshape_is_a_view(m):
    a = m * 1.0
    flat = a.reshape(12)
    flat[3] = flat[4] * flat[5]
    flat[6:8] *= a[0, :2]
    return np.sum(a * m)


@HARD("views of views", V6)
def reshape_to_matrix_and_back(x):
    y = x * 1.0
    g = y.reshape((2, 3))
    g[1] = g[0] * g[1]
    r = g.ravel()
    return np.sum(r * x) + y[4]


@HARD("views of views", V6)
def reversed_view(x):
    y = x * 1.0
    r = y[::-1]
    r[0] = y[0] * y[1]
    r[1:3] = y[:2] * r[1:3]
    return np.sum(y * r)


@HARD("views of views", S4)
def newaxis_broadcast(m):
    v = m[:, 0]
    w = v[:, None] * m[1][None, :]
    return np.sum(w * m)


@HARD("views of views", T234)
def three_dimensions(t):
    a = t.copy()
    a[0, :, 1:3] = a[1, :, 1:3] * a[0, :, :2]
    a[1, 2] += a[0, 0]
    plane = a[:, 1]
    plane[1, 2] *= plane[0, 3]
    return np.sum(a[..., 0] * a[..., -1]) + np.sum(plane)


@HARD("views of views", S4)
def row_views_in_a_loop(m):
    a = m * 1.0
    for i in range(1, 4):
        row = a[i]
        above = a[i - 1]
        for j in range(4):
            row[j] = row[j] * above[j] + 0.1
    return np.sum(a)


@HARD("views of views", V6, 3)
def moving_window(x, width):
    y = x * 1.0
    s = 0.0
    for i in range(len(x) - width):
        window = y[i : i + width]
        s += window[0] * window[-1]
        window[1] = s
    return s + np.sum(y)


@HARD("views of views", S4)
def read_views_survive_writes(m):
    """A view taken before a write sees the write."""
    a = m * 1.0
    v = a[0]
    before = np.sum(v * v)
    a[0, 1] = before
    return np.sum(v * v) + before


# --- aliases and buffers --------------------------------------------------------------------------------------------


@HARD("aliasing locals", V5)
def alias_taken_in_a_branch(x):
    y = x * 1.0
    z = x * 2.0
    if x[0] > 0.0:
        w = y
    else:
        w = z
    w[1] = w[0] * w[2]
    return np.sum(y * y) + np.sum(z)


@HARD("aliasing locals", V5)
def alias_then_rebind(x):
    y = x * 1.0
    z = y
    y = y * y
    z[0] = 5.0 * z[1]
    y[1] = z[0]
    return np.sum(y * z)


@HARD("aliasing locals", V6, 5)
def three_buffers_rotating(x, steps):
    a = x * 1.0
    b = x * 0.5
    c = np.zeros(len(x))
    for _ in range(steps):
        for i in range(1, len(x) - 1):
            c[i] = 2.0 * b[i] - a[i] + 0.1 * (b[i - 1] - 2.0 * b[i] + b[i + 1])
        a, b, c = b, c, a
    return np.sum(b * b)


@HARD("aliasing locals", V6, 3)
def swap_in_a_branch(x, steps):
    a = x * 1.0
    b = x * 2.0
    for k in range(steps):
        a[k] = b[k + 1] * a[k]
        if k % 2 == 0:
            a, b = b, a
    return np.sum(a) - np.sum(b * b)


@HARD("aliasing locals", V6)
def swap_elements_and_rows(x):
    g = np.empty((2, 3))
    g[0] = x[:3]
    g[1] = x[3:] ** 2
    g[0, 0], g[1, 2] = g[1, 2], g[0, 0]
    for j in range(3):
        g[0, j], g[1, j] = g[1, j], g[0, j] * 2.0
    return np.sum(g * g)


def _scale_in_place(y, k):
    for i in range(len(y)):
        y[i] *= k


def _smooth(y):
    y[1:-1] = 0.5 * (y[:-2] + y[2:])
    return y


@HARD("helpers with their own mutation", V6, 1.3, wrt=(0, 1), numba=False)
def helper_mutates_argument(x, k):
    y = x * x
    _scale_in_place(y, k)
    _scale_in_place(y[1:3], y[0])
    return np.sum(y * x)


@HARD("helpers with their own mutation", V6, numba=False)
def helper_returns_its_argument(x):
    y = x * 1.0
    z = _smooth(y)
    z[0] = y[1] ** 2
    return np.sum(_smooth(y) * z)


def _sum_until(x, limit):
    s = 0.0
    for v in x:
        if s > limit:
            return s, True
        s += v
    return s, False


@HARD("helpers with their own mutation", V6, numba=False)
def helper_with_early_return(x):
    s, stopped = _sum_until(x, 2.0)
    t, _ = _sum_until(x * s, 1e9)
    if stopped:
        return s * t
    return s


@HARD("writing into the input array", V6)
def argument_as_work_space(x):
    s = np.sum(x * x)
    for i in range(len(x)):
        x[i] = s * x[i]
        s = s - x[i] * 0.1
    x[:] = 0.5
    return s + np.sum(x)


@HARD("writing into the input array", V6, W6, wrt=1, numba=False)
def scratch_buffer_argument(buffer, x):
    """NumPy reads the overlapping right side before it writes; Numba's in-place operators do not."""
    buffer[:] = x * x
    buffer[1:] *= buffer[:-1]
    return np.sum(buffer)


@HARD("writing into the input array", STRIDED)
def writes_into_strided_argument(x):
    x[1:] = x[:-1] * x[1:]
    return np.sum(x * x)


# --- loops and jumps ------------------------------------------------------------------------------------------------


@HARD("loop variable after the loop", V6)
def loop_variable_after_loop(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] ** 2
        if s > 2.0:
            break
    return s * x[i] + i


@HARD("loop variable after the loop", V6)
def element_after_loop(x):
    s = 0.0
    for v in x:
        s = s * v + 1.0
    return s + v * v


@HARD("zero-trip loops", 0.9, 0)
def zero_trip(x, n):
    y = x * x
    for i in range(n):
        y = y * i
    for i in range(5, 2):
        y = y * i
    while y < 0.0:
        y = y + 1.0
    return y


@HARD("zero-trip loops", 0.9)
def inner_loop_sometimes_empty(x):
    s = x
    for i in range(4):
        for j in range(i, 2):
            s = s * x + j
        for j in range(2, i, -1):
            s = math.sin(s) + i * j
    return s


@HARD("zero-size arrays", EMPTY)
def empty_argument(x):
    s = 1.0
    for v in x:
        s *= v
    return s + np.sum(x * x)


@HARD("zero-size arrays", V5, 0)
def empty_slice(x, n):
    y = x * x
    y[:n] = 3.0
    y[5:] *= 2.0
    return np.sum(y[:n]) + np.sum(y)


@HARD("zero-size arrays", EMPTY2)
def empty_matrix(m):
    return np.sum(m @ np.ones(3)) + np.sum(np.exp(m)) + 1.0


@HARD("ranges with changed bounds", V6, 3)
def bound_changed_in_body(x, n):
    s = 0.0
    for i in range(n):
        s = s + x[i] * n
        n = n + 1
    return s * n


@HARD("ranges with changed bounds", V6)
def loop_variable_assigned(x):
    s = 0.0
    for i in range(3):
        i = 2 * i
        s = s * 0.5 + x[i] * x[i + 1]
    return s + i


@HARD("ranges with changed bounds", V6, 2)
def step_is_a_variable(x, step):
    s = 0.0
    for i in range(1, len(x), step):
        s += x[i] * x[i - 1]
        step = 7
    for i in range(5, -1, -step + 5):
        s = s * x[i]
    return s


@HARD("for-else", V6)
def for_else_not_broken(x):
    for v in x:
        if v > 100.0:
            s = v
            break
    else:
        s = x[0] * x[1]
    return s * s


@HARD("for-else", V6)
def for_else_broken(x):
    s = 1.0
    for v in x:
        s = s * v
        if s < 0.9:
            break
    else:
        s = 7.0 * x[0]
    return s * s


@HARD("for-else", 3.0)
def while_else(x):
    n = 0
    while x > 1.0:
        x = x * 0.6
        n += 1
        if n > 20:
            break
    else:
        x = x * x
    return x


@HARD("nested break and continue", M34)
def nested_break_continue(m):
    s = 0.0
    for i in range(m.shape[0]):
        for j in range(m.shape[1]):
            if j == i:
                continue
            if s > 2.5:
                break
            s += m[i, j] * m[i, 0]
        else:
            s = s * 0.9
            continue
        if i == 1:
            break
        s = s + m[i, i] ** 2
    return s


@HARD("nested break and continue", M34)
def return_inside_nested_loops(m):
    s = 1.0
    for i in range(m.shape[0]):
        k = 0
        while k < 4:
            s = s + math.sin(m[i, k] * s)
            if s > 4.0:
                return s * m[i, k]
            k += 1
    return -s


@HARD("nested break and continue", V6)
def break_with_mutation(x):
    y = x * 1.0
    for i in range(1, 6):
        y[i] = y[i] * y[i - 1]
        if y[i] > 1.05:
            y[0] = y[i] * 2.0
            break
        y[i - 1] = y[i] ** 2
    return np.sum(y * x)


@HARD("while with an unbounded trip count", 0.3, 1e-12)
def series_to_convergence(x, tolerance):
    term = 1.0
    total = 1.0
    n = 1
    while abs(term) > tolerance:
        term = term * x / n
        total += term
        n += 1
    return total


@HARD("while with an unbounded trip count", V5)
def while_over_arrays(x):
    y = x * 1.0
    while np.sum(y * y) > 0.5:
        y = y * 0.7
        y[0] = y[0] * y[1]
    return np.sum(y * x)


@HARD("while with an unbounded trip count", V5)
def triangular_loops(x):
    y = np.zeros(5)
    for i in range(5):
        for j in range(i + 1):
            y[i] += x[j] * y[j] + x[i]
    return np.sum(y)


# --- types and layouts ----------------------------------------------------------------------------------------------


@HARD("Fortran order", FORTRAN)
def fortran_argument(m):
    a = m * 2.0
    a[1] = m[0] * a[2]
    return np.sum(a @ m.T) + m.T.copy().ravel()[3]


@HARD("strided arguments", STRIDED)
def strided_argument(x):
    return np.sum(x[1:] * x[:-1]) + x[::2].sum() ** 2


@HARD("strided arguments", REVERSED, STRIDED2, wrt=(0, 1))
def reversed_and_strided_arguments(x, m):
    s = x[0]
    for i in range(3):
        s = s * m[i, i] + x[i]
        for v in m[i]:
            s += math.sin(v)
    return s + np.sum(m**2)


@HARD("float32", SINGLE)
def float32_array(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i] * x[i]
    return np.sum(y * x)


@HARD("float32", SINGLE2, SINGLE, wrt=(0, 1))
def float32_whole_array(m, x):
    return np.sum(np.tanh(m @ x[:4])) + np.max(m) * x[4]


@HARD("float32", SINGLE, V5, wrt=(0, 1))
def mixed_precision(x, y):
    return np.sum(x * y) + x[0] * y[1]


@HARD("integer and boolean arrays", V5, np.array([2, 0, 1, 1, 0]), np.array([True, False, True, True, False]))
def integer_and_boolean_arrays(x, k, used):
    s = 0.0
    for i in range(len(x)):
        if used[i]:
            s += x[i] * k[i] + x[k[i]]
    return s * s + np.sum(x * k) + np.sum(x[used])


@HARD("integer and boolean arrays", SPARSE_ROWS, SPARSE_COLS, V5, numbers(4, seed=34), wrt=(2, 3))
def sparse_matrix_vector(rows, cols, values, x):
    y = np.zeros(3)
    for i in range(3):
        for k in range(rows[i], rows[i + 1]):
            y[i] += values[k] * x[cols[k]]
    return np.sum(y * y)


Point = namedtuple("Point", "x y")


@HARD("tuples", (0.7, 1.9))
def tuple_argument(p):
    return p[0] * math.sin(p[1])


@HARD("tuples", Point(0.7, 1.9))
def named_tuple_argument(p):
    return p.x * p.x * p.y


@HARD("tuples", 0.7, 1.9, wrt=(0, 1))
def tuples_inside(x, y):
    p = (x, y * y)
    q = (p, x + y)
    (a, b), c = q
    s = 0.0
    for v in p:
        s += v * v
    return a * b * c + q[0][1] + s


@HARD("tuples", 0.7, numbers(3, seed=35), wrt=(0, 1))
def aux_result(x, y):
    z = y * x
    return np.sum(z * z), z


# --- NumPy ----------------------------------------------------------------------------------------------------------


@HARD("broadcasting", M34, numbers(4, seed=36), numbers(3, 1, seed=37), 0.4, wrt=(0, 1, 2, 3))
def broadcasting(m, row, column, s):
    a = m * row + column * s
    a += column
    a[1:] -= row
    a[:, 0] = s
    b = (a + row * column) / (1.0 + s)
    return np.sum(b * b) + np.mean(row * s)


@HARD("broadcasting", 0.8, V5, wrt=(0, 1))
def scalar_into_array(s, x):
    y = np.full(5, s)
    y[2:] = s * s
    y[0] += np.sum(x * s)
    z = np.ones(5) * s
    z[x > 1.0] = s
    return np.sum(y * z)


@HARD("broadcasting", M34, numba=False)
def self_reference_broadcast(m):
    """As above: `a[0]` is zero only after all rows are done."""
    a = m * 1.0
    a -= a[0]
    a[1:] += a[0] * a[1:]
    return np.sum(a * m)


@HARD("reductions", T234)
def reductions_of_three_dimensions(t):
    a = np.sum(t, axis=0)
    b = np.sum(np.sum(t * t, axis=2), axis=1)
    return np.sum(a * a) + b[0] * b[1] + np.prod(t[0, 0])


@HARD("reductions", SIGNED)
def ties_and_selections(x):
    k = np.argmax(x)
    return x[k] ** 2 + x[np.argmin(x)] + np.mean(x[x > 0.0])


@HARD("fancy indexing", M34, np.array([2, 0, 2]))
def gather_rows(m, rows):
    a = m[rows]
    return np.sum(a * a * 0.5) + np.sum(m[:, rows][0])


@HARD("fancy indexing", V6, np.array([4, 1, 3]))
def fancy_assignment(x, idx):
    y = x * x
    y[idx] = x[:3] * y[idx]
    y[idx] *= 2.0
    return np.sum(y * x)


@HARD("stacking", V5, numbers(5, seed=38), wrt=(0, 1))
def concatenate_and_stack(x, y):
    a = np.concatenate((x, y * y, x[:2]))
    b = np.stack((x, y))
    c = np.vstack((x * 2.0, y))
    return np.sum(a[1:] * a[:-1]) + np.sum(b[0] * b[1]) + np.sum(c**2)


@HARD("stacking", V6)
def split_and_rebuild(x):
    a, b = x[:3], x[3:]
    y = np.array([a[0], b[1] * 2.0, a[2] * b[0]])
    m = np.array([[x[0], x[1]], [x[2], x[0] * x[3]]])
    return np.sum(y * y) + m[0, 1] * m[1, 1]


@HARD("element-wise chains", SIGNED)
def long_elementwise_chain(x):
    y = np.tanh(x * 2.0 + 1.0) / (1.0 + np.exp(-x))
    z = np.sqrt(y * y + 0.1) - np.log1p(x * x) + np.abs(x) ** 1.5 + np.square(x) + np.arctan(x)
    return np.sum(z * y) + np.dot(y, z) + np.sum(-x) + np.sum(np.sign(x) * x)


@HARD("element-wise chains", 2.3, 1.2, wrt=(0, 1))
def powers(x, y):
    return x**2 + x**0.5 + x**-1 + 2.0**y + x**y + pow(x, 3) + y**0


@HARD("element-wise chains", V5)
def in_place_whole_array(x):
    y = x.copy()
    y += x * y
    y *= y
    np.exp(-y, y)
    y.fill(2.0)
    y[0] = x[0] * x[1]
    y[...] = y * x
    return np.sum(y * y)


@HARD("recursion", V6, 3, numba=False)
def recursion_with_array_state(x, depth):
    if depth == 0:
        return np.sum(x * x)
    y = x * 1.0
    y[depth] = y[depth - 1] * y[0]
    return recursion_with_array_state(y, depth - 1) + x[depth]


@HARD("closure", numbers(4, seed=39))
def closure_over_array(x):
    w = x * 2.0

    def weighted(i):
        return w[i] * x[i]

    w[1] = x[0] * x[2]
    s = 0.0
    for i in range(len(x)):
        s += weighted(i)
    return s


@HARD("dead and unused", V5, 0.4, wrt=(0, 1))
def unused_argument_and_dead_code(x, y):
    dead = np.exp(x * y)
    for i in range(3):
        dead[i] = dead[i] * y
    z = x[0] * 2.0
    z = x[1]
    return z * z


@HARD("dead and unused", 0.4)
def constant_result(x):
    y = x * 2.0
    y = 3.0
    return y


@HARD("dead and unused", 0.4)
def identity(x):
    return x


@HARD("dead and unused", V5, 2)
def result_is_an_element(x, i):
    return x[i]


@HARD("assertions and prints", V5)
def assertions(x):
    assert len(x) > 2, "too short"
    if x[0] < 0.0:
        raise ValueError("negative")
    return np.sum(x * x)


@HARD("user names in the way", 0.8, 0.3, wrt=(0, 1))
def names_that_collide(x_bar, value):
    x = x_bar * value
    x_tape = math.sin(x)
    x_bar = x * x_tape
    for i in range(2):
        x_bar = x_bar * value + x
    value = x_bar
    return value
