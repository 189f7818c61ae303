"""What of a loop's body runs again before its adjoint: texts, numbers, and what is recorded instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad


def forces(x, n):
    pull = np.zeros_like(x)
    for i in range(n):
        for j in range(i + 1, n):
            d = np.empty(3)
            r2 = 0.1
            for k in range(3):
                d[k] = x[i, k] - x[j, k]
                d[k] -= 5.0 * np.round(d[k] / 5.0)
                r2 += d[k] * d[k]
            for k in range(3):
                pull[i, k] += d[k] / r2
                pull[j, k] -= d[k] / r2
    return np.sum(pull * pull * pull)


def steps_of_forces(x, n):
    x = x.copy()
    for _ in range(3):
        for i in range(n):
            x[i, 0] *= 1.1
            for j in range(n):
                d = np.zeros(2)
                for k in range(2):
                    d[k] = x[i, k] * x[j, k]
                x[i, 2] += 0.1 * d[0] * d[1]
    return np.sum(x * x)


def pulled_apart(x, n):
    pull = np.zeros_like(x)
    for _ in range(2):
        for i in range(n):
            for j in range(n):
                d = np.empty(3)
                for k in range(3):
                    d[k] = x[i, k] - x[j, k]
                for k in range(3):
                    pull[i, k] += d[k] * d[0] * d[k]
        x = x + 0.1 * pull
    return np.sum(x * pull)


def a_side(x, n):
    total = np.zeros(2)
    for i in range(n):
        d = np.zeros(2)
        if x[i, 0] > 0.0:
            for k in range(2):
                d[k] = x[i, k] * x[i, k]
        elif x[i, 1] > 0.0:
            d[1] = x[i, 2]
        else:
            d[0] = 0.5
        total[0] += d[0] * d[1] * d[1]
        total[1] = total[1] * d[1] + d[0]
    return total[0] * total[1]


def in_a_branch(x, n):
    total = np.ones(2)
    for i in range(n):
        e = np.zeros(2)
        e[0] = x[i, 1] * x[i, 1]
        total[0] += e[0] * e[0]
        if x[i, 0] > 0.0:
            d = np.empty(2)
            for k in range(2):
                d[k] = x[i, k] * x[i, 2]
            total[0] += d[0] * d[1] * d[1]
            total[1] *= d[1]
    return total[0] * total[1]


def written_in_the_iteration(x, n):
    x = x.copy()
    for i in range(1, n):
        d = np.empty(2)
        for k in range(2):
            d[k] = x[i - 1, k] * x[i, k]
        x[i, 0] = d[0] * d[1]
    return np.sum(x)


def restored_for_it(x, n):
    x = x.copy()
    total = np.zeros(1)
    for _ in range(3):
        for i in range(n):
            d = np.empty(2)
            for k in range(2):
                d[k] = x[i, k] * 2.0
            total[0] += d[0] * d[1]
        for i in range(n):
            for k in range(3):
                x[i, k] += 0.1 * total[0]
    return total[0] * x[0, 0]


def handed_on(x, n):
    total = np.zeros(1)
    s = 1.0
    for i in range(n):
        d = np.empty(2)
        for k in range(2):
            d[k] = s + x[i, k]
        s = s + d[0]
        total[0] += d[0] * d[1]
    return total[0]


def left_early(x, n):
    total = np.zeros(1)
    for i in range(n):
        d = np.zeros(3)
        for k in range(3):
            if x[i, k] < 0.0:
                break
            d[k] = 2.0 * x[i, k]
        total[0] += d[0] * d[1] + d[2]
    return total[0]


def much_work(x, n):
    total = np.zeros(1)
    for i in range(n):
        d = np.zeros(2)
        for j in range(n):
            for k in range(2):
                d[k] += math.sin(x[i, k] * x[j, k])
        total[0] += d[0] * d[1]
    return total[0]


AGAIN: list[Callable[..., Any]] = [forces, pulled_apart, a_side]
KEPT: list[Callable[..., Any]] = [
    in_a_branch,
    written_in_the_iteration,
    restored_for_it,
    handed_on,
    left_early,
    much_work,
]


def points() -> np.ndarray:
    return np.random.default_rng(4).standard_normal((6, 3))


def check(function: Callable[..., Any], x: np.ndarray) -> str:
    gradient = value_and_grad(function)
    n = len(x)
    bar = gradient(x, n)[1]
    assert np.array_equal(bar, gradient(x, n)[1])
    assert bar == pytest.approx(gradient.python(x, n)[1], rel=1e-10)
    step = 1e-6 * np.random.default_rng(5).standard_normal(x.shape)
    along = (function(x + step, n) - function(x - step, n)) / 2.0
    assert np.sum(bar * step) == pytest.approx(along, rel=1e-6)
    return gradient.source_for(x, n)


@pytest.mark.parametrize("function", AGAIN, ids=lambda f: f.__name__)
def test_arrays_made_again(function: Callable[..., Any]) -> None:
    text = check(function, points())
    backward = text[text.index("# backward") :]
    assert " d_tape = " not in text
    assert "d = np." in backward


@pytest.mark.parametrize("function", KEPT, ids=lambda f: f.__name__)
def test_arrays_that_are_kept(function: Callable[..., Any]) -> None:
    assert " d_tape = " in check(function, points())


def test_numbers() -> None:
    check(steps_of_forces, points())
