"""The benchmark of Jacobians: its functions are right, and the headline has the size that is spoken of."""

import pytest

from benchmarks import jacobian


@pytest.mark.parametrize("name", jacobian.CASES)
def test_both_ways_agree(name):
    row = jacobian.measure(jacobian.CASES[name], 1, small=True)
    assert row["ratio"] > 0.0


def test_the_size_of_the_hand():
    theta, u, *_ = jacobian.hand_problem(small=False)
    assert (theta.size, 3 * len(u)) == (26, 4800)
