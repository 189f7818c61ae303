"""Which backward loops are left early, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import check_grads, value_and_grad
from adjoint.codegen.emit import text
from adjoint.transform.stop import stop
from tests.ir_text import parse
from tests.lower.programs import run, same

LOOP = """
def f(x: float64[:], least: float64[:], x_bar: float64[:], b: float64, u: float64):
    s: float64 = 0.0
    for i in range(dim(x, 0) - 1, -1, -1):
        y: float64 = least[i]
        t: float64 = x[i]
        {first}
        b = {value}
        {then}
    return x_bar, s + {after}
"""
PLAIN = {
    "first": "x_bar[i] += select(t < y, b, 0.0)",
    "value": "select(y < t, b, 0.0)",
    "then": "s += b",
    "after": "0.0",
}
STOPS = {
    "plain": {},
    "read after": {"after": "b"},
    "multiple": {"value": "select(y < t, -2.0 * b / (y + 5.0), 0.0)"},
    "two conditions": {"value": "select(y < t, b, select(y == t, 0.5 * b, 0.0))"},
    "old value": {"first": "w: float64 = b", "then": "x_bar[i] += select(t < y, w, 0.0) * t"},
    "loop": {"then": "for j in range(3):\n            x_bar[j] += b * x[j]"},
    "branch": {"then": "if t < 1.0:\n            x_bar[i] += b"},
}
STAYS = {
    "store": {"then": "x_bar[i] = b"},
    "adds more": {"then": "x_bar[i] += b + 1.0"},
    "name read after": {"after": "t"},
    "of the iteration before": {"first": "x_bar[i] += u", "then": "u = b"},
    "not a multiple": {"value": "select(y < t, b + 1.0, 0.0)"},
    "memory in the test": {"value": "select(least[i] < t, b, 0.0)"},
    "bound after": {"value": "select(y < t, b, 0.0)", "then": "y = y + 3.0\n        s += b * y"},
    "sum": {"then": "b += 1.0\n        s += b"},
    "added to once more": {"first": "w: float64 = b", "then": "b = b + w * y\n        s += b"},
    "bound once more": {"then": "b = b + t\n        s += b"},
    "never zero": {"value": "select(y < t, b, 1.0)"},
}


@pytest.mark.parametrize("name", [*STOPS, *STAYS])
def test_loops(name: str) -> None:
    func = parse(LOOP.format(**(PLAIN | (STOPS | STAYS)[name])))
    done = stop(func)
    assert ("break" in text(done)) == (name in STOPS)
    rng = np.random.default_rng(7)
    for _ in range(20):
        x, least, x_bar = rng.integers(1, 4, (3, 5)) * 1.0
        args = x, least - rng.integers(0, 2), x_bar, 2.0, 3.0
        same(run(done, *args), run(func, *args))


def nearest(x, y):
    total = 0.0
    for i in range(len(x)):
        least = np.inf
        for j in range(len(y)):
            distance = (x[i] - y[j]) ** 2
            least = min(least, distance)
        total += least * x[i]
    return total


def test_gradients_of_least_distances() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal(7), rng.standard_normal(5)
    gradient = value_and_grad(nearest, (0, 1))
    assert "break" in gradient.generated_for(x, y).compiled_text
    check_grads(nearest, (x, y), order=2)
    ties = np.array([1.0, 1.0, 3.0, 1.0])
    for one, other in zip(gradient(np.zeros(2), ties)[1], gradient.python(np.zeros(2), ties)[1], strict=True):
        np.testing.assert_allclose(one, other)
