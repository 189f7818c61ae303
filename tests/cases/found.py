"""Programs that were once differentiated wrong, or with an error that says nothing; random programs found them."""

from __future__ import annotations

import math

import numpy as np

from tests.cases.registry import Table, numbers

FOUND = Table()
V3, V4 = numbers(3, seed=71), numbers(4, seed=72)


@FOUND("carried scalars beside carried arrays", np.array([-0.98, 0.15, -0.63]))
def scalar_through_a_loop_that_makes_arrays(g):
    """The loop only makes arrays, whose shadows it carries; `t` goes from one iteration to the next."""
    t = 0.1
    g[1] = 2.0
    f = g
    while f[2] > -0.64:
        f = 0.5 - (f + t)
        t = f[0]
    return f[1]


@FOUND("arrays without axes", V3)
def array_of_a_number(x):
    c = np.array(x[1] ** 2)
    return c[()] * 2.0


@FOUND("arrays without axes", 0.5)
def cell_written(x):
    c = np.zeros(())
    c[()] += x * x
    c[()] *= np.sin(x)
    c[...] = c[()] + x
    c += x
    return c[()] * np.cos(c) + c.sum()


@FOUND("arrays without axes", numbers(3, 3, seed=73), 1.6, wrt=(0, 1))
def cell_in_a_loop(f, y0):
    for row in f:
        cell = np.array(0.5)
        row[1] = max(cell[()], y0)
    return f[1, 1] * f[0, 0]


@FOUND("arrays without axes", np.array(0.7))
def argument_without_axes(c):
    return np.sin(c) * c[()] + c.item()


@FOUND("conversions of layout", V4)
def contiguous_copy_of_written_memory(f):
    """Not a view of `f`: its cotangent must be added to that of `f`, not made of it."""
    f[1] = 0.5
    g = np.minimum(np.ascontiguousarray(f[::-1]), 0.7)
    return np.sum(g * f)


@FOUND("conversions of layout", V4)
def conversion_that_changes_nothing(f):
    g = np.ascontiguousarray(f)
    g[0] = f[1] * f[1]
    h = np.asarray(g)
    h[2] = g[0]
    return np.sum(f * g)


@FOUND("norms", V4)
def norm_of_a_reversed_vector(g):
    """Numba 0.68 gets this norm wrong."""
    g[1] = np.linalg.norm(g[::-1])
    return np.sum(g)


M1, M2 = numbers(2, 4, seed=74, low=-1.0), numbers(2, 4, seed=75, low=-1.0)


@FOUND("exchanged buffers", M1, M2, wrt=(0, 1))
def exchanged_in_two_loops(g, h):
    """The inner loop starts with other buffers than it left: undoing it must start from those."""
    for row in h:
        h, g = g, h
        for _ in range(2):
            h[:, 0] = h @ row
            h, g = g, h
    return np.sum(g)


@FOUND("exchanged buffers", V4, 3)
def exchanged_in_a_branch(x, n):
    a, b = x * 1.0, np.zeros(4)
    for t in range(3):
        if t != 1:
            for _ in range(n):
                for i in range(1, 4):
                    b[i] = a[i - 1] * a[i] + x[i]
                a, b = b, a
        a[0] *= b[1] + 0.5
    return np.sum(a * b)


@FOUND("returns in loops over items", V4)
def returned_or_not(f):
    """The result is copied on a path on which it has no value, and which doesn't read the copy."""
    for i in range(2, -1, -1):
        f[i % 2] = f[i] - _first_below(f[-2])
    return np.sum(f * f)


def _first_below(x):
    for e in (x, x):
        if 0.58 + e < -0.05:
            x *= np.cos(np.sqrt(1.5 + np.cos(-0.25 - e)))
            return x
    return 0.35


@FOUND("one of two arguments", numbers(3, 2, seed=73), numbers(3, 2, seed=74), wrt=1)
def either_argument(g, h):
    """The array is differentiated by one argument; a branch gives its name to the other."""
    if g[1, 0] > 100.0:
        grid = h
    else:
        grid = g
    return np.sum(grid[2]) + np.sum(h * h)


@FOUND("functions of values chosen by a condition", V4)
def looked_up_before_its_argument(f):
    """Compiled code looks a function up, then chooses its argument, then calls it."""
    f[:] += np.cos(np.where(f > 0.95, f[::-1], f))
    f[-1] *= np.cos(np.arcsin(0.8 * np.sin(f[0])) ** 2)
    return np.sum(f)


@FOUND("matrices of numbers", 0.3)
def matrix_with_a_constant_row(p):
    """In forward mode a row without tangents is zeros, not one zero."""
    step = np.array([[p, 1.0], [0.0, 0.9]])
    state = np.array([1.0, p])
    for _ in range(3):
        state = step @ state
    return np.sum(state)


@FOUND("values of a branch that are used later", V3, 0.4)
def copied_in_a_branch(g, x):
    """The text with loops forgot that a value copied in a branch is read outside of it."""
    for _ in range(3):
        for _ in range(2):
            p = 0.5
            value = p
            for j in range(3):
                p = p * 0.5 + g[j] * value
                value = value * np.cos(p)
            x = 0.4 * x + p * value
        x = np.sin(x)
    g[2] = g[0] if x < -0.09 else 1.3 ** np.sin(x)
    return np.sum(g * g)


@FOUND("strided views", numbers(4, 2, seed=76), V3)
def every_third_row_of_one_column(g, f):
    """The elements of the square are computed where they are read: at a multiple of the index."""
    y = g[::3, :1]
    f = np.max(g) * (f[::-1] + 0.5)
    return np.sum(f * f) + np.sum(y * y)


@FOUND("extremes in recurrences", 0.3, np.array([2, 2]))
def larger_number_and_more(x, idx):
    """The backward loop may not end where a maximum has made zero what other terms add to."""
    for _ in range(3):
        x = 0.5 * x + math.tanh(math.asin(0.8 * math.sin(x)) * max(x, 0.2 * np.sum(idx)))
    return x


@FOUND("counters beside what is computed again", V4)
def counter_read_by_a_replay(f):
    """The replay of an iteration starts with the counter of that iteration."""
    p = 0.3
    m = 4
    for _ in range(4):
        m -= 1
        p -= 0.1 * (m % 5) * p**2
        p *= math.cos(np.ptp(0.1 * (m % 5) - f[::-1]))
    return p


@FOUND("lengths of lists", 0.9, V4, V4, wrt=(0, 1, 2))
def length_between_two_loops(x, f, g):
    """The length of a list is read before a loop that another one joins, but after the items are there."""
    f[::-1] = np.arctan(g)
    history = [math.sin(e * x) for e in f]
    return 0.1 * len(history) / (1.5 + f[1] ** 2) + g.mean()


@FOUND("views that overlap", numbers(6, seed=77))
def reversed_part_of_itself(f):
    """The cotangent of a part is added to another one that overlaps it, through a view that loops don't follow."""
    f[4::-1] = f[4::-1] + f[:5]
    return f[3] * f[1] + np.sum(f)


@FOUND("slices that end before the last element", V4)
def all_but_the_last_is_not_all(x):
    """The last element is put back though a slice up to it is put back afterwards."""
    y = x * x
    total = np.sum(np.sin(y) * x)
    y[:-1] = x[1:] * x[:-1]
    y[-1] = x[0] * x[1]
    return total + np.sum(y * y * y)


@FOUND("axes in an order that isn't its own opposite", numbers(3, 3, seed=78), numbers(3, 3, 3, seed=79), wrt=(0, 1))
def turned_axes_of_length_one(a, w):
    """The axis of length 1 is in the middle; it was taken to be the first one's."""
    n = a.shape[0]
    b = np.zeros((1, n, n))
    b[0] = a
    y = np.transpose(b, (1, 0, 2))
    c = np.zeros((n, n, n))
    c[:] = w
    return np.sum(np.sin(y * c))


@FOUND("shadows that lie in memory otherwise", numbers(3, 8, seed=80), numbers(8, 3, seed=81), wrt=(0, 1))
def flat_view_beside_transposed(y, b):
    """The cotangent of `w` is made of `b.T`, in Fortran's order; the shadow of its flat view would be a copy."""
    w = np.zeros((3, 8))
    w[:] = y
    v = w.reshape(24)
    total = np.sum(v**2)
    v[3] = 1.0
    return total + np.sum(w * b.T)


def upwind(u, c):
    return u[1:-1] - c * (u[1:-1] - u[:-2])


@FOUND("names that are bound to what views of them are made of", numbers(9, seed=82))
def steps_that_get_shorter(x):
    """The name was bound to new memory before the views, of what it was bound to, had been read."""
    u = x
    for _ in range(3):
        u = upwind(u, 0.3)
    return np.sum(u * u)


@FOUND("names that are bound to what views of them are made of", numbers(6, seed=83))
def turned_around_in_pairs(x):
    a, n = x * 1.0, 2.0
    for _ in range(2):
        a, n = np.sin(a) * a[::-1], n + a[0]
    return np.sum(a**2) * n


@FOUND("names that are bound to what views of them are made of", numbers(8, seed=84))
def coarser_and_coarser(x):
    def coarse(u):
        return 0.5 * (u[::2] + u[1::2] * u[::2])

    while len(x) > 1:
        x = coarse(x)
    return x[0] ** 2


@FOUND("names that are bound to what views of them are made of", numbers(4, 4, seed=85))
def sums_along_a_view_of_the_same_name(a):
    for _ in range(2):
        v = a.T
        a = a + np.sum(v * a, axis=1, keepdims=True)
        w = a[::-1]
        a = np.cos(w) - a
    return np.sum(a**2)


@FOUND("axes that a stencil leaves nothing of", numbers(4, 1, seed=86))
def inner_points_of_a_column(a):
    """The rows that are kept for gathering would have had a negative length."""
    w = 0.3 * (a[:-2, 1:-1] + a[2:, 1:-1])
    return np.sum(a * a) + np.sum(w * w)


@FOUND("lengths that are each other's", numbers(6, seed=87), numbers(6, seed=88), wrt=(0, 1))
def names_exchanged_in_a_branch(x, y):
    """Lengths that were known to be equal stood for each other in a circle."""
    a = x[::-1]
    b = y
    scale = 0.6
    t = np.sin((b[::-1] + 0.7 * b)[1:] * b[:-1])
    for _ in range(2):
        x = b - np.sin(b)
        if np.sum(x) > 0.31:
            scale = np.sin(x[:-1][-1])
        else:
            b = y
            a, y = 0.7 * x, a * b[::-1]
        a[:] *= b * x
        t[:] *= y[:-1][::-1] * np.sum(t[::-1]) * 0.2
    t = np.roll(y[1:], 1) + (t + x[1:][::-1])
    x += b
    return np.sum(a * b) + scale + np.sum(np.sin(x)) + np.sum(np.sin(y)) + np.sum(np.sin(t))
