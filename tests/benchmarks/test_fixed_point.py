"""The benchmark of `fixed_point`: its problems take about 100 steps, and its two functions have one value."""

import pytest

from benchmarks import fixed_point


@pytest.mark.parametrize("name", fixed_point.CASES)
def test_problem(name):
    case = fixed_point.CASES[name]
    args = case.problem(30)
    steps = fixed_point.steps_of(case, args)
    assert 50 <= steps <= 200
    implicit, unrolled = fixed_point.functions(case, steps)
    assert implicit(*args) == pytest.approx(unrolled(*args), rel=1e-10)


def test_row():
    row = fixed_point.measure(fixed_point.CASES["kepler"], 1, 1)
    assert row["ratio"] > 0.0
    assert row["steps"] == fixed_point.steps_of(fixed_point.CASES["kepler"], fixed_point.kepler_problem(1))
