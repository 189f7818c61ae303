"""Loops that hand an element on, parted in two: equal numbers to rounding, and which are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.context import Context
from adjoint.lower.expand import expand
from adjoint.lower.scan import scan
from tests.ir_text import parse
from tests.lower.programs import run


def parted(func: Func) -> tuple[Func, Func]:
    func, context = expand(func)
    assert isinstance(context, Context)
    context.natural |= {"i": True}
    return func, scan(func, context)


def program(loop: str, value: str, lets: str = "") -> Func:
    return parse(
        "def f(x: float64[:, :], y: float64[:], a: float64, n: int64):\n"
        "    for i in range(1, n - 1):\n"
        f"        for j in {loop}:\n"
        f"            {lets or 'b: float64 = y[j]'}\n"
        f"            x[i, j] = {value}\n"
        "    return x[1, 1]"
    )


UP, DOWN = "range(1, n - 1)", "range(n - 2, 0, -1)"
PARTED = [
    (UP, "(x[i - 1, j] + x[i, j - 1] + x[i, j] + x[i, j + 1]) / 9.0", ""),
    (UP, "x[i, j] + (0.5 * (x[i, j - 1] - y[j]) + x[i + 1, j - 1])", ""),
    (UP, "y[j] * x[i, j - 1] + x[i, j + 1] * x[i, j]", ""),
    (UP, "b + x[i, j + 1] + y[j]", "b: float64 = a * x[i, j] + x[i, j - 1] * 0.25"),
    (UP, "b * x[i, j] + x[i, j - 1] - y[0]", "b: float64 = a * x[i, j + 1]"),
    (DOWN, "0.25 * (x[i + 1, j] + x[i, j + 1] + x[i, j - 1] + x[i, j]) - y[j]", ""),
]
LEFT = [
    (UP, "(x[i, j - 1] + x[i, j] + x[i, j + 1] + y[j]) / a", ""),
    (UP, "x[i, j - 1] * x[i, j - 1] + x[i, j] + y[j]", ""),
    (UP, "x[i, j - 1] + x[i, j - 1] + x[i, j] + y[j]", ""),
    (UP, "x[i, j - 1] + x[i, j] + x[j, i] + y[j]", ""),
    (UP, "b * x[i, j - 1] + x[i, j] + y[j]", "b: float64 = a * y[j]"),
    (DOWN, "x[i, j + 1] + x[i, j + 1 + i] + x[i, j] + y[j]", ""),
    ("range(2, n - 1)", "x[i, j - 1] + x[i, j - 2] + x[i, j] + y[j]", ""),
    ("range(0, n - 1)", "x[i, j - 1] + x[i, j] + x[i + 1, j] + y[j]", ""),
    (DOWN, "x[i, j - 1] + x[i, j] + x[i + 1, j] + y[j]", ""),
    (UP, "(0.5 + x[i, j] + y[j] + x[i, j - 1]) / 0.0", ""),
]


@pytest.mark.parametrize(("loop", "value", "lets"), PARTED)
def test_values(loop: str, value: str, lets: str) -> None:
    func, after = parted(program(loop, value, lets))
    assert "_known" in text(after)
    for n in range(7):
        results: list[tuple[object, np.ndarray]] = []
        for each in (func, after):
            x = np.cos(np.arange(49.0)).reshape(7, 7)
            results.append((run(each, x, np.sin(np.arange(7.0)), 0.7, n), x))
        np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-13)
        np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("loop", "value", "lets"), LEFT)
def test_others_stay(loop: str, value: str, lets: str) -> None:
    func, after = parted(program(loop, value, lets))
    assert text(after) == text(func)


def smoothed(x: np.ndarray) -> float:
    x = x.copy()
    for _ in range(3):
        for i in range(1, x.shape[0] - 1):
            for j in range(1, x.shape[1] - 1):
                x[i, j] = (x[i - 1, j] + x[i, j - 1] + x[i, j] + x[i + 1, j + 1]) / 4.0
    return np.sum(x * x)


def test_gradient() -> None:
    x = np.cos(np.arange(42.0)).reshape(6, 7)
    gradient = value_and_grad(smoothed)
    value, x_bar = gradient(x)
    expected, expected_bar = gradient.python(x)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(x_bar, expected_bar, rtol=1e-12, atol=1e-14)
    assert "_known" in gradient.inspect("compiled", x)


def test_not_where_bits_count() -> None:
    assert "_known" not in value_and_grad(smoothed, fastmath=False).inspect("compiled", np.ones((6, 7)))
