"""A name is not given the value that it has already, and keeps every copy that changes it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from adjoint import value_and_grad
from adjoint.ir.dump import dump
from adjoint.transform.given_back import drop_given_back
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

# name: (before, after)
CASES = {
    "given back": ("t = s; print(t); s = t", "t = s; print(t)"),
    "given again": ("t = s; print(s); t = s", "t = s; print(s)"),
    "along a chain": ("t = s; u = t; t = 1.5; s = u; t = u", "t = s; u = t; t = 1.5; t = u"),
    "its own value": ("s = s; print(s)", "print(s)"),
    "another value in between": ("t = s; s = 1.5; s = t", "t = s; s = 1.5; s = t"),
    "another copy in between": ("t = s; t = 1.5; s = t", "t = s; t = 1.5; s = t"),
    "of other types": ("n = s; print(n); s = n", "n = s; print(n); s = n"),
    "an array, changed in place": ("y = x; y[0] = s; x = y", "y = x; y[0] = s"),
}


def program(body: str) -> str:
    return "\n".join(["def f(s, x):", *(f"    {line}" for line in body.split("; "))])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_straight_line(before, after):
    types = {"x": "float64[:]", "y": "float64[:]", "n": "int64"}
    found = drop_given_back(parse(program(before), types=types, default="float64"))
    assert dump(found) == dump(parse(program(after)))


@pytest.mark.parametrize("inner", ["if s < 1.0:", "for i in range(3):"])
def test_a_value_that_a_block_may_change_is_given_back(inner):
    text = f"""
    def f(s):
        t = s
        {inner}
            s = 1.5
        s = t
        return s
    """
    before = parse(text, default="float64")
    assert drop_given_back(before) == before


def test_what_only_one_branch_has_copied_is_not_known_after_it():
    before = parse(
        """
        def f(s, t):
            if s < 1.0:
                t = s
            s = t
            return s
        """,
        default="float64",
    )
    assert drop_given_back(before) == before


@given(programs())
@settings(max_examples=60)
def test_programs_mean_the_same(func):
    assert same(outcome(func), outcome(drop_given_back(func)))


def energy(x, m):
    e = 0.0
    for i in range(x.shape[0]):
        e += 0.5 * x[i] ** 2
        for j in range(i + 1, x.shape[0]):
            e -= m[i] * m[j] / math.sqrt((x[i] - x[j]) ** 2 + 1e-3)
    return e


def test_a_sum_over_a_nest_of_loops_takes_one_sweep():
    x, m = np.linspace(0.5, 2.5, 5) ** 2, np.linspace(0.1, 0.3, 5)
    made = value_and_grad(energy, argnums=(0, 1))
    assert made.inspect("compiled", x, m).count("for i in range") == 1
    h = 1e-6
    want = [(energy(x + h * e, m) - energy(x - h * e, m)) / (2 * h) for e in np.eye(5)]
    value, (found, _) = made(x, m)
    np.testing.assert_allclose(value, energy(x, m), rtol=1e-14)
    np.testing.assert_allclose(found, want, rtol=1e-7)
