"""Loops assume that no axis of length 1 is stretched where types don't show it; such a call still gets its gradient."""

import numba
import numpy as np
import pytest

from adjoint import custom_jvp, fixed_point, grad, hvp, value_and_grad, vjp


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


def test_gradients_of_gradients_assume_less_too():
    x, y = np.arange(6.0).reshape(2, 3) + 1, np.array([[1.0], [2.0]])
    found = hvp(cubed, (x, y), (np.ones_like(x), np.zeros_like(y)))
    np.testing.assert_allclose(found[0], 6 * x * y)
    np.testing.assert_allclose(found[1], (3 * x**2).sum(axis=1, keepdims=True))
    inner = grad(cubed)
    np.testing.assert_allclose(grad(lambda x, y: np.sum(inner(x, y) * x))(x, y), 9 * x**2 * y)
    second = grad(lambda x, y: np.sum(inner(x, y)))
    third = grad(lambda x, y: np.sum(second(x, y)))
    np.testing.assert_allclose(third(x, y), 6 * np.ones_like(x) * y)


def cubed(x, y):
    return np.sum(x**3 * y)


def test_equations_assume_less_too():
    x, y = np.full((2, 3), 0.5), np.array([[0.1], [0.2]])
    solve = fixed_point(lambda z, x, y: 0.25 * z * x + y)
    _, y_bar = grad(lambda x, y: np.sum(solve(np.zeros_like(x), x, y)), (0, 1))(x, y)
    np.testing.assert_allclose(y_bar, np.full((2, 1), 3 / (1 - 0.125)))


def test_derivatives_of_ones_own_assume_less_too():
    double = custom_jvp(lambda x, y: x * x * y)

    @double.defjvp
    def _(primals, tangents):
        x, y = primals
        return x * x * y, 2 * x * y * tangents[0] + x * x * tangents[1]

    x, y = np.arange(6.0).reshape(2, 3) + 1, np.array([[1.0], [2.0]])
    _, y_bar = grad(lambda x, y: np.sum(double(x, y)), (0, 1))(x, y)
    np.testing.assert_allclose(y_bar, (x * x).sum(axis=1, keepdims=True))
