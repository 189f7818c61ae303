"""Functions of NumPy in forms that Numba has or lacks: sequences for arrays, options, ranges of floats."""

from __future__ import annotations

import functools
import math

import numba
import numpy as np
import scipy.special

from tests.cases.registry import Table, numbers

FORMS = Table()
V3, V6, W6 = numbers(3, seed=51), numbers(6, seed=52), numbers(6, seed=53)
M34, S4 = numbers(3, 4, seed=54), numbers(4, 4, seed=55)


# --- sequences for arrays -------------------------------------------------------------------------------------------


@FORMS("sequences", V6, numba=False)
def reductions_of_lists(x):
    a, b, c = x[0], x[1], x[2]
    return np.sum([a, b * c]) * np.max((a, b)) + np.mean([a, b, 1]) + np.prod([a, b]) + np.ptp([a, b, c])


@FORMS("sequences", V6, numba=False)
def products_of_lists(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    return np.dot([a, b], (c, d)) + np.linalg.norm([a, b]) + np.cross([a, b, c], x[:3] ** 2)[1] + ([a, b] @ x[2:4])


@FORMS("sequences", V6, numba=False)
def matrix_written_out(x):
    a, b, c, d = x[0], x[1], x[2], x[3]
    return np.linalg.solve([[a + 3, b], [c, d + 3]], [a, 1.0])[0] + np.linalg.det([[a, b], (c, d)])


@FORMS("sequences", V6, numba=False)
def list_beside_array(x):
    weighted = x[:3] * [x[3], 2.0, x[4]] - (1, 2, x[5])
    return np.sum(weighted**2) + np.sum([x[0], 1.0, x[1]] / x[:3])


@FORMS("sequences", V6, numba=False)
def joined_with_lists(x):
    a = np.concatenate(([x[0], 0.0], x)) ** 2
    b = np.hstack((x, x[1])) * np.append(x, [x[2]])
    c = np.vstack(([x[0], x[1]], (x[2], 1.0)))
    return np.sum(a) + np.sum(b) + c[1, 0] * c[0, 1] + np.hstack([x[3], x[4]])[0] * np.stack([x[0], x[5]])[1]


@FORMS("sequences", V6, numba=False)
def elementwise_of_lists(x):
    return np.exp([x[0], x[1]])[1] + np.maximum([x[2], 0.1], 0.5)[0] + np.where(x[0] > 0, [x[3], x[4]], [0.0, 1.0])[1]


@FORMS("sequences", V6, numba=False)
def special_functions_of_lists(x):
    return scipy.special.logsumexp([x[0], x[1], 2.0]) + np.sum(scipy.special.expit((x[2], x[3])) ** 2)


@FORMS("sequences", V6, W6, wrt=(0, 1), numba=False)
def array_of_arrays_by_asarray(x, y):
    both = np.asarray([x, 2.0 * y])
    mixed = np.array([x[:2], [y[0], y[1]]])
    return np.sum(both**2) + mixed[1, 0] * mixed[0, 1] + np.asarray([x[0] * 2, x[1]])[0] ** 2


@FORMS("sequences", V6, numba=False)
def copies_of_lists(x):
    a, b = x[0], x[1]
    moved = np.roll([a, b, x[2]], 1)[0] + np.repeat([a, b], 2)[3] + np.copy([a, b])[1] * np.outer([a, b], x)[1, 2]
    return moved * np.broadcast_to([a, b], (3, 2))[2, 1] + np.insert(x, 1, a)[1]


@FORMS("sequences", V6, numba=False)
def two_lists_filled_by_one_loop(x):
    squares, sines = [], []
    for a in x:
        squares.append(a * a)
        sines.append(np.sin(a))
    return np.sum(np.array(squares) * np.asarray(sines))


@FORMS("sequences", M34)
def rows_taken_by_lists(m):
    return np.sum(np.take(m, [1, 2, 1]) ** 2) + np.sum(m.take([0, 3]))


# --- numbers that results depend on ---------------------------------------------------------------------------------


@FORMS("ranges", 0.7, 0.3, wrt=(0, 1))
def range_of_floats(start, step):
    return np.sum(np.sin(np.arange(start, start + 2.75, 0.5))) + np.sum(np.cos(np.arange(start, 5.4, step)))


@FORMS("ranges", 1.7, V6, wrt=(0, 1), numba=False)
def wave_numbers(length, x):
    k = 2 * np.pi * np.fft.fftfreq(x.size, d=length / x.size)
    return np.sum(k**2 * x)


@FORMS("counts", V6, np.array([0, 2, 2, 1, 0, 2]))
def weights_of_counts(x, bins):
    return np.sum(np.bincount(bins, weights=x) ** 2) + np.bincount(bins, x * x, 5)[2]


@FORMS("options", V6, W6, wrt=(0, 1), numba=False)
def integral_over_points(x, y):
    return np.trapezoid(y, np.cumsum(x)) + np.trapezoid(y, x=x) + np.trapezoid(x, dx=y[0])


@FORMS("options", V6, W6, wrt=(0, 1), numba=False)
def weighted_average(x, w):
    return np.average(x, weights=w) ** 2 + np.var(x, ddof=1) * np.std(w, ddof=1)


# --- layouts and methods --------------------------------------------------------------------------------------------


@FORMS("layouts", M34, numba=False)
def reshaped_slices(m):
    return np.sum(m[:, 1:].reshape(9)[:5] ** 2) + np.sum(m.T.reshape(-1)[2:7] ** 3) + m[::2, ::2].reshape(-1)[3]


@FORMS("layouts", S4, numba=False)
def methods_that_numba_lacks(m):
    return np.sum(m.swapaxes(0, 1)[0] ** 2) + m.trace() ** 2


@FORMS("layouts", V3, numba=False)
def kron_of_vectors(x):
    return np.sum(np.kron(x, [1.0, 2.0]) ** 3)


@FORMS("layouts", V6, numba=False)
def repeated_differences(x):
    return np.sum(np.diff(x, 2) ** 2) + np.sum(np.diff(x) * x[1:])


# --- masks ----------------------------------------------------------------------------------------------------------


@FORMS("masks", M34, numba=False)
def masks_of_one_axis(m):
    changed = m.copy()
    rows, columns = m[:, 0] > 0.8, m[1] > 0.7
    changed[rows] *= m[0, 0]
    changed[:, columns] += 1.0
    changed[1, columns] = m[2, 3]
    return np.sum(m[rows] ** 2) + np.sum(changed**3) + np.sum(m[:, columns] ** 2)


@FORMS("masks", V6, W6, wrt=(0, 1), numba=False)
def written_where(x, y):
    ratio = np.divide(x, y, out=np.zeros_like(x), where=y > 0.8)
    zeros = np.where(x > 0.9, x - 0.9, 0.0)
    safe = np.divide(y, zeros, out=np.ones_like(x), where=zeros != 0.0)
    return np.sum(ratio**2) + np.sum(safe)


@FORMS("ranges", 1.3, V6, wrt=(0, 1), numba=False)
def periodic_grid(length, x):
    t = np.linspace(0, length, 6, endpoint=False)
    return np.sum(np.sin(t) * x)


@FORMS("options", M34, V6, W6, wrt=(0, 1, 2), numba=False)
def slopes_and_correlations(m, x, y):
    down, across = np.gradient(m, 0.5)
    return np.sum(down * across**2) + np.corrcoef(x, y)[0, 1] * np.cov(x, y)[1, 1]


@FORMS("sequences", V6)
def rows_from_tuples(x):
    rows = np.zeros((2, 3))
    rows[0] = x[0], x[1], x[2]
    rows[1, :] = (x[3], 1, x[4])
    return np.sum(rows**3)


@FORMS("options", V6, numba=False)
def options_that_leave_the_array_itself(x):
    z = x.copy()
    same, changed = np.diff(z, n=0), np.nan_to_num(z, copy=False)
    same[1] = x[0] * 2.0
    changed *= 3.0
    return np.sum(z**2)


# --- functions of elements ------------------------------------------------------------------------------------------


@numba.vectorize(["float64(float64, float64)"])
def bump(x, width):
    return math.exp(-x * x / width) if x > 0.5 else 1.0


SQUARED = np.vectorize(lambda a: a * a + 1.0)


@functools.lru_cache
def doubled(n):
    return 2.0 * n


@FORMS("functions of elements", M34, V3, wrt=(0, 1), numba=False)
def vectorised_functions(m, x):
    return np.sum(bump(m, 0.7)) + np.sum(bump(m[:, :3], x)) + bump(x[0], x[1]) + np.sum(SQUARED(x)) * doubled(3)


# --- subscripts of several axes -------------------------------------------------------------------------------------


@FORMS("subscripts", S4, numbers(3, 3, seed=56), np.array([3, 0, 2]), numba=False)
def places_along_each_axis(x, k, dofs):
    y = x * 1.0
    y[np.ix_(dofs, dofs)] += k
    y[np.ix_(dofs[:2], x[0] > -9.0)] *= x[1, 1]
    return np.sum(y**2) + np.sum(x[np.ix_([0, 2], dofs)] ** 3)


@FORMS("subscripts", S4, numba=False)
def place_of_the_largest(x):
    i, j = np.unravel_index(np.argmax(x), x.shape)
    rows, columns = np.unravel_index(np.argsort(x.ravel())[:3], x.shape)
    return x[i, j] ** 2 * np.sum(x[rows, columns] ** 2) + x.ravel()[np.ravel_multi_index((1, j), x.shape)]


@FORMS("subscripts", V6, numba=False)
def rows_and_columns_written_out(x):
    return np.sum(np.r_[0.0, x, 1, x[::-1]] ** 2 * np.arange(14.0)) + np.sum(np.c_[x, 2.0 * x] ** 2)


@FORMS("subscripts", V6)
def ranges_that_are_sliced(x):
    s = 0.0
    for i in range(len(x))[::-1]:
        s = s * 0.5 + x[i]
    for i in range(len(x))[2:]:
        s = s * 0.5 + x[i] * x[i - 1]
    for i in range(1, len(x), 2)[::-1]:
        s = s * 0.5 + x[i]
    return s
