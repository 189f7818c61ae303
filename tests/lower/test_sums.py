"""Elements that are read, added to and stored: which become sums, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.sums import sums
from tests.ir_text import parse
from tests.lower.programs import run

ADDED = """
def f(x: float64[:], y: float64[:], n: int64):
    k: int64 = 1
    s: float64 = 0.5
    for i in range(n):
        t: float64 = {read}
        {between}
        u: float64 = {value}
        {before}
        x[k] = u
        {after}
    return s, x, y
"""
PLAIN = {"read": "x[k]", "value": "t + s", "between": "s = s * 1.5", "before": "y[0] = s", "after": "s += 0.1"}
SUMS = {
    "plain": {},
    "other way round": {"value": "s + t"},
    "difference": {"value": "t - s"},
    "element of another": {"value": "t + y[i]", "before": ""},
}
OTHERS = {
    "element changed between": {"between": "x[k] = 2.0"},
    "element changed before": {"before": "x[k] = 3.0"},
    "subscript changed": {"between": "k = 2"},
    "another element": {"read": "x[0]"},
    "read again": {"after": "s += t"},
    "sum read again": {"after": "s += u"},
    "what is added changes": {"before": "s = s * 0.5"},
    "what is added is stored to": {"value": "t + y[i]", "before": "y[i] = 4.0"},
    "subtracted from": {"value": "s - t"},
}


@pytest.mark.parametrize("name", [*SUMS, *OTHERS])
def test_values_stay(name: str) -> None:
    func = parse(ADDED.format(**(PLAIN | (SUMS | OTHERS)[name])))
    args = np.arange(1.0, 5.0), np.linspace(0.2, 0.8, 4), 3
    results = [run(each, *args) for each in (func, sums(func, Context.of(func)))]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*SUMS, *OTHERS])
def test_which_are_sums(name: str) -> None:
    func = parse(ADDED.format(**(PLAIN | (SUMS | OTHERS)[name])))
    done = text(sums(func, Context.of(func)))
    assert ("x[k] += " in done or "x[k] -= " in done) == (name in SUMS)
