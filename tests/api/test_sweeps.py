"""Sweeps without the value, beside those with it."""

import math
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


def of_loop(x):
    v = np.empty_like(x)
    for i in range(x.shape[0]):
        v[i] = math.sin(x[i])
    return v - x


@pytest.mark.parametrize("mode", ["pullback", "vjp"])
def test_a_pullback_goes_through_its_cotangent_once(mode):
    x, seed = np.arange(1.0, 4.0), np.ones(3)
    made = sweep(mode, of_loop, Form(1), (0,), Options())
    text = made.generated_for(x, seed).compiled_text
    assert text.count("for ") == 1
    assert " v_bar[" not in text
    found = made(x, seed)
    np.testing.assert_allclose((found[1] if mode == "vjp" else found)[0], np.cos(x) - 1.0)


def test_a_cotangent_in_another_order():
    def turned(x):
        return np.ascontiguousarray(x.T) * 2.0

    pull = sweep("vjp", turned, Form(1), (0,), Options())
    seed = np.arange(6.0).reshape(3, 2)
    for given in (seed, np.asfortranarray(seed), np.repeat(seed, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(pull(np.ones((2, 3)), given)[1][0], 2.0 * seed.T)
