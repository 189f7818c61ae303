"""Large arrays are made with huge pages; what they hold, and what is refused, stays."""

from __future__ import annotations

import sys

import numba
import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.backends.huge_pages import LARGE
from adjoint.backends.vector_math import VectorMathCompiler

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the advice is Linux's")


def compiled(fun):
    return numba.njit(fun, pipeline_class=VectorMathCompiler)


@compiled
def made(n):
    a = np.empty((n, n))
    b = np.zeros(n, dtype=np.float32)
    c = np.zeros((n, 2, n), dtype="int64")
    d = np.empty(dtype=np.complex128, shape=n)
    for i in range(n):
        d[i] = 1j * i
        for j in range(n):
            a[i, j] = i + j
    return a, b, c, d


@pytest.mark.parametrize("n", [0, 1, 3, int((LARGE / 8) ** 0.5) + 1, 1500])
def test_new_arrays(n):
    for found, expected in zip(made(n), made.py_func(n), strict=True):
        assert found.dtype == expected.dtype
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)


@compiled
def products(a, b, c):
    return a @ b, np.dot(b.T, a.T), a @ c, c @ b


@pytest.mark.parametrize(("dtype", "order"), [(np.float64, "C"), (np.complex64, "F")])
def test_products(dtype, order):
    rng = np.random.default_rng(0)
    for n, m, k in ((2, 2, 4), (0, 0, 2), (3, 3, 0), (900, 900, 5), (3, 3, 3), (7, 7, 200), (17, 17, 70)):
        a, b, c = (rng.integers(-9, 9, shape).astype(dtype, order=order) for shape in ((n, m), (m, k), m))
        for found, expected in zip(products(a, b, c), products.py_func(a, b, c), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="incompatible array sizes"):
        products(np.ones((2, 3)), np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match="negative dimensions"):
        made(-1)


@on_linux
def test_the_advice_is_given():
    made(1)
    assert any("madvise" in text for text in made.inspect_llvm().values())


def loss(w, x):
    return np.sum(np.tanh(x @ w))


def test_gradient_of_large_arrays():
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((800, 900)), rng.standard_normal((700, 800))
    value, (w_bar, x_bar) = value_and_grad(loss, argnums=(0, 1))(w, x)
    slope = 1.0 - np.tanh(x @ w) ** 2
    np.testing.assert_allclose(value, loss(w, x), rtol=1e-12)
    np.testing.assert_allclose(w_bar, x.T @ slope, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(x_bar, slope @ w.T, rtol=1e-10, atol=1e-10)
