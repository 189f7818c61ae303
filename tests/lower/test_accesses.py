"""What statements read and write is found once for all passes, unless a name stands for something else by then."""

from __future__ import annotations

from dataclasses import replace

from numba import types as nb

from adjoint.ir import Func
from adjoint.ir.walk import with_body
from adjoint.lower.context import Context
from tests.ir_text import parse

TEXT = """
def f(x: float64[:], y: float64[:], n: int64):
    {made}
    for i in range(n):
        a[i] = x[i]
    for i in range(n):
        y[i] = 2.0
    return a
"""


def program(made: str) -> Func:
    return parse(TEXT.format(made=made))


def test_a_later_program_with_the_same_statements_is_not_read_again() -> None:
    func = program("a: float64[:] = empty(n)")
    context = Context.of(func)
    first = context.accesses(func)
    known = [first.of(stmt) for stmt in func.body]
    later = context.accesses(with_body(func, func.body[1:]))
    assert [later.of(stmt) for stmt in func.body[1:]] == known[1:]
    assert all(later.of(stmt) is old for stmt, old in zip(func.body[1:], known[1:], strict=True))


def test_names_whose_memory_is_another_by_then_are_read_again() -> None:
    func = program("a: float64[:] = y")
    context = Context.of(func)
    first = context.accesses(func)
    fill, other = func.body[1:3]
    known = first.of(other)
    assert {x.cls for x in first.of(fill).accesses} == {"x", "y"}
    later = context.accesses(with_body(func, (*program("a: float64[:] = empty(n)").body[:1], *func.body[1:])))
    assert {x.cls for x in later.of(fill).accesses} == {"x", "a"}
    assert later.of(other) is known


def test_names_whose_type_is_another_by_then_are_read_again() -> None:
    func = program("a: float64[:] = empty(n)")
    context = Context.of(func)
    first = context.accesses(func)
    fill, other = func.body[1:3]
    known = first.of(other)
    assert all(x.index is not None for x in first.of(fill).accesses)
    context.kinds["x"] = nb.Array(nb.float64, 2, "C")  # `x[i]` is a row by now
    later = context.accesses(replace(func, types=context.kinds))
    assert any(x.index is None for x in later.of(fill).accesses if x.name == "x")
    assert later.of(other) is known
