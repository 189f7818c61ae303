"""A sample of the sweep over all calls of the tables' functions; the whole of it is slow."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rules import sweep


def test_a_sample_is_right_or_refused() -> None:
    found = {trial.text: sweep.outcome(trial) for trial in list(sweep.trials())[::60]}
    assert {text: what for text, what in found.items() if what not in ("right", "refused", "no call of NumPy's")} == {}
    assert list(found.values()).count("right") > 15


@pytest.mark.parametrize("x", [0.3, -0.3])
def test_a_number_decides_between_a_number_and_an_array(x: float) -> None:
    trial = sweep.Trial("where", "np.where(x0 < 0.0, 2.0 * x0, x1)", (x, np.arange(1.0, 4.0)))
    assert sweep.outcome(trial) == "right"


def test_a_row_is_a_line() -> None:
    assert sweep.median_length() < 120


@pytest.mark.slow
def test_nothing_is_wrong() -> None:
    counts, wrong = sweep.swept()
    assert wrong == []
    assert counts["right"] > 1300
