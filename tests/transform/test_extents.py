"""Tapes of loops whose bounds depend on the loops around, numbers that count, and loops with nothing to add."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint import check_grads, grad


def triangle(x, n):
    y = x.copy()
    for i in range(n):
        for j in range(i, n):
            y[j] = math.sin(y[j]) * y[i]
    return np.sum(y)


def band(x, n):
    y = x.copy()
    for i in range(n):
        for j in range(max(0, i - 1), min(n, i + 2)):
            y[j] = math.sin(y[j]) * y[i]
    return np.sum(y)


def backwards(x, n):
    y = x.copy()
    for i in range(n - 1, -1, -1):
        for j in range(i, -1, -1):
            y[j] = math.sin(y[j]) * y[i]
    return np.sum(y)


def in_steps(x, n):
    y = x.copy()
    count = 0
    for i in range(1, n, 2):
        for j in range(n - 1, i, -2):
            y[j] = math.sin(y[j]) * y[i]
            count += 2
            if y[j] > 0.4:
                break
        y[0] *= count * y[i]
    return np.sum(y)


def packed(x, n):
    y = x.copy()
    s = 0.0
    for i in range(n):
        p = 0
        for j in range(n):
            for k in range(j + 1, n):
                s += y[k] * y[p % n] * p
                y[k] *= x[p % n]
                p += 1
    return s


def three_deep(x, n):
    y = x.copy()
    for i in range(n):
        for j in range(i):
            for k in range(j):
                y[k] = math.sin(y[j]) * y[i] + y[k]
    return np.sum(y)


def nearest(x, n):
    total = 0.0
    for i in range(n):
        least = np.inf
        for c in range(x.shape[0]):
            distance = 0.0
            for j in range(3):
                distance += (x[c] - 0.3 * i - 0.1 * j) ** 2
            least = min(least, distance)
        total += least * least
    return total


def nearest_by_branch(x, n):
    total = 0.0
    for i in range(n):
        least = np.inf
        for c in range(x.shape[0]):
            distance = 0.0
            for j in range(3):
                distance += (x[c] - 0.3 * i - 0.1 * j) ** 2
            if distance < least:
                least = distance
        total += least * least
    return total


X = np.linspace(0.31, 0.93, 6)
# Function, and lines that its gradient has, or doesn't have.
CASES = [
    (triangle, ["y_old_tape[i, j - i] = y[j]"], [".append("]),
    (band, ["y_old_tape = np.empty((max(n, 0), max(min(n, 3), 0)))"], [".append("]),
    (backwards, ["y_old_tape[n - 1 - i, i - j] = y[j]"], [".append("]),
    (in_steps, ["[(i - 1) // 2, (n - j - 1) // 2] = y[j]"], [".append("]),
    (packed, [], ["p_tape = []", "p_tape[i, j, k"]),
    (three_deep, ["y_old_tape.append("], []),
    (nearest, ["if distance < least or least == distance:"], []),
    (nearest_by_branch, ["for j in range(2, -1, -1):"], []),
]


@pytest.mark.parametrize(("fun", "there", "absent"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_is_recorded(fun, there, absent) -> None:
    source = grad(fun).source_for(X, 6)
    assert [line for line in there if line not in source] == []
    assert [line for line in absent if line in source] == []


@pytest.mark.parametrize("fun", [case[0] for case in CASES], ids=lambda fun: fun.__name__)
@pytest.mark.parametrize("n", [0, 1, 6])
def test_gradients(fun, n) -> None:
    found = grad(fun).python(X, n)
    step = 1e-6
    expected = [(fun(X + step * e, n) - fun(X - step * e, n)) / (2 * step) for e in np.eye(X.size)]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(grad(fun)(X, n), found, rtol=1e-12, atol=1e-13)


def flat_at_the_selected(x):
    """The cotangent of the loop is zero, its derivative isn't."""
    least = np.inf
    for c in range(2):
        distance = 0.0
        for j in range(3):
            distance += (x[c] - j) * (x[c] - j)
        if distance < least:
            least = distance
    return (least - 2.0) ** 2


def test_a_cotangent_that_is_zero_by_chance_has_a_derivative() -> None:
    check_grads(flat_at_the_selected, (np.array([1.0, 5.0]),), order=2, modes=("fwd", "rev"))
    x = np.array([1.0 + 1e-3, 5.0])
    second = grad(lambda v: grad(flat_at_the_selected)(v)[0])(x)
    assert second[0] == pytest.approx(12.0 * 9.0 * 1e-6, rel=1e-2)


def exchanged(x):
    out = rows = x
    for i in range(3):
        out, rows = rows, out
        out[i] = 0.5 * x[i]
    return np.sum(rows)


def popped(x):
    history = [x[1] * x[1]]
    last = history.pop()
    return last + x[0]


@pytest.mark.parametrize(
    ("fun", "expected"), [(exchanged, [0.5, 0.5, 0.5, 1.0, 1.0, 1.0]), (popped, [1.0, 2.0 * X[1], 0, 0, 0, 0])]
)
def test_one_memory_by_two_names_and_a_list_emptied(fun, expected) -> None:
    np.testing.assert_allclose(grad(fun)(X), expected)


def either(f, g, n):
    v = f if n > 0 else g
    for _ in range(3):
        f, g = g, f
    g[:] += np.cos(0.1 * v)
    v[-1] = np.exp(-np.abs(v[0]))
    return 2.0 * np.mean(f) + np.sum(g * g)


@pytest.mark.parametrize("n", [0, 1])
def test_a_name_that_a_branch_gave_to_a_buffer_that_is_exchanged(n) -> None:
    check_grads(lambda f, g: either(f, g, n), (X.copy(), X[::-1].copy()), order=1, modes=("rev",))
