"""The functions of the benchmark: gradients along a direction against differences."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from benchmarks.points import Case, cases


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0].__name__) for case in cases()])
def test_gradient(case: Case) -> None:
    function, arguments, wrt = case
    # Small: differences are taken of the function as Python runs it.
    small = tuple(_small(argument) for argument in arguments)
    value, bars = value_and_grad(function, argnums=wrt)(*small)
    assert value == pytest.approx(function(*small), rel=1e-12)
    random = np.random.default_rng(1)
    for k, bar in zip(wrt, bars, strict=True):
        direction = random.normal(size=np.shape(small[k]))
        sides = [function(*small[:k], small[k] + step * direction, *small[k + 1 :]) for step in (1e-6, -1e-6)]
        expected = (sides[0] - sides[1]) / 2e-6
        assert float(np.sum(bar * direction)) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def _small(argument: object) -> object:
    if isinstance(argument, np.ndarray):
        return argument[tuple(slice(12) for _ in argument.shape)]
    return 2 if isinstance(argument, int) else argument
