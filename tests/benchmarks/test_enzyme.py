"""The benchmark beside Enzyme: its gradients are right at a small size, a wrong one is refused."""

from dataclasses import replace

import numpy as np
import pytest

import adjoint
from benchmarks import enzyme


@pytest.mark.parametrize("name", enzyme.CASES)
def test_row(name):
    case = enzyme.CASES[name]
    row = enzyme.measure(case, 12, 1)
    assert row["ratio"] == pytest.approx(case.enzyme / row["ours"])
    assert row["by primals"] == pytest.approx(row["ratio"] * row["primal"] / case.enzyme_primal)


def test_a_wrong_gradient_is_refused():
    def halved(x):
        return np.sum(adjoint.stop_gradient(x) * x)

    case = replace(enzyme.CASES["lse"], fun=halved)
    with pytest.raises(ValueError, match="the gradient is off by"):
        enzyme.measure(case, 5, 1)
