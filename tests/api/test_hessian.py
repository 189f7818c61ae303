"""Second derivatives: Hessians and their products with vectors."""

import mpmath
import numpy as np
import pytest

from adjoint import grad, hessian, hvp

X = np.array([1.0, 2.0, 3.0])


def weighted(x, y, n=2):
    return np.sum(x * x * x) * y * n


def chain(x):
    s = 0.0
    for i in range(1, x.shape[0]):
        s += (x[i] - x[i - 1] ** 2) ** 2
    return s


def in_place(x):
    x[0] = x[0] * x[1]
    for i in range(1, x.shape[0]):
        x[i] = x[i] * x[i - 1]
    return x.sum()


def in_place_hessian(x):
    a, b, c = x
    return [
        [0.0, 1 + 2 * b + 2 * b * c, b * b],
        [1 + 2 * b + 2 * b * c, 2 * a + 2 * a * c, 2 * a * b],
        [b * b, 2 * a * b, 0.0],
    ]


def test_blocks():
    (xx, xy), (yx, yy) = hessian(weighted, (0, 1))(X, 2.0)
    np.testing.assert_allclose(xx, np.diag(24.0 * X))
    np.testing.assert_allclose(xy, 6.0 * X * X)
    np.testing.assert_allclose(yx, xy)
    assert yy == 0.0


def test_of_a_loop():
    a, b = X[0], X[1]
    found = hessian(chain)(X)
    np.testing.assert_allclose(found[0, :2], [12.0 * a * a - 4.0 * b, -4.0 * a])
    np.testing.assert_allclose(found, found.T)


def test_of_a_function_that_overwrites_its_argument():
    x = X.copy()
    np.testing.assert_allclose(hessian(in_place)(x), in_place_hessian(X))
    np.testing.assert_array_equal(x, X)


def test_of_a_scalar():
    assert hessian(lambda x: x**4)(2.0) == 48.0
    with mpmath.workdps(40):
        wanted = float(mpmath.diff(lambda x: mpmath.exp(mpmath.sin(x)), 0.7, 3))
    assert hessian(grad(lambda x: np.exp(np.sin(x))))(0.7) == pytest.approx(wanted, rel=1e-13)


def test_products():
    vector = np.array([1.0, -1.0, 2.0])
    np.testing.assert_allclose(hvp(chain, (X,), (vector,)), hessian(chain)(X) @ vector)
    x_part, y_part, n_part = hvp(weighted, (X, 2.0, 2), (vector, 1.0, None))
    np.testing.assert_allclose(x_part, 24.0 * X * vector + 6.0 * X * X)
    np.testing.assert_allclose(y_part, np.sum(6.0 * X * X * vector))
    assert n_part is None


def test_products_by_some_arguments():
    vector = np.array([1.0, -1.0, 2.0])
    by_x = 24.0 * X * vector
    np.testing.assert_allclose(hvp(weighted, (X, 2.0, 2), vector, 0), by_x)
    np.testing.assert_allclose(hvp(weighted, (X, 2.0, 2), vector, argnums="x"), by_x)
    assert hvp(weighted, (X, 2.0), 1.0, "y") == 0.0
    (x_part,) = hvp(weighted, (X, 2.0, 2), (vector,), ("x",))
    np.testing.assert_allclose(x_part, by_x)
    y_part, x_part = hvp(weighted, (X, 2.0, 2), (1.0, vector), ("y", 0))
    np.testing.assert_allclose(x_part, by_x + 6.0 * X * X)
    np.testing.assert_allclose(y_part, np.sum(6.0 * X * X * vector))


@pytest.mark.parametrize(
    ("vectors", "argnums", "error", "match"),
    [
        (X, "z", ValueError, "weighted has no parameter of that name; its parameters are x, y, n"),
        (1, "n", TypeError, "hvp of weighted: "),
        (1.0, 2, TypeError, "hvp of weighted: "),
        ((X,), ("x", "y"), TypeError, "for argnums of 2 arguments, vectors is a tuple with an entry each"),
        (X, ("x",), TypeError, "for argnums of 1 arguments, vectors is a tuple"),
        ((X,), "x", TypeError, "and its tangent is one too, not a tuple"),
        (X[:2], "x", ValueError, "argument 'x' of weighted has shape"),
    ],
)
def test_products_by_some_arguments_refused(vectors, argnums, error, match):
    with pytest.raises(error, match=match):
        hvp(weighted, (X, 2.0, 2), vectors, argnums)
    if argnums == "n":
        with pytest.raises(TypeError, match="hvp of weighted: the argument 'n' is not given"):
            hvp(weighted, (X, 2.0), vectors, argnums)


def test_hessian_by_names():
    by_names = hessian(weighted, ("y", "x"))(X, 2.0)
    np.testing.assert_allclose(by_names[1][0], 6.0 * X * X)
    np.testing.assert_allclose(hessian(weighted, "x")(X, y=2.0), np.diag(24.0 * X))


def test_refused():
    with pytest.raises(TypeError, match="hvp: there are 1 args and 2 vectors"):
        hvp(chain, (X,), (X, X))
    with pytest.raises(TypeError, match="hvp: args is a tuple with an entry for each argument"):
        hvp(chain, X, X)
    with pytest.raises(ValueError, match="argument 'x' of chain has shape"):
        hvp(chain, (X,), (np.ones(2),))
    with pytest.raises(TypeError, match=r"use `adjoint.jacobian` for all derivatives"):
        hessian(lambda x: x * x)(X)


def cubes_by_list(x, n):
    s = 0.0
    for k in range(n):
        squares = [v * v for v in x]
        s += squares[0] * squares[k] ** 2
    return s


def elements_by_list(x, n):
    s = 0.0
    for k in range(n):
        order = [i for i in range(k + 1)]
        while len(order) > 1:
            s += x[order.pop()] ** 3 * x[0]
    return s


@pytest.mark.parametrize("fun", [cubes_by_list, elements_by_list])
def test_products_of_functions_that_make_lists_in_loops(fun):
    v = np.array([0.3, -0.5, 0.7, 0.2])
    x = np.array([0.8, 1.1, 0.9, 1.3])
    slope = grad(fun)
    expected = (slope(x + 1e-5 * v, 4) - slope(x - 1e-5 * v, 4)) / 2e-5
    np.testing.assert_allclose(hvp(fun, (x, 4), v, "x"), expected, rtol=1e-7)
