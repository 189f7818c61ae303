"""Text of expressions and statements, and the round trip."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adjoint
from adjoint.codegen.unparse import Comment, unparse

# What a person would write is printed as it stands; each line is its own expectation.
EXPRESSIONS = """
a + b - c
a - (b - c)
a + (b + c)
(a + b) * c
a * b / c
a / (b * c)
a * (b / c)
-a * b
-(a * b)
(-a) ** b
-(a**b)
a**-b
a**b**c
(a**b) ** c
a ** b[0] ** c
not a**b
a ** (b + 1)
(a + 1) ** 2
x.y**2
f(x) ** 2
2.0**-1
-2.0 * x
--a
-(-a + b)
~a & b | c ^ d
a << 1 + b
x @ w + b
a // b % c
not a
not (a and b)
not a == b
-(not a)
a and b or c
a and (b or c)
a or b and c
a < b <= c
(a < b) < c
a is not None
a not in b
a if b else c
(a if b else c) + 1
a if b else c if d else e
(a if b else c) if d else e
a if (b if c else d) else e
lambda x, y=1: x + y
(lambda x: x)(1)
f(a, *d, b=c, **e)
f(a if b else c)
f((a, b))
x[i]
x[i, j]
x[()]
x[i,]
x[:]
x[1:-1]
x[a:b:c]
x[::-1]
x[n - 1 :: -1]
x[i + 1 : n]
x[: n - 1]
x[n - 1 :]
x[..., None, 1:]
x[1:, 2 * i]
u[1:-1, 1:-1]
x[:,]
x[a if b else c]
x.T @ y
(a + b).T
(-a).real
(1).real
1.0.real
x.shape[0]
()
(a,)
(a, b)
[a, (b, c)]
[]
{1: a, **b}
{a, b}
[a for a, b in c if d]
(a := b)
1e-300
1e+16
0.1
1000000.0
2j
"a"
"it's"
'say "hi"'
b'x'
None
...
True
f'{x[1:2]} is {y!r:>10}'
""".strip().splitlines()

STATEMENTS = [
    "x = a, b\n",
    "x = y = (a,)\n",
    "a, b = b, a\n",
    "(a,) = b\n",
    "x[i], y[j] = a, b\n",
    "x += a if b else c\n",
    "x[i, j] -= a * b\n",
    "x @= y\n",
    "x: int = 1\n",
    "assert a < b, 'no'\n".replace("'", '"'),
    'raise ValueError("no") from error\n',
    "del x[0]\n",
    "import numpy as np\n",
    "from math import sin as s, cos\n",
    "for i in range(n - 1, -1, -1):\n    pass\n",
    "for i, x in enumerate(y):\n    continue\nelse:\n    break_ = 1\n",
    "while True:\n    if a < b:\n        break\n",
    "if a:\n    x = 1\nelif b:\n    x = 2\nelse:\n    x = 3\n    y = 4\n",
    "if a:\n    x = 1\nelse:\n    x = 2\n    if b:\n        y = 1\n",
    "def f(x, y=1.0, *args, z, **kwargs):\n    return\n",
    "def f(a, /, b):\n    return a, (b, c)\n",
    "def f():\n    return (yield)\n",
    "@numba.njit(cache=True)\ndef f(x):\n    return x\n",
    'def f(x):\n    """What it does.\n\n    And how."""\n    return x\n',
    '"""Module."""\n\nimport math\n\nK = 1.0\n\n\ndef f():\n    pass\n\n\ndef g():\n    pass\n',
    '"""Quotes \\"\\"\\" and \\\\ and end\\""""\n',
    '"a\\tb"\n',
    "def f():\n    x = 1\n\n    def g():\n        return x\n\n    return g\n",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression_is_printed_as_a_person_writes_it(text: str) -> None:
    tree = ast.parse(text, mode="eval").body
    assert unparse(tree) == text


@pytest.mark.parametrize("text", STATEMENTS)
def test_statement_is_printed_as_a_person_writes_it(text: str) -> None:
    assert unparse(ast.parse(text)) == text


def test_comments_stand_between_statements_and_need_a_pass() -> None:
    tree = ast.parse("if a:\n    x = 1\nelse:\n    y = 1")
    branch = tree.body[0]
    assert isinstance(branch, ast.If)
    branch.body = [Comment("backward: x = 1"), *branch.body]
    branch.orelse = [Comment("nothing\nto do")]
    assert unparse(tree) == ("if a:\n    # backward: x = 1\n    x = 1\nelse:\n    # nothing\n    # to do\n    pass\n")


def test_comment_before_a_function_belongs_to_it() -> None:
    tree = ast.parse("x = 1\ndef f():\n    pass")
    tree.body.insert(1, Comment("about f"))
    assert unparse(tree) == "x = 1\n# about f\ndef f():\n    pass\n"


SOURCES = [path for package in (adjoint, np.lib) for path in sorted(Path(package.__file__).parent.glob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_real_files_round_trip(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = {type(node).__name__ for node in ast.walk(tree)}
    if "Match" in kinds:
        return  # not a statement that generated code has
    assert ast.dump(ast.parse(unparse(tree))) == ast.dump(tree)


LEAVES = [ast.Name("a"), ast.Name("b"), ast.Constant(1), ast.Constant(2.5), ast.Constant(2j), ast.Constant("s")]


def _trees(children: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    binary = [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.Mod, ast.BitAnd, ast.LShift]
    items = st.lists(children, min_size=1, max_size=3)
    slices = st.builds(ast.Slice, children | st.none(), children | st.none(), children | st.none())
    index = children | slices | st.builds(ast.Tuple, st.lists(children | slices, min_size=1, max_size=2))
    return st.one_of(
        st.builds(ast.BinOp, children, st.sampled_from(binary).map(lambda op: op()), children),
        st.builds(ast.UnaryOp, st.sampled_from([ast.USub, ast.Not, ast.Invert]).map(lambda op: op()), children),
        st.builds(ast.BoolOp, st.sampled_from([ast.And(), ast.Or()]), st.lists(children, min_size=2, max_size=3)),
        st.builds(
            lambda a, op, b: ast.Compare(a, [op], [b]), children, st.sampled_from([ast.Lt(), ast.IsNot()]), children
        ),
        st.builds(ast.IfExp, children, children, children),
        st.builds(ast.Tuple, items),
        st.builds(ast.List, items),
        st.builds(ast.Attribute, children, st.just("T")),
        st.builds(ast.Subscript, children, index),
        st.builds(lambda f, args, kw: ast.Call(f, args, [ast.keyword("k", kw)]), children, items, children),
    )


@given(st.recursive(st.sampled_from(LEAVES), _trees, max_leaves=12))
def test_any_expression_round_trips(tree: ast.expr) -> None:
    parsed = ast.parse(unparse(tree), mode="eval").body
    assert ast.unparse(ast.fix_missing_locations(parsed)) == ast.unparse(ast.fix_missing_locations(tree))


@given(st.floats(min_value=0.0, allow_nan=False))
def test_numbers_keep_every_bit(value: float) -> None:
    assert eval(unparse(ast.Constant(value))) == value or math.isinf(value)
