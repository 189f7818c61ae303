"""Definitions equal the functions they define, in NumPy and compiled."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules.composite import COMPOSITE, definition
from adjoint.rules.rows import choose
from tests.rules.evaluate import evaluate, types_in
from tests.rules.test_compiled import run

A, B = Var("a"), Var("b")
KEEP = {"keepdims": True}
CASES: list[tuple[str, tuple[Expr, ...], dict[str, Any], tuple[int, ...], tuple[int, ...]]] = [
    *[(p, (A,), {"axis": k}, (3, 4), ()) for p in "mean var std".split() for k in (0, 1, -1)],
    *[(p, (A,), {"axis": k}, (2, 3, 4), ()) for p in "mean var std".split() for k in (0, 1, 2, -2)],
    *[(p, (A,), {"axis": Var(k)}, (3, 4), ()) for p in ("max", "min") for k in ("first", "second", "last")],
    *[(p, (A,), {"axis": Var(k)}, (2, 3, 4), ()) for p in ("max", "min") for k in ("first", "second", "last")],
    *[(p, (A,), {"axis": 0}, (5,), ()) for p in ("max", "min", "mean")],
    *[(p, (A,), {"axis": k, **KEEP}, (3, 4), ()) for p in ("sum", "mean") for k in (0, 1)],
    *[(p, (A,), {"axis": Var("second"), **KEEP}, (3, 4), ()) for p in ("max", "min")],
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
    axes = {"first": 0, "second": 1, "last": -1}
    return {"a": rng.normal(size=shape).astype(dtype), "b": b, "chosen": np.array([True, False, True, True]), **axes}


def defined(case: tuple[str, tuple[Expr, ...], dict[str, Any], tuple[int, ...], tuple[int, ...]], env: Any) -> Any:
    prim, args, options, _, _ = case
    given = {name: value if isinstance(value, Var) else Lit(value) for name, value in options.items()}
    call = Call(prim, args, tuple(given.items()))
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
    env = {"a": np.array([[1.0, np.nan], [2.0, 0.0], [np.nan, 3.0]]), "first": 0, "second": 1}
    for prim in ("max", "min"):
        for axis in ("first", "second"):
            call = Call(prim, (A,), (("axis", Var(axis)),))
            tree = definition(call, types_in(env))
            assert tree is not None
            np.testing.assert_array_equal(evaluate(tree, env), evaluate(call, env))


@pytest.mark.parametrize("prim", ["max", "min"])
@pytest.mark.parametrize("options", [{"axis": 1}, {"axis": (0, 2)}, {"axis": -1, **KEEP}, {"axis": (1, 2), **KEEP}])
def test_extrema_along_axes_that_are_written_out(prim: str, options: Any) -> None:
    env = environment((2, 3, 4), ())
    axes = options["axis"] if isinstance(options["axis"], tuple) else (options["axis"],)
    axis: Expr = Lit(axes[0]) if len(axes) == 1 else Call("tuple", tuple(map(Lit, axes)))
    call = Call(prim, (A,), tuple({**{k: Lit(v) for k, v in options.items()}, "axis": axis}.items()))
    tree = definition(call, types_in(env))
    assert (tree is None) == ("keepdims" not in options)
    if tree is not None:
        assert isinstance(tree, Call)
        assert tree.prim == "expand_dims"
        np.testing.assert_array_equal(evaluate(tree, env), evaluate(call, env))
    fun = getattr(np, prim)

    def spread(x: Any) -> Any:
        return np.sum((x.sum() - fun(x, **options)) ** 3)

    x = env["a"]
    chosen = x == fun(x, axis=axes, keepdims=True)
    slopes = 3 * (x.sum() - fun(x, axis=axes, keepdims=True)) ** 2
    expected = np.sum(slopes) - np.where(chosen, slopes, 0.0)
    namespace: dict[str, Any] = {"np": np}
    written, name = ", ".join(f"{k}={v}" for k, v in options.items()), f"<{prim} {options}>"
    text = f"def spread(x):\n    return np.sum((x.sum() - np.{prim}(x, {written})) ** 3)\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), namespace)
    gradient = value_and_grad(namespace["spread"], cache=False)
    for value, bar in (gradient(x), gradient.python(x)):
        assert value == pytest.approx(spread(x))
        np.testing.assert_allclose(bar, expected)
    x[1, 2, 3] = np.nan
    assert np.isnan(gradient(x)[0])


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
