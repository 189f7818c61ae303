"""Final names."""

from __future__ import annotations

import keyword
from dataclasses import replace

import pytest
from hypothesis import given, settings

from adjoint.codegen.emit import text
from adjoint.codegen.names import rename
from adjoint.ir import Func
from adjoint.ir.walk import bound, statements
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

CASES = [
    # what the user called it
    ("x_3 = a\nreturn x_3", "x = a\nreturn x"),
    ("x_1 = a\nx_2 = b\nreturn x_1 + x_2", "x = a\nx_1 = b\nreturn x + x_1"),
    ("a_1 = b\nreturn a_1", "a_1 = b\nreturn a_1"),
    ("x_1 = a\nx_1_bar = b\nreturn x_1_bar", "x = a\nx_bar = b\nreturn x_bar"),
    ("y_tape = zeros(n)\nreturn y_tape", "y_tape = np.zeros(n)\nreturn y_tape"),
    # what it is
    ("_1 = sin(a)\nreturn _1 * _1", "sin_a = np.sin(a)\nreturn sin_a * sin_a"),
    ("_1 = sin(a * b)\nreturn _1 * _1", "sin = np.sin(a * b)\nreturn sin * sin"),
    ("_1 = sin(a_long_name)\nreturn _1", "sin = np.sin(a_long_name)\nreturn sin"),
    ("_1 = a * b\n_2 = a * c\nreturn _1 + _2", "product = a * b\nproduct_1 = a * c\nreturn product + product_1"),
    ("_1 = v[i]\n_2 = w[i, 1]\nreturn _1 + _2", "v_i = v[i]\nw_i_1 = w[i, 1]\nreturn v_i + w_i_1"),
    (
        "_1 = a ** 2\n_2 = exp(_1)\nreturn _1 + _2",
        "a_squared = a**2\nexp_a_squared = np.exp(a_squared)\nreturn a_squared + exp_a_squared",
    ),
    ("_1 = dim(v, 0)\n_2 = len(v)\nreturn _1 + _2", "v_dim0 = v.shape[0]\nv_len = len(v)\nreturn v_dim0 + v_len"),
    ("_1 = sum(v)\nreturn _1 * _1", "v_sum = np.sum(v)\nreturn v_sum * v_sum"),
    ("_1 = a < b\nreturn _1", "test = a < b\nreturn test"),
    ("_1 = abs(a + b)\nreturn _1 * _1", "abs_1 = np.abs(a + b)\nreturn abs_1 * abs_1"),
    (
        "_1 = exp(a)\n_1_bar = b\n_7_bar = c\nreturn _1_bar + _7_bar",
        "exp_a = np.exp(a)\nexp_a_bar = b\nt_bar = c\nreturn exp_a_bar + t_bar",
    ),
    ("_1 = a\nreturn _1", "t = a\nreturn t"),
    ("a_bar = b\n_1 = sin(a_bar)\nreturn _1", "a_bar = b\nsin = np.sin(a_bar)\nreturn sin"),
    ("for _1 in range(n):\n    v[_1] = 0.0", "for k in range(n):\n    v[k] = 0.0"),
    # what it must not hide
    (
        "_1 = helper.exp_b(a)\n_2 = exp(b)\nreturn _1 + _2",
        "exp_b_a = exp_b(a)\nexp_b_1 = np.exp(b)\nreturn exp_b_a + exp_b_1",
    ),
]


def renamed(body: str) -> str:
    program = "def f(a, b, v, n):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    func = parse(program)
    # Cotangents are named after what they are the cotangents of.
    hints = {name: hint for name, hint in func.hints.items() if not name.endswith("_bar")}
    return text(rename(replace(func, hints=hints)))


@pytest.mark.parametrize(("body", "expected"), CASES, ids=[body for body, _ in CASES])
def test_names(body: str, expected: str) -> None:
    lines = renamed(body).splitlines()[1:]
    assert "\n".join(line.removeprefix("    ") for line in lines) == expected


@pytest.mark.parametrize("taken", ["np", "math", "numba", "range", "max", "f", "TABLE", "spline", "unbroadcast"])
def test_variables_never_hide_what_the_text_needs(taken: str) -> None:
    func = parse(f"def f(a):\n    {taken}_1 = ref.spline(const.TABLE, helper.unbroadcast(a))\n    return {taken}_1")
    assert f"    {taken}_1 = spline(TABLE, unbroadcast(a))" in text(rename(func))


def test_harmless_builtins_stay_with_the_user() -> None:
    assert "    id = a" in renamed("id_1 = a\nreturn id_1")


def test_reserved_names_are_kept_free() -> None:
    assert "    y_1 = x" in text(rename(parse("def f(x):\n    y = x\n    return y"), reserved=["y"]))


def test_types_and_hints_follow() -> None:
    func = rename(parse("def f(x: float64):\n    x_5: int64 = 1\n    _3: float64 = sin(x)\n    return _3"))
    types = {name: str(kind) for name, kind in func.types.items()}
    assert types == {
        "x": "float64",
        "x_1": "int64",
        "sin_x": "float64",
    }
    assert func.hints == {"x": "x", "x_1": "x"}


@settings(max_examples=40)
@given(programs())
def test_meaning_stays_and_distinct_names_stay_distinct(func: Func) -> None:
    after = rename(func)
    assert same(outcome(after), outcome(func))
    old, new = ([v.name for s in statements(f.body) for v in bound(s)] for f in (func, after))
    assert len(set(old)) == len(set(new))
    assert len(set(zip(old, new, strict=True))) == len(set(old))
    assert not any(keyword.iskeyword(name) for name in new)
    assert rename(func) == after
