"""Jacobians: shapes as in JAX, both modes alike, and every refusal."""

import pickle

import numpy as np
import pytest

from adjoint import hessian, jacfwd, jacobian, jacrev
from adjoint.api import Jacobian, directions
from adjoint.api.containers import leaves_of
from adjoint.errors import UnsupportedError

X = np.array([1.0, 2.0, 3.0])
M = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def pair(x, y):
    return np.sin(x) * y, y * y


def quadratic(m, x):
    return m.T @ x * x[0]


BOTH = pytest.mark.parametrize("transform", [jacfwd, jacrev, jacobian])


@BOTH
def test_a_tuple_of_results_by_a_tuple_of_arguments(transform):
    (zx, zy), (sx, sy) = transform(pair, (0, 1))(X, 2.0)
    np.testing.assert_allclose(zx, np.diag(2.0 * np.cos(X)), atol=1e-15)
    np.testing.assert_allclose(zy, np.sin(X))
    np.testing.assert_array_equal(sx, np.zeros(3))
    assert sy == 4.0
    assert np.ndim(sy) == 0


@BOTH
def test_shapes_and_names(transform):
    by_m = transform(quadratic)(M, X)
    assert by_m.shape == (2, 3, 2)
    np.testing.assert_allclose(by_m, np.einsum("k,ij->ikj", X, np.eye(2)))
    by_x = transform(quadratic, "x")(M, x=X)
    np.testing.assert_allclose(by_x, M.T + np.outer(M.T @ X, [1.0, 0.0, 0.0]))


@BOTH
def test_scalars(transform):
    assert transform(lambda x: x**4)(2.0) == 32.0


@BOTH
def test_single_precision(transform):
    assert transform(pair)(X.astype(np.float32), np.float32(2.0))[0].dtype == np.float32


def test_no_elements():
    first, second = jacfwd(pair)(np.ones(0), 2.0)
    assert first.shape == (0, 0)
    assert second.shape == (0,)


def test_the_mode_with_fewer_sweeps(monkeypatch):
    asked = []
    original = Jacobian.sweep
    monkeypatch.setattr(Jacobian, "sweep", lambda self, mode, *rest: asked.append(mode) or original(self, mode, *rest))
    jacobian(lambda x: np.sum(x * x))(X)
    jacobian(lambda x: np.outer(x, x))(X)
    assert [mode for mode in asked if mode != "primal"] == ["vjp", "jvp"]


def test_a_pickled_jacobian():
    sent = pickle.loads(pickle.dumps(jacobian(lambda x: x * x)))
    np.testing.assert_array_equal(sent(X), np.diag(2.0 * X))


REFUSED = [
    (
        jacrev,
        (np.arange(3), 2.0),
        "jacrev of pair: no argument is a float or complex number or array (x: array of int64)",
    ),
    (
        jacfwd,
        (X * 1j, 2.0),
        "jacfwd of pair: argument 'x' is complex, where one matrix can't say what a derivative is; use vjp or jvp",
    ),
    (jacobian, (), "jacobian of pair: the argument 'x' is not given"),
]


@pytest.mark.parametrize(("transform", "args", "text"), REFUSED)
def test_refused(transform, args, text):
    with pytest.raises(TypeError) as caught:
        transform(pair)(*args)
    assert str(caught.value) == text


WIDE = np.linspace(0.5, 1.5, 10)


def several(x, a):
    return np.sin(x) * a, np.sum(x * x) * a, np.outer(x[:2], x) @ x


def column_by_column(monkeypatch, transform, fun, argnums, *args):
    with monkeypatch.context() as patched:
        patched.setattr(directions, "FEWEST", 10**9)
        return transform(fun, argnums)(*args)


@pytest.mark.parametrize("transform", [jacfwd, hessian])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_many_directions_in_a_sweep(monkeypatch, transform, kind):
    fun = several if transform is jacfwd else lambda x, a: np.sum(np.sin(x) * x[0] * a) * a
    args, argnums = (WIDE.astype(kind), kind(2.0)), ("x", "a")
    found = transform(fun, argnums)(*args)
    expected = column_by_column(monkeypatch, transform, fun, argnums, *args)
    rtol = 1e-14 if kind is np.float64 else 1e-6
    for mine, other in zip(leaves_of(found), leaves_of(expected), strict=True):
        assert type(mine) is type(other)
        assert (np.shape(mine), np.asarray(mine).dtype) == (np.shape(other), np.asarray(other).dtype)
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol)


def test_as_many_sweeps_as_it_takes(monkeypatch):
    asked = []
    original = Jacobian.sweep
    monkeypatch.setattr(Jacobian, "sweep", lambda self, *rest: asked.append(rest[3:]) or original(self, *rest))
    jacfwd(lambda x: x[:2] * x[2])(WIDE[:3])
    jacfwd(lambda x: x[:2] * x[2])(WIDE[:4])
    jacfwd(lambda x: x[:2] * x[2])(WIDE)
    assert asked == [(), (4,), (16,)]


def test_what_many_directions_refuse_is_done_column_by_column():
    def through_complex(x):
        z = x * 1j + 1.0
        return np.abs(z * z)

    jacobian_of = jacfwd(through_complex)
    for _ in range(2):
        np.testing.assert_allclose(jacobian_of(WIDE), np.diag(2.0 * WIDE), rtol=1e-14)
    assert not jacobian_of.sweep("jvp", *jacobian_of.at((WIDE,), {})[::2], 16).dispatcher.overloads


def test_draws_are_refused_in_many_directions_too():
    with pytest.raises(UnsupportedError, match="draws random numbers"):
        jacfwd(lambda x: x * np.random.normal())(WIDE)
