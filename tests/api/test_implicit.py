"""`implicit_root` and `fixed_point`: compared with closed forms and with the iterations differentiated."""

import math

import numpy as np
import pytest

from adjoint import check_grads, fixed_point, grad, hvp, implicit_root, jvp
from adjoint.api import linear_solve
from adjoint.errors import TypingError


def bisect(a):
    low, high = 0.0, 1.0 + a
    while high - low > 1e-15 * high:
        middle = 0.5 * (low + high)
        if middle * middle > a:
            high = middle
        else:
            low = middle
    return high


square_root = implicit_root(lambda y, a: y * y - a, bisect)


def of_root(a):
    return square_root(a)


def around_root(a):
    return square_root(a * a) * a


def layer(y, w, b):
    return np.tanh(w @ y + b)


settled = fixed_point(layer)


def of_settled(w, b, guess):
    return np.sum(settled(guess, w, b) ** 2)


def of_iterations(w, b, guess):
    y = guess
    for _ in range(80):
        y = np.tanh(w @ y + b)
    return np.sum(y**2)


def layer_point(n):
    rng = np.random.default_rng(n)
    w = rng.normal(size=(n, n))
    return 0.6 * w / np.linalg.norm(w, 2), rng.normal(size=n), np.zeros(n)


def test_a_scalar_root_in_every_order_and_mode():
    assert square_root(9.0) == pytest.approx(3.0, rel=1e-14)
    assert repr(square_root) == "<implicit_root of bisect>"
    assert grad(around_root)(3.0) == pytest.approx(6.0, rel=1e-13)
    assert jvp(around_root, (3.0,), (2.0,))[1] == pytest.approx(12.0, rel=1e-13)
    assert grad(grad(of_root))(4.0) == pytest.approx(-1 / 32, rel=1e-13)
    assert hvp(of_root, (4.0,), (2.0,)) == pytest.approx(-1 / 16, rel=1e-13)
    assert grad(grad(grad(of_root)))(4.0) == pytest.approx(3 / 256, rel=1e-12)


# A matrix made column by column, and GMRES.
@pytest.mark.parametrize("n", [4, 50])
def test_a_fixed_point_like_its_iterations(n):
    point = layer_point(n)
    found, expected = grad(of_settled, (0, 1, 2))(*point), grad(of_iterations, (0, 1, 2))(*point)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(found[2], 0.0)
    check_grads(of_settled, point)


def test_a_system_that_takes_many_steps_of_gmres():
    n, rng = 150, np.random.default_rng(3)
    w = 0.9 * np.linalg.qr(rng.standard_normal((n, n)))[0]
    b, guess = 0.01 * rng.standard_normal(n), np.zeros(n)
    y = settled(guess, w, b)
    slopes = 1.0 - y * y
    expected = slopes * np.linalg.solve(np.eye(n) - w.T * slopes, 2.0 * y)
    np.testing.assert_allclose(grad(of_settled, 1)(w, b, guess), expected, rtol=1e-9, atol=1e-12)


linear = implicit_root(lambda y, a, b: a @ y - b, lambda a, b: np.linalg.solve(a, b))


def test_a_system_that_takes_gmres():
    """Orthomin doesn't get far: the symmetric part is indefinite."""
    rng = np.random.default_rng(5)
    a, b, seen = rng.standard_normal((60, 60)), rng.standard_normal(60), rng.standard_normal(60)
    found = grad(lambda a, b: linear(a, b) @ seen, (0, 1))(a, b)
    expected = np.linalg.solve(a.T, seen)
    np.testing.assert_allclose(found[1], expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found[0], -np.outer(expected, np.linalg.solve(a, b)), rtol=1e-9, atol=1e-11)


def test_sweeps_of_implicit_functions_take_what_is_asked_for():
    """No cotangent of the guess, and none of a matrix that is no argument to differentiate by; none is copied."""
    w, b, guess = layer_point(4)
    gradient = grad(of_settled, "b")
    gradient(w, b, guess)
    assert "layer_bars = layer_residual_pullback(layer_1, guess, w, b, -layer_solved)" in gradient.source
    assert "copy" not in gradient.source


def test_a_guess_of_another_shape():
    solve = fixed_point(lambda y, a: 0.5 * y + a)
    found = grad(lambda a: np.sum(solve(np.zeros(1), a)))(np.ones(3))
    np.testing.assert_allclose(found, 2.0, rtol=1e-9)


def test_a_scalar_fixed_point_with_names_like_ours():
    dottie = fixed_point(lambda _after, step: math.cos(step * _after))
    assert dottie(1.0, 1.0) == pytest.approx(0.7390851332151607, rel=1e-11)
    y = dottie(1.0, 1.0)
    assert grad(dottie, "step")(1.0, 1.0) == pytest.approx(-y * math.sin(y) / (1 + math.sin(y)), rel=1e-11)


def test_no_fixed_point():
    with pytest.raises(RuntimeError, match="doubled: no fixed point after 10 steps"):
        fixed_point(doubled, limit=10)(1.0)
    with pytest.raises(FloatingPointError, match="went to infinity or NaN"):
        fixed_point(lambda y: y - y / (y - 1.0))(1.0)


def doubled(y):
    return 2.0 * y


def half(z):
    return 0.5 * z


root_of_nothing = implicit_root(lambda y, z: y - z, half)


def test_refused():
    with pytest.raises(TypingError, match="`half` returns complex128, and its derivative is known for a float"):
        grad(lambda z: abs(root_of_nothing(z)))(1.0 + 1.0j)
    with pytest.raises(TypeError, match="implicit_root takes two functions, not 3"):
        implicit_root(3, half)
    with pytest.raises(TypeError, match="implicit_root takes a function, not 3"):
        implicit_root(half, 3)
    with pytest.raises(TypeError, match="fixed_point takes a function, not 3"):
        fixed_point(3)
    with pytest.raises(TypeError, match="takes its arguments by position: the value, then others"):
        fixed_point(lambda *y: y[0])



@pytest.fixture
def uncompiled(monkeypatch):
    orthomin = ("norm", "started", "descend", "is_near", "is_met")
    gmres = ("orthogonalise", "begin", "is_complete", "extend", "combined", "is_solution", "eliminated")
    for name in (*orthomin, *gmres):
        monkeypatch.setattr(linear_solve, name, getattr(linear_solve, name).py_func)


SPECTRA = {
    "well": lambda rng, n: np.eye(n) + 0.3 * rng.normal(size=(n, n)) / math.sqrt(n),
    "indefinite": lambda rng, n: rng.normal(size=(n, n)),
    "permutation": lambda rng, n: np.roll(np.eye(n), 1, axis=0),
    "identity": lambda rng, n: 2.0 * np.eye(n),
}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("kind", SPECTRA)
def test_gmres_and_elimination(kind):
    rng = np.random.default_rng(0)
    matrix, b = SPECTRA[kind](rng, 17), rng.normal(size=17)
    expected = np.linalg.solve(matrix, b)
    state = linear_solve.begin(b, linear_solve.LONG)
    used = 0
    while not linear_solve.is_complete(state, used, b):
        linear_solve.extend(state, used, matrix @ state[0][used])
        used += 1
    w = linear_solve.combined(state, used)
    assert linear_solve.is_solution(state, w, matrix @ w, b, 2e-14)
    assert not linear_solve.is_solution(state, w + 1e-9, matrix @ (w + 1e-9), b, 2e-14)
    np.testing.assert_allclose(w, expected, rtol=1e-9, atol=1e-10)
    assert used == {"identity": 1}.get(kind, used)
    np.testing.assert_allclose(linear_solve.eliminated(matrix.copy(), b.copy()), expected, rtol=1e-10)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("symmetric", [True, False])
def test_orthomin(symmetric):
    rng = np.random.default_rng(0)
    change, b = rng.normal(size=(40, 40)), rng.normal(size=40)
    change = change + change.T if symmetric else change
    matrix = 0.5 * change / np.linalg.norm(change, 2) - np.eye(40)
    state = linear_solve.started(b)
    taken = 0
    while not linear_solve.is_near(state, b, 2e-14):
        linear_solve.descend(state, matrix @ state[1])
        taken += 1
    assert taken < 32
    assert linear_solve.is_met(state, matrix @ state[0], b, 2e-14)
    assert not linear_solve.is_met(state, matrix @ (state[0] + 1e-9), b, 2e-14)
    np.testing.assert_allclose(state[0], np.linalg.solve(matrix, b), rtol=1e-11, atol=1e-12)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("b", [np.zeros(3), np.array([0.0, 1.0, 0.0])])
def test_orthomin_where_there_is_nothing_to_do(b):
    """A right-hand side of zeros, and one that A makes orthogonal to itself."""
    state = linear_solve.started(b)
    for _ in range(4):
        linear_solve.descend(state, np.roll(state[1], 1))
    assert linear_solve.is_near(state, b, 1e-14) == (not b.any())
    np.testing.assert_array_equal(state[0], 0.0)


@pytest.mark.usefixtures("uncompiled")
def test_a_singular_matrix():
    with pytest.raises(np.linalg.LinAlgError, match="its Jacobian is singular"):
        linear_solve.eliminated(np.ones((2, 2)), np.ones(2))
