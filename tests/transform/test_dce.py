"""Nothing is computed, stored or recorded that nothing needs, and all else stays."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from numba import types as nb

from adjoint.ir.dump import dump
from adjoint.transform import dce
from adjoint.transform.dce import eliminate
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

TYPES = {"x": "float64[:]", "y": "float64[:]", "z": "float64[:]", "tape": nb.List(nb.float64)}

# name: (before, after)
CASES = {
    "a dead value takes its operands with it": (
        "b = sin(a); c = b * a; return a",
        "return a",
    ),
    "a value overwritten before it is read": (
        "b = 1.0; b = a; return b",
        "b = a; return b",
    ),
    "a store into an array that is not read again": (
        "y = copy(x); y[0] = a; s = y[1]; y[1] = s; return s",
        "y = copy(x); y[0] = a; s = y[1]; return s",
    ),
    "an array that is only written": (
        "y = zeros(3); y[0] = a; y[1] += a; return a",
        "return a",
    ),
    "a store through a view of what is read": (
        "y = copy(x); z = y[1:]; z[0] = a; return y",
        "y = copy(x); z = y[1:]; z[0] = a; return y",
    ),
    "a store through a transposed array": (
        "y = copy(x); z = transpose(y); z[0] = a; return sum(y)",
        "y = copy(x); z = transpose(y); z[0] = a; return sum(y)",
    ),
    "a store into a parameter": (
        "x[0] = a; return a",
        "x[0] = a; return a",
    ),
    "a store into a returned array": (
        "y = copy(x); y[0] = a; return (a, y)",
        "y = copy(x); y[0] = a; return (a, y)",
    ),
    "a shape does not need contents": (
        "y = zeros_like(x); y[0] = a; n = dim(y, 0); return n",
        "y = zeros_like(x); n = dim(y, 0); return n",
    ),
    "contents that are overwritten at once": (
        "y = zeros(3); y[0] = a; y[...] = a; return y",
        "y = zeros(3); y[...] = a; return y",
    ),
    "a part of a parallel move": (
        "b = a; a, b = b, a; return a",
        "b = a; a = b; return a",
    ),
    "a move nobody needs": (
        "b = a; c = a; b, c = c, b; return a",
        "return a",
    ),
    "effects stay": (
        "b = sin(a); print(b); return a",
        "b = sin(a); print(b); return a",
    ),
    "random draws keep their number": (
        "b = random.random(); return a",
        "b = random.random(); return a",
    ),
    "a copy to itself": (
        "a = a; return a",
        "return a",
    ),
    "comments of what has gone": (
        "'backward: 1'; b = a; 'backward: 2'; 'note'; c = sin(a); 'backward: 3'; return c",
        "'note'; c = sin(a); return c",
    ),
    "a comment on what the result computes": (
        "'backward: 1'; return (a, sin(a))",
        "'backward: 1'; return (a, sin(a))",
    ),
}


def program(body: str) -> str:
    return "\n".join(["def f(a, x):", *(f"    {line}" for line in body.split("; "))])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_straight_line(before, after):
    assert dump(eliminate(parse(program(before), types=TYPES, default="float64"))) == dump(parse(program(after)))


# name: (before, after)
NESTED = {
    "values that only keep each other alive": (
        """
        c = 0.0
        d = 1.0
        for i in range(n):
            c, d = d, c
            a = a * 2.0
        return a
        """,
        """
        for i in range(n):
            a = a * 2.0
        return a
        """,
    ),
    "a loop with nothing left in it": (
        """
        for i in range(n):
            b = a * 2.0
            for j in range(n):
                'backward: b = a * 2.0'
                c = b
        while a < n:
            b = a
        return a
        """,
        "return a",
    ),
    "an index that is read after its loop": (
        """
        i = 0
        for i in range(n):
            b = a
        return i
        """,
        """
        i = 0
        for i in range(n):
            pass
        return i
        """,
    ),
    "a branch that is left alone": (
        """
        b = 1.0
        if a < 1.0:
            c = a
        else:
            b = a
        return b
        """,
        """
        b = 1.0
        if not a < 1.0:
            b = a
        return b
        """,
    ),
    "the condition of a branch that is gone": (
        """
        c = a < 1.0
        if not c:
            b = a
        return a
        """,
        "return a",
    ),
    "a flag is needed when its loop is": (
        """
        for i in range(n, until=done):
            done = a > 9.0
            a = a * 2.0
        for i in range(n, until=done):
            done = a > 9.0
        return a
        """,
        """
        for i in range(n, until=done):
            done = a > 9.0
            a = a * 2.0
        return a
        """,
    ),
    "a tape whose values nobody uses": (
        """
        tape = list()
        for i in range(n):
            append(tape, a)
            a = sin(a)
        for i in range(n):
            b = pop(tape)
            c = b * 2.0
        return a
        """,
        """
        for i in range(n):
            a = sin(a)
        return a
        """,
    ),
    "a pop that others rely on": (
        """
        tape = list()
        for i in range(n):
            append(tape, a)
            append(tape, n)
        s = 0.0
        for i in range(n):
            b = pop(tape)
            c = pop(tape)
            s = s + c
        return s
        """,
        """
        tape = list()
        for i in range(n):
            append(tape, a)
            append(tape, n)
        s = 0.0
        for i in range(n):
            pop(tape)
            c = pop(tape)
            s = s + c
        return s
        """,
    ),
    "a tape that grows": (
        """
        y = empty(16)
        for i in range(n):
            if i == dim(y, 0):
                z = empty(32)
                z[:16] = y
                y = z
            y[i] = a
            a = sin(a)
        return a
        """,
        """
        for i in range(n):
            a = sin(a)
        return a
        """,
    ),
    "restores of what is not read again": (
        """
        y = copy(x)
        z = empty(n)
        for i in range(n):
            z[i] = y[i]
            y[i] = a
        s = sum(y)
        for i in range(n - 1, -1, -1):
            y[i] = z[i]
        return s
        """,
        """
        y = copy(x)
        for i in range(n):
            y[i] = a
        s = sum(y)
        return s
        """,
    ),
    "a guard": (
        """
        b = sin(a)
        if b > 1.0:
            raise_(b)
        return a
        """,
        """
        b = sin(a)
        if b > 1.0:
            raise_(b)
        return a
        """,
    ),
}


def nested(body: str) -> str:
    lines = body.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(["def f(a, x, n):", *("    " + line[indent:] for line in lines if line.strip())])


@pytest.mark.parametrize(("before", "after"), NESTED.values(), ids=NESTED)
def test_nested(before, after):
    types = {**TYPES, "n": "int64", "i": "int64", "c": "float64"}
    assert dump(eliminate(parse(nested(before), types=types, default="float64"))) == dump(parse(nested(after)))


def test_parameters_that_nobody_looks_at():
    func = parse(program("x[0] = a; return a"), types=TYPES, default="float64")
    assert dump(eliminate(func, observable=())) == dump(parse(program("return a")))
    assert eliminate(func, observable=["x"]) is func


def test_constants_and_opaque_results_can_be_seen_from_outside():
    func = parse(program("y = const.Y; y[0] = a; z = ref.f(); z[0] = a; return a"), types=TYPES, default="float64")
    assert eliminate(func) is func


def test_names_without_types_may_be_arrays():
    func = parse(program("b = x; b += a; return a"))
    assert eliminate(func) is func


def test_a_pop_in_the_bounds_of_an_empty_loop():
    text = """
    def f(a):
        tape = list(a, a)
        for i in range(pop(tape)):
            b = a
        return pop(tape)
    """
    assert "    pop(tape)\n    return" in dump(eliminate(parse(text, types=TYPES, default="float64")))


def test_example():
    assert doctest.testmod(dce).failed == 0


@settings(max_examples=100, deadline=None)
@given(programs())
def test_meaning_is_kept(func):
    assert same(outcome(eliminate(func)), outcome(func))


@settings(max_examples=50, deadline=None)
@given(programs())
def test_once_is_enough(func):
    done = eliminate(func)
    assert eliminate(done) is done
