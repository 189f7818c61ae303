"""What is known of statements and functions is found out once, and is known of nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Let, Lit, Var
from adjoint.ir.walk import mentions_of, with_body
from tests.ir_text import parse

TEXT = """
def f(x: float64[:], n: int64):
    y: float64[:] = x
    y[0] = 1.0
    return y
"""


@pytest.mark.parametrize("ask", [memory_classes, mentions_of])
def test_a_function_is_asked_once(ask) -> None:
    func = parse(TEXT)
    assert ask(func) is ask(func)
    assert ask(with_body(func, tuple(func.body))) is ask(func)
    assert ask(replace(func)) is not ask(func)
    assert ask(replace(func)) == ask(func)


def test_another_body_is_another_function() -> None:
    func = parse(TEXT)
    assert memory_classes(func) == {"x": "x", "y": "x"}
    made = parse(TEXT.replace("= x", "= empty(n)"))
    assert memory_classes(with_body(func, made.body)) == {"x": "x", "y": "y"}


def test_records_have_values() -> None:
    assert Let(Var("x"), Lit(1)) == Let(Var("x"), Lit(1)) != Let(Var("x"), Lit(1.0))
    assert hash(Let(Var("x"), Lit(1))) == hash(Let(Var("x"), Lit(1)))
    assert replace(Let(Var("x"), Lit(1)), value=Lit(2)).value == Lit(2)
