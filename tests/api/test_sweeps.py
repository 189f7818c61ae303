"""Sweeps without the value, beside those with it."""

from collections import namedtuple

import numpy as np
import pytest

from adjoint import checkpoint, grad
from adjoint.api.sweeps import Form, sweep
from adjoint.backends.request import Options

Pair = namedtuple("Pair", "first second")


def of_arrays(x, y):
    return np.sin(x) * y


def of_pair(pair, y):
    return Pair(pair.first * y, pair.second + y)


def into_itself(x, y):
    x[1:] += x[:-1] * y
    return x


POINTS = {
    of_arrays: ((np.arange(1.0, 4.0), 2.0), np.ones(3)),
    of_pair: ((Pair(2.0, np.ones(2)), 3.0), Pair(1.0, np.arange(2.0))),
    into_itself: ((np.arange(1.0, 4.0), 2.0), np.ones(3)),
}


def leaves(value):
    return [x for part in value for x in leaves(part)] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("fun", POINTS, ids=lambda fun: fun.__name__)
@pytest.mark.parametrize("options", [Options(), Options(target="python")], ids=["compiled", "python"])
def test_a_sweep_without_the_value(fun, options):
    args, seed = POINTS[fun]
    modes = {"vjp": ("pullback", (seed,)), "jvp": ("pushforward", args)}
    for mode, (alone, seeds) in modes.items():
        both = sweep(mode, fun, Form(2), (0, 1), options)(*args, *seeds)[1]
        found = sweep(alone, fun, Form(2), (0, 1), options)(*args, *seeds)
        assert type(found) is type(both)
        for mine, theirs in zip(leaves(found), leaves(both), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-15)


@checkpoint
def product(a, x):
    return a @ x


def test_a_checkpoint_takes_what_is_asked_for():
    gradient = grad(lambda a, x: np.sum(product(a, x) ** 2), "x")
    a, x = np.arange(6.0).reshape(2, 3), np.ones(3)
    np.testing.assert_allclose(gradient(a, x), 2.0 * a.T @ (a @ x))
    assert "product_bars[0]" in gradient.source
    assert "[1]" not in gradient.source
