"""Copies and constants are read under the name that a reader expects, and never under a wrong one."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings

from adjoint.ir.dump import dump
from adjoint.transform import copyprop
from adjoint.transform.copyprop import propagate
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

# name: (before, after)
CASES = {
    "a copy": ("b = a; c = sin(b); return c", "b = a; c = sin(a); return c"),
    "a chain of copies": ("b = a; c = b; return sin(c)", "b = a; c = a; return sin(a)"),
    "the source is bound again": ("b = a; a = 1.5; return b", "b = a; a = 1.5; return b"),
    "the copy is bound again": ("b = a; b = sin(b); return b", "b = a; b = sin(a); return b"),
    "a reference": ("y = x; y[0] = a; return y", "y = x; x[0] = a; return x"),
    "an array changed in place": ("y = x; y += a; return y", "y = x; x += a; return x"),
    "a constant of a temporary": ("_1 = 0.25; return a * _1", "_1 = 0.25; return a * 0.25"),
    "a constant with a name": ("dt = 0.25; return a * dt", "dt = 0.25; return a * dt"),
    "a seed": ("s_bar = 1.0; return a * s_bar", "s_bar = 1.0; return a * 1.0"),
    "an integer is not a float": ("_1 = 2; return a * _1", "_1 = 2; return a * _1"),
    "a temporary that is named later": ("_1 = sin(a); b = _1; return b", "b = sin(a); return b"),
    "a temporary that lives on": (
        "_1 = sin(a); b = _1; b = b * 2.0; return _1 * b",
        "_1 = sin(a); b = _1; b = b * 2.0; return _1 * b",
    ),
    "a temporary that is read under its new name": (
        "_1 = sin(a); print(b); b = _1; c = _1 * 2.0; return c",
        "_1 = sin(a); print(b); b = _1; c = b * 2.0; return c",
    ),
    "a swap": ("c, b = b, c; return b", "c, b = b, c; return b"),
    "copies into a move": ("c = a; b, a = c, b; return c", "c = a; b, a = a, b; return c"),
    "other types": ("n = a; return n * 2.0", "n = a; return n * 2.0"),
}


def program(body: str) -> str:
    return "\n".join(["def f(a, b, x):", *(f"    {line}" for line in body.split("; "))])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_straight_line(before, after):
    types = {"x": "float64[:]", "y": "float64[:]", "n": "int64"}
    found = propagate(parse(program(before), types=types, default="float64"))
    assert dump(found) == dump(parse(program(after)))


def test_a_branch_ends_what_only_one_side_knows():
    before = """
    def f(a, c):
        b = a
        d = a
        if b < c:
            b = 2.5
            c = d
        return b + c + d
    """
    after = """
    def f(a, c):
        b = a
        d = a
        if a < c:
            b = 2.5
            c = a
        return b + c + a
    """
    assert dump(propagate(parse(before, default="float64"))) == dump(parse(after))


def test_nothing_crosses_the_back_edge_of_a_loop():
    before = """
    def f(a, n):
        b = a
        c = a
        while b < n:
            c = b
            b = c * 2.0
        for i in range(n):
            c = b
            a = a + c
        return b + c
    """
    after = """
    def f(a, n):
        b = a
        c = a
        while b < n:
            c = b
            b = b * 2.0
        for i in range(n):
            c = b
            a = a + b
        return b + c
    """
    assert dump(propagate(parse(before, default="float64"))) == dump(parse(after))


def test_an_index_is_bound_by_its_loop():
    text = """
    def f(n):
        i = 7
        b = i
        for i in range(n):
            print(b)
        return b
    """
    assert propagate(func := parse(text, default="int64")) == func


def test_without_types_a_name_bound_twice_is_left_alone():
    text = """
    def f(a, c):
        b = a
        if c:
            b = 2
        d = b
        return d
    """
    found = dump(propagate(parse(text)))
    assert "return b" in found  # d is bound once
    assert "d = b" in found


def test_example():
    assert doctest.testmod(copyprop).failed == 0


@settings(max_examples=100, deadline=None)
@given(programs())
def test_meaning_is_kept(func):
    assert same(outcome(propagate(func)), outcome(func))
