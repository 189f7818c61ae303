"""What programs print as, and that the text does what the program means."""

from __future__ import annotations

import ast
import math
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from numba import types as nb

from adjoint.codegen.emit import emit, text
from adjoint.codegen.unparse import unparse
from adjoint.errors import UnsupportedError
from adjoint.ir import Accum, Call, Effect, Expr, For, Func, If, Let, Lit, Param, Return, Stmt, Store, Var, While
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

F64 = nb.float64
VECTOR = nb.Array(nb.float64, 1, "C")
MATRIX = nb.Array(nb.float64, 2, "C")
TYPES = {
    **dict.fromkeys(("a", "b", "c", "s"), F64),
    **dict.fromkeys(("i", "j", "n"), nb.int64),
    **dict.fromkeys(("p", "q"), nb.boolean),
    **dict.fromkeys(("x", "y", "z"), VECTOR),
    **dict.fromkeys(("w", "v"), MATRIX),
    "h": nb.float32,
    "g": nb.complex128,
    "t": nb.UniTuple(nb.int64, 2),
    "tape": nb.List(nb.float64),
}


def call(prim: str, *args: Expr, via: str = "", **kwargs: Expr) -> Call:
    return Call(prim, args, tuple(kwargs.items()), via)


def lines(*stmts: Stmt) -> str:
    """Return the text of statements, without the function around them."""
    return textwrap.dedent(text(Func("f", (), stmts, types=TYPES)).partition("\n")[2]).strip()


A, B, C, G, H, I, J, N, P, Q, S, T = map(Var, "abcghijnpqst")
V, W, X, Y, Z, TAPE = map(Var, ("v", "w", "x", "y", "z", "tape"))
FULL = Lit(...)

EXPRESSIONS = [
    (call("add", A, call("mul", B, C)), "a + b * c"),
    (call("pow", call("neg", A), Lit(2)), "(-a) ** 2"),
    (call("div", Lit(-1.0), A), "-1.0 / a"),
    (call("add", X, Y, via="np"), "np.add(x, y)"),
    (call("matmul", W, V, via="np"), "w @ v"),
    (call("pow", A, B, via="math"), "math.pow(a, b)"),
    (call("is_not", X, Lit(None)), "x is not None"),
    (call("and", call("lt", A, B), call("and", P, call("not", Q))), "a < b and p and not q"),
    (call("sin", A), "math.sin(a)"),
    (call("sin", A, via="np"), "np.sin(a)"),
    (call("sin", call("mul", A, B)), "math.sin(a * b)"),
    (call("sin", G), "np.sin(g)"),
    (call("sin", X, via="math"), "np.sin(x)"),
    (call("sin", call("mul", A, X)), "np.sin(a * x)"),
    (call("sin", Var("unknown")), "np.sin(unknown)"),
    (call("erf", Var("unknown")), "math.erf(unknown)"),
    (call("asin", X), "np.arcsin(x)"),
    (call("abs", A), "abs(a)"),
    (call("abs", X), "np.abs(x)"),
    (call("maximum", N, Lit(0), via="builtin"), "max(n, 0)"),
    (call("maximum", X, Lit(0.0), via="builtin"), "np.maximum(x, 0.0)"),
    (call("sum", X), "np.sum(x)"),
    (call("sum", W, via="method", axis=Lit(0)), "w.sum(axis=0)"),
    (call("sort", X, via="method"), "np.sort(x)"),
    (call("linalg.solve", W, X), "np.linalg.solve(w, x)"),
    (call("getitem", X, I), "x[i]"),
    (call("getitem", W, I, call("slice", Lit(1), Lit(None), Lit(None))), "w[i, 1:]"),
    (call("getitem", X, call("slice", Lit(None), Lit(None), Lit(-1))), "x[::-1]"),
    (call("getitem", X, FULL, Lit(None)), "x[..., None]"),
    (call("getitem", X, call("mul", call("getitem", X, I), A)), "x[x[i] * a]"),
    (call("dim", X, Lit(0)), "x.shape[0]"),
    (call("shape", X), "x.shape"),
    (call("size", X), "x.size"),
    (call("len", TAPE), "len(tape)"),
    (call("item", T, Lit(1)), "t[1]"),
    (call("tuple", A, call("tuple", B)), "a, (b,)"),
    (call("list", A, B), "[a, b]"),
    (call("select", P, A, B), "a if p else b"),
    (call("select", call("lt", X, Lit(0.0)), X, Y), "np.where(x < 0.0, x, y)"),
    (call("where", P, A, B), "np.where(p, a, b)"),
    (call("transpose", W), "w.T"),
    (call("transpose", W, axes=call("tuple", Lit(1), Lit(0))), "np.transpose(w, axes=(1, 0))"),
    (call("copy", X), "x.copy()"),
    (call("copy", X, via="np"), "np.copy(x)"),
    (call("real", G, via="attr"), "g.real"),
    (call("reshape", X, call("tuple", N, Lit(2)), via="method"), "x.reshape(n, 2)"),
    (call("reshape", X, call("tuple", N, Lit(2))), "np.reshape(x, (n, 2))"),
    (call("zeros", call("tuple", N, N), dtype=Lit("float32")), "np.zeros((n, n), dtype=np.float32)"),
    (call("zeros", N, dtype=Lit("bool")), "np.zeros(n, dtype=np.bool_)"),
    (call("cast.float64", N), "float(n)"),
    (call("cast.float64", H), "np.float64(h)"),  # `float` leaves a float32 as it is under Numba
    (call("cast.float64", H, via="builtin"), "float(h)"),
    (call("cast.int64", A), "int(a)"),
    (call("cast.float32", A), "np.float32(a)"),
    (call("astype.float32", X), "x.astype(np.float32)"),
    (call("ref:spline", A, k=Lit(3)), "spline(a, k=3)"),
    (call("const:TABLE"), "TABLE"),
    (call("helper.unbroadcast_2d_1d", W, X), "unbroadcast_2d_1d(w, x)"),
    (call("pop", TAPE), "tape.pop()"),
    (Lit(math.inf), "math.inf"),
    (Lit(-math.inf), "-math.inf"),
    (Lit(math.nan), "math.nan"),
    (Lit(-0.0), "-0.0"),
    (Lit(2j), "2j"),
    (Lit(1 - 2j), "complex(1.0, -2.0)"),
    (Lit(np.float64(0.5)), "0.5"),
    (Lit("it's"), '"it\'s"'),
]


@pytest.mark.parametrize(("expr", "expected"), EXPRESSIONS, ids=[expected for _, expected in EXPRESSIONS])
def test_expression(expr: Expr, expected: str) -> None:
    assert lines(Return(expr)) == f"return {expected}"


STATEMENTS = [
    (Let(A, call("add", A, B)), "a += b"),
    (Let(A, call("add", B, A)), "a += b"),
    (Let(A, call("sub", B, A)), "a = b - a"),
    (Let(A, call("mul", A, B)), "a *= b"),
    (Let(A, call("add", A, call("neg", B))), "a -= b"),
    (Let(A, call("add", A, call("mul", Lit(-2.0), B))), "a -= 2.0 * b"),
    (Let(A, call("add", A, B, via="np")), "a = np.add(a, b)"),
    (Let(X, call("add", X, Y)), "x = x + y"),  # `x += y` would change the array that others may see
    (Let(Var("unknown"), call("add", Var("unknown"), Y)), "unknown = unknown + y"),
    (Accum(A, (), call("neg", B)), "a -= b"),
    (Accum(X, (), Y), "x += y"),
    (Accum(X, (I,), call("mul", A, call("getitem", X, J))), "x[i] += a * x[j]"),
    (Accum(W, (I, J), Lit(-1.0)), "w[i, j] -= 1.0"),
    (Accum(X, (), call("getitem", X, call("slice", Lit(None), Lit(None), Lit(-1)))), "x[...] = x + x[::-1]"),
    (Store(X, (I,), call("add", call("getitem", X, I), A)), "x[i] += a"),
    (Store(X, (I,), call("mul", A, call("getitem", X, I))), "x[i] *= a"),
    (Store(X, (I,), call("sub", A, call("getitem", X, I))), "x[i] = a - x[i]"),
    (Store(X, (FULL,), call("div", X, A)), "x /= a"),
    (Store(X, (FULL,), call("sub", call("getitem", X, FULL), Y)), "x -= y"),
    (Store(X, (FULL,), Lit(0.0)), "x[...] = 0.0"),
    (Store(X, (FULL,), call("add", X, call("mul", X, A))), "x[...] = x + x * a"),
    (Effect(call("move", call("tuple", A, B), call("tuple", B, A))), "a, b = b, a"),
    (Effect(call("append", TAPE, A)), "tape.append(a)"),
    (Effect(call("print", Lit("a ="), A)), 'print("a =", a)'),
    (Effect(call("raise", Lit("ValueError('negative')"))), 'raise ValueError("negative")'),
    (Effect(call("assert", call("lt", A, B), Lit("ordered"))), 'assert a < b, "ordered"'),
    (Effect(call("assert", P, Lit(None))), "assert p"),
    (For(I, Lit(0), N, Lit(1), ()), "for i in range(n):\n    pass"),
    (For(I, Lit(1), N, Lit(1), ()), "for i in range(1, n):\n    pass"),
    (For(I, Lit(0), N, Lit(2), ()), "for i in range(0, n, 2):\n    pass"),
    (For(I, Lit(0), N, Lit(1), (), parallel=True), "for i in numba.prange(n):\n    pass"),
    (While(Lit(True), ()), "while True:\n    pass"),
    (If(P, (), (Let(A, B),)), "if not p:\n    a = b"),
    (If(call("not", P), (), (Let(A, B),)), "if p:\n    a = b"),
    (If(P, (Let(A, B),), (If(Q, (), (Let(A, C),)),)), "if p:\n    a = b\nelif not q:\n    a = c"),
    (Return(Lit(None)), "return None"),
]


@pytest.mark.parametrize(("stmt", "expected"), STATEMENTS, ids=[expected for _, expected in STATEMENTS])
def test_statement(stmt: Stmt, expected: str) -> None:
    assert lines(stmt) == expected


def test_update_of_a_slice_is_in_place_only_where_nothing_overlaps() -> None:
    """Numba adds element by element, so `x[1:] += x[:-1]` would read elements it has already changed."""
    part = call("slice", Lit(1), Lit(None), Lit(None))
    rest = call("getitem", X, call("slice", Lit(None), Lit(-1), Lit(None)))
    place = call("getitem", X, part)
    assert lines(Store(X, (part,), call("add", place, Y))) == "x[1:] += y"
    assert lines(Store(X, (part,), call("add", place, rest))) == "x[1:] = x[1:] + x[:-1]"
    assert lines(Let(Z, rest), Accum(X, (part,), Z)) == "z = x[:-1]\nx[1:] = x[1:] + z"


FLAGS = [
    ("done = a < b", "if a < b:\n    break"),
    ("if a < b:\n    c = 1.0\n    done = True\nelse:\n    done = False", "if a < b:\n    c = 1.0\n    break"),
    ("done = False\nif a < b:\n    done = True", "if a < b:\n    break"),
    ("if a < b:\n    done = False\nelse:\n    done = a < c", "if not a < b:\n    if a < c:\n        break"),
    (
        "if a < b:\n    done = True\nelse:\n    if a < c:\n        done = False\n    else:\n        done = True",
        "if a < b:\n    break\nelif not a < c:\n    break",
    ),
    ("done = a < b\nc = 2.0", "done = a < b\nc = 2.0\nif done:\n    break"),
    ("if a < b:\n    done = True", "if a < b:\n    done = True\nif done:\n    break"),
    ("done = a < b\nc = cast.float64(done)", "done = a < b\nc = np.float64(done)\nif done:\n    break"),
]


@pytest.mark.parametrize(("body", "expected"), FLAGS)
def test_flag_of_a_loop_becomes_break(body: str, expected: str) -> None:
    func = parse(f"def f():\n    for i in range(n, until=done):\n{textwrap.indent(body, '        ')}", types=TYPES)
    assert lines(*func.body) == f"for i in range(n):\n{textwrap.indent(expected, '    ')}"


LOOP = "    for i in range(n, until=done):\n        if a < b:\n            done = True"


def test_flag_that_starts_false_needs_no_start() -> None:
    program = "def f():\n    done = False\n    a = 1.0\n" + LOOP
    expected = "a = 1.0\nfor i in range(n):\n    if a < b:\n        break"
    assert lines(*parse(program).body) == expected
    read = parse(program + "\n    return done")
    assert "done = False" in lines(*read.body)
    assert "if done:\n        break" in lines(*read.body)


def test_defaults_come_last_even_if_the_primal_had_keyword_only_parameters() -> None:
    params = (Param("a"), Param("b", Lit(1.0)), Param("c"), Param("n", Lit(-1)))
    assert text(Func("f", params, ())) == "def f(a, b, c, n=-1):\n    pass\n"


def test_a_name_that_hides_what_the_text_needs_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="a variable called `np` hides the `np` that the derivative needs"):
        text(Func("f", (Param("np"),), (Return(call("sum", Var("np"))),)))
    assert text(Func("f", (Param("np"),), (Return(Var("np")),))) == "def f(np):\n    return np\n"


@settings(max_examples=60)
@given(programs())
def test_text_does_what_the_program_means(func: Func) -> None:
    written = text(func)
    tree = ast.parse(written).body[0]
    assert unparse(tree) == unparse(ast.parse(unparse(emit(func))))
    shown: list[float] = []

    def sine(x: float) -> float:
        return math.sin(x) if math.isfinite(x) else 0.125

    maths = type("math", (), {"sin": staticmethod(sine), "exp": math.exp, "inf": math.inf, "nan": math.nan})
    numpy = type("np", (), {"sin": staticmethod(sine), "exp": math.exp, "zeros": np.zeros, "copy": np.copy})
    space: dict[str, object] = {"show": shown.append, "math": maths, "np": numpy}
    exec(written, space)
    args = [0.3, -0.7, np.array([0.1, -0.4, 0.8]), np.array([1.1, 0.2, -0.9])]
    function = space["f"]
    assert callable(function)
    with np.errstate(all="ignore"):
        result = function(*args)
    assert same((result, args[2:], shown), outcome(func)), written
