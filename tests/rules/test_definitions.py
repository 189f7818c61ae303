"""What is read in the place of functions and options that Numba lacks: values equal NumPy's, both modes differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint

R = np.random.default_rng(3)
V, M, T = R.normal(size=5), R.normal(size=(3, 4)), R.normal(size=(2, 3, 4))
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "median along an axis": (lambda a: np.median(a, axis=0), (M,)),
    "prod of rank 3": (lambda a: np.prod(a, axis=1, keepdims=True), (T,)),
    "quantile at several": (lambda a: np.quantile(a, np.array([0.3, 0.7])), (V,)),
    "sort of rows": (lambda a: np.sort(a), (M,)),
    "cumprod of columns": (lambda a: np.cumprod(a, axis=0), (M,)),
    "std with ddof": (lambda a: np.std(a, axis=1, ddof=1, keepdims=True), (M,)),
    "norm of rows": (lambda a: np.linalg.norm(a, axis=1), (M,)),
    "diff of columns": (lambda a: np.diff(a, axis=0), (M,)),
    "weighted average": (lambda a, w: np.average(a, axis=1, weights=w), (M, np.array([0.2, 1.0, 0.5, 2.0]))),
    "repeat of columns": (lambda a: np.repeat(a, 2, axis=1), (M,)),
    "tile both ways": (lambda a: np.tile(a, (2, 3)), (M,)),
    "pad by reflection": (lambda a: np.pad(a, 2, mode="reflect"), (M,)),
    "pad by zeros": (lambda a: np.pad(a, 1), (M,)),
    "meshgrid": (lambda a, b: np.meshgrid(a, b)[1], (V, V[:3])),
    "polyval": (lambda p, x: np.polyval(p, x), (V, M)),
    "gradient": (lambda a: np.gradient(a, 0.5), (V,)),
}


@pytest.mark.parametrize("name", CASES)
def test_definition(name: str) -> None:
    fun, args = CASES[name]
    dots = tuple(R.normal(size=arg.shape) for arg in args)
    ends = [fun(*(a + h * d for a, d in zip(args, dots, strict=True))) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    value, tangent = adjoint.jvp(fun, args, dots, target="python")
    np.testing.assert_allclose(value, fun(*args), rtol=1e-13)
    np.testing.assert_allclose(tangent, expected, rtol=1e-7, atol=1e-8)
    seed = R.normal(size=value.shape)
    bars = adjoint.vjp(fun, *args, target="python")[1](seed)
    found = sum(float(np.sum(bar * dot)) for bar, dot in zip(bars, dots, strict=True))
    assert found == pytest.approx(float(np.sum(seed * expected)), rel=1e-7)
