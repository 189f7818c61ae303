"""A gradient raises for arrays that don't fit together, as its function does."""

from __future__ import annotations

import pytest

from tests.cases.fitting import FITTING
from tests.cases.registry import Case
from tests.test_idioms import CASES
from tests.wrong_shapes import silent


@pytest.mark.parametrize("case", FITTING, ids=lambda case: case.name)
def test_raises(case: Case) -> None:
    assert not list(silent(case))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_idiom_raises(name: str) -> None:
    assert not list(silent(CASES[name]))
