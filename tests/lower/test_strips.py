"""Strips of iterations side by side compute what the iterations compute one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import lanes as module
from adjoint.lower import strips
from adjoint.lower.context import Context
from tests.ir_text import parse
from tests.lower.programs import run


def cut(func: Func) -> Func:
    context = Context.of(func)
    context.natural |= {"i": True, "j": True}
    return strips.strips(func, context)


RECURRENCE = """
def f(x: float64[:], y: float64[:], n: int64):
    total: float64 = 0.0
    for i in range(2, n):
        p: float64 = 1.0
        q: float64 = 0.5
        kept: float64[:] = empty(dim(x, 0))
        for j in range(dim(x, 0)):
            kept[j] = p
            p = p * y[i] + x[j]
            for k in range(2, j):
                q = q * p + kept[k]
            q = q * 0.25
        for j in range(dim(x, 0)):
            x_j: float64 = kept[j]
            total = total + x_j * q
        y[i] = q
    return total
"""


@pytest.mark.parametrize("lanes", [1, 3, 64])
@pytest.mark.parametrize("size", [0, 3, 4, 9])
@pytest.mark.parametrize("n", [0, 3, 8, 66, 67, 130])
def test_values(n: int, size: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANES", lanes)
    monkeypatch.setattr(module, "FEWEST", 1)
    func = parse(RECURRENCE)
    after = cut(func)
    assert f"np.empty((x.shape[0], {lanes}))" in text(after)
    results: list[tuple[object, np.ndarray]] = []
    for each in (func, after):
        y = 0.1 * np.arange(130.0)
        results.append((run(each, np.linspace(-0.1, 0.3, size), y, n), y))
    (value, written), (other, also) = results
    np.testing.assert_allclose(other, value, rtol=1e-12)
    np.testing.assert_allclose(also, written, rtol=1e-12)


# What one iteration leaves for another one, or for what comes after the loop.
ALONE = {
    "carried": ("p: float64 = 1.0", "for i in range(n):", "p = p * x[i]", "x[i] = p", ""),
    "neighbour": ("", "for i in range(n):", "p: float64 = 1.0", "x[i + 1] = p", ""),
    "read after": ("p: float64 = 0.0", "for i in range(n):", "p = 1.0", "x[i] = p", "x[0] = p"),
    "index after": ("", "for i in range(n):", "p: float64 = 1.0", "x[i] = p * j", ""),
    "outer index after": ("", "for i in range(n):", "p: float64 = 1.0", "x[i] = p", "x[0] = i"),
    "scattered": ("", "for i in range(n):", "p: float64 = 1.0", "x[s[i]] = p", ""),
}


@pytest.mark.parametrize("name", ALONE)
def test_dependent_iterations_stay(name: str) -> None:
    before, loop, first, last, after = ALONE[name]
    inner = "        for j in range(n):\n            p = p * x[i] + y[j]"
    lines = [f"    {before}", f"    {loop}", f"        {first}", inner, f"        {last}", f"    {after}"]
    source = "def f(x: float64[:], y: float64[:], s: int64[:], n: int64):\n" + "\n".join(lines)
    func = parse(source + "\n    return x[0]")
    assert text(cut(func)) == text(func)


def test_independent_iterations_do_not() -> None:
    source = """
    def f(x: float64[:], y: float64[:], s: int64[:], n: int64):
        for i in range(n):
            p: float64 = 1.0
            for j in range(n):
                p = p * x[i] + y[j]
            x[i] = p
        return x[0]
    """
    assert "lane" in text(cut(parse(source)))


def polynomial(x: np.ndarray, n: int) -> float:
    total = 0.0
    for i in range(n):
        t = i / n - 0.5
        fit = 0.0
        power = 1.0
        for j in range(x.shape[0]):
            fit += np.sin(x[j] * t) * power
            power *= t
        total += (np.cos(t) - fit) ** 2
    return total


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 200])
def test_gradient(n: int) -> None:
    x = np.linspace(-1.0, 1.0, 7)
    gradient = value_and_grad(polynomial)
    value, x_bar = gradient(x, n)
    expected, expected_bar = gradient.python(x, n)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(x_bar, expected_bar, rtol=1e-11)
    assert "lanes" in gradient.inspect("compiled", x, n)


def test_a_name_bound_again_to_the_same_number_does_not_part_two_runs() -> None:
    compiled = value_and_grad(polynomial).inspect("compiled", np.ones(3), 4)
    assert compiled.count("for j in") == 6  # four in strips, two for few iterations: the forward loop isn't run again
