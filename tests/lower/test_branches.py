"""Branches of the backward sweep that make values again are one where they can be, and compute each value once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.branches import join_branches
from tests.imperative import run
from tests.ir_text import parse

HEAD = 'def f(x: float64, y: float64, v: float64[:], test: bool_):\n    "backward: return a"\n    s: float64 = 0.5\n'
FIRST = "    if test:\n        s: float64 = sin(x)\n        a: float64 = s * s\n    else:\n        a: float64 = x\n"
SECOND = FIRST.replace("a:", "b:").replace("s * s", "s + 1.0")
END = "    return a * b + y + s\n"
JOINED = ["", "    y = y * y\n", "    v[0] = y\n", "    if y < 0.0:\n        y = 2.0\n"]
APART = [
    "    test: bool_ = y < a\n",
    "    x = y\n",
    "    b: float64 = y\n    y = b\n",
    '    "backward: s = sin(x)"\n',
    "    y = a * s\n",
]


def is_same(before, after):
    for test in (True, False):
        found, wanted = (run(func, 0.25, 1.5, np.ones(2), test) for func in (after, before))
        assert found == wanted


@pytest.mark.parametrize("between", JOINED)
def test_joined(between):
    before = parse(HEAD + FIRST + between + SECOND + END)
    after = join_branches(before)
    assert text(after).count("if test") == 1
    assert text(after).count("math.sin(x)") == 1
    is_same(before, after)


@pytest.mark.parametrize("between", APART)
def test_apart(between):
    before = parse(HEAD + FIRST + between + SECOND + END)
    after = join_branches(before)
    assert text(after).count("if test") == 2
    is_same(before, after)


def test_the_order_of_the_primal_stays():
    source = (HEAD + FIRST + SECOND + END).replace('    "backward: return a"\n', "")
    before = parse(source)
    assert join_branches(before) == before


def test_a_branch_that_stores_stays():
    before = parse(HEAD + FIRST + SECOND.replace("b:", "v[0] = x\n        b:", 1) + END)
    after = join_branches(before)
    assert text(after).count("if test") == 2
    assert text(after).count("math.sin(x)") == 1
    is_same(before, after)


def test_what_reads_memory_is_read_again_after_a_store():
    first = FIRST.replace("sin(x)", "v[0]")
    before = parse(HEAD + first + "    v[0] = y\n" + SECOND.replace("sin(x)", "v[0]") + END)
    after = join_branches(before)
    assert text(after).count("s = v[0]") == 2
    is_same(before, after)


def rotate(x, axis):
    total = 0.0
    for k in range(x.shape[0]):
        square = axis[k] * axis[k]
        if square > 0.0:
            theta = math.sqrt(square)
            cosine = math.cos(theta)
            sine = math.sin(theta) / theta
            u = x[k] * cosine - axis[k] * sine
            v = x[k] * sine + cosine
        else:
            u = x[k]
            v = x[k] + 1.0
        total += (u * v) ** 2
    return total


def test_the_readable_gradient_computes_a_value_once():
    x, axis = np.linspace(0.5, 2.0, 4), np.array([0.3, 0.0, -0.7, 1.1])
    made = value_and_grad(rotate)
    backward = made.source_for(x, axis).partition("# backward")[2]
    for value in ("cosine = math.cos(theta)", "theta = math.sqrt(square)", "sine = math.sin(theta) / theta"):
        assert backward.count(f"  {value}") == 1
    want = [(rotate(x + h, axis) - rotate(x - h, axis)) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(made(x, axis)[1], want, rtol=1e-7)
    np.testing.assert_allclose(made.python(x, axis)[1], want, rtol=1e-7)


def test_a_branch_that_changes_the_condition_stays():
    before = parse(HEAD + "    b: float64 = 2.0\n" + FIRST.replace("s * s", "s * s\n        test: bool_ = x < s", 1) + SECOND + END)
    after = join_branches(before)
    assert text(after).count("if test") == 2
    is_same(before, after)
