"""Loops assume that no axis of length 1 is stretched where types don't show it; such a call still gets its gradient."""

import numba
import numpy as np
import pytest

from adjoint import value_and_grad, vjp


def spread(x, y):
    return np.sum((x - y) ** 2)


def test_an_axis_of_length_one_is_stretched():
    gradient = value_and_grad(spread, (0, 1))
    x, y = np.arange(6.0).reshape(2, 3), np.array([[1.0], [2.0]])
    value, (x_bar, y_bar) = gradient(x, y)
    assert value == spread(x, y)
    np.testing.assert_allclose(x_bar, 2 * (x - y))
    np.testing.assert_allclose(y_bar, -2 * (x - y).sum(axis=1, keepdims=True))
    same = gradient(x, x + 1)
    np.testing.assert_allclose(same[1][0], -2 * np.ones((2, 3)))


def test_a_pullback_assumes_less_too():
    x, y = np.arange(6.0).reshape(2, 3), np.array([[1.0], [2.0]])
    _, pullback = vjp(spread, x, y)
    np.testing.assert_allclose(pullback(1.0)[1], -2 * (x - y).sum(axis=1, keepdims=True))


def test_compiled_code_gets_an_error():
    gradient = value_and_grad(spread, (0, 1))

    @numba.njit
    def call(x, y):
        return gradient(x, y)

    with pytest.raises(ValueError, match="adjoint: this gradient assumes"):
        call(np.ones((2, 3)), np.ones((2, 1)))
