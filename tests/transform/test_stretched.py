"""Cotangents of `np.broadcast_to` where what it stretches is written: before it, and after it."""

import numpy as np
import pytest

from adjoint import grad
from adjoint.errors import AliasError


def rows(x):
    total = np.zeros((x.shape[0], 1))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total[i, 0] += x[i, j] * x[i, j]
    wide = np.broadcast_to(total, x.shape)
    return np.sum(wide[1:] * x[1:]) + np.sum(wide)


def in_a_loop(x):
    a = np.zeros((2, 1))
    total = 0.0
    for i in range(3):
        a[0, 0] = x[0, i] * x[1, i]
        wide = np.broadcast_to(a, (2, 3))
        total += np.sum(wide * x)
    return total


def written_later(x):
    a = np.zeros((2, 1))
    a[0, 0] = x[0, 0] * x[0, 0]
    wide = np.broadcast_to(a, (2, 3))
    a[1, 0] = 3.0 * x[1, 1]
    return np.sum(wide * x)


def written_between_iterations(x):
    a = np.zeros((2, 1))
    a[0, 0] = x[0, 0] * x[0, 0]
    wide = np.broadcast_to(a, (2, 3))
    total = 0.0
    for i in range(3):
        total += wide[0, i] * x[1, i]
        a[0, 0] = a[0, 0] * x[0, i]
    return total


def differences(fun, x, h=1e-6):
    slopes = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        slopes[index] = (fun(x + step) - fun(x - step)) / (2 * h)
    return slopes


X = np.linspace(0.5, 1.5, 6).reshape(2, 3)


@pytest.mark.parametrize("fun", [rows, in_a_loop])
def test_written_before(fun):
    np.testing.assert_allclose(grad(fun).python(X), differences(fun, X), rtol=1e-7)


@pytest.mark.parametrize("fun", [written_later, written_between_iterations])
def test_written_after(fun):
    """Its shadow would have to be a stretched view of another, which can't be written."""
    with pytest.raises(AliasError, match="`wide` shows `a`, stretched, which is written while it is in use") as caught:
        grad(fun).python(X)
    assert "broadcast_to" in caught.value.text


def shares(x):
    p = x / np.sum(x, axis=1, keepdims=True)
    return np.sum(p * p * p)


def test_the_gradient_of_a_gradient_with_kept_dimensions():
    slope = grad(shares)

    def along(x, v):
        return np.sum(slope(x) * v)

    v = X[::-1] - 0.7
    expected = differences(lambda x: np.sum(slope.python(x) * v), X)
    np.testing.assert_allclose(grad(along).python(X, v), expected, rtol=1e-6, atol=1e-8)
