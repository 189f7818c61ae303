"""Tapes of numbers that are made again: equal numbers, and which tapes stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func, Var
from adjoint.lower.recur import recur
from tests.ir_text import parse
from tests.lower.programs import run, same

PROGRAM = """
def f(x: float64[:], y: float64[:], v: float64, n: int64):
    s: float64 = 0.0
    t: float64 = v
    m: int64 = n
    tape: float64[:] = empty(n)
    p: float64 = {start}
    for j in range(m):
        {store}
        s += p * x[j]
        {change}
    {between}
    for k in range({range}):
        {read}
        y[k] = s * q
        {after}
    return s, y, p, t, m
"""
USUAL = {
    "start": "1.0",
    "store": "tape[j] = p",
    "change": "p = p * t",
    "between": "s = s + 1.0",
    "range": "m",
    "read": "q: float64 = tape[k]",
    "after": "s += q",
}
GONE: list[dict[str, str]] = [
    {},
    {"start": "t"},
    {"change": "p += t"},
    {"change": "p = p * t + 0.5 * j"},
    {"change": "p = -p"},
    {"after": "q = q * 2.0\n        s += q"},
    {"store": "s += 0.5\n        tape[j] = p"},
    {"between": "p = 7.0"},
]
STAYS: list[dict[str, str]] = [
    {"start": "x[0]"},
    {"start": "t\n    t = t + 1.0"},
    {"store": "p = p + 1.0\n        tape[j] = p"},
    {"store": "p = p * t\n        tape[j] = p", "change": "s += 0.0"},
    {"store": "tape[j] = p + 1.0"},
    {"store": "tape[n - 1 - j] = p"},
    {"change": "p = p * s"},
    {"change": "p = p * x[j]"},
    {"change": "p = sin(p)"},
    {"change": "p = p * t * p * t + p * t"},
    {"change": "p = p * t\n        p = p + 1.0"},
    {"change": "if s > 0.0:\n            p = p * t"},
    {"between": "t = t + 1.0"},
    {"between": "m = m - 1"},
    {"range": "m - 1"},
    {"range": "m - 1, -1, -1"},
    {"after": "t = t * 0.5"},
    {"after": "s += tape[0]"},
    {"read": "q: float64 = tape[m - 1 - k]"},
    {"read": "q: float64 = 1.0\n        if s > 0.0:\n            q = tape[k]"},
]


def changed(case: dict[str, str]) -> tuple[Func, Func]:
    func = parse(PROGRAM.format(**(USUAL | case)))
    return func, replace(func, body=recur(func.body, func, lambda name: Var(f"{name}_again")))


@pytest.mark.parametrize("case", GONE)
def test_tapes_that_go(case: dict[str, str]) -> None:
    func, after = changed(case)
    assert "tape" not in text(after)
    for n in range(5):
        args = np.cos(np.arange(6.0)), np.zeros(6), 0.7, n
        same(run(after, *args), run(func, *args), 0.0)


@pytest.mark.parametrize("case", STAYS)
def test_tapes_that_stay(case: dict[str, str]) -> None:
    func, after = changed(case)
    assert text(after) == text(func)


def test_an_argument_is_no_tape() -> None:
    source = PROGRAM.format(**USUAL).replace("empty(n)", "x")
    func = parse(source)
    assert recur(func.body, func, lambda name: Var(f"{name}_again")) == func.body


def powers(x: np.ndarray, n: int) -> float:
    total = 0.0
    for i in range(n):
        fit, power, factor = 0.0, 1.0, 0.1 * i
        for j in range(x.shape[0]):
            fit += x[j] * power
            power *= factor
        total += fit * fit
    return total


def test_gradient() -> None:
    x = np.cos(np.arange(7.0))
    gradient = value_and_grad(powers)
    for n in (3, 9, 70):
        value, x_bar = gradient(x, n)
        expected, expected_bar = gradient.python(x, n)
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        np.testing.assert_allclose(x_bar, expected_bar, rtol=1e-12)
    assert gradient.inspect("compiled", x, 3).partition("else:")[0].count("power_tape") == 0
