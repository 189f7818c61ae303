"""Loops that are run again: which need not be, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.again import again
from adjoint.lower.context import Context
from tests.ir_text import parse
from tests.lower.programs import run

REPEATED = """
def f(x: float64[:], y: float64[:], n: int64, m: int64):
    total: float64 = 0.0
    terms: float64[::1] = empty(m)
    for k in range(m):
        row: float64[::1] = empty({row})
        for d in range(3):
            row[d] = x[k] * y[d]
        s: float64 = 0.0
        for d in range(3):
            s = s + row[d] * row[d]
        terms[k] = s
    for j in range(m):
        total = total + terms[j]
    {between}
    other: float64[::1] = empty(m)
    tape: float64[:, ::1] = empty((m, 3))
    for k in range(m):
        for d in range(3):
            tape[k, d] = {value}
        s = 0.0
        for d in range(3):
            s = s + tape[k, d] * tape[k, d]
        other[k] = s
    {after}
    for k in range(m):
        for d in range(3):
            x[k] = x[k] + tape[k, d] * other[k]
    return total, {wanted}, x
"""
PLAIN = {"row": "3", "between": "total = total + 0.5", "value": "x[k] * y[d]", "after": "total = total * 2.0", "wanted": "n"}
ONE = {
    "plain": {},
    "read between": {"between": "total = total + terms[0]"},
    "wanted later": {"wanted": "terms"},
}
TWO = {
    "other sizes": {"row": "4"},
    "other values": {"value": "x[k] + y[d]"},
    "changed between": {"between": "terms[0] = 7.0"},
    "operand changed": {"between": "x[0] = 7.0"},
}


@pytest.mark.parametrize("name", [*ONE, *TWO])
@pytest.mark.parametrize("m", [1, 4])
def test_values_stay(name: str, m: int) -> None:
    func = parse(REPEATED.format(**(PLAIN | (ONE | TWO)[name])))
    args = np.linspace(0.5, 1.5, 4), np.array([0.3, -1.0, 2.0]), 2, m
    results = [run(each, *args) for each in (func, again(func, Context.of(func)))]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_which_loops_are_left_out(name: str) -> None:
    func = parse(REPEATED.format(**(PLAIN | (ONE | TWO)[name])))
    done = text(again(func, Context.of(func)))
    assert (" row = " in done) == (name in TWO)
    assert done.count("for d in") == (3 if name in ONE else 5)


def mixture(mu: np.ndarray, x: np.ndarray) -> float:
    terms = np.empty(mu.shape[0])
    y = np.empty(x.shape[1])
    total = 0.0
    for i in range(x.shape[0]):
        for k in range(mu.shape[0]):
            for d in range(x.shape[1]):
                y[d] = x[i, d] - mu[k, d]
            for d in range(1, x.shape[1]):
                y[d] += 0.5 * y[d - 1]
            square = 0.0
            for d in range(x.shape[1]):
                square += y[d] * y[d]
            terms[k] = -0.5 * square
        top = terms.max()
        total += top + np.log(np.sum(np.exp(terms - top)))
    return total


def test_a_mixture_has_one_sweep_over_its_points() -> None:
    rng = np.random.default_rng(5)
    mu, x = rng.standard_normal((4, 3)), rng.standard_normal((11, 3))
    gradient = value_and_grad(mixture)
    assert gradient(mu, x)[0] == pytest.approx(mixture(mu, x), rel=1e-13)
    step = 1e-6 * rng.standard_normal(mu.shape)
    along = (mixture(mu + step, x) - mixture(mu - step, x)) / 2.0
    assert np.sum(gradient(mu, x)[1] * step) == pytest.approx(along, rel=1e-8)
    compiled = gradient.inspect("compiled", mu, x)
    assert compiled[compiled.index("    else:") :].count("= np.exp(") == 1


UNTIL = """
def f(x: float64[:], a: float64, n: int64):
    total: float64 = 0.0
    trips: int64 = 3
    {before}
    s: float64 = {start}
    while s < 2.0:
        s = s * a + {used}
    {between}
    tape: List(float64) = list()
    {counted}
    s = {again}
    while s < 2.0:
        trips = trips + 1
        append(tape, s)
        s = s * a + {used}
    for k in range({popped}):
        total = total * 0.5 + pop(tape)
    return total, s, trips, x
"""
PLAIN_UNTIL = {
    "start": "0.25",
    "before": "total = 0.0",
    "used": "x[0]",
    "between": "total = total + s",
    "counted": "trips = 0",
    "again": "0.25",
    "popped": "trips",
}
ONE_UNTIL = {
    "plain": {},
    "counted on": {"counted": "total = total + 1.0", "popped": "trips - 3"},
    "made of a name": {"before": "b: float64 = a - 1.0", "start": "0.1 + a", "again": "0.1 + a"},
    "a name": {"start": "a", "again": "a"},
    "an element": {"start": "x[1] - 0.5", "again": "x[1] - 0.5"},
    "an element by name": {
        "before": "b: float64 = x[1]",
        "start": "b",
        "counted": "b = x[1]",
        "again": "b",
        "popped": "trips - 3",
    },
}
TWO_UNTIL = {
    "starts elsewhere": {"again": "0.5"},
    "operand changed": {"between": "x[0] = 0.5"},
    "name changed": {"between": "a = a + 0.1"},
    "start changed": {"start": "0.1 + a", "again": "0.1 + a", "between": "a = a * 1.0"},
    "element changed": {"start": "x[1]", "again": "x[1]", "between": "x[1] = 0.25"},
    "element by name changed": {
        "before": "b: float64 = x[1]",
        "start": "b",
        "between": "x[1] = 0.75",
        "counted": "b = x[1]",
        "again": "b",
        "popped": "trips - 3",
    },
    "count used": {"between": "total = total + 1.0 * trips", "counted": "trips = 0"},
}


@pytest.mark.parametrize("name", [*ONE_UNTIL, *TWO_UNTIL])
@pytest.mark.parametrize("a", [1.25, 9.0])
def test_loops_without_a_range(name: str, a: float) -> None:
    """A `while` loop that is run again to record what it goes through is run once, unless that could differ."""
    func = parse(UNTIL.format(**(PLAIN_UNTIL | (ONE_UNTIL | TWO_UNTIL)[name])))
    done = again(func, Context.of(func))
    assert text(done).count("while") == (1 if name in ONE_UNTIL else 2)
    results = [run(each, np.array([0.125, 1.0]), a, 2) for each in (func, done)]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
