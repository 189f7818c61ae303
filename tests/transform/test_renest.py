"""Temporaries go back into expressions, where that changes nothing."""

from __future__ import annotations

import doctest
import textwrap

import pytest
from hypothesis import given, settings

from adjoint.codegen.emit import text
from adjoint.ir import Func, Let
from adjoint.ir.walk import statements
from adjoint.transform import renest as module
from adjoint.transform.renest import renest
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

TYPES = {
    **dict.fromkeys(("x", "y", "view"), "float64[:]"),
    **dict.fromkeys(("i", "j", "n"), "int64"),
    "tape": "List(float64)",
}

# Before and after, on both sides of the arrow; what comes back unchanged says so with `=`.
MOVES = {
    "chain": ("_1 = a * b\n_2 = sin(_1)\ns = _2 + c", "s = math.sin(a * b) + c"),
    "two uses": ("_1 = a * b\ns = _1 * _1", "="),
    "use in two statements": ("_1 = a * b\ns = _1 * c\nu = _1 + c", "="),
    "a hint": ("k = a * b\ns = k * c", "="),
    "operand bound again": ("_1 = a * b\na = c\ns = _1 * c", "="),
    "bound again by the use": ("_1 = a * b\na = _1 * c", "a = a * b * c"),
    "element written": ("_1 = x[i]\nx[j] = c\ns = _1 * c", "="),
    "element added to": ("_1 = x[i]\nx[j] += c\ns = _1 * c", "="),
    "another array written": ("_1 = x[i]\ny[j] = c\ns = _1 * c", "y[j] = c\ns = x[i] * c"),
    "view written": ("view = x[1:]\n_1 = x[i]\nview[j] = c\ns = _1 * c", "="),
    "size after a write": ("_1 = dim(x, 0)\nx[j] = c\ns = _1 * n", "x[j] = c\ns = x.shape[0] * n"),
    "written in a loop": ("_1 = x[i]\nfor j in range(n):\n    x[j] = c\ns = _1 * c", "="),
    "bound in a branch": ("_1 = a * b\nif a < c:\n    a = c\ns = _1 * c", "="),
    "use in a loop": ("_1 = sin(a)\nfor j in range(n):\n    s += _1", "="),
    "use in a branch": ("_1 = sin(a)\nif a < b:\n    s = _1 + c", "="),
    "while condition": ("_1 = sin(a)\nwhile _1 < b:\n    b = b - 1.0", "="),
    "if condition": ("_1 = a < b\nif _1:\n    s = c", "if a < b:\n    s = c"),
    "bounds": ("_1 = n - 1\nfor j in range(_1, -1, -1):\n    s += c", "for j in range(n - 1, -1, -1):\n    s += c"),
    "bound twice": ("_1 = sin(a)\ns = _1 + c\n_1 = cos(a)\nu = _1 + c", "s = math.sin(a) + c\nu = math.cos(a) + c"),
    "bound in two blocks": (
        "if a < b:\n    _1 = sin(a)\n    s = _1 + c\nelse:\n    _1 = cos(a)\n    s = _1 - c",
        "if a < b:\n    s = math.sin(a) + c\nelse:\n    s = math.cos(a) - c",
    ),
    "bound in a branch in between": ("_1 = sin(a)\nif a < b:\n    _1 = cos(a)\ns = _1 + c", "="),
    "pop": ("_1 = pop(tape)\n_2 = pop(tape)\ns = _2 - _1", "="),
    "opaque call": ("_1 = ref.f(a)\nappend(tape, b)\ns = _1 + c", "="),
    "append": ("_1 = a * b\nappend(tape, _1)", "tape.append(a * b)"),
    "stored": ("_1 = x[i]\n_2 = _1 + a\nx[i] = _2", "x[i] += a"),
    "added to an element": ("_1 = x[j]\nx[i] += _1", "x[i] += x[j]"),
    "added in place over an overlap": ("_1 = x[::-1]\n_2 = _1 * a\nx[...] += _2", "_2 = x[::-1] * a\nx[...] += _2"),
    "swap": ("_1 = a * c\na, b = b, _1", "a, b = b, a * c"),
    "a line too long": (
        "_1 = a_rather_long_name_of_a_variable * another_rather_long_name\n"
        "s = _1 + one_more_rather_long_name_of_a_variable",
        "=",
    ),
    "used before it is bound": ("for i in range(n):\n    s = _1 + c\n    _1 = a * b", "="),
    "a value that reads itself": ("_1 = a * b\n_1 = _1 * c\ns = _1 + _1", "_1 = a * b * c\ns = _1 + _1"),
}


def lines(func: Func) -> str:
    return textwrap.dedent(text(func).partition("\n")[2]).strip()


@pytest.mark.parametrize("name", MOVES)
def test_moves(name: str) -> None:
    before, after = MOVES[name]
    program = f"def f():\n{textwrap.indent(before, '    ')}"
    func = parse(program, types=TYPES, default="float64")
    assert lines(renest(func)) == (lines(func) if after == "=" else after)


def test_locations_stay() -> None:
    func = parse("def f(a: float64):\n    _1 = sin(a)\n    return _1 + a")
    (only,) = renest(func).body
    assert only == parse("def f(a):\n    return sin(a) + a").body[0]


def test_doctest() -> None:
    assert doctest.testmod(module).failed == 0


@settings(max_examples=150)
@given(programs())
def test_meaning_stays(func: Func) -> None:
    after = renest(func)
    assert same(outcome(after), outcome(func)), text(func) + text(after)
    assert sum(isinstance(s, Let) for s in statements(after.body)) <= sum(
        isinstance(s, Let) for s in statements(func.body)
    )
