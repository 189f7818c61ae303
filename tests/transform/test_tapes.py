"""What is recorded, and what is computed again or found in memory instead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint import grad
from tests.oracle import central


def polynomial_fit(x, n):
    total = 0.0
    for i in range(n):
        t = 2.0 * i / n - 1.0
        fit = 0.0
        power = 1.0
        for j in range(x.shape[0]):
            fit += x[j] * power
            power *= t
        total += (math.sin(t) - fit) ** 2
    return total


def cholesky(A):
    L = A.copy()
    for i in range(L.shape[0]):
        for j in range(i):
            for k in range(j):
                L[i, j] -= L[i, k] * L[j, k]
            L[i, j] /= L[j, j]
        for k in range(i):
            L[i, i] -= L[i, k] * L[i, k]
        L[i, i] = math.sqrt(L[i, i])
    return np.sum(L * L * L)


def stages(x, steps):
    y = np.zeros_like(x)
    for _ in range(steps):
        k = np.empty_like(y)
        k[0] = x[0]
        k[1:] = x[1:] * y[:-1]
        half = y + 0.5 * k
        y = y + half * half * x
    return np.sum(y)


def wrapped(x):
    y = x.copy()
    for i in range(y.shape[0]):
        y[i] = y[i - 1] * y[i - 1] * 0.5 + x[i]
    return np.sum(y * y)


def swept_twice(x):
    y = x.copy()
    for _ in range(2):
        for i in range(1, y.shape[0]):
            y[i] = 0.5 * y[i] * y[i - 1]
    return np.sum(y)


def written_in_a_nest(x, n):
    y = x.copy()
    total = 0.0
    for i in range(n):
        part = 1.0
        for j in range(x.shape[0]):
            part *= math.sin(y[j]) + 1.5
        y[0] = y[0] + 0.1 * part
        total += part * i
    return total


def highest_so_far(x):
    left, right = np.empty_like(x), np.empty_like(x)
    left[0] = x[0]
    for i in range(1, x.shape[0]):
        before = left[i - 1]
        if x[i] > before:
            left[i] = x[i] * x[i]
        else:
            left[i] = before * 0.5
        right[i] = before * left[i]
    return np.sum(right[1:] * left[1:])


def highest_so_far_around(x):
    left = np.ones_like(x)
    for i in range(x.shape[0]):
        before = left[i - 1]  # the last one for the first, which is written later
        if x[i] > before:
            left[i] = x[i] * x[i]
        else:
            left[i] = before * before * 0.6
    return np.sum(left)


def one_of_several(x, steps):
    """`gap` is all that is wanted of what `u` and `v` held."""
    u, v, h = x.copy(), 2.0 * x, x * x
    n = x.shape[0]
    for _ in range(steps):
        for i in range(n - 1):
            gap = u[i + 1] - u[i] + v[i + 1] - v[i]
            h[i] -= 0.1 * h[i] * gap
        for i in range(1, n):
            u[i] -= 0.2 * (h[i] - h[i - 1])
            v[i] += 0.1 * (h[i] - h[i - 1])
    return np.sum(h * h) + np.sum(u * v)


def one_of_several_read_twice(x, steps):
    """`u[i]` itself is wanted too: restoring `u` gives both."""
    u, h = x.copy(), x * x
    n = x.shape[0]
    for _ in range(steps):
        for i in range(n - 1):
            gap = u[i + 1] - u[i]
            h[i] -= 0.1 * u[i] * gap
        for i in range(1, n):
            u[i] -= 0.2 * (h[i] - h[i - 1])
    return np.sum(h * h)


def one_of_several_of_each(x, steps):
    """There is a `gap` for each pair, and only one place of `u` for each `i`."""
    u, h = x.copy(), x * x
    n = x.shape[0]
    for _ in range(steps):
        for i in range(n):
            for j in range(n):
                gap = u[j] - u[i]
                h[i] += 0.1 * gap * gap
        for i in range(n):
            u[i] += 0.2 * h[i]
    return np.sum(h)


def one_of_several_by_view(x, steps):
    """What is overwritten is a part of what is read."""
    u, h = x.copy(), x * x
    w = u.copy()
    n = x.shape[0]
    inner = u[1:]
    for _ in range(steps):
        for i in range(n - 1, 0, -1):
            gap = u[i] - w[i] - u[i - 1] + w[i - 1]
            inner[i - 1] = u[i] + 0.1 * h[i]
            w[i - 1] -= 0.1 * h[i]
            h[i] += 0.3 * gap * gap
    return np.sum(h) + np.sum(u * w)


def one_of_several_sometimes(x, steps):
    u, v, h = x.copy(), 2.0 * x, x * x
    n = x.shape[0]
    for k in range(steps):
        for i in range(n - 1):
            if h[i] > 0.3:
                gap = u[i + 1] - v[i]
            else:
                gap = v[i + 1] - u[i]
            h[i] -= 0.1 * gap * gap
        for i in range(1, n):
            u[i] -= 0.2 * h[i]
            v[i] += 0.1 * h[i - 1]
    return np.sum(h) + np.sum(u * v)


X = np.linspace(0.3, 0.9, 4)
POSITIVE = np.eye(4) * 3.0 + np.full((4, 4), 0.5)
# Function, arguments, and the names of its tapes.
CASES = [
    (polynomial_fit, (X, 5), {"power_tape"}),
    (cholesky, (POSITIVE,), set()),
    (stages, (X, 3), {"y_tape"}),
    (wrapped, (X,), {"y_old_tape"}),
    (swept_twice, (X,), {"y_old_tape"}),
    (highest_so_far, (X,), set()),
    (highest_so_far_around, (X,), {"before_tape"}),
    (written_in_a_nest, (X, 3), {"part_tape", "y_old_tape"}),
    (one_of_several, (X, 3), {"gap_tape", "h_tape"}),
    (one_of_several_read_twice, (X, 3), {"u_old_tape"}),
    (one_of_several_of_each, (X, 3), {"u_old_tape"}),
    (one_of_several_by_view, (X, 3), {"gap_tape"}),
    (one_of_several_sometimes, (X, 3), {"gap_tape", "value_tape"}),
]


@pytest.mark.parametrize(("fun", "args", "tapes"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_tapes(fun, args, tapes):
    derivative = grad(fun)
    got = derivative.python(*args)
    made = {line.split(" = ")[0].strip() for line in derivative.source.splitlines() if "_tape = " in line}
    assert {name for name in made if "_tape" in name} == tapes, derivative.source
    np.testing.assert_allclose(got, central(fun, args), rtol=1e-6, atol=1e-8)


def test_an_inner_tape_is_as_long_as_one_iteration():
    derivative = grad(polynomial_fit)
    derivative.python(X, 5)
    assert "power_tape = np.empty(x.shape[0])" in derivative.source
