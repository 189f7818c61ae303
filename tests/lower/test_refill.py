"""Lists that are made once and filled again: which are, and that gradients stay right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.refill import refill
from tests.ir_text import parse
from tests.lower.programs import run

STACK = """
def f(x: float64[:], n: int64):
    total: float64 = 0.0
    {outside}
    for i in range(n):
        {inside}
        s: float64 = x[i]
        k: int64 = 0
        while s < 3.0:
            append(tape, {value})
            s = s * 1.5
            k = k + 1
        {between}
        for j in range(k):
            u: {kind} = pop(tape)
            total = total * 0.5 + u
    return total, x
"""
NOTHING = "total = total + 0.25"
PLAIN = {"outside": NOTHING, "value": "s", "between": NOTHING, "kind": "float64"}
MADE = {"inside": "tape: List(float64) = list()"}
REFILLED = {
    "plain": MADE,
    "whole numbers": {"inside": "tape: List(int64) = list()", "value": "k", "kind": "int64"},
    "booleans": {"inside": "tape: List(bool_) = list()", "value": "s < 1.0", "kind": "bool_"},
    "single": {"inside": "tape: List(float32) = list()", "value": "cast_float32(s)", "kind": "float32"},
    "left full": MADE | {"between": "k = k - 1"},
}
LEFT = {
    "made once": {"outside": MADE["inside"], "inside": NOTHING},
    "read": MADE | {"between": "total = total + len(tape)"},
    "shown": MADE | {"between": "other: List(float64) = tape"},
}


def program(name: str) -> Any:
    source = STACK.format(**(PLAIN | (REFILLED | LEFT)[name])).replace("cast_float32", "np.float32")
    return parse(source)


@pytest.mark.parametrize("name", [n for n in (*REFILLED, *LEFT) if n != "single"])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_values_stay(name: str, n: int) -> None:
    func = program(name)
    done = refill(func, Context.of(func))
    assert ("tape_filled" in text(done)) == (name in REFILLED)
    x = np.array([2.9, 0.1, 4.0, 0.6])
    for one, other in zip(run(func, x, n), run(done, x, n), strict=True):
        np.testing.assert_array_equal(one, other)


def roots(a: Any, tol: float) -> float:
    """The sum of square roots by Newton's method, as many steps as each needs."""
    total = 0.0
    for k in range(a.shape[0]):
        x = a[k]
        while True:
            step = (x * x - a[k]) / (2.0 * x)
            x -= step
            if abs(step) < tol:
                break
        total += x * (1.0 + 0.1 * k)
    return total


def test_newton_for_each_element() -> None:
    a = np.array([2.0, 0.01, 1e6, 1.0])
    gradient = value_and_grad(roots)
    compiled = gradient.inspect("compiled", a, 1e-13)
    assert compiled.count("while") == 1
    assert "_filled" in compiled
    value, a_bar = gradient(a, 1e-13)
    weights = 1.0 + 0.1 * np.arange(4)
    np.testing.assert_allclose(value, np.sum(weights * np.sqrt(a)), rtol=1e-13)
    np.testing.assert_allclose(a_bar, 0.5 * weights / np.sqrt(a), rtol=1e-10)
