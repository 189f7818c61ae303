"""A costly scalar is computed once where once is enough."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings

from adjoint.ir.dump import dump
from adjoint.transform import cse
from adjoint.transform.cse import share
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

# name: (before, after)
CASES = {
    "the same call": ("b = sin(a); c = sin(a); return b + c", "b = sin(a); c = b; return b + c"),
    "inside an expression": ("b = sin(a); return 2.0 * sin(a)", "b = sin(a); return 2.0 * b"),
    "an operand is bound again": ("b = sin(a); a = b; c = sin(a); return c", "b = sin(a); a = b; c = sin(a); return c"),
    "the holder is bound again": ("b = sin(a); b = 1.0; return sin(a)", "b = sin(a); b = 1.0; return sin(a)"),
    "the holder is an operand": ("a = sin(a); return sin(a)", "a = sin(a); return sin(a)"),
    "cheap": ("b = a + a; return a + a", "b = a + a; return a + a"),
    "arrays": ("y = sin(x); return sin(x)", "y = sin(x); return sin(x)"),
    "elements of arrays": ("b = sin(x[0]); x[0] = a; return sin(x[0])", "b = sin(x[0]); x[0] = a; return sin(x[0])"),
    "a move": ("b = sin(a); a, b = b, a; return sin(a)", "b = sin(a); a, b = b, a; return sin(a)"),
}


def program(body: str) -> str:
    return "\n".join(["def f(a, b, x):", *(f"    {line}" for line in body.split("; "))])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_straight_line(before, after):
    func = parse(program(before), types={"x": "float64[:]", "y": "float64[:]"}, default="float64")
    assert dump(share(func)) == dump(parse(program(after)))


def test_into_branches_and_loops_that_leave_the_operands_alone():
    before = """
    def f(a, n):
        b = exp(a)
        for i in range(n):
            if exp(a) > n:
                n = exp(a) + exp(n)
        return exp(a)
    """
    after = """
    def f(a, n):
        b = exp(a)
        for i in range(n):
            if b > n:
                n = b + exp(n)
        return b
    """
    assert dump(share(parse(before, default="float64"))) == dump(parse(after))


def test_without_types_nothing_is_shared():
    func = parse(program("b = sin(a); c = sin(a); return b + c"))
    assert share(func) == func


def test_example():
    assert doctest.testmod(cse).failed == 0


@settings(max_examples=100, deadline=None)
@given(programs(typed=True))
def test_meaning_is_kept(func):
    assert same(outcome(share(func)), outcome(func))
