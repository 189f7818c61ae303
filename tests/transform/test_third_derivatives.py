"""Gradients of gradients of gradients against mpmath to 30 digits: every function of a number, and programs.

Programs run as plain Python: what is checked is the text, and Numba's compilation of it is checked elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import mpmath
import numpy as np
import pytest

from adjoint import grad, stop_gradient
from adjoint.rules.elementwise import ELEMENTWISE
from adjoint.rules.spelling import python_callable
from tests.rules.test_elementwise import exact, points

mp = mpmath.mp
RTOL = 1e-9
Function = Callable[[Any], Any]

# Rows of one operand that are not functions of a float to a float64 by their name alone, in programs that use them.
IN_PROGRAMS: dict[str, Function] = {
    "cast.complex128": lambda x: (complex(x) * complex(x) * x * x).real,
    "astype.float64": lambda x: np.array([x]).astype(np.float64)[0] * x * x * x,
    "astype.complex128": lambda x: (np.array([x]).astype(np.complex128)[0] * x * x * x).real,
}
# Single precision has not the digits, `unwrap` takes arrays only, and `stop_gradient` has a test below.
LEFT_OUT = {"cast.float32", "cast.complex64", "astype.float32", "astype.complex64", "unwrap", "stop_gradient"}
ROWS = [prim for prim in ELEMENTWISE if len(ELEMENTWISE[prim][0].params) == 1 and prim not in LEFT_OUT]


def third(fun: Function) -> Any:
    return grad(grad(grad(fun)))


def assert_third(found: float, function: Function, x: float) -> None:
    with mp.workdps(30):
        wanted = mp.diff(function, mp.mpf(x), 3)
        assert abs(found - wanted) <= RTOL * abs(wanted) + 1e-20, (x, found, wanted)


def alone(fun: Any) -> Function:
    return lambda x: fun(x)


def times_quartic(fun: Any) -> Function:
    """Return a program whose third derivative has all derivatives of `fun` in it."""
    return lambda x: fun(x) * x**4


@pytest.mark.parametrize("prim", [prim for prim in ROWS if prim not in IN_PROGRAMS])
@pytest.mark.parametrize("form", [alone, times_quartic])
def test_row(prim: str, form: Callable[[Any], Function]) -> None:
    derivative = third(form(python_callable(prim, "np", True)))
    for (x,) in points(prim)[:3]:
        assert_third(derivative.python(x), form(exact(prim)), x)


@pytest.mark.parametrize("prim", IN_PROGRAMS)
def test_row_in_a_program(prim: str) -> None:
    for x in (-1.3, 0.7):
        assert_third(third(IN_PROGRAMS[prim]).python(x), lambda v: v**4, x)


def test_what_is_held_constant_stays_so():
    assert third(lambda x: stop_gradient(x) * x * x * x).python(0.7) == pytest.approx(6.0 * 0.7, rel=1e-14)


# --- programs: the same function runs in mpmath, with `math` exchanged -----------------------------------------------


def iterated(x):
    y = x
    for k in range(6):
        y = math.sin(y) * x + y / (k + 1.0)
    return y


def grows(x):
    y = x
    while y < 20.0:
        y = y * y * 0.5 + math.exp(-y) + x
    return math.log(y)


def piecewise(x):
    total = 0.0
    for k in range(8):
        y = k * x - 3.0
        if y < -1.0:
            continue
        if y > 6.0:
            break
        total += math.sqrt(y + 2.0) if y < 1.0 else y**3 / (1.0 + y)
    return total * x


def newton(x):
    y = 1.0 + x
    while abs(y * y * y - x) > 1e-3:
        y = y - (y * y * y - x) / (3.0 * y * y)
    return y


def pendulum(x):
    angle, speed = x, 0.3 * x
    for _ in range(12):
        speed = speed - 0.1 * math.sin(angle)
        angle = angle + 0.1 * speed
    return angle * speed


def recorded(x):
    values = [x]
    for k in range(5):
        values.append(math.cos(values[k]) * x + values[k])
    return values[5] * values[3] ** 2.5


def early(x):
    y = math.exp(x)
    if y > 3.0:
        return y * math.log(y)
    return x**4 / y


def overwritten(x):
    x = x * x
    x = math.tanh(x) + x
    for _ in range(3):
        x = x / (1.0 + x * x)
    return x


def nested(x):
    y = 0.0
    if x < 5.0:
        if x < 0.5:
            y = math.tan(x) * x
    return y + x * x * x * x


PROGRAMS: dict[str, tuple[Function, tuple[float, ...]]] = {
    "iterated": (iterated, (0.4, 1.3)),
    "grows": (grows, (0.7, 2.1)),
    "piecewise": (piecewise, (0.9, 2.3)),
    "newton": (newton, (0.6, 5.0)),
    "pendulum": (pendulum, (0.8, -2.0)),
    "recorded": (recorded, (0.4, 0.9)),
    "early": (early, (0.3, 1.7)),
    "overwritten": (overwritten, (0.5, 1.4)),
}


def in_mpmath(fun: Function) -> Function:
    assert isinstance(fun, FunctionType)
    return FunctionType(fun.__code__, {"math": mp}, fun.__name__)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    fun, at = PROGRAMS[name]
    for x in at:
        assert_third(third(fun).python(x), in_mpmath(fun), x)


def test_nested_branches_compiled():
    derivative = third(nested)
    for x in (0.2, 1.2):
        assert_third(derivative(x), in_mpmath(nested), x)


def test_nested_branches_as_text():
    assert_third(third(nested).python(1.2), in_mpmath(nested), 1.2)
