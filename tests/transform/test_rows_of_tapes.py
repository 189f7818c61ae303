"""Tapes in loops that run who knows how often: lists of arrays, where what inner loops run is known before them."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from adjoint import grad
from tests.oracle import central


def steps(x, end):
    u, t = x.copy(), 0.0
    while t < end:
        for i in range(1, u.shape[0]):
            u[i] = u[i] * u[i - 1]
        t += 0.3
    return np.sum(u * u)


def adaptive(x, end):
    u, new, t = x.copy(), np.empty_like(x), 0.0
    while t < end:
        dt = 0.2 / np.max(np.abs(u))
        for i in range(1, u.shape[0]):
            new[i] = u[i] - dt * u[i] * (u[i] - u[i - 1])
        for i in range(1, u.shape[0]):
            u[i] = new[i]
        t += dt
    return np.sum(u * u) + t


def grids(x, end):
    u, t = np.outer(x, x), 0.0
    while t < end:
        for i in range(1, u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] = u[i, j] * u[i - 1, j] + 0.3
        t += 0.3
    return np.sum(u)


def growing(x, end):
    """The bounds change from step to step, and the first range is empty."""
    u, t, m = x.copy(), 0.0, 0
    while t < end:
        n = min(m, u.shape[0])
        for i in range(n):
            u[i] = math.sin(u[i]) * u[i - 1]
        m += 2
        t += 0.3
    return np.sum(u * u)


def left_early(x, end):
    u, t = x.copy(), 0.0
    while t < end:
        for i in range(1, u.shape[0]):
            if u[i] < 0.45 - t:
                break
            u[i] = u[i] * u[i - 1]
        t += 0.3
    return np.sum(u * u)


def nested(x, end):
    u, t = x.copy(), 0.0
    while t < end:
        for i in range(u.shape[0]):
            u[i] = u[i] * u[i] + 0.1
        part = 0.0
        while part < t:
            for i in range(1, u.shape[0]):
                u[i] = u[i] * u[i - 1]
            part += 0.2
        t += 0.3
    return np.sum(u)


def sometimes(x, end):
    u, t = x.copy(), 0.0
    while t < end:
        if t > 0.2:
            for i in range(1, u.shape[0]):
                u[i] = u[i] * u[i - 1]
        else:
            u[0] = u[0] * u[1]
        t += 0.3
    return np.sum(u * u)


def numbers(x, end):
    """What is recorded is carried by the inner loop, and made of what it leaves."""
    u, s, t = x.copy(), 1.0, 0.0
    while t < end:
        for i in range(u.shape[0]):
            s = math.sin(s * u[i])
            u[i] = s
        s = s * s + 0.5
        t += 0.3
    return s


X = np.linspace(0.3, 0.9, 7)
CASES = [steps, adaptive, grids, growing, left_early, nested, sometimes, numbers]


@pytest.mark.parametrize("end", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("fun", CASES)
def test_gradients(fun, end):
    derivative = grad(fun)
    expected = central(fun, (X, end))
    np.testing.assert_allclose(derivative(X, end), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(derivative.python(X, end), expected, rtol=1e-6, atol=1e-8)
    assert "_row" in derivative.source


def test_text():
    derivative = grad(steps)
    derivative.python(X, 1.0)
    assert derivative.source.split("\n\n\n")[1] == TEXT


def test_memory():
    derivative = grad(steps)
    derivative(X, 1.0)
    line = next(k for k, text in enumerate(inspect.getsource(steps).splitlines()) if "while" in text)
    line += inspect.getsourcelines(steps)[1]
    assert f"8 * (times round line {line}) * (u.shape[0] - 1) bytes" in derivative.explain(X, 1.0)


def test_arrays_of_few_places_are_no_better_than_items():
    def few(x, end):
        s, t = x[0], 0.0
        while t < end:
            for i in range(3):
                s = math.sin(s * x[i])
            t += 0.3
        return s

    derivative = grad(few)
    np.testing.assert_allclose(derivative(X, 1.0), central(few, (X, 1.0)), rtol=1e-6, atol=1e-8)
    assert "_row" not in derivative.source and ".append(s)" in derivative.source


TEXT = '''\
def steps_grad(x, end):
    u = x.copy()
    u_old_tape = []
    t = 0.0
    trips = 0
    while t < end:
        trips += 1
        u_old_row = np.empty(u.shape[0])
        u_old_tape.append(u_old_row)
        for i in range(1, u.shape[0]):
            u_old_row[i] = u[i]
            u[i] *= u[i - 1]
        t += 0.3
    # backward: return np.sum(u * u)
    u_bar = 2.0 * u
    for trip in range(trips - 1, -1, -1):
        u_old_row = u_old_tape.pop()
        for i in range(u.shape[0] - 1, 0, -1):
            u[i] = u_old_row[i]
            # backward: u[i] = u[i] * u[i - 1]
            u_seed = u_bar[i]
            u_bar[i] = 0.0
            u_bar[i - 1] += u_seed * u[i]
            u_bar[i] += u_seed * u[i - 1]
    return u_bar
'''
