"""Random programs of whole-array statements, and what it takes to run a program of the imperative dialect."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from adjoint.codegen.module import module_text
from adjoint.ir import Call, Func
from adjoint.ir.walk import operands, statements, subexpressions
from adjoint.lower import helper_text
from tests.ir_text import parse

VECTORS, MATRICES, NUMBERS = ("x", "y"), ("a", "b"), ("s", "r")
TYPES = {
    **{name: "float64[::1]" for name in VECTORS},
    **{name: "float64[:, ::1]" for name in MATRICES},
    **{name: "float64" for name in NUMBERS},
    "n": "int64",
}


def module_of(func: Func, jit: Mapping[str, object] | None = None) -> str:
    exprs = [e for stmt in statements(func.body) for top in operands(stmt) for e in subexpressions(top)]
    prims = sorted({e.prim for e in exprs if isinstance(e, Call) and e.prim.startswith("helper.")})
    texts = helper_text.sources(prim.removeprefix("helper.") for prim in prims)
    return module_text([func], helpers=texts, jit=jit, entry="" if jit else None)


def function_of(func: Func, jit: Mapping[str, object] | None = None) -> Any:
    space: dict[str, Any] = {}
    exec(module_of(func, jit), space)
    return space[func.name]


def run(func: Func, *args: Any, jit: Mapping[str, object] | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function_of(func, jit)(*copy.deepcopy(args))


def leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, tuple) else [value]


def same(found: Any, wanted: Any, rtol: float = 1e-13) -> None:
    for f, w in zip(leaves(found), leaves(wanted), strict=True):
        assert np.shape(f) == np.shape(w)
        np.testing.assert_allclose(f, w, rtol=rtol, atol=rtol)


def arguments(rows: int = 4, columns: int = 5, seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    vectors = [rng.uniform(-1.0, 1.0, columns) for _ in VECTORS]
    matrices = [rng.uniform(-1.0, 1.0, (rows, columns)) for _ in MATRICES]
    return (*vectors, *matrices, *rng.uniform(-1.0, 1.0, len(NUMBERS)), 2)


# --- random programs ------------------------------------------------------------------------------------------------

# Arrays of the program by rank; `m` and `v` have the shape of `a` and `x`, whatever is done to them.
SCALAR = st.sampled_from(["s", "r", "0.5", "2.0", "sum(x)", "max(y)", "mean(a)", "dot(x, y)", "x[1]", "a[0, 2]"])
ROW = st.sampled_from(["a[1]", "a[n]", "a[-1, :]", "b[0]"])
PRODUCT = st.sampled_from(["matmul(matmul(a, x), b)", "matmul(transpose(m), matmul(b, v))"])
VECTOR = st.one_of(
    st.sampled_from(["x", "y", "v", "w"]),
    ROW,
    PRODUCT,
    st.sampled_from(["sum(a, axis=0)", "mean(m, axis=0)", "max(b, axis=0)"]),
)
MATRIX = st.sampled_from(
    ["a", "b", "m", "k", "expand_dims(x, 0)", "sum(a, axis=1, keepdims=True)", "transpose(transpose(b))", "a[:, ::-1]"]
    + ["outer(sum(a, axis=1), y)", "broadcast_to(x, (dim(a, 0), dim(a, 1)))", "matmul(a, matmul(transpose(b), m))"]
)
UNARY = st.sampled_from(["sin({})", "cos({})", "-{}", "exp(-({0} * {0}))", "tanh({})", "abs({})"])
BINARY = st.sampled_from(
    ["{} + {}", "{} - {}", "{} * {}", "{0} / (1.5 + {1} * {1})", "maximum({}, {})", "where({0} > {1}, {0}, 0.0)"]
)


@st.composite
def trees(draw: st.DrawFn, leaf: st.SearchStrategy[str], depth: int = 2) -> str:
    """A text with at least one array of the kind of `leaf` in it."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(leaf)
    inner = draw(trees(leaf, depth - 1))
    if draw(st.booleans()):
        return draw(UNARY).format(f"({inner})")
    other = draw(st.one_of(trees(leaf, depth - 1), SCALAR))
    pair = [f"({inner})", f"({other})"]
    return draw(BINARY).format(*(pair[::-1] if draw(st.booleans()) else pair))


PARTS = [("1:", "-1"), (":-1", "-1"), ("1:-1", "-2"), ("::-1", ""), (":", ""), ("2:", "-2"), (":n", "n")]


@st.composite
def stores(draw: st.DrawFn) -> str:
    """A store into a part of an array; the value is a part of the same length, maybe of the same array."""
    target, other = draw(st.sampled_from(["v", "w"])), draw(st.sampled_from(["v", "w", "x", "y"]))
    here, length = draw(st.sampled_from(PARTS))
    there = draw(st.sampled_from([part for part, size in PARTS if size == length]))
    value = draw(st.sampled_from(["{}", "{} * 2.0", "{0} * {0} + s", "sin({})"])).format(f"{other}[{there}]")
    value = draw(st.sampled_from([value, value, "s", "0.0"]))
    return f"{target}[{here}] {draw(st.sampled_from(['=', '+=']))} {value}"


ELEMENT_LINES = [
    ["v[e] += x[e] * s0"],
    ["w[e] += q * y[e]"],
    ["s += v[e] * 0.5"],
    ["r = r + sin(x[e])"],
    ["q = cos(x[e]) + w[e]"],
    ["w[e] = q"],
    ["v[e] = w[e] * w[e]"],
    ["m[1, e] += a[0, e] * q"],
    ["v[0] += q"],
    ["w[e - 1] += v[e]"],
    ["for f in range(e + 1, dim(x, 0)):", "    v[f] += x[e] * x[f]", "    v[e] += 0.25"],
    ["for f in range(e - 1, -1, -1):", "    v[e] = v[e] - x[f] * v[f]"],
]


@st.composite
def element_loops(draw: st.DrawFn) -> list[str]:
    """Two loops over elements, forwards or backwards, as sweeps are."""
    lines = ["q: float64 = 0.25", "s0: float64 = s"]
    for _ in range(2):
        index = draw(st.sampled_from(["range(dim(x, 0))", "range(dim(x, 0) - 1, -1, -1)"]))
        body = draw(st.lists(st.sampled_from(ELEMENT_LINES), min_size=1, max_size=3))
        lines += [f"for e in {index}:", *(f"    {line}" for part in body for line in part)]
    return [*lines, "s = s + 0.125 * q"]


@st.composite
def statement_texts(draw: st.DrawFn) -> list[str]:
    kind = draw(st.sampled_from("vector vector matrix matrix scalar store whole row sums alias loop branch elements".split()))
    vector, matrix = draw(st.sampled_from(["v", "w"])), draw(st.sampled_from(["m", "k"]))
    match kind:
        case "vector":
            return [f"{vector}: float64[::1] = {draw(trees(VECTOR))} + 0.0 * {vector}"]
        case "matrix":
            return [f"{matrix}: float64[:, ::1] = {draw(trees(MATRIX))} + 0.0 * {matrix}"]
        case "scalar":
            fold = draw(st.sampled_from(["sum", "mean", "max", "min"]))
            return [f"s: float64 = {fold}({draw(trees(st.one_of(VECTOR, MATRIX)))})"]
        case "store":
            return [draw(stores())]
        case "whole":
            return [f"{matrix}[...] = {draw(trees(MATRIX))}", f"{vector} += {draw(trees(VECTOR))}"]
        case "row":
            return [f"{matrix}[{draw(st.sampled_from(['0', 'n', '1']))}] += {draw(trees(VECTOR))}"]
        case "sums":
            return [f"{vector} += helper.unbroadcast_2d_1d({draw(trees(MATRIX))} + 0.0 * m, {vector})"]
        case "elements":
            return draw(element_loops())
        case "alias":
            return [f"u: float64[:] = {vector}[1:]", f"u[0] = {draw(SCALAR)}", "u += 1.0", "s = s + u[1]"]
        case "loop":
            body = draw(st.lists(statement_texts(), min_size=1, max_size=2))
            return [f"for t{draw(st.integers(0, 3))} in range(n):", *(f"    {line}" for part in body for line in part)]
        case _:
            body = draw(st.lists(statement_texts(), min_size=1, max_size=2))
            return [f"if {draw(SCALAR)} > 0.0:", *(f"    {line}" for part in body for line in part)]


@st.composite
def programs(draw: st.DrawFn) -> Func:
    """A program of the imperative dialect over two vectors, two matrices, two numbers and an index."""
    start = ["v: float64[::1] = copy(x)", "w: float64[::1] = zeros_like(y)"]
    start += ["m: float64[:, ::1] = a * 1.0", "k: float64[:, ::1] = zeros(shape(b))"]
    parts = draw(st.lists(statement_texts(), min_size=1, max_size=8))
    lines = [*start, *(line for part in parts for line in part), "return s, v, w, m, k, sum(v), sum(m * k)"]
    params = ", ".join(f"{name}: {kind}" for name, kind in TYPES.items())
    return parse(f"def f({params}):\n" + "\n".join(f"    {line}" for line in lines), default="float64")


def distances(x: Any, y: Any) -> float:
    """A row of distances for each point."""
    total = 0.0
    for i in range(x.shape[0]):
        own = np.empty(y.shape[0])
        for k in range(y.shape[0]):
            own[k] = 0.0
            for j in range(x.shape[1]):
                own[k] += (x[i, j] - y[k, j]) ** 2
        for k in range(y.shape[0]):
            total += np.exp(-own[k])
    return total
