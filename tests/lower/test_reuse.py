"""What a branch has computed is there for the next branch on the same condition, unless anything has changed."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.reuse import reuse
from tests.ir_text import parse
from tests.lower.programs import run

TWICE = """
def f(x: float64[:], a: float64, b: float64):
    t: float64 = 0.5
    u: float64 = 0.25
    big: bool = a > 1.0
    if big:
        t = sin(a)
        u = t * x[0]
    else:
        t = cos(a)
    {between}
    if big:
        {again}
        v: float64 = {value} + b
    else:
        v = cos(a) * u
    return t, u, v
"""
ONCE = {
    "same": ("b = b * 2.0", "t = sin(a)", "t"),
    "element": ("x[0] = b if b > 100.0 else x[0]\n    b = 0.5", "t = sin(a)", "t * t"),
    "another name": ("b = b + 1.0", "w: float64 = sin(a)", "w"),
}
AGAIN = {
    "operand changed": ("a = a * 0.5", "t = sin(a)", "t"),
    "result changed": ("t = 7.0", "t = sin(a)", "t"),
    "condition changed": ("big = b > 1.0", "t = sin(a)", "t"),
    "in the other branch": ("b = b * 2.0", "t = cos(a)", "t"),
    "element changed": ("x[0] = 3.0", "t = sin(x[0])", "t"),
}


@pytest.mark.parametrize("name", [*ONCE, *AGAIN])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.5, 2.0), (2.0, 0.5), (2.0, 2.0)])
def test_values_stay(name: str, a: float, b: float) -> None:
    between, again, value = (ONCE | AGAIN)[name]
    func = parse(TWICE.format(between=between, again=again, value=value))
    results = [run(each, np.array([1.5, -2.0]), a, b) for each in (func, reuse(func, Context.of(func), branches=True))]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", [*ONCE, *AGAIN])
def test_which_are_made_again(name: str) -> None:
    between, again, value = (ONCE | AGAIN)[name]
    func = parse(TWICE.format(between=between, again=again, value=value))
    done = text(reuse(func, Context.of(func), branches=True))
    assert (done.count("math.sin(a)") + done.count("math.sin(x[0])") == 1) == (name in ONCE or "other" in name)
