"""Sums of what is zero unless a condition holds stand in its branch: text, numbers, and what has to stay outside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.transform.sink import sink
from tests.ir_text import parse
from tests.lower.programs import run

BEFORE = """
def f(e: float64, x: float64[:], y: float64[:], n: int64):
    s: float64 = 0.0
    for i in range(n):
        if {cond}:
            b_bar: float64 = e * x[i]
        else:
            b_bar = 0.0
        {rest}
    return s
"""
MOVED = {
    "a sum": "y[i] += b_bar",
    "a number": "s += 2.0 * b_bar",
    "what it is computed from": "d: float64 = b_bar * x[i]\n        y[i] += d * 3.0",
    "two steps": "d: float64 = b_bar * 2.0\n        c: float64 = d * d\n        y[i] += c * b_bar",
    "past what has nothing to do with it": "t: float64 = x[i] * x[i]\n        y[i] += b_bar\n        s += t",
    "a number that is bound anew": "s = s - 2.0 * b_bar",
    "a quotient": "s += b_bar / e",
    "past a sum into the same array": "y[i] += x[i]\n        y[i] += b_bar",
}
STAYING = {
    "a sum of another value": "y[i] += b_bar + e",
    "a store": "y[i] = b_bar",
    "what is read in between": "t: float64 = y[i]\n        y[0] += b_bar\n        s += t",
    "what is written in between": "y[0] = 1.0\n        y[i] += b_bar",
    "what was changed by then": "y[i] += e\n        s += y[i] * b_bar",
    "what is made in two steps of what was changed": "y[0] = e\n        d: float64 = y[0]\n"
    "        c: float64 = d * d\n        s += c * b_bar",
    "a loop of sums into what is filled in between": "t_bar: float64[:] = empty(n)\n"
    "        for j in range(n):\n            t_bar[j] = e\n"
    "        for j in range(n):\n            t_bar[j] += b_bar\n        s += t_bar[i]",
    "a sum into what others read": "y[0] += b_bar\n        x[i] = y[0]\n        y[0] += b_bar * x[0]",
}


def both(cond: str, rest: str) -> tuple[str, str]:
    before = parse(BEFORE.format(cond=cond, rest=rest))
    after = sink(before)
    for n in range(4):
        results: list[tuple[float, list[float]]] = []
        for func in (before, after):
            x, y = np.linspace(-1.0, 1.5, n), np.linspace(2.0, 1.0, n)
            results.append((run(func, 1.5, x, y, n), [*x.tolist(), *y.tolist()]))
        assert results[0] == results[1]
    return text(before), text(after)


@pytest.mark.parametrize("cond", ["x[i] > 0.0", "i > 1 and x[i] < 1.0", "not e < x[i]"])
@pytest.mark.parametrize("rest", MOVED.values(), ids=MOVED)
def test_moved(cond: str, rest: str) -> None:
    _, after = both(cond, rest)
    assert "else" not in after


@pytest.mark.parametrize("rest", STAYING.values(), ids=STAYING)
def test_staying(rest: str) -> None:
    before, after = both("x[i] > 0.0", rest)
    assert "else" in before and "else" in after


def test_a_condition_that_has_changed() -> None:
    before, after = both("x[i] > 0.0", "x[i] = 1.0\n        y[i] += b_bar")
    assert "else" in before and "else" in after


def test_zeros_of_the_user_count() -> None:
    """What isn't a cotangent is multiplied, as it is in the user's program: infinity times zero is no number."""
    before = parse(BEFORE.format(cond="x[i] > 0.0", rest="y[i] += w * x[i]").replace("b_bar", "w"))
    assert sink(before) is before
    both_kinds = "w: float64 = 0.0\n        y[i] += w * x[i]\n        y[i] += b_bar"
    after = text(sink(parse(BEFORE.format(cond="x[i] > 0.0", rest=both_kinds))))
    assert "y[i] += w * x[i]" in after and "else" not in after


def roots(x: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        root = np.sqrt(x[i])
        if x[i] > 0.0:
            total += root
    return total


def early(x: float) -> float:
    root = math.sqrt(x)
    if x > 0.0:
        return 2.0 * root
    return x


def inverse_distances(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            distance = np.sqrt((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2)
            if i != j:
                total += 1.0 / distance
    return total


@pytest.mark.parametrize("target", ["source", "compiled"])
def test_what_is_infinite_on_the_other_side_only(target: str) -> None:
    """The derivative of a root at zero isn't asked for where the branch leaves the root alone."""

    def gradient(fun: Any, argnums: tuple[int, ...], *args: Any) -> Any:
        made = value_and_grad(fun, argnums=argnums)
        return made.python(*args)[1] if target == "source" else made(*args)[1]

    (x_bar,) = gradient(roots, (0,), np.array([0.0, 1.0, 4.0]))
    assert x_bar.tolist() == [0.0, 0.5, 0.25]
    assert gradient(early, (0,), 0.0) == (1.0,)
    assert gradient(early, (0,), 4.0) == (0.5,)
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0])
    x_bar, y_bar = gradient(inverse_distances, (0, 1), x, y)
    for array, bar in ((x, x_bar), (y, y_bar)):
        for k in range(3):
            kept, sides = array[k], list[float]()
            for step in (1e-6, -1e-6):
                array[k] = kept + step
                sides.append(inverse_distances(x, y))
            array[k] = kept
            assert bar[k] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6, abs=1e-8)


def pair_energy(x: np.ndarray, reach: float) -> float:
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            gap = x[i] - x[j]
            distance = gap * gap
            if j > i:
                if distance < reach:
                    energy += 1.0 / distance - 1.0 / reach
    return energy


def test_a_pair_that_does_not_count() -> None:
    """The distance of a body from itself is in no term; the derivative of one over zero is nowhere in the gradient."""
    x = np.array([0.0, 1.0, 1.75, 4.0])
    gradient = value_and_grad(pair_energy)
    value, x_bar = gradient(x, 4.0)
    assert value == pytest.approx(pair_energy(x, 4.0), rel=1e-14)
    for k in range(4):
        sides = [pair_energy(x + step * np.eye(4)[k], 4.0) for step in (1e-6, -1e-6)]
        assert x_bar[k] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6)
    lines = gradient.source.splitlines()
    depth = {line.strip(): len(line) - len(line.lstrip()) for line in lines}
    assert depth["x_bar[i] += gap_bar"] > depth["if j > i:"]
    assert math.isfinite(float(np.sum(x_bar)))
