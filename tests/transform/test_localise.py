"""Arrays that are filled anew are made in the innermost loop that fills them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad


def filled_in_the_inner_loop(x):
    y = np.empty(3)
    s = 0.0
    for i in range(x.shape[0]):
        for k in range(2):
            for d in range(3):
                y[d] = x[i] * (d + k)
            for d in range(3):
                s += y[d] ** 2
    return s


def read_in_the_outer_loop(x):
    y = np.empty(3)
    s = 0.0
    for i in range(x.shape[0]):
        for k in range(2):
            for d in range(3):
                y[d] = x[i] * (d + k)
        for d in range(3):
            s += y[d] ** 2
    return s


def not_filled(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(x.shape[0]):
        for k in range(2):
            for d in range(2):
                y[d] += x[i] * (d + k)
            for d in range(3):
                s += y[d] ** 2
    return s


@pytest.mark.parametrize("fun", [filled_in_the_inner_loop, read_in_the_outer_loop, not_filled])
def test_gradients(fun):
    x = np.linspace(0.5, 1.5, 4)
    h = 1e-6
    want = [(fun(x + h * e) - fun(x - h * e)) / (2 * h) for e in np.eye(4)]
    np.testing.assert_allclose(value_and_grad(fun)(x)[1], want, rtol=1e-7)
    np.testing.assert_allclose(value_and_grad(fun).python(x)[1], want, rtol=1e-7)


def test_it_is_made_where_it_is_filled():
    source = value_and_grad(filled_in_the_inner_loop).source_for(np.ones(4))
    assert "for k in range(2):\n            y = np.empty(3)\n" in source
    assert "y_old" not in source
