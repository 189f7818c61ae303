"""Arrays of points kept by columns: equal numbers, results as they have to be, and the arrays that stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.columns import columns
from adjoint.lower.context import Context
from tests.ir_text import parse
from tests.lower.programs import run

BEFORE = """
def f(x: float64[:, ::1], y: float64[::1], n: int64):
    z: float64[:, ::1] = zeros((n, {width}))
    s: float64 = 0.5
    for i in range(n):
        for j in range({start}, n):
            {body}
    return {result}
"""
CHANGED = {
    "elements of a parameter": "y[j] += x[j, 0] * x[i, 1] + x[j, 2]",
    "sums into an array made here": "z[j, 0] += x[i, 0] * x[j, 2]\n            z[i, 1] += x[j, 0]",
    "a short loop over columns": "for k in range(3):\n                d: float64 = x[i, k] - x[j, k]\n"
    "                z[j, k] += d\n                s += d * d",
    "one that counts down": "for k in range(2, -1, -1):\n                z[j, k] += x[j, k] * s",
}


def both(body: str, result: str = "s", width: str = "3", start: str = "0") -> tuple[str, str]:
    before = parse(BEFORE.format(body=body, result=result, width=width, start=start))
    after = columns(before, Context.of(before))
    for n in range(4):
        results: list[tuple[object, list[float]]] = []
        for func in (before, after):
            x, y = np.linspace(-1.0, 1.5, 3 * n).reshape(n, 3), np.linspace(2.0, 1.0, n)
            results.append((np.asarray(run(func, x, y, n)).tolist(), [*x.ravel().tolist(), *y.tolist()]))
        assert results[0] == results[1]
    return text(before), text(after)


@pytest.mark.parametrize("result", ["s", "z"])
@pytest.mark.parametrize("start", ["0", "i + 1"])
@pytest.mark.parametrize("body", CHANGED.values(), ids=CHANGED)
def test_numbers(body: str, start: str, result: str) -> None:
    before, after = both(body, result, start=start)
    assert "x_columns" in after
    assert ("z_columns" in after) == (result == "z" and "z[j" in before)


def test_columns_that_are_never_used_are_zero() -> None:
    _, after = both("z[j, 1] += x[j, 0]", "z", width="n + 2")
    assert "z_columns = np.zeros((2, n))" in after and "z = np.zeros((n, n + 2))" in after


STAYING = {
    "any column": "y[j] += x[j, i]",
    "along the columns": "y[j] += x[0, j]",
    "a branch": "if y[j] > 1.0:\n                y[j] -= x[j, 0]".replace("y[j] -= ", "y[j] = "),
    "written": "x[j, 0] = 0.5 * x[j, 1]",
    "as a whole": "y[j] += x[j, 0] + sum(x)",
    "a row": "r: float64[::1] = x[j]\n            y[j] += x[j, 0] + r[1]",
}


@pytest.mark.parametrize("body", STAYING.values(), ids=STAYING)
def test_parameters_that_stay(body: str) -> None:
    assert "x_columns" not in text(columns(*_made(BEFORE.format(body=body, result="s", width="3", start="0"))))


def test_one_loop_is_no_reason_to_copy() -> None:
    func = """
    def f(x: float64[:, ::1], y: float64[::1], n: int64):
        for j in range(n):
            y[j] += x[j, 0] * x[j, 1]
    """
    before, context = _made(func)
    assert columns(before, context) is before


def _made(source: str):  # type: ignore[no-untyped-def]
    func = parse(source)
    return func, Context.of(func)


def springs(x: np.ndarray, m: np.ndarray) -> float:
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            square = 0.25
            for d in range(3):
                gap = x[i, d] - x[j, d]
                square += gap * gap
            if i < j:
                energy += m[i] * m[j] / np.sqrt(square)
    return energy


@pytest.mark.parametrize("width", [3, 4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient(width: int, dtype: type) -> None:
    """The result has the shape of the argument, with zeros in columns that aren't used."""
    random = np.random.default_rng(3)
    x, m = random.normal(size=(5, width)).astype(dtype), random.random(5).astype(dtype)
    gradient = value_and_grad(springs, argnums=(0, 1))
    value, (x_bar, m_bar) = gradient(x, m)
    assert "x_columns" in gradient.inspect("compiled", x, m) and "x_bar_columns" in gradient.inspect("compiled", x, m)
    assert x_bar.shape == x.shape and x_bar.dtype == dtype and not x_bar[:, 3:].any()
    precise = (x.astype(np.float64), m.astype(np.float64))
    assert value == pytest.approx(springs(*precise), rel=1e-13 if dtype == np.float64 else 1e-5)
    for which, bar in enumerate((x_bar, m_bar)):
        direction = random.normal(size=bar.shape)
        sides: list[float] = []
        for step in (1e-6, -1e-6):
            moved = list(precise)
            moved[which] = moved[which] + step * direction
            sides.append(springs(*moved))
        expected = (sides[0] - sides[1]) / 2e-6
        assert float(np.sum(bar * direction)) == pytest.approx(expected, rel=1e-7 if dtype == np.float64 else 1e-4)
