"""Leaving SSA gives the user's names back, and never one name to two values alive together."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest
from hypothesis import given, settings

from adjoint.ir.dump import dump
from adjoint.transform import coalesce as module
from adjoint.transform import hints
from adjoint.transform.coalesce import adopt, coalesce
from adjoint.transform.copyprop import propagate
from adjoint.transform.dce import eliminate
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

# name: (before, after)
CASES = {
    "a recurrence": (
        """
        x_1 = x0
        for i in range(n):
            x_2 = sin(x_1)
            x_1 = x_2
        return x_1
        """,
        """
        x_1 = x0
        for i in range(n):
            x_1 = sin(x_1)
        return x_1
        """,
    ),
    "versions of one variable without copies between them": (
        """
        x_1 = x0 * 2.0
        x_2 = sin(x_1)
        x_3 = x_2 + 1.0
        return x_3
        """,
        """
        x_1 = x0 * 2.0
        x_1 = sin(x_1)
        x_1 = x_1 + 1.0
        return x_1
        """,
    ),
    "the old version is still needed": (
        """
        x_1 = x0 * 2.0
        x_2 = sin(x_1)
        return x_1 * x_2
        """,
        """
        x_1 = x0 * 2.0
        x_2 = sin(x_1)
        return x_1 * x_2
        """,
    ),
    "cotangents go with their variable": (
        """
        x_2_bar = x0
        x_1_bar = cos(x0) * x_2_bar
        x_bar = x_1_bar * 2.0
        return x_bar
        """,
        """
        x_bar = x0
        x_bar = cos(x0) * x_bar
        x_bar = x_bar * 2.0
        return x_bar
        """,
    ),
    "a user's name for another user's value": (
        """
        y = x0
        y_1 = sin(y)
        return y_1 * x0
        """,
        """
        y = x0
        y = sin(y)
        return y * x0
        """,
    ),
    "a swap of versions": (
        """
        a_1 = x0
        b_1 = n
        a_2, b_2 = b_1, a_1
        return a_2 - b_2
        """,
        """
        a_1 = x0
        b_1 = n
        a_1, b_1 = b_1, a_1
        return a_1 - b_1
        """,
    ),
    "a move of names to themselves": (
        """
        a_1 = sin(x0)
        b_1 = cos(x0)
        c_1 = sin(n)
        a_2, b_2, c_2 = a_1, n, c_1
        return a_2 * c_2 + b_2
        """,
        """
        a_1 = sin(x0)
        b_1 = cos(x0)
        c_1 = sin(n)
        b_1 = n
        return a_1 * c_1 + b_1
        """,
    ),
    "the index of a loop is not bound in it": (
        """
        for i in range(n):
            i_1 = sin(x0)
            print(i_1)
        return x0
        """,
        """
        for i in range(n):
            i_1 = sin(x0)
            print(i_1)
        return x0
        """,
    ),
    "an index read after its loop": (
        """
        i_1 = 7.0
        for i in range(n):
            i_1 = i
        return i_1
        """,
        """
        i = 7.0
        for i in range(n):
            pass
        return i
        """,
    ),
    "a version that lives across the loop over another": (
        """
        i_1 = 7.0
        for i in range(n):
            print(i)
        return i_1
        """,
        """
        i_1 = 7.0
        for i in range(n):
            print(i)
        return i_1
        """,
    ),
    "loops one after the other": (
        """
        for i in range(n):
            print(i)
        for i_1 in range(n):
            print(i_1)
        return x0
        """,
        """
        for i in range(n):
            print(i)
        for i in range(n):
            print(i)
        return x0
        """,
    ),
    "a private name of a parallel loop": (
        """
        t = sin(x0)
        x0_1 = t * 2.0
        for i in prange(n):
            t_1 = sin(i)
            print(t_1)
        return x0_1
        """,
        """
        t = sin(x0)
        x0 = t * 2.0
        for i in prange(n):
            t_1 = sin(i)
            print(t_1)
        return x0
        """,
    ),
}


def program(body: str) -> str:
    lines = body.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(["def f(x0, n):", *("    " + line[indent:] for line in lines if line.strip())])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_names(before, after):
    types = dict.fromkeys(("i", "i_1"), "float64")
    given_hints = {"x_1": "x", "x_2": "x", "x_3": "x", "x_bar": "x_bar", "x_1_bar": "x_bar", "x_2_bar": "x_bar"}
    before = parse(program(before), default="float64", types=types, hints=given_hints)
    assert dump(coalesce(before)) == dump(parse(program(after)))


def test_hints_of_cotangents_are_derived():
    func = parse(program("x_1_bar = x0\nx_2_bar = sin(x_1_bar)\nreturn x_2_bar"), default="float64")
    func = replace(func, hints={"x_1": "x", "x_2": "x"})
    found = coalesce(func)
    assert dump(found) == dump(parse(program("x_1_bar = x0\nx_1_bar = sin(x_1_bar)\nreturn x_1_bar")))
    assert found.hints["x_1_bar"] == "x_bar"


def test_types_keep_names_apart():
    types = {"x_1": "float64", "x_2": "int64", "x_3": "float64"}
    func = parse(program("x_1 = x0\nx_2 = n\nx_3 = sin(x_2)\nreturn x_3"), types=types, default="float64")
    assert dump(coalesce(func)) == dump(parse(program("x_1 = x0\nx_2 = n\nx_1 = sin(x_2)\nreturn x_1")))


def test_two_parameters_stay_two():
    func = parse("def f(x, x_1):\n    y = x_1\n    return y", default="float64", hints={"x_1": "x", "y": "x"})
    assert dump(coalesce(func)) == "func f(x, x_1)\n    return x_1\n"


def test_adopt_names_temporaries_only():
    func = parse(program("_1 = sin(x0)\ny = _1\ny_1 = cos(y)\nreturn y_1"), default="float64")
    assert dump(adopt(func)) == dump(parse(program("y = sin(x0)\ny_1 = cos(y)\nreturn y_1")))


@pytest.mark.parametrize("tested", [module, hints])
def test_example(tested):
    assert doctest.testmod(tested).failed == 0


@settings(max_examples=100, deadline=None)
@given(programs())
def test_meaning_is_kept(func):
    assert same(outcome(coalesce(func)), outcome(func))


@settings(max_examples=100, deadline=None)
@given(programs())
def test_meaning_is_kept_by_all_passes_together(func):
    done = coalesce(eliminate(propagate(eliminate(func))))
    done = eliminate(propagate(done))
    assert same(outcome(done), outcome(func))
