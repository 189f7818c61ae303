"""Sums that the next turn of a loop takes, and sums behind a loop: equal numbers, and which are left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.context import Context
from adjoint.lower.expand import expand
from adjoint.lower.relay import relay
from adjoint.lower.spread import spread
from tests.ir_text import parse
from tests.lower.programs import run, same

UP, DOWN = "range(1, n - 1)", "range(n - 2, 0, -1)"
PROGRAM = """
def f(x: float64[:, :], y: float64[:], a: float64, n: int64):
    for i in range(1, n - 1):
        for j in {loop}:
            {body}
    return x, y
"""
RELAYED = [
    (DOWN, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += a * t"),
    (UP, "t: float64 = x[i, j]; x[i, j] = 0.5 * t; x[i, j + 1] += t - y[j]; x[i - 1, j] += t"),
    (UP, "t: float64 = x[i, j]; x[i, j + 1] += t; x[i, j] = 1.0; y[j] = t"),
    (DOWN, "t: float64 = x[i, j + 1]; x[i, j + 1] = 0.0; x[i, j] += a * t; x[i + 1, j] = t"),
    (DOWN, "u: float64 = y[j]; t: float64 = x[i, j]; x[i, j] = u; x[i, j - 1] += u * t"),
]
LEFT = [
    (UP, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += a * t"),
    (DOWN, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += a * t; y[j] = x[i, j - 1]"),
    (DOWN, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += a * t; x[i, j - 1] += t"),
    (DOWN, "t: float64 = x[i, j]; x[i, j] = x[i, j + 1]; x[i, j - 1] += a * t"),
    (DOWN, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += t * x[j, i]"),
    (DOWN, "t: float64 = 2.0 * x[i, j]; x[i, j] = 0.0; x[i, j - 1] += t"),
    (DOWN, "t: float64 = x[i, j + 1]; x[i, j] = 0.0; x[i, j - 1] += t"),
    (DOWN, "t: float64 = x[i, j]; x[i, j + 1] = 0.0; x[i, j - 1] += t"),
    (DOWN, "x[i, j - 1] += a; t: float64 = x[i, j]; x[i, j] = t * 0.5"),
    (DOWN, "x[i, j] = a; t: float64 = x[i, j]; x[i, j - 1] += t"),
    (DOWN, "t: float64 = x[i, j]; y[j] = t; x[i, j - 1] += t"),
    (DOWN, "t: float64 = x[i, j]; x[i, j] += 1.0; x[i, j - 1] += t"),
    ("range(n - 2, 0, -2)", "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += t"),
    ("range(n - 2, -1, -1)", "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 1] += t"),
    ("range(n - 2, 1, -1)", "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j - 2] += t"),
    (UP, "t: float64 = x[i, j]; x[i, j] = 0.0; x[i, j + 1] += t; x[j, i] += t"),
]
SPREAD = [
    (DOWN, "t: float64 = a * x[i, j]; x[i, j] = 0.0; x[i, j + 1] += t; x[i, j] += t; x[i, j - 1] += t"),
    (UP, "t: float64 = a * x[i, j]; x[i, j + 1] += t; x[i, j] += t; x[i, j - 1] += t"),
    (UP, "t: float64 = a * x[i, j + 1]; x[i, j + 1] = t; x[i, j] += t; x[i, j - 1] += t"),
    (DOWN, "t: float64 = a * x[j, j]; x[i, j] += t; x[i, j + 1] += t"),
    (DOWN, "t: float64 = a * x[i, j - 1]; x[i, j] += y[j] * t; x[i, j + 1] += t; y[j] = t"),
]
TOGETHER = [
    (UP, "t: float64 = a * x[i, j]; x[i, j] += t; x[i, j - 1] += t; y[j] = x[i, j]"),
    (UP, "t: float64 = a * x[i, j - 1]; x[i, j] += t; x[i, j - 1] += t"),
    (DOWN, "t: float64 = a * x[i, j + 1]; x[i, j] += t; x[i, j + 1] += t; x[i, j] = 2.0"),
    (UP, "t: float64 = a * x[j, i]; x[i, j] += t; x[i, j - 1] += t"),
    (UP, "t: float64 = a * x[i, j]; x[i, j] += t; x[i, j - 1] += t; x[i, 1] = t"),
]


def program(loop: str, body: str) -> Func:
    return parse(PROGRAM.format(loop=loop, body=body.replace("; ", "\n            ")))


def passed(change: Callable[[Func, Context], Func], loop: str, body: str) -> tuple[Func, Func]:
    func, context = expand(program(loop, body))
    return func, change(func, context)


def are_equal(func: Func, after: Func) -> None:
    for n in range(7):
        x, y = np.cos(np.arange(49.0)).reshape(7, 7), np.sin(np.arange(7.0))
        same(run(after, x, y, 0.7, n), run(func, x, y, 0.7, n), 1e-12)


@pytest.mark.parametrize(("loop", "body"), RELAYED)
def test_sums_that_the_next_turn_takes(loop: str, body: str) -> None:
    func, after = passed(relay, loop, body)
    assert text(after) != text(func)
    are_equal(func, after)


@pytest.mark.parametrize(("loop", "body"), LEFT)
def test_others_stay(loop: str, body: str) -> None:
    func, after = passed(relay, loop, body)
    assert text(after) == text(func)


@pytest.mark.parametrize(("loop", "body"), SPREAD)
def test_sums_behind_the_loop_wait(loop: str, body: str) -> None:
    func, after = passed(spread, loop, body)
    assert "t_kept" in text(after) or "np.empty" in text(after)
    are_equal(func, after)


@pytest.mark.parametrize(("loop", "body"), TOGETHER)
def test_sums_that_the_loop_comes_by_stay(loop: str, body: str) -> None:
    func, after = passed(spread, loop, body)
    assert text(after) == text(func)


def smoothed(x: np.ndarray) -> float:
    x = x.copy()
    for i in range(1, x.shape[0] - 1):
        for j in range(1, x.shape[1] - 1):
            x[i, j] = (x[i - 1, j] + x[i, j - 1] + x[i, j] + x[i, j + 1]) / 4.0
    return np.sum(x * x)


def test_gradient() -> None:
    x = np.cos(np.arange(42.0)).reshape(6, 7)
    gradient = value_and_grad(smoothed)
    value, x_bar = gradient(x)
    expected, expected_bar = gradient.python(x)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(x_bar, expected_bar, rtol=1e-12, atol=1e-14)
    assert "[i, j - 1] +=" not in gradient.inspect("compiled", x)
