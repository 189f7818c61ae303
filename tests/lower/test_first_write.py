"""Zeros are not written where each element is written, or added to, before anything else is done with it."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.lower import lower
from tests.ir_text import parse
from tests.lower.programs import run, same

LOOP = """
def f(x: float64[:], y: float64[:, :]):
    z: float64[:] = zeros_like(x)
    t: float64[:] = x * 3.0
    for i in range({stop}):
        {first}
        {second}
        t[i] += z[i]
    return z, t
"""
# What a loop does, whether over all elements, and whether there still are zeros.
LOOPS = {
    "store": ("z[i] = x[i]", "t[i] = x[i]", "dim(x, 0)", False),
    "addition": ("z[i] += x[i]", "z[i] += 2.0", "dim(x, 0)", False),
    "sum": ("z[i] = z[i] + x[i]", "z[i] += 2.0", "dim(x, 0)", False),
    "sum the other way": ("z[i] = x[i] + z[i]", "z[i] = z[i] * z[i]", "dim(x, 0)", False),
    "through another array": ("t[i] = z[i] + x[i]", "z[i] = t[i]", "dim(x, 0)", False),
    "the same twice": ("t[i] = z[i] + x[i]", "z[i] = z[i] + t[i]", "dim(x, 0)", False),
    "sum with itself": ("z[i] = z[i] + z[i]", "z[i] += x[i]", "dim(x, 0)", True),
    "product": ("z[i] = z[i] * x[i]", "z[i] += x[i]", "dim(x, 0)", True),
    "difference": ("t[i] = x[i] - z[i]", "z[i] = t[i]", "dim(x, 0)", True),
    "kept": ("s: float64 = z[i] + x[i]", "z[i] = s", "dim(x, 0)", True),
    "never written": ("t[i] = z[i] + x[i]", "t[i] += z[i]", "dim(x, 0)", True),
    "part": ("z[i] = x[i]", "t[i] = x[i]", "dim(x, 0) - 5", True),
    "another element that has been written": ("z[i] = x[i]", "z[0] += 1.0", "dim(x, 0)", False),
    "another element's value": ("z[i] = z[0] + x[i]", "t[i] = 1.0", "dim(x, 0)", True),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name: str) -> None:
    first, second, stop, kept = LOOPS[name]
    func = parse(LOOP.format(first=first, second=second, stop=stop))
    args = np.array([1.5, -0.5, 4.0]), np.ones((2, 3))
    assert ("zeros" in text(lower(func))) is kept
    same(run(lower(func), *args), run(func, *args), 1e-14)


BRANCH = """
def f(x: float64[:]):
    z: float64[:] = zeros_like(x)
    for i in range(dim(x, 0)):
        if gt(x[i], 0.0):
            z[i] = x[i]
    return z
"""


def test_a_write_in_a_branch_is_not_one_of_all_elements() -> None:
    func, x = parse(BRANCH), np.array([1.5, -0.5, 4.0])
    assert "zeros" in text(lower(func))
    same(run(lower(func), x), run(func, x), 1e-14)


STATEMENTS = """
def f(x: float64[:], y: float64[:]):
    z: float64[:] = zeros_like(x)
    z_dot: float64[:] = zeros_like(z)
    t: float64[:] = z + x
    t_dot: float64[:] = z_dot + y
    z_dot[:] = t_dot
    z[:] = t
    return z, z_dot
"""


def test_tangents_of_sums() -> None:
    func = parse(STATEMENTS)
    args = np.array([1.5, -0.5, 4.0]), np.array([2.0, 7.0, 1.0])
    assert "zeros" not in text(lower(func))
    same(run(lower(func), *args), run(func, *args), 1e-14)


COMPARED = """
def f(x: float64[:], y: float64[:]):
    top: float64 = max(x)
    test: bool[:] = eq(x, top)
    s: float64 = sum(where(test, y, 0.0))
    {between}
    return where(test, s, y * top)
"""


@pytest.mark.parametrize(
    ("between", "made"), [("", False), ("x[0] = 9.0", True), ("top = s * 2.0", True), ("x[:] = y", True)]
)
def test_comparisons_are_made_where_they_are_read(between: str, made: bool) -> None:
    func = parse(COMPARED.format(between=between))
    args = np.array([1.5, 4.0, -0.5, 4.0]), np.array([2.0, 7.0, 1.0, 3.0])
    assert ("bool" in text(lower(func))) is made
    same(run(lower(func), *(a.copy() for a in args)), run(func, *args), 1e-14)
