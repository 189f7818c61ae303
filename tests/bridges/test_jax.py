"""`adjoint.jax`: functions of JAX, with its own check of first and second derivatives."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from jax.test_util import check_grads  # noqa: E402

from adjoint.jax import as_callback  # noqa: E402

X = np.linspace(-1.0, 1.0, 3)
W = np.linspace(-1.0, 1.0, 6).reshape(2, 3)


def layer(x, w, gain):
    return np.tanh(w @ x) * gain


def several(x, s, n):
    return np.sum(x * x) * s, np.sin(x) * s, n + 1


def cubes(x):
    return np.sum(x**3)


def picked(x, k):
    return x[k]


def checked(x, k):
    if k < 1:
        raise ValueError("no such element")
    return x[k]


@pytest.fixture
def double():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.usefixtures("double")
def test_check_grads_of_the_function_and_of_it_jitted():
    called = as_callback(layer)
    for fun in (called, jax.jit(called)):
        check_grads(lambda x, w, fun=fun: fun(x, w, 2.0), (X, W), order=2, modes=["rev"])


@pytest.mark.usefixtures("double")
def test_several_results_and_a_number():
    called = as_callback(several)
    total, sines, count = called(X, 1.5, 3)
    assert (total.shape, sines.shape, count) == ((), (3,), 4)
    check_grads(lambda x, s: called(x, s, 3)[:2], (X, 1.5), order=2, modes=["rev"])


def test_single_precision():
    called = as_callback(cubes)
    x = jax.numpy.arange(3.0)
    found = jax.jit(jax.grad(called))(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.0, 3.0, 12.0])
    np.testing.assert_allclose(jax.jacrev(jax.grad(called))(x), np.diag([0.0, 6.0, 12.0]))
    # The function computes in double precision, which JAX is without.
    np.testing.assert_allclose(jax.grad(as_callback(lambda x: np.sum(x * np.ones(3))))(x), np.ones(3))
    np.testing.assert_allclose(jax.vmap(called)(jax.numpy.ones((2, 3))), [3.0, 3.0])


def test_the_shape_of_the_result():
    with pytest.raises(TypeError, match="as_callback of checked: a call with ones and zeros, to see the shape"):
        as_callback(checked)(X, 2)
    scalar = jax.ShapeDtypeStruct((), np.float32)
    for result in (scalar, lambda x, k: jax.ShapeDtypeStruct((), x.dtype)):
        np.testing.assert_allclose(jax.grad(as_callback(picked, result=result))(jax.numpy.ones(3), 2), [0.0, 0.0, 1.0])


def test_refused():
    with pytest.raises(TypeError, match="as_callback takes a function, not 3"):
        as_callback(3)
