"""Short branches done in all iterations: equal numbers, vectors, and the branches that have to stay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.expand import expand
from adjoint.lower.if_convert import if_convert
from benchmarks.points import upwind
from tests.ir_text import parse
from tests.lower.programs import run

CONDITIONS = ["t > 0.5", "x[j] * t < 0.2", "not x[j] > t", "t > 0.1 and x[j] < 2.0", "j < i", "i <= j"]
BRANCHES = {
    "adds to an element": "y[j] += t",
    "takes from a number": "s += -t * t",
    "stores": "y[j] = t / 2.0",
    "changes a number": "t = t * x[j]",
    "makes a number": "u: float64 = t * t\n                    y[j] += u * x[j]",
    "two": "y[j] += t\n                    y[j] = y[j] * t",
    "asks again": "if s < 1.0:\n                        y[j] += t",
    "other side": "y[j] += t\n                else:\n                    y[j] += -t",
    "other place": "y[j] += t\n                else:\n                    s += t",
    "other number": "t = 2.0 * t\n                else:\n                    t = 0.25",
    "both store": "y[j] = t\n                    t = 0.5\n                else:\n                    y[j] = -t",
    "its own condition": "x[j] = 0.5 - t\n                    y[j] += x[j]",
}


def source(cond: str, branch: str) -> str:
    return f"""
    def f(x: float64[:], y: float64[:], n: int64):
        s: float64 = 0.25
        for i in range(n):
            for j in range(n):
                t: float64 = x[j] * x[j] + x[i] - y[j] * 0.125
                if {cond}:
                    {branch}
                s += t
        return s
    """


@pytest.mark.parametrize("cond", CONDITIONS)
@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_numbers(cond: str, branch: str) -> None:
    func, context = expand(parse(source(cond, branch)))
    after = if_convert(func, context)
    assert "if " not in text(after).replace(" if ", "")
    for n in range(5):
        results: list[tuple[float, list[float]]] = []
        for each in (func, after):
            x, y = np.linspace(-1.0, 1.5, n), np.linspace(2.0, 1.0, n)
            results.append((run(each, x, y, n), [*x.tolist(), *y.tolist()]))
        assert results[0] == results[1]


STAYING = {
    "an element that may not be there": "if t > 0.5:\n                    s += x[j + 1]",
    "a place beyond the last": "if t > 0.5:\n                    s += z[j + 1]",
    "a place before the first": "if t > 0.5:\n                    s += z[j - 1]",
    "the last of some": "if t > 0.5:\n                    r = t",
    "a place out of an array": "if t > 0.5:\n                    k: int64 = i + 3\n                    y[k] += t",
    "more than the rest": "if t > 0.5:\n                    s += t / x[j] / (t - x[j]) / (t + x[j]) / (1.0 + x[j] / t) * 3.0",
    "a function": "if t > 0.5:\n                    s += exp(t)",
    "a place where the loop is cut": "if j == 3:\n                    s += t",
    "a number at which the loop is cut": "if j < 3:\n                    s += t",
    "what is made only there": "if t > 0.5:\n                    r = t\n                if t > 0.5:\n                    s += r",
    "a recurrence": "s = s * t\n                if t > 0.5:\n                    s += t",
    "places that jump": "k: int64 = i * j - j\n                y[k] += t\n                if t > 0.5:\n                    y[k] += t",
}


@pytest.mark.parametrize("body", STAYING.values(), ids=STAYING)
def test_branches_that_stay(body: str) -> None:
    written = f"""
    def f(x: float64[:], y: float64[:], n: int64):
        s: float64 = 0.25
        r: float64 = 0.5
        z: float64[:] = zeros(n)
        for i in range(n):
            for j in range(n):
                t: float64 = x[j] + y[i]
                {body}
        return s + r
    """
    func, context = expand(parse(written, types={"r": "float64"}))
    assert if_convert(func, context) is func


def test_upwind_differences() -> None:
    """What both sides do is done once, in any case, and each place gets one sum."""
    u, c = np.sin(np.arange(12.0)), 0.5 * np.cos(2.0 * np.arange(12.0))
    gradient = value_and_grad(upwind, argnums=(0, 1))
    compiled = gradient.inspect("compiled", u, c, 3)
    assert "else:" not in compiled
    assert compiled.count("_seed = u[i]\n") == 1 and compiled.count("c_bar[i] +=") == 1
    value, (u_bar, c_bar) = gradient(u, c, 3)
    assert value == pytest.approx(upwind(u, c, 3), rel=1e-14)
    for array, bar in ((u, u_bar), (c, c_bar)):
        for k in range(12):
            kept, sides = array[k], list[float]()
            for step in (1e-6, -1e-6):
                array[k] = kept + step
                sides.append(upwind(u, c, 3))
            array[k] = kept
            assert bar[k] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-7, abs=1e-8)


def guarded(x: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        t = 2.0 * x[i]
        if x[i] != 0.0:
            total += t / x[i]
    return total


def test_places_of_an_array_made_here() -> None:
    written = """
    def f(x: float64[:], n: int64):
        s: float64 = 0.25
        z: float64[:] = zeros(n)
        for j in range(1, n - 1):
            t: float64 = x[j] * x[j]
            if t > 0.5:
                z[j - 1] += t
                s += z[j + 1]
        return s
    """
    func, context = expand(parse(written))
    assert "z[j - 1] += t if t > 0.5 else 0.0" in text(if_convert(func, context))


def test_what_is_not_chosen_does_not_spread() -> None:
    """A division by zero in an iteration whose condition doesn't hold leaves no trace."""
    value, x_bar = value_and_grad(guarded)(np.array([0.0, 2.0, -1.0]))
    assert value == 4.0 and not np.isnan(x_bar).any() and math.isclose(float(np.abs(x_bar).sum()), 0.0, abs_tol=1e-15)
