"""Names of functions, both ways, and calls in canonical form."""

import builtins
import cmath
import math
import operator

import numpy as np
import pytest

from adjoint.errors import UnsupportedError
from adjoint.ir import Call, Lit, Var
from adjoint.ir.dump import expr_text
from adjoint.rules import spelling

X, N, M = Var("x"), Var("n"), Var("m")


@pytest.mark.parametrize(
    ("obj", "prim", "via"),
    [
        (math.sin, "sin", "math"),
        (np.sin, "sin", "np"),
        (cmath.sin, "sin", "cmath"),
        (np.arcsin, "asin", "np"),
        (math.asin, "asin", "math"),
        (np.arctan2, "atan2", "np"),
        (math.floor, "int_floor", "math"),
        (np.floor, "floor", "np"),
        (math.pow, "pow", "math"),
        (np.power, "pow", "np"),
        (operator.mul, "mul", "operator"),
        (np.divide, "div", "np"),
        (np.mod, "mod", "np"),
        (abs, "abs", "builtin"),
        (np.absolute, "abs", "np"),
        (max, "max", "builtin"),
        (np.amax, "max", "np"),
        (float, "cast.float64", "builtin"),
        (np.float32, "cast.float32", "np"),
        (np.bool_, "cast.bool", "np"),
        (np.linalg.solve, "linalg.solve", "np"),
        (np.fft.fft, "fft.fft", "np"),
        (np.random.normal, "random.normal", "np"),
        (np.append, "np_append", "np"),
        (np.conjugate, "conj", "np"),
        (len, "len", "builtin"),
    ],
)
def test_primitive_of(obj: object, prim: str, via: str) -> None:
    assert (spelling.primitive_of(obj), spelling.via_of(obj)) == (prim, via)


def test_own_functions_are_not_primitives() -> None:
    assert spelling.primitive_of(lambda x: x) is None
    assert spelling.primitive_of([]) is None
    assert spelling.via_of(test_primitive_of) == ""


@pytest.mark.parametrize("module", [math, np, np.linalg, np.fft, operator, builtins])
def test_text_names_a_function_of_the_same_primitive(module: object) -> None:
    """What is printed for a function is that function, or another spelling of it."""
    for name, obj in sorted(vars(module).items()):
        prim = spelling.primitive_of(obj)
        if prim is None or name.startswith("_"):
            continue
        for scalar in (True, False):
            text = spelling.text_of(prim, spelling.via_of(obj), scalar)
            back = spelling.primitive_of(eval(text, {"np": np, "math": math, "operator": operator, "cmath": cmath}))
            assert back == prim, (name, text)


@pytest.mark.parametrize(
    ("prim", "via", "scalar", "text"),
    [
        ("sin", "", True, "math.sin"),
        ("sin", "", False, "np.sin"),
        ("sin", "np", True, "np.sin"),
        ("sin", "math", False, "np.sin"),
        ("sin", "cmath", True, "cmath.sin"),
        ("asin", "np", False, "np.arcsin"),
        ("asin", "", True, "math.asin"),
        ("erf", "", True, "math.erf"),
        ("exp2", "", True, "np.exp2"),
        ("abs", "", True, "abs"),
        ("abs", "", False, "np.abs"),
        ("maximum", "builtin", True, "max"),
        ("maximum", "builtin", False, "np.maximum"),
        ("maximum", "", True, "np.maximum"),
        ("max", "method", False, "np.max"),
        ("linalg.solve", "", False, "np.linalg.solve"),
        ("cast.float64", "", True, "float"),
        ("cast.float64", "np", True, "np.float64"),
        ("cast.float32", "", True, "np.float32"),
        ("cast.bool", "np", True, "np.bool_"),
        ("int_floor", "", True, "math.floor"),
        ("int_round", "", True, "round"),
        ("pow", "math", True, "math.pow"),
        ("len", "", False, "len"),
        ("gamma", "", True, "math.gamma"),
        ("helper.unbroadcast", "", False, "unbroadcast"),
    ],
)
def test_text_of(prim: str, via: str, scalar: bool, text: str) -> None:
    assert spelling.text_of(prim, via, scalar) == text


@pytest.mark.parametrize(
    ("prim", "via", "scalar", "function"),
    [
        ("mul", "", True, operator.mul),
        ("sin", "", True, math.sin),
        ("sin", "", False, np.sin),
        ("abs", "", False, np.abs),
        ("not", "", True, operator.not_),
        ("linalg.inv", "", False, np.linalg.inv),
        ("cast.float64", "", True, float),
    ],
)
def test_python_callable(prim: str, via: str, scalar: bool, function: object) -> None:
    assert spelling.python_callable(prim, via, scalar) is function


def test_no_callable() -> None:
    with pytest.raises(UnsupportedError):
        spelling.python_callable("frobnicate")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (("sum", "np", (X, Lit(0))), "sum(x, axis=0)"),
        (("sum", "np", (X,), (("keepdims", Lit(False)), ("axis", Lit(None)))), "sum(x)"),
        (("sum", "np", (), (("a", X), ("axis", Lit(1)))), "sum(x, axis=1)"),
        (("sum", "builtin", (X,)), "sum(x, axis=0)"),
        (("mean", "method", (X, Lit(1))), "mean(x, axis=1)"),
        (("reshape", "method", (X, N, M)), "reshape(x, tuple(n, m))"),
        (("reshape", "method", (X, Lit(-1))), "reshape(x, -1)"),
        (("reshape", "np", (X, Call("tuple", (N, M)), Lit("C"))), "reshape(x, tuple(n, m))"),
        (("transpose", "method", (X, Lit(1), Lit(0))), "transpose(x, axes=tuple(1, 0))"),
        (("zeros", "np", (N,), (("dtype", Lit("float32")),)), "zeros(n, dtype='float32')"),
        (("zeros", "np", (N, Lit("float32"))), "zeros(n, dtype='float32')"),
        (("clip", "np", (X,), (("a_max", N),)), "clip(x, None, n)"),
        (("clip", "np", (X, N, M, Var("y"))), "clip(x, n, m, out=y)"),
        (("concatenate", "np", (Call("tuple", (X, X)), Lit(0))), "concatenate(tuple(x, x))"),
        (("max", "builtin", (X, N, M)), "maximum(maximum(x, n), m)"),
        (("max", "np", (X, Lit(0))), "max(x, axis=0)"),
        (("round", "builtin", (X,)), "int_round(x)"),
        (("round", "builtin", (X, Lit(2))), "round(x, decimals=2)"),
        (("cast.complex128", "builtin", (X, N)), "complex(x, n)"),
        (("sin", "np", (X,)), "sin(x)"),
    ],
)
def test_canonical_call(call: tuple, text: str) -> None:
    assert expr_text(spelling.canonical_call(*call)) == text


@pytest.mark.parametrize(
    "call",
    [
        ("sum", (X, Lit(0)), (("axis", Lit(1)),)),
        ("sum", (X,), (("a", X),)),
        ("transpose", (X, Lit(0), Lit("C"), Lit("D")), ()),
        ("dot", (X, X, X, X), ()),
    ],
)
def test_wrong_arguments_are_refused(call: tuple) -> None:
    with pytest.raises(UnsupportedError):
        spelling.normalise_args(*call)


@pytest.mark.parametrize(
    ("obj", "name"),
    [(np.float32, "float32"), (float, "float64"), ("float32", "float32"), (np.dtype("f8"), "float64"), (bool, "bool"),
     (int, "int64"), (complex, "complex128"), (1.0, None), (object, None), ("nonsense", None)],
)  # fmt: skip
def test_dtype_name(obj: object, name: str | None) -> None:
    assert spelling.dtype_name(obj) == name


def test_kinds_of_primitives() -> None:
    assert spelling.method_primitive("conjugate") == "conj"
    assert spelling.method_primitive("tolist") is None
    assert spelling.attribute_primitive("T") == "transpose"
    assert spelling.is_view("reshape") and not spelling.is_view("copy")
    assert spelling.allocates("zeros_like") and not spelling.allocates("copy")
    assert spelling.mutates("random.shuffle") and not spelling.mutates("sort")
    assert all(map(spelling.is_elementwise, ["add", "sin", "where", "maximum", "lt", "erf"]))
    assert not any(map(spelling.is_elementwise, ["sum", "dot", "matmul", "getitem", "is"]))
