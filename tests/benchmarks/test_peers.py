"""Peers: a text with other stores computes the same; adapters against the kernel, where the tool is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import kernels, peers, reference
from benchmarks.peers import same_code

TOOLS = {"jax": "jax", "torch": "torch", "dace": "dace"}


class At:
    """An array whose elements are written by `.at`, into a copy."""

    def __init__(self, array, index=None):
        self.array, self.index, self.at = array, index, self

    def __getitem__(self, index):
        return At(self.array, index)

    def set(self, value):
        copy = self.array.copy()
        copy[self.index] = value
        return copy

    def add(self, value):
        return self.set(self.array[self.index] + value)


def stored(a, x):
    a[1:, :-1] = x
    a[0, 1:] += 2.0
    x += 1.0
    return a, x


def test_stores_are_written_by_at():
    tree = same_code.swapped(stored, np, stores=False)

    class Array(np.ndarray):
        at = property(At)

    before = np.zeros((2, 3)).view(Array)
    after, x = tree(before, 3.0)
    np.testing.assert_array_equal(after, [[0.0, 2.0, 2.0], [3.0, 3.0, 0.0]])
    np.testing.assert_array_equal(before, 0.0)
    assert x == 4.0


def adapted(tool):
    return [name for name in kernels.NAMES if tool != "dace" or name != "ht"]


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "name"), [(tool, name) for tool in TOOLS for name in adapted(tool)])
def test_adapter(tool, name):
    if find_spec(TOOLS[tool]) is None:
        pytest.skip(f"{tool} is not installed")
    kernel = kernels.load(name)
    args = kernel.args("smoke")
    call, answer = peers.prepare(tool, kernel, args)
    call()
    value, gradients = answer(call())
    assert value == pytest.approx(kernel.fun(*args), rel=1e-12)
    ways = reference.directions(args, kernel.positions)
    wanted = reference.difference(kernel.fun, args, kernel.positions, ways)
    assert reference.slope(gradients, ways) == pytest.approx(wanted, rel=1e-8)
