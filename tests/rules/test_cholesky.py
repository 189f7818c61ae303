"""The Cholesky factor's pullback goes by blocks: sizes around a block's, layouts, precisions, second order."""

from __future__ import annotations

import warnings
from typing import Any

import numba
import numpy as np
import pytest

from adjoint import grad, hvp
from tests.rules.evaluate import compiled_helper, helper

SIZES = (0, 1, 2, 31, 32, 33, 64, 70, 97)


def problem(n: int) -> tuple[Any, Any]:
    """Return a factor and a cotangent, which has values above the diagonal too."""
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n))
    return np.linalg.cholesky(a @ a.T + n * np.eye(n)), rng.normal(size=(n, n))


def closed_form(y: Any, y_bar: Any) -> Any:
    """The pullback as products with inverses of the whole factor: Murray 2016, equation 10."""
    inner = np.tril(y.T @ np.tril(y_bar))
    inner[np.diag_indices_from(inner)] /= 2
    half = np.linalg.solve(y.T, np.linalg.solve(y.T, inner.T).T)
    full = half + half.T
    full[np.diag_indices_from(full)] /= 2
    return np.tril(full)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("form", [helper, compiled_helper], ids=["python", "compiled"])
def test_blocks_are_the_closed_form(form: Any, n: int) -> None:
    y, y_bar = problem(n)
    seen = y_bar.copy()
    found = form("cholesky_pullback")(y, y_bar)
    np.testing.assert_allclose(found, closed_form(y, y_bar), rtol=0, atol=1e-14 * max(n, 1))
    np.testing.assert_array_equal(y_bar, seen)


@pytest.mark.parametrize("n", [5, 70])
def test_layouts_and_single_precision(n: int) -> None:
    y, y_bar = problem(n)
    pullback = compiled_helper("cholesky_pullback")
    wanted = pullback(y, y_bar)
    with warnings.catch_warnings():
        warnings.simplefilter("error", numba.NumbaPerformanceWarning)
        apart = np.repeat(y, 2, axis=1)[:, ::2]
        turned = np.asfortranarray(y_bar)
        for factor, seed in ((np.asfortranarray(y), y_bar), (apart, turned), (y, y_bar[:, ::-1].copy()[:, ::-1])):
            np.testing.assert_array_equal(pullback(factor, seed), wanted)
        single = pullback(y.astype(np.float32), y_bar.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, rtol=0, atol=1e-5)


def test_second_order_across_blocks() -> None:
    def f(a: Any) -> Any:
        c = np.linalg.cholesky(a)
        return np.sum(np.sin(c) * c)

    y, way = problem(40)
    a = y @ y.T
    gradient = grad(f)
    step = 1e-4
    wanted = (gradient(a + step * way) - gradient(a - step * way)) / (2 * step)
    np.testing.assert_allclose(hvp(f, (a,), (way,)), wanted, rtol=0, atol=1e-8)
