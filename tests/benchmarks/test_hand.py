"""The hand-written adjoints, at smoke size, against differences of the kernel run by Python."""

import numpy as np
import pytest

from benchmarks import hand, kernels, reference

WRITTEN = [name for name in (*kernels.NAMES, *kernels.VARIANTS) if hand.load(name) is not None]


QUICK = ("lse", "llsq", "jacobi_2d")  # the others take minutes to compile together


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in WRITTEN]
)
def test_hand_written_adjoint(name):
    kernel = kernels.load(name)
    args = kernel.args("smoke")
    before = [np.copy(arg) for arg in args]
    value, gradients = hand.load(name)(*args)
    assert value == pytest.approx(kernel.fun(*args), rel=1e-12)
    for bar, position in zip(gradients, kernel.positions, strict=True):
        assert bar.shape == args[position].shape
        assert bar.dtype == args[position].dtype
    for seed in range(3):
        ways = reference.directions(args, kernel.positions, seed)
        wanted = reference.difference(kernel.fun, args, kernel.positions, ways)
        assert reference.slope(gradients, ways) == pytest.approx(wanted, rel=1e-8)
    for arg, old in zip(args, before, strict=True):
        np.testing.assert_array_equal(arg, old)


def test_there_are_at_least_ten():
    assert len(set(WRITTEN) - set(kernels.VARIANTS)) >= 10
