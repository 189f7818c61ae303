"""The benchmark of steps over columns runs, and compares before it times."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import columns


@pytest.mark.parametrize("name", columns.CASES)
def test_small(name: str) -> None:
    found = columns.measure(name, 1, small=True)
    assert found["ours"] > 0.0
    assert ("hand / ours" in found) == (name == "loops")


def test_wrong_gradients_are_not_timed() -> None:
    args = columns.problem("paths", small=True)
    wrong = tuple(np.ones(np.shape(arg)) for arg in args)
    with pytest.raises(ValueError, match="along a direction"):
        columns.check(columns.paths, args, wrong)
