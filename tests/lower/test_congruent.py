"""Numbers that have the same value in all iterations of a loop are computed once."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.congruent import congruent
from adjoint.lower.context import Context
from tests.ir_text import parse
from tests.lower.programs import distances

HEAD = "def f(x: float64[:], y: float64[:], n: int64, c: bool):\n"


def found(body: str) -> str:
    func = parse(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
    return text(congruent(func, Context.of(func)))


def copies(body: str) -> list[str]:
    """Return the bindings of names to names that a program gets."""
    done = found(body)
    return [line.strip() for line in done.splitlines() if line.strip() in {"r = s", "s = r", "q = s", "q = r", "v = u"}]


def test_hands_on_one_number() -> None:
    body = """
    s: float64 = 1.0
    r: float64 = 1.0
    for i in range(n):
        s = s * x[i]
        r = r * x[i]
    return s + r
    """
    assert copies(body) == ["r = s", "r = s"]


def test_numbers_that_depend_on_each_other() -> None:
    body = """
    s: float64 = 0.0
    u: float64 = 1.0
    r: float64 = 0.0
    v: float64 = 1.0
    for i in range(n):
        s = s + u * x[i]
        u = u * s
        r = r + v * x[i]
        v = v * r
    return s + u + r + v
    """
    assert copies(body) == ["r = s", "v = u", "r = s", "v = u"]


def test_three_of_which_two_are_the_same() -> None:
    body = """
    s: float64 = 0.0
    r: float64 = 0.0
    q: float64 = 0.0
    for i in range(n):
        s = s + x[i]
        r = r + y[i]
        q = q + x[i]
    return s + r + q
    """
    assert copies(body) == ["q = s", "q = s"]


def test_within_loops_and_while_loops() -> None:
    body = """
    for k in range(n):
        s: float64 = y[k]
        r: float64 = y[k]
        while s < 10.0:
            s = s + x[k]
            r = r + x[k]
        y[k] = s * r
    return y[0]
    """
    assert copies(body) == ["r = s", "r = s"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("s = s * x[i]\nr = r * y[i]", id="other elements"),
        pytest.param("s = s * x[i]\nx[i] = 2.0\nr = r * x[i]", id="written between"),
        pytest.param("s = s * x[i]\nr = x[i] * s", id="of the new value"),
        pytest.param("s = s * x[i]\nif c:\n    r = r * x[i]", id="in a branch"),
        pytest.param("s = s * x[i]\nr = r * x[i]\nr = r * x[i]", id="twice"),
        pytest.param("s = s * x[i]\nfor k in range(n):\n    r = r * x[i]", id="in a loop"),
        pytest.param("s = s * x[0]\nx[0] = s\nr = r * x[0]", id="written by the other"),
    ],
)
def test_left_alone(body: str) -> None:
    whole = f"s: float64 = 1.0\nr: float64 = 1.0\nfor i in range(n):\n{textwrap.indent(body, '    ')}\nreturn s + r"
    assert copies(whole) == []


def test_other_starts_are_left_alone() -> None:
    assert copies("s: float64 = 0.0\nr: float64 = -0.0\nfor i in range(n):\n    s = s * x[i]\n    r = r * x[i]\nreturn s") == []
    assert copies("s: float64 = 0.0\nr: float32 = 0.0\nfor i in range(n):\n    s = s * x[i]\n    r = r * x[i]\nreturn s") == []


def test_arrays_made_alike_are_not_the_same() -> None:
    """Two buffers that change places are of one class, and nothing has been stored since the one was read."""
    body = """
    a: float64[:] = zeros(n)
    b: float64[:] = zeros(n)
    a[0] = 2.0
    s: float64 = 1.0
    r: float64 = 1.0
    for i in range(n):
        s = s * a[i]
        r = r * b[i]
    for i in range(n):
        t: float64[:] = a
        a = b
        b = t
    return s + r
    """
    assert copies(body) == []


def test_a_loop_joined_with_its_repetition() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random((5, 3)), rng.random((4, 3))
    gradient = value_and_grad(distances)
    fallback = re.sub("#.*", "", gradient.inspect("compiled", x, y).split("else:")[-1])
    assert fallback.count("** 2") == 1 and fallback.count("np.exp(") == 1
    value, x_bar = gradient(x, y)
    apart = x[:, None] - y
    weights = np.exp(-(apart**2).sum(-1))
    np.testing.assert_allclose(value, weights.sum())
    np.testing.assert_allclose(x_bar, -2 * (weights[..., None] * apart).sum(1))
