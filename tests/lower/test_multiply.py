"""Loops that multiply matrices: equal numbers, which are left alone, and that no element outside of them is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.backends import fingerprint
from adjoint.codegen.emit import text
from adjoint.ir import Comment, For, Func
from adjoint.lower.expand import expand
from adjoint.lower.multiply import multiply
from tests.ir_text import parse
from tests.lower.programs import run, same

pytestmark = pytest.mark.usefixtures("small_products")

ALL, LOWER, UPPER = "range(n)", "range(i + 1)", "range(i, n)"
MORE, LESS, STRICT = "range(1, i + 2)", "range(i - 1)", "range(i + 1, n)"
BACK, LOWER_BACK, UPPER_BACK = "range(n - 1, -1, -1)", "range(i, -1, -1)", "range(n - 1, i - 1, -1)"
PROGRAM = """
def f(z: float64[:, :], t: float64[:, ::1], x: float64[:, ::1], y: float64[:, ::1], v: float64[:], u: float64[:], a: float64, n: int64):
    b: float64 = 0.5
    for i in {outer}:
        {before}
        for {first}:
            for {second}:
                {body}
        {after}
    return z, t, x, y, v, u, b
"""
NOTHING = "u[i] = a"


def program(body: str, first: str, second: str, outer: str = ALL, before: str = NOTHING, after: str = NOTHING) -> Func:
    source = PROGRAM.format(
        body=body.replace("; ", "\n                "),
        first=first,
        second=second,
        outer=outer,
        before=before.replace("; ", "\n        "),
        after=after.replace("; ", "\n        "),
    )
    return parse(source)


J, K = f"j in {ALL}", f"k in {ALL}"
PRODUCTS = [
    ("z[i, j] += a * x[i, k] * y[k, j]", J, K),
    ("z[i, j] += x[k, i] * y[j, k]", K, J),
    ("z[j, i] += -(y[k, j] * (v[0] * x[k, i]))", J, K),
    ("z[i, j] += x[i, k] * -(a * y[k, j])", J, K),
    ("z[k, j] += x[i, k] * y[i, j]", J, K),
    ("z[i, j] = z[i, j] + x[i, k] * y[k, j]", J, K),
    ("z[i, j] += x[i, k] * y[k, j]", "j in range(1, n)", K),
    ("z[i, j] += x[i, k] * y[k, j]", f"j in {LOWER}", K),
    ("s: float64 = a * x[i, k]; z[i, j] += s * y[k, j]; t[k, j] += x[i, k] * y[i, j]", J, K),
    ("z[i, j] += v[i] * x[i, k] * (y[k, j] * v[k])", J, K),
    ("z[i, j] += x[i, k] * y[k, j]", "j in range(1, n)", "k in range(1, n)"),
    ("z[i, j] += x[i, k] * y[k, j] * t[j, i]", J, K),
    ("u[i] += x[i, k] * y[k, j] * t[i, j]", J, K),
    ("z[j, 0] += -x[i, k] * t[j, i] * y[k, j]; z[0, 0] += t[j, i] * x[i, k] * y[k, j] * a", J, K),
    ("t[i, j] += x[k, i] * y[k, j] * v[i]; z[k, 1] += x[k, i] * (y[k, j] + a) * (x[i, j] - v[j])", J, K),
]
TRIANGLES = [
    ("z[i, j] += a * x[i, k] * y[j, k]", "j in {}", K),
    ("z[i, j] += a * x[i, k] * y[j, k]", K, "j in {}"),
    ("z[j, k] += t[i, j] * (a * x[i, k]); z[i, k] += t[i, j] * y[j, k] * a", "j in {}", K),
    ("z[k, j] += t[i, j] * x[i, k]; z[k, i] += t[i, j] * y[j, k]", "j in {}", K),
    ("z[j, k] += -(t[j, i] * x[i, k])", K, "j in {}"),
]
RANGES = [ALL, LOWER, UPPER, MORE, LESS, STRICT, LOWER_BACK, UPPER_BACK, "range(2, i)"]


def changed(func: Func) -> tuple[Func, Func]:
    func, context = expand(func)
    for name in "ijk":
        context.natural[name] = True
    return func, multiply(func, context)


def are_equal(func: Func, after: Func) -> None:
    for n in (0, 1, 2, 3, 6, 7, 10):
        rng = np.random.default_rng(n)
        z, t = rng.standard_normal((2, n + 3, n + 3))
        x, y = rng.standard_normal((2, n + 3, n))
        args = z, t, x, y, *rng.standard_normal((2, n + 1)), 0.7, n
        same(run(after, *args), run(func, *args), 1e-12)


@pytest.mark.parametrize(("body", "first", "second"), PRODUCTS)
@pytest.mark.parametrize("outer", [ALL, BACK])
def test_products(body: str, first: str, second: str, outer: str) -> None:
    func, after = changed(program(body, first, second, outer))
    assert "np.dot" in text(after)
    are_equal(func, after)


@pytest.mark.parametrize(("body", "first", "second"), TRIANGLES)
@pytest.mark.parametrize("moving", RANGES)
@pytest.mark.parametrize("outer", ["range(2, n)", "range(n - 1, 1, -1)"])
def test_triangles(body: str, first: str, second: str, moving: str, outer: str) -> None:
    func, after = changed(program(body, first.format(moving), second.format(moving), outer))
    assert "np.dot" in text(after)
    are_equal(func, after)


def test_no_other_element_of_a_triangle_is_used() -> None:
    func, after = changed(program("z[j, k] += t[i, j] * x[i, k]", f"j in {LOWER}", K))
    n = 9
    t = np.where(np.tri(n, n) > 0.0, 1.0, np.nan)
    args = np.zeros((n, n)), t, np.ones((n, n)), np.ones((n, n)), np.zeros(n), np.zeros(n), 0.5, n
    assert np.isfinite(run(after, *args)[0]).all()
    x = np.ones((n, n))
    x[0] = np.inf
    args = np.zeros((n, n)), np.tri(n, n), x, np.ones((n, n)), np.zeros(n), np.zeros(n), 0.5, n
    same(run(after, *args), run(func, *args))


AROUND = [
    ("z[i, 0] = z[i, 0] * a; v[i] = z[i, 1]", "z[i, 1] = v[i]", True),
    ("b = b + v[i]", NOTHING, True),
    ("z[i, 0] = z[0, 1]", NOTHING, False),
    (NOTHING, "v[i] = z[0, i]", False),
    (NOTHING, "x[i, 0] = a", False),
    ("x[i, 0] = a", NOTHING, True),
    ("b = v[i]", "v[i] = b * 2.0", False),
    ("b = v[i]", "b = a", False),
    ("y[i, 0] = a", NOTHING, False),
]


@pytest.mark.parametrize(("before", "after", "may"), AROUND)
def test_what_else_the_outer_loop_does(before: str, after: str, may: bool) -> None:
    sum_ = "z[i, j] += x[i, k] * y[k, j]"
    func, done = changed(program(sum_, J, K, before=before, after=after))
    assert ("np.dot" in text(done)) == (may or (before, after) == (NOTHING, "x[i, 0] = a"))
    are_equal(func, done)


LEFT = [
    ("z[i, j] += x[i, k] + y[k, j]", J, K),
    ("u[i] += x[i, k] * y[k, j]", J, K),
    ("u[i] += x[i, k] * y[k, j] * v[j]", J, K),
    ("z[i, j] += x[i, j] * y[i, j]", J, K),
    ("z[i, j] += x[i, k] * y[k, i]", J, K),
    ("z[i, j] += z[i, k] * y[k, j]", J, K),
    ("z[i, k] += x[i, k] * y[k, j]", J, K),
    ("z[i, j] += x[i, k] * y[k, j]; t[i, j] = a", J, K),
    ("z[i, j] = x[i, k] * y[k, j]", J, K),
    ("z[i, j] += x[i, k] * y[k, j]; b += x[i, k]", J, K),
    ("z[i, j] += sin(x[i, k]) * y[k, j]", J, K),
    ("s: float64 = x[i, k]; s = s * a; z[i, j] += s * y[k, j]", J, K),
    ("z[i, j] += x[i, k] * v[k]", J, K),
    ("z[i, j] += x[i, k] * y[k, j]", J, "k in range(j)"),
    ("z[i, j] += x[i, k] * y[k, j]", f"j in {LOWER}", "k in range(i, n)"),
    ("z[i, j] += x[i, k] * y[k, j]", J, "k in range(0, n, 2)"),
    ("z[i, j] += x[k, i] * y[k, j]", f"j in {LOWER}", K),
]


@pytest.mark.parametrize(("body", "first", "second"), LEFT)
def test_others_stay(body: str, first: str, second: str) -> None:
    func, after = changed(program(body, first, second))
    assert text(after) == text(func)


def test_a_factor_bound_in_the_outer_loop_stays() -> None:
    func, after = changed(program("z[i, j] += b * x[i, k] * y[k, j]", J, K, before="b = v[i]"))
    assert text(after) == text(func)


@pytest.mark.parametrize("index", "ijk")
def test_an_index_that_is_read_after_the_loops_keeps_its_value(index: str) -> None:
    source = PROGRAM.replace("v, u, b", "v, u, {index}")
    body = "z[i, j] += x[i, k] * y[k, j]"
    parts = {"body": body, "first": J, "second": K, "outer": ALL, "before": NOTHING, "after": NOTHING}
    func, after = changed(parse(source.format(index=index, **parts)))
    assert text(after) == text(func)


def test_comments_around_need_no_loop() -> None:
    func, context = expand(program("z[i, j] += x[i, k] * y[k, j]", J, K))
    loop = next(stmt for stmt in func.body if isinstance(stmt, For))
    nest = next(stmt for stmt in loop.body if isinstance(stmt, For))
    body = tuple(replace(s, body=(Comment("before"), nest)) if s is loop else s for s in func.body)
    context.natural |= dict.fromkeys("ijk", True)
    func = replace(func, body=body)
    after = multiply(func, context)
    assert "np.dot" in text(after)
    are_equal(func, after)


def test_subscripts_that_may_count_from_the_end_stay() -> None:
    source = program("z[i, j] += x[i, k] * y[k, j]", J, K, outer="range(-1, n)")
    loop = next(stmt for stmt in source.body if isinstance(stmt, For))
    alone = replace(loop, body=tuple(stmt for stmt in loop.body if isinstance(stmt, For)))
    func, context = expand(replace(source, body=tuple(alone if s is loop else s for s in source.body)))
    assert text(multiply(func, context)) == text(func)


@pytest.mark.parametrize("right", ["y[k, j]", "y[j, k]"])
def test_columns_beyond_the_loop_are_not_used(right: str) -> None:
    func, after = changed(program(f"z[i, j] += x[i, k] * {right}", J, K))
    n = 6
    z, t, x, y = np.random.default_rng(0).standard_normal((4, n + 3, n + 3))
    args = z, t, x, y, np.zeros(n), np.zeros(n), 0.5, n
    same(run(after, *args), run(func, *args), 1e-13)


def update(a: float, z: np.ndarray, x: np.ndarray) -> float:
    z = z.copy()
    for i in range(x.shape[0]):
        for j in range(i + 1):
            z[i, j] *= a
        for k in range(x.shape[1]):
            for j in range(i + 1):
                z[i, j] += a * x[i, k] * x[j, k]
    return np.sum(z * z)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient(dtype: type[np.floating[Any]]) -> None:
    z = np.asarray(np.cos(np.arange(49.0)).reshape(7, 7), dtype=dtype)
    x = np.asarray(np.sin(np.arange(28.0)).reshape(7, 4), dtype=dtype)
    gradient = value_and_grad(update, argnums=(1, 2))
    found, expected = gradient(0.7, z, x), gradient.python(0.7, z, x)
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found[0], expected[0], rtol=rtol)
    for bar, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=rtol, atol=rtol)
    assert gradient.inspect("compiled", 0.7, z, x).count("np.dot") == 3 or dtype == np.float32


def test_not_where_numba_has_no_matrix_products(monkeypatch: pytest.MonkeyPatch) -> None:
    from adjoint.api import compiler

    monkeypatch.setattr(compiler, "has_blas", lambda: False)
    args = 0.7, np.ones((7, 7)), np.ones((7, 4))
    assert "np.dot" not in value_and_grad(update, argnums=1, cache=False).inspect("compiled", *args)
    assert fingerprint.has_blas()
