"""Everything that is refused, word for word: the kind of the error, what it says, the caret, and what to do instead."""

from __future__ import annotations

import linecache
import textwrap
from typing import Any, cast

import gast
import pytest

from adjoint import grad, jvp
from adjoint.errors import AdjointError, UnsupportedError
from adjoint.frontend import fence
from tests.cases.refused import REFUSED, Refused

# What the fence sees in the text: what is refused, and the smallest body of a function of `x` with it.
SYNTAX = {
    "`yield`": "yield x",
    "`yield from`": "yield from x",
    "`await`": "await x",
    "an `async` function": "async def g():\n    pass",
    "`async for`": "async for k in x:\n    pass",
    "`async with`": "async with x:\n    pass",
    "an `async` comprehension": "y = [k async for k in x]",
    "`with`": "with x:\n    pass",
    "a class inside the function": "class A:\n    pass",
    "`global`": "global n",
    "`nonlocal`": "nonlocal n",
    "`del`": "del x",
    "`match`": "match x:\n    case 1:\n        pass",
    "`except*`": "try:\n    pass\nexcept* ValueError:\n    pass",
    "a `try` with `finally` that is left by a jump": "try:\n    return x\nfinally:\n    pass",
    "a `try` whose body raises by itself": "try:\n    raise ValueError\nexcept ValueError:\n    pass",
    "`import *`": "from math import *",
    "a relative import inside the function": "from . import y",
    "a set": "y = {x}",
    "a set comprehension": "y = {k for k in x}",
    "a generator expression on its own": "y = (k for k in x)",
    "an f-string": 'y = f"{x}"',
    "a `bytes` constant": 'y = b"a"',
    "a nested function with `*` or `**` parameters": "def g(*a):\n    pass",
    "a lambda with `*` or `**` parameters": "y = lambda **a: 1",
    "a decorated nested function": "@x\ndef g():\n    pass",
    "type parameters": "def g[T](a):\n    pass",
    "assignment to an attribute": "x.y = 1",
    "`:=` inside a comprehension": "y = [(z := k) for k in x]",
    "a type alias": "type A = int",
}


def place(error: AdjointError) -> str:
    """Return the text under the caret."""
    assert error.loc is not None
    line = linecache.getline(error.loc.file, error.loc.line).rstrip("\n")
    end = error.loc.end_column - 1 if error.loc.end_line == error.loc.line else len(line)
    return line[error.loc.column - 1 : end]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.fun.__name__)
def test_refused(row: Refused) -> None:
    with pytest.raises(AdjointError) as caught:
        grad(row.fun, row.wrt).source_for(*row.kinds)
    error = caught.value
    assert (type(error), error.msg, place(error), error.help) == (row.kind, row.message, row.under, row.help)


def test_there_are_many_and_all_differ() -> None:
    messages = {row.message for row in REFUSED}
    assert len(messages) >= 100
    assert len({row.fun.__name__ for row in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize("row", fence.ROWS, ids=lambda row: row.what)
def test_refused_by_the_fence(row: fence.Row) -> None:
    try:
        tree: Any = gast.parse(f"def f(x):\n{textwrap.indent(SYNTAX[row.what], '    ')}\n")
    except SyntaxError:
        pytest.skip("this Python has no such syntax")
    with pytest.raises(UnsupportedError) as caught:
        fence.check(cast("Any", tree).body[0], "<none>")
    assert (caught.value.msg, caught.value.help) == (f"{row.what} is not supported", row.help)


def test_every_construct_of_the_fence_has_an_example() -> None:
    assert {row.what for row in fence.ROWS} <= set(SYNTAX)


def test_a_list_slice_is_refused_in_forward_mode_too() -> None:
    row = next(row for row in REFUSED if row.message == "a slice of a list")
    with pytest.raises(UnsupportedError, match="a slice of a list"):
        jvp(row.fun, (1.0, 3), (1.0, None))
