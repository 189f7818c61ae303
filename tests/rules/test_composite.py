"""Definitions equal the functions they define, in NumPy and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.composite import COMPOSITE, definition
from adjoint.rules.rows import choose
from tests.rules.evaluate import evaluate, types_in
from tests.rules.test_compiled import run

A, B = Var("a"), Var("b")
KEEP = {"keepdims": True}
CASES: list[tuple[str, tuple[Expr, ...], dict[str, Any], tuple[int, ...], tuple[int, ...]]] = [
    *[(p, (A,), {"axis": k}, (3, 4), ()) for p in "mean var std max min".split() for k in (0, 1, -1)],
    *[(p, (A,), {"axis": k}, (2, 3, 4), ()) for p in "mean var std max min".split() for k in (0, 1, 2, -2)],
    *[(p, (A,), {"axis": 0}, (5,), ()) for p in ("max", "min", "mean")],
    *[(p, (A,), {"axis": k, **KEEP}, (3, 4), ()) for p in "sum mean max min".split() for k in (0, 1)],
    *[(p, (A,), {"ddof": 1}, (3, 4), ()) for p in ("var", "std")],
    *[("inner", (A, B), {}, s, t) for s in ((4,), (3, 4)) for t in ((4,), (2, 4))],
    ("tensordot", (A, B), {}, (3, 4), (3, 4)),
    ("tensordot", (A, B), {"axes": 1}, (3, 4), (4, 2)),
    ("compress", (Var("chosen"), A), {}, (4,), ()),
    ("diagonal", (A,), {}, (3, 4), ()),
    ("diagonal", (A,), {"offset": 1}, (3, 4), ()),
    ("tile", (A, Lit(3)), {}, (4,), ()),
    ("tile", (A, Lit(3)), {}, (2, 4), ()),
    ("roll", (A, Lit(2)), {"axis": 0}, (5,), ()),
    ("squeeze", (A,), {"axis": 1}, (3, 1, 2), ()),
    *[("flip", (A,), {"axis": k}, (3, 4), ()) for k in (0, 1, -1)],
]
SAMPLE = {("mean", 2, 0), ("max", 2, 1), ("tile", 1, None)}


def environment(shape: tuple[int, ...], other: tuple[int, ...], dtype: type = np.float64) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    b = rng.normal(size=other).astype(dtype)
    return {"a": rng.normal(size=shape).astype(dtype), "b": b, "chosen": np.array([True, False, True, True])}


def defined(case: tuple[str, tuple[Expr, ...], dict[str, Any], tuple[int, ...], tuple[int, ...]], env: Any) -> Any:
    prim, args, options, _, _ = case
    call = Call(prim, args, tuple((name, Lit(value)) for name, value in options.items()))
    return call, definition(call, types_in(env))


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[3]}-{c[2]}")
def test_definitions_equal_the_function(case: Any) -> None:
    env = environment(case[3], case[4])
    call, tree = defined(case, env)
    assert tree is not None
    np.testing.assert_allclose(evaluate(tree, env), evaluate(call, env), rtol=1e-13)
    single = environment(case[3], case[4], np.float32)
    _, tree = defined(case, single)
    assert evaluate(tree, single).dtype == np.float32


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=[] if (c[0], len(c[3]), c[2].get("axis")) in SAMPLE else [pytest.mark.slow])
        for c in CASES
    ],
    ids=lambda c: f"{c[0]}-{c[3]}-{c[2]}",
)
def test_definitions_compile(case: Any) -> None:
    for dtype in (np.float64, np.float32):
        env = environment(case[3], case[4], dtype)
        call, tree = defined(case, env)
        found = run(tree, env)
        assert np.asarray(found).dtype == dtype or np.ndim(found) == 0
        np.testing.assert_allclose(found, evaluate(call, env), rtol=1e-12 if dtype is np.float64 else 1e-5)


def test_extrema_along_an_axis_keep_nan() -> None:
    env = {"a": np.array([[1.0, np.nan], [2.0, 0.0], [np.nan, 3.0]])}
    for prim in ("max", "min"):
        for axis in (0, 1):
            call = Call(prim, (A,), (("axis", Lit(axis)),))
            tree = definition(call, types_in(env))
            assert tree is not None
            np.testing.assert_array_equal(evaluate(tree, env), evaluate(call, env))


def test_every_row_is_sampled() -> None:
    seen = set()
    for case in CASES:
        env = environment(case[3], case[4])
        call, _ = defined(case, env)
        if case[0] in COMPOSITE:
            seen.add(choose(COMPOSITE, call, types_in(env)).text)
    assert sorted({row.text for rows in COMPOSITE.values() for row in rows} - seen) == []


def test_what_needs_no_definition_has_none() -> None:
    env = environment((3, 4), (3, 4))
    assert definition(Call("sum", (A,), (("axis", Lit(0)),)), types_in(env)) is None
    assert definition(Call("sin", (A,)), types_in(env)) is None
    assert definition(Call("flip", (A,)), types_in(env)) is None
    assert definition(Call("tensordot", (A, B), (("axes", Lit(0)),)), types_in(env)) is None
