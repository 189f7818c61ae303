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


def read_where_it_has_just_been_written(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(x.shape[0]):
        z = 0.0
        for d in range(3):
            y[d] = x[i] * d
            z += y[d]
        for d in range(3):
            s += y[d] ** 2 / (1.0 + z)
    return s


def read_next_to_where_it_has_been_written(x):
    y = np.zeros(4)
    s = 0.0
    for i in range(x.shape[0]):
        for d in range(3):
            y[d] = x[i] * (1 + d) + s
            s += y[d + 1] ** 2
    return s


def read_after_the_loop(x):
    y = np.zeros(3)
    for i in range(x.shape[0]):
        for d in range(3):
            y[d] = x[i] * (1 + d)
        y[0] *= y[1]
    return np.sum(y**2)


def filled_in_a_branch(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(x.shape[0]):
        if i % 2 == 0:
            y[:] = x[i]
        for d in range(3):
            y[d] *= x[i]
            s += y[d]
    return s


def cleared(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(x.shape[0]):
        y[:] = 0.0
        for d in range(3):
            y[d] += x[i] ** 2
        s += np.sum(y * y)
    return s


FUNCTIONS = [
    filled_in_the_inner_loop,
    read_in_the_outer_loop,
    not_filled,
    read_where_it_has_just_been_written,
    read_next_to_where_it_has_been_written,
    read_after_the_loop,
    filled_in_a_branch,
    cleared,
]


@pytest.mark.parametrize("fun", FUNCTIONS)
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


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_with_segments(fun):
    x = np.linspace(0.5, 1.5, 4)
    found = value_and_grad(fun, memory_limit=1000)(x)[1]
    np.testing.assert_allclose(found, value_and_grad(fun)(x)[1], rtol=1e-14)


def test_it_is_made_before_its_first_use():
    source = value_and_grad(read_where_it_has_just_been_written).source_for(np.ones(4))
    assert "        y = np.empty(3)\n        z = 0.0\n        for d in range(3):\n            y[d] =" in source
    assert "_old" not in source


def test_zeros_are_made_where_they_are_stored():
    source = value_and_grad(cleared).source_for(np.ones(4))
    assert "        y = np.zeros(3)\n" in source
    assert "y[:] = 0.0" not in source


@pytest.mark.parametrize("fun", [read_next_to_where_it_has_been_written, read_after_the_loop, filled_in_a_branch])
def test_it_stays_where_its_contents_are_used(fun):
    source = value_and_grad(fun).source_for(np.ones(4))
    assert "\n    y = np.zeros(" in source


def test_compiled_text_makes_it_once():
    compiled = value_and_grad(read_where_it_has_just_been_written).inspect("compiled", np.ones(4))
    assert "\n    y = np.empty(3)\n" in compiled
