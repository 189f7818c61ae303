"""Loops cut where a comparison changes its answer, elements read before loops, unsigned subscripts: equal numbers."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.invariants import invariants
from adjoint.lower.split import split
from adjoint.lower.unsigned import unsigned
from tests.ir_text import parse
from tests.lower.programs import run

invariant_elements = importlib.import_module("adjoint.lower.invariants")  # the pass has the name of its module
COMPARISONS = ["i < j", "i <= j", "i > j", "i >= j", "i == j", "i != j", "j < i", "j != i - 1", "j >= i + 2", "0 == j"]


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_answer(comparison: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariant_elements, "FEWEST", 0)
    source = f"""
    def f(x: float64[:], i: int64, m: int64, n: int64):
        s: float64 = 0.5
        for j in range(m, n):
            s = s * 1.5
            if {comparison}:
                s += x[j]
                x[j] += s
            else:
                x[j] = x[i] * 2.0
            s += 1.0
        return s + j
    """
    func = parse(source, types={"j": "int64"})
    context = Context.of(func)
    after = unsigned(invariants(split(func, context), context), context)
    assert "if" not in text(split(func, context))
    for i, m, n in np.ndindex(6, 6, 8):
        if m >= n:
            continue
        results: list[tuple[object, list[float]]] = []
        for each in (func, after):
            x = np.arange(8.0)
            results.append((run(each, x, i - 1, m, n), x.tolist()))
        assert results[0] == results[1]


@pytest.mark.parametrize(
    "cond", ["x[0] < j", "s < j", "k < j", "i < 2 * j"], ids=["element", "real number", "changes in the loop", "index"]
)
def test_other_conditions_stay(cond: str) -> None:
    source = f"""
    def f(x: float64[:], i: int64, s: float64, n: int64):
        k: int64 = 0
        for j in range(n):
            k = k + 2
            if {cond}:
                x[j] = 1.0
    """
    func = parse(source, types={"j": "int64"})
    assert split(func, Context.of(func)) == func


def test_elements_that_the_loop_may_write_are_read_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariant_elements, "FEWEST", 0)
    source = """
    def f(x: float64[:], y: float64[:], i: int64, n: int64):
        for j in range(n):
            y[j] = y[i] + x[i] + x[j]
    """
    func = parse(source)
    assert text(invariants(func, Context.of(func))).count("y[i]") == 1
    assert "y[j] = y[i] + _1" in text(invariants(func, Context.of(func)))


def pairs(x: np.ndarray, w: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            if i != j:
                distance = np.sqrt((x[i] - x[j]) ** 2 + 0.1)
                total += w[j] / distance
                if i < j:
                    total -= w[i] * distance
    return total * total


@pytest.mark.parametrize("n", [1, 2, 9])
def test_gradient(n: int) -> None:
    x, w = np.cos(np.arange(float(n))), np.sin(np.arange(1.0, n + 1))
    gradient = value_and_grad(pairs, argnums=(0, 1))
    value, bars = gradient(x, w)
    expected, expected_bars = gradient.python(x, w)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for bar, expected_bar in zip(bars, expected_bars, strict=True):
        np.testing.assert_allclose(bar, expected_bar, rtol=1e-11, atol=1e-14)
    assert "if i != j" not in gradient.inspect("compiled", x, w)
