"""What is outside the accepted subset is refused where it stands, with the reason and what to do instead."""

from __future__ import annotations

import textwrap
from typing import Any, cast

import gast
import pytest

from adjoint.errors import UnsupportedError
from adjoint.frontend import fence

# Body of a function of x | the text the caret must be under | message | help
REFUSED = """
    yield x                                  | yield x     | `yield` is not supported
    yield from x                             | yield from x | `yield from` is not supported
    return await_(lambda: (yield))           | yield       | `yield` is not supported
    with open(x): pass                       | with open(x): pass | `with` is not supported
    class A: pass                            | class A: pass | a class inside the function is not supported
    global n                                 | global n    | `global` is not supported
    del x                                    | del x       | `del` is not supported
    from math import *                       | from math import * | `import *` is not supported
    from . import y                          | from . import y | a relative import inside the function is not supported
    return {x, 2}                            | {x, 2}      | a set is not supported
    return {k for k in x}                    | {k for k in x} | a set comprehension is not supported
    y = (k for k in x)                       | (k for k in x) | a generator expression on its own is not supported
    y = f"{x}"                               | f"{x}"      | an f-string is not supported
    y = b"a"                                 | b"a"        | a `bytes` constant is not supported
    y = lambda *a: 1                         | lambda *a: 1 | a lambda with `*` or `**` parameters is not supported
    x.y = 1                                  | x.y         | assignment to an attribute is not supported
    y = [(z := k) for k in x]                | z := k      | `:=` inside a comprehension is not supported
"""

BLOCKS = {
    "an `async` function": "async def g():\n    pass",
    "`match`": "match x:\n    case 1:\n        pass",
    "`except*`": "try:\n    pass\nexcept* ValueError:\n    pass",
    "a `try` with `finally` that is left by a jump": "try:\n    return x\nfinally:\n    pass",
    "a `try` whose body raises by itself": "try:\n    raise ValueError\nexcept ValueError:\n    pass",
    "a nested function with `*` or `**` parameters": "def g(*a):\n    pass",
    "a decorated nested function": "@x\ndef g():\n    pass",
    "`nonlocal`": "def g():\n    nonlocal x",
}


def tree_of(body: str) -> gast.FunctionDef:
    text = f"def f(x):\n{textwrap.indent(body, '    ')}\n"
    return cast("Any", gast.parse(text)).body[0]


def rows() -> list[list[str]]:
    return [[part.strip() for part in line.split(" | ")] for line in REFUSED.strip().splitlines()]


@pytest.mark.parametrize(("body", "place", "message"), rows(), ids=lambda text: text)
def test_refused_at_its_place(body: str, place: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        fence.check(tree_of(body), "<none>")
    error = caught.value
    assert error.msg == message
    assert error.help
    assert error.loc is not None
    assert error.loc.line == 2
    start = error.loc.column - 5
    assert body[start : error.loc.end_column - 5] == place


@pytest.mark.parametrize(("what", "body"), BLOCKS.items(), ids=lambda text: text)
def test_refused_statements(what: str, body: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        fence.check(tree_of(body), "<none>")
    assert caught.value.msg == f"{what} is not supported"


@pytest.mark.parametrize(
    "body",
    [
        'print(f"{x}")',
        'raise ValueError(f"{x}")',
        'assert x, f"{x}"',
        "y = sum(k for k in x)",
        "try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = 0\nelse:\n    y += 1\nfinally:\n    y += 2",
        "for k in x:\n    break\nelse:\n    pass",
        "import math\nfrom math import sin",
        "if (y := x) > 1:\n    pass",
        "y = f(*x, a=1)",
    ],
)
def test_accepted(body: str) -> None:
    fence.check(tree_of(body), "<none>")


def test_every_row_says_what_to_do() -> None:
    assert len(fence.ROWS) >= 25
    assert all(row.what and row.help for row in fence.ROWS)
