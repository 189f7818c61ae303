"""Containers as arguments, as results and inside: the gradient has the container of the argument."""

from __future__ import annotations

import pytest

from tests.cases.containers import CASES
from tests.oracle import check_gradient


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning")
@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    case = CASES[name]
    check_gradient(case.fun, case.args, case.wrt, case.rtol)
