"""`jvp`: tangents of arrays and tuples, transforms of transforms, and every refusal."""

import math

import mpmath
import numpy as np
import pytest

from adjoint import grad, hvp, jvp, value_and_grad
from adjoint.errors import UnsupportedError

X = np.array([1.0, 2.0, 3.0])


def pair(x, y, n=3):
    return np.sin(x) * y * n, y * y


def identity(x):
    return x


def cube(y):
    return y**3


def sum_of_cubes(v):
    return np.sum(v**3)


def test_a_tuple_of_results():
    value, tangent = jvp(pair, (X, 2.0), (np.ones(3), 1.0))
    np.testing.assert_allclose(value[0], 6.0 * np.sin(X))
    np.testing.assert_allclose(tangent[0], 6.0 * np.cos(X) + 3.0 * np.sin(X))
    assert tangent[1] == 4.0
    assert jvp(pair, (X, 2.0), (None, 1.0))[1][1] == 4.0
    assert jvp(pair, (X, 2.0, 4), (None, 1.0, None))[0][1] == 4.0


def test_results_share_no_memory_with_arguments():
    x, x_dot = X.copy(), np.ones(3)
    value, tangent = jvp(identity, (x,), (x_dot,))
    assert not np.shares_memory(value, x)
    assert not np.shares_memory(tangent, x_dot)


def test_a_changed_global_is_seen(monkeypatch):
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert jvp(scaled, (1.0,), (1.0,)) == (2.0, 2.0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert jvp(scaled, (1.0,), (1.0,)) == (5.0, 5.0)


FACTOR = 1.0


def scaled(x):
    return x * FACTOR


def test_a_function_in_c():
    assert jvp(np.sin, (1.0,), (1.0,)) == (math.sin(1.0), math.cos(1.0))


INSIDE = [
    (lambda x: grad(cube)(x) * x, 9.0 * 4.0),
    (lambda x: value_and_grad(cube)(x)[1] * x, 9.0 * 4.0),
    (lambda x: jvp(cube, (x,), (x,))[1], 9.0 * 4.0),
    (lambda x: hvp(cube, (x,), (x,)), 12.0 * 2.0),
]


@pytest.mark.parametrize(("fun", "slope"), INSIDE)
def test_inside_a_differentiated_function(fun, slope):
    assert grad(fun)(2.0) == pytest.approx(slope, rel=1e-14)
    assert jvp(fun, (2.0,), (1.0,))[1] == pytest.approx(slope, rel=1e-14)


def test_of_a_function_made_inside():
    with pytest.raises(UnsupportedError, match="`jvp` of something that is made inside the function"):
        grad(lambda x: jvp(lambda z: z * x, (x,), (1.0,))[1])(2.0)


THIRD = [
    (lambda x: math.exp(math.sin(x) * x), lambda x: mpmath.exp(mpmath.sin(x) * x)),
    (lambda x: math.tanh(x) / (1 + x * x), lambda x: mpmath.tanh(x) / (1 + x * x)),
    (lambda x: x**2.5 * math.log(x), lambda x: x**2.5 * mpmath.log(x)),
    (lambda x: math.hypot(x, 2.0), lambda x: mpmath.sqrt(x * x + 4)),
]


@pytest.mark.parametrize(("fun", "exact"), THIRD)
def test_third_derivatives(fun, exact):
    with mpmath.workdps(40):
        wanted = float(mpmath.diff(exact, mpmath.mpf(1.3), 3))
    assert grad(grad(grad(fun)))(1.3) == pytest.approx(wanted, rel=1e-12)
    assert jvp(grad(grad(fun)), (1.3,), (1.0,))[1] == pytest.approx(wanted, rel=1e-12)


REFUSED = [
    (X, X, TypeError, "jvp: primals is a tuple with an entry for each argument, not an array of float64"),
    ((X, 2.0), X, TypeError, "jvp: tangents is a tuple with an entry for each argument, not an array of float64"),
    ((X, 2.0), (X,), TypeError, "jvp: there are 2 primals and 1 tangents"),
    ((X, 2.0), (np.ones(4), 1.0), ValueError, "argument 'x' of pair has shape (3,), and its tangent has shape (4,)"),
    ((X, 2.0), (X, np.ones(1)), ValueError, "argument 'y' of pair is a scalar, and its tangent has shape (1,)"),
    (
        (X, 2.0),
        (np.ones(3, int), 1.0),
        TypeError,
        "argument 'x' of pair is an array of float64, and its tangent one of int64; pass tangent.astype(np.float64)",
    ),
    ((X, 2), (X, 1.0), TypeError, "argument 'y' of pair is an int, which has no tangent; pass None"),
    ((X, 2.0), (X, 1j), TypeError, "argument 'y' of pair is a float, and its tangent is a complex"),
    ((X,) * 4, (X,) * 4, TypeError, "pair takes 3 positional arguments, and 4 are given"),
]


@pytest.mark.parametrize(("primals", "tangents", "kind", "text"), REFUSED)
def test_refused(primals, tangents, kind, text):
    with pytest.raises(kind) as caught:
        jvp(pair, primals, tangents)
    assert str(caught.value) == text


def test_a_gradient_follows_a_changed_global(monkeypatch):
    slope = grad(lambda x: x * x * FACTOR)
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    assert slope(1.0) == 4.0
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert jvp(slope, (1.0,), (1.0,))[1] == 10.0


def test_functions_of_one_text():
    def make(k):
        return lambda x: x * k

    first, second = make(2.0), make(2.0)
    assert jvp(first, (1.0,), (1.0,))[1] == 2.0
    first.__closure__[0].cell_contents = 7.0
    assert jvp(second, (np.float32(1.0),), (np.float32(1.0),))[1] == 2.0
    assert jvp(first, (1.0,), (1.0,))[1] == 7.0
