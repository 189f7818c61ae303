"""What is read in the place of functions and options that Numba lacks: values equal NumPy's, both modes differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.rules.definitions.table import DEFINITIONS

R = np.random.default_rng(3)
V, M, T = R.normal(size=5), R.normal(size=(3, 4)), R.normal(size=(2, 3, 4))
N = np.array([[1.0, np.nan, 3.0, -2.0], [0.5, 0.7, np.nan, 1.0], [2.0, -1.0, 0.2, 0.1]])
W = np.array([0.2, 1.0, 0.5, 2.0])
# By primitive: what is differentiated, with respect to all its arguments.
CASES: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "median": [(lambda a: np.median(a, axis=0), (M,)), (lambda a: np.median(a, axis=0), (V,))],
    "nanmedian": [(lambda a: np.nanmedian(a, axis=1), (N,))],
    "prod": [(lambda a: np.prod(a, axis=1, keepdims=True), (T,)), (lambda a: a.prod(axis=0), (M,))],
    "nanprod": [(lambda a: np.nanprod(a, axis=0), (N,))],
    "nansum": [(lambda a: np.nansum(a, axis=0), (N,))],
    "nanmean": [(lambda a: np.nanmean(a, axis=1, keepdims=True), (N,))],
    "nanvar": [(lambda a: np.nanvar(a, axis=1), (N,))],
    "nanstd": [(lambda a: np.nanstd(a, axis=1), (N,))],
    "nanmax": [(lambda a: np.nanmax(a, axis=0), (N,))],
    "nanmin": [(lambda a: np.nanmin(a, axis=0), (N,))],
    "ptp": [(lambda a: np.ptp(a, axis=0), (M,))],
    "quantile": [
        (lambda a: np.quantile(a, np.array([0.3, 0.7])), (V,)),
        (lambda a: np.quantile(a, 0.3, axis=2), (T,)),
    ],
    "percentile": [(lambda a: np.percentile(a, 30.0, axis=1), (M,))],
    "nanquantile": [(lambda a: np.nanquantile(a, 0.3, axis=1), (N,))],
    "nanpercentile": [(lambda a: np.nanpercentile(a, 30.0, axis=1), (N,))],
    "sort": [(lambda a: np.sort(a), (M,)), (lambda a: np.sort(a, axis=1), (T,))],
    "partition": [(lambda a: np.partition(a, 2)[:, 2], (M,))],
    "cumprod": [(lambda a: np.cumprod(a, axis=0), (M,))],
    "nancumsum": [(lambda a: np.nancumsum(a, axis=0), (N,))],
    "nancumprod": [(lambda a: np.nancumprod(a, axis=1), (N,))],
    "var": [(lambda a: np.var(a, axis=1, ddof=1, keepdims=True), (M,)), (lambda a: a.var(0, ddof=1), (T,))],
    "std": [(lambda a: np.std(a, axis=1, ddof=1, keepdims=True), (M,)), (lambda a: a.std(1, keepdims=True), (M,))],
    "linalg.norm": [(lambda a: np.linalg.norm(a, axis=1), (M,)), (lambda a: np.linalg.norm(a, axis=0), (V,))],
    "trapezoid": [(lambda a: np.trapezoid(a, dx=0.1, axis=0), (M,))],
    "diff": [(lambda a: np.diff(a, axis=0), (M,))],
    "gradient": [(lambda a: np.gradient(a, 0.5), (V,)), (lambda a: np.gradient(a), (V,))],
    "average": [(lambda a, w: np.average(a, axis=1, weights=w), (M, W)), (lambda a: np.average(a, axis=0), (M,))],
    "repeat": [(lambda a: np.repeat(a, 2, axis=1), (M,))],
    "tile": [(lambda a: np.tile(a, (2, 3)), (M,)), (lambda a: np.tile(a, (2, 2)), (V,))],
    "pad": [
        (lambda a: np.pad(a, 2, mode="reflect"), (M,)),
        (lambda a: np.pad(a, 1), (M,)),
        (lambda a: np.pad(a, 2, mode="symmetric"), (V,)),
        (lambda a: np.pad(a, 2, mode="wrap"), (V,)),
    ],
    "meshgrid": [
        (lambda a, b: np.meshgrid(a, b)[1], (V, V[:3])),
        (lambda a, b: np.meshgrid(a, b, indexing="ij")[0], (V, V[:3])),
    ],
    "polyval": [(lambda p, x: np.polyval(p, x), (V, M)), (lambda p, x: np.polyval(p, x), (V, 0.3))],
    "poly": [(lambda a: np.poly(a), (V,))],
    "fix": [(lambda a: np.fix(a) * a, (M,))],
    "heaviside": [(lambda a: np.heaviside(a, 0.5) * a, (M,))],
    "vecdot": [
        (lambda a, b: np.vecdot(a, b), (M, M[::-1].copy())),
        (lambda a, b: np.vecdot(a, b), (V, V[::-1].copy())),
    ],
    "dot": [(lambda a, x: np.dot(a, x), (V, 0.3)), (lambda a, x: np.dot(x, a), (V, 0.3))],
    "take_along_axis": [(lambda a: np.take_along_axis(a, np.array([[0, 1], [2, 2], [3, 0]]), axis=1), (M,))],
    "linalg.svd": [(lambda a: np.linalg.svd(a, compute_uv=False), (M,))],
    "linalg.svdvals": [(lambda a: np.linalg.svdvals(a), (M,))],
    "linalg.vector_norm": [(lambda a: np.linalg.vector_norm(a), (T,))],
    "linalg.matrix_norm": [(lambda a: np.linalg.matrix_norm(a), (M,))],
}
# Names that older NumPy does not have.
NEW = {"trapezoid": np, "vecdot": np, "linalg.svdvals": np.linalg, "linalg.vector_norm": np.linalg}
ROWS = [f"{prim}-{k}" for prim in CASES for k in range(len(CASES[prim]))]
COMPILED = ["median-0", "sort-0", "pad-0", "average-0", "nanvar-0", "std-1"]


def test_every_definition_has_a_case() -> None:
    assert sorted(CASES) == sorted(DEFINITIONS)


def check(row: str, target: Any) -> None:
    prim, _, k = row.rpartition("-")
    if not hasattr(NEW.get(prim, np), prim.rpartition(".")[2]) and prim in NEW:
        pytest.skip(f"this NumPy has no `{prim}`")
    fun, args = CASES[prim][int(k)]
    dots = tuple(R.normal(size=np.shape(arg)) if np.ndim(arg) else 0.7 for arg in args)
    ends = [fun(*(a + h * d for a, d in zip(args, dots, strict=True))) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    value, tangent = adjoint.jvp(fun, args, dots, target=target)
    np.testing.assert_allclose(value, fun(*args), rtol=1e-13)
    np.testing.assert_allclose(tangent, expected, rtol=1e-7, atol=1e-8)
    seed = R.normal(size=value.shape) if np.ndim(value) else 0.6
    bars = adjoint.vjp(fun, *args, target=target)[1](seed)
    found = sum(float(np.nansum(bar * dot)) for bar, dot in zip(bars, dots, strict=True))
    assert found == pytest.approx(float(np.sum(seed * expected)), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("row", ROWS)
def test_definition(row: str) -> None:
    check(row, "python")


@pytest.mark.parametrize("row", COMPILED)
def test_compiled_definition(row: str) -> None:
    check(row, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_compiled_definition(row: str) -> None:
    check(row, "cpu")
