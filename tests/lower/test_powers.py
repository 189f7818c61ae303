"""Powers: Horner's rule and multiples, in programs that allow them and in programs that don't."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func, Var
from adjoint.lower.powers import powers
from tests.ir_text import parse

HEAD = "def f(a: float64[::1], y: float64[::1], t: float64, c: float64, d: float64, n: int64):\n"


def program(start: str, loop: str, body: list[str], end: list[str]) -> Func:
    lines = [*start.split("; "), f"for j in range({loop}):", *(f"    {line}" for line in body), *end]
    return parse(HEAD + "".join(f"    {line}\n" for line in lines))


def values(func: Func) -> Any:
    namespace: dict[str, Any] = {"np": np}
    exec(text(func), namespace)
    a, y = np.sin(np.arange(7.0)), np.cos(np.arange(7.0))
    return namespace["f"](a, y, 0.7, 1.3, -0.4, 7), y


def changed(func: Func) -> str:
    done = replace(func, body=powers(func.body, func, (), lambda name: Var(f"{name}_again")))
    for before, after in zip(values(func), values(done), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-13)
    return text(done) if done.body != func.body else ""


P, S = "p: float64 = 1.0", "s: float64 = 0.0"
LOOPS = ("n", "n - 1, -1, -1", "1, n")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("start", "body"),
    [
        (f"{S}; {P}", ["s += a[j] * p", "p = p * t"]),
        (f"{S}; {P}", ["u: float64 = p * t", "s = s + a[j] * p", "p = u"]),
        (f"{S}; {P}", ["q: float64 = p", "p = t * p", "s = s - q * a[j] * y[j]"]),
        ("s: float64 = c; p: float64 = 2.0", ["s += p * a[j]", "p = p * t"]),
        (f"{P}; {S}", ["p = p * t", "s += a[j] * p"]),
        (f"{S}; {P}", ["s += p", "p = p * t"]),
    ],
)
def test_sums_of_multiples(loop: str, start: str, body: list[str]) -> None:
    found = changed(program(start, loop, body, ["return s"]))
    turned = {"n": "range(n - 1, -1, -1)", "n - 1, -1, -1": "range(n)", "1, n": "range(n - 1, 0, -1)"}
    assert turned[loop] in found


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("start", "body"),
    [
        (P, ["y[j] += c * p", "p = p * t"]),
        ("p: float64 = d", ["y[j] += p * c", "p = p * t"]),
        (P, ["q: float64 = p", "p = q * t", "u: float64 = c * q", "y[j] += u"]),
        (P, ["u: float64 = p * t", "y[j] += c * p", "y[0] += c * p", "p = u"]),
    ],
)
def test_multiples(loop: str, start: str, body: list[str]) -> None:
    found = changed(program(start, loop, body, ["return y[3]"]))
    assert "c * p" not in found
    assert "p * c" not in found
    assert found


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("body", "end"),
    [
        (["s += a[j] * p", "p = p * t"], "return s + p"),
        (["s += a[j] * p", "p = p * a[j]"], "return s"),
        (["s += a[j] * p * p", "p = p * t"], "return s"),
        (["s += a[j] * p * s", "p = p * t"], "return s"),
        (["s = a[j] * p", "p = p * t"], "return s"),
        (["s += a[j] * p", "p = p + t"], "return s"),
        (["u: float64 = a[j] * p", "s += u", "p = p * t"], "return s + u"),
        (["s += a[j] * p", "t = t * 0.5", "p = p * t"], "return s"),
        (["y[j] += c * p", "s += p * p", "p = p * t"], "return s"),
        (["y[j] += c * p", "y[0] += d * p", "p = p * t"], "return s"),
        (["y[j] += c * p", "p = p * t", "y[0] += p"], "return s"),
        (["u: float64 = p * t", "y[j] += c * p", "s += u", "p = u"], "return s"),
        (["y[j] += a[j] * p", "p = p * t"], "return s"),
        (["y[j] = c * p", "p = p * t"], "return s"),
    ],
)
def test_left_as_they_are(loop: str, body: list[str], end: str) -> None:
    assert changed(program(f"{S}; {P}", loop, body, [end])) == ""


def test_names_that_are_kept() -> None:
    func = program(f"{S}; {P}", "n", ["s += a[j] * p", "p = p * t"], ["return s"])
    assert powers(func.body, func, {"p"}, Var) == func.body


@pytest.mark.parametrize("use", ["y[j] += c * q", "y[j] += d * q", "s = s + c * q"])
def test_any_order_of_statements(use: str) -> None:
    """Values stay, whatever is changed: where `q` is the power of this turn, of the next one or of the one before."""
    for body in permutations(["q = p", "s += c * p", use, "p = p * t"]):
        changed(program(f"{S}; {P}; q: float64 = 0.5", "n", list(body), ["return s"]))


def moments(x: Any, points: Any) -> Any:
    total = 0.0
    for i in range(points.shape[0]):
        t = points[i]
        fit = 0.0
        power = 1.0
        for j in range(x.shape[0]):
            fit += x[j] * power
            power *= t
        total += (np.cos(t) - fit) ** 2
    return total


def test_gradients_have_horners_rule_and_no_powers() -> None:
    x, points = np.array([0.3, -0.2, 0.5, 0.1, 0.7, -0.4]), np.linspace(-1.0, 1.0, 21)
    gradient = value_and_grad(moments)
    value, bar = gradient(x, points)
    powers_of = np.vander(points, 6, increasing=True)
    difference = np.cos(points) - powers_of @ x
    assert value == pytest.approx(np.sum(difference**2))
    np.testing.assert_allclose(bar, -2.0 * powers_of.T @ difference, rtol=1e-12)
    strip = gradient.inspect("compiled", x, points).split("else:")[0]
    assert "fit = fit * t + " in strip
    assert "fit_bar * power" not in strip
