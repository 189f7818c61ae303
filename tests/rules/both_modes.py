"""A function's derivatives through the whole compiler, in both modes, against differences of the function itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint

R = np.random.default_rng(3)


def check(fun: Callable[..., Any], args: tuple[Any, ...], target: Any) -> None:
    dots = tuple(R.normal(size=np.shape(arg)) if np.ndim(arg) else 0.7 for arg in args)
    ends = [fun(*(a + h * d for a, d in zip(args, dots, strict=True))) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    value, tangent = adjoint.jvp(fun, args, dots, target=target)
    np.testing.assert_allclose(value, fun(*args), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(tangent, expected, rtol=1e-7, atol=2e-8)
    seed = seed_for(value)
    bars = adjoint.vjp(fun, *args, target=target)[1](seed)
    found = sum(float(np.nansum(bar * dot)) for bar, dot in zip(bars, dots, strict=True))
    assert found == pytest.approx(float(np.real(np.sum(seed * expected))), rel=1e-7, abs=2e-8)


def seed_for(value: Any) -> Any:
    if np.ndim(value) == 0:
        return 0.6
    real = R.normal(size=value.shape)
    return real + 1j * R.normal(size=value.shape) if np.iscomplexobj(value) else real
