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


def biased(x, w, b):
    y = np.tanh(x * w + b)
    return np.sum(y * y, axis=1).mean() + np.sum(np.log(w))


BIASED = (
    np.linspace(0.1, 1.0, 24).reshape(4, 6),
    np.linspace(0.5, 1.5, 6).reshape(1, 6),
    np.linspace(-0.5, 0.5, 4).reshape(4, 1),
)


def test_what_axes_of_length_one_stretch_is_in_the_text():
    gradient = value_and_grad(biased, (0, 1, 2))
    before = gradient.source_for(*BIASED)
    value, bars = gradient(*BIASED)
    after = gradient.source_for(*BIASED)
    assert "keepdims=True" in after
    assert "unbroadcast" not in after
    assert "keepdims=True" not in before
    assert "np.sum(" not in gradient.inspect("compiled", *BIASED)  # all in loops
    assert value == pytest.approx(biased(*BIASED))
    for found, expected in zip(bars, slopes_of(biased, BIASED), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for found, expected in zip(gradient.python(*BIASED)[1], bars, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def slopes_of(fun, args, h=1e-5):
    found = [np.zeros_like(arg) for arg in args]
    for slopes, arg in zip(found, args, strict=True):
        for index in np.ndindex(arg.shape):
            kept = arg[index]
            ends = []
            for step in (h, -h):
                arg[index] = kept + step
                ends.append(fun(*args))
            arg[index] = kept
            slopes[index] = (ends[0] - ends[1]) / (2 * h)
    return found


def test_other_axes_of_length_one_get_another_gradient():
    gradient = grad(spread, (0, 1))
    row, column = np.arange(3.0).reshape(1, 3), np.arange(2.0).reshape(2, 1)
    full = np.arange(6.0).reshape(2, 3)
    for x, y in ((full, row), (full, column), (row, column), (column, full), (full, full + 1), (row, row + 1)):
        x_bar, y_bar = gradient(x, y)
        d = 2 * (x - y)
        for bar, arg, whole in ((x_bar, x, d), (y_bar, y, -d)):
            along = tuple(axis for axis in range(2) if arg.shape[axis] == 1 and whole.shape[axis] != 1)
            np.testing.assert_allclose(bar, whole.sum(axis=along, keepdims=True) if along else whole)


def inside(x, y):
    z = np.sin(x)[:, :1] * y
    return np.sum(z * x)


def test_what_no_axis_of_an_argument_tells_assumes_nothing():
    x, y = np.linspace(0.1, 1.0, 6).reshape(2, 3), np.linspace(1.0, 2.0, 3).reshape(1, 3)
    for found, expected in zip(grad(inside, (0, 1))(x, y), slopes_of(inside, (x, y)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def normalised(x):
    middle = x.mean(axis=(0, 2))
    centred = x - np.expand_dims(middle, (0, 2))
    spread_ = np.sqrt(x.var(axis=(0, 2)) + 1e-3)
    return np.sum((centred / np.expand_dims(spread_, (-3, -1))) ** 3)


def test_new_axes_in_several_places_have_length_one():
    x = np.sin(np.arange(24.0)).reshape(2, 3, 4)
    gradient = grad(normalised)
    np.testing.assert_allclose(gradient(x), slopes_of(normalised, (x,))[0], rtol=1e-5, atol=1e-8)
    assert "unbroadcast" not in gradient.inspect("compiled", x)
    assert gradient._unfused is None  # nothing had to be assumed that isn't so


def by_slices(x, y):
    first, last = np.sin(x)[:, :1], y[-1:]
    middle = x[1:2]
    return np.sum((x - first) * last) + np.sum(np.cos(x * middle)) + np.sum(y[:, -1:] * x)


def test_slices_of_one_element_are_stretched():
    x, y = np.linspace(0.1, 1.0, 12).reshape(3, 4), np.linspace(1.0, 2.0, 12).reshape(3, 4)
    gradient = grad(by_slices, (0, 1))
    for found, expected in zip(gradient(x, y), slopes_of(by_slices, (x, y)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert gradient._unfused is None
    assert "unbroadcast" not in gradient.source_for(x, y)
    assert "x.shape[0] < 2" in gradient.source_for(x, y)
    for found, expected in zip(gradient.python(x, y), gradient(x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_slices_that_are_empty_after_all():
    empty, column = np.ones((3, 0)), np.ones((3, 1))
    for x, y in ((empty, empty), (empty, column)):
        x_bar, y_bar = grad(lambda x, y: np.sum(x[:, :1] * y), (0, 1))(x, y)
        np.testing.assert_array_equal(x_bar, np.zeros(x.shape))
        np.testing.assert_array_equal(y_bar, np.zeros(y.shape))


def one_row(y, w, x):
    t = w.mean(axis=0, keepdims=True) - np.sum(y, axis=1, keepdims=True)
    u = x.T - t.sum(axis=0)
    v = np.where(u[:, 0] > 0.3, np.max(t, axis=-1, keepdims=True), 0.5)
    return np.sum(np.sin(v) * np.arange(4.0).reshape((1, 4)))


def test_results_made_by_the_shape_of_an_argument_that_is_read_by_columns():
    args = (np.linspace(0.1, 0.5, 4).reshape(1, 4), np.full((1, 1), 1.3), np.linspace(0.2, 1.4, 12).reshape(3, 4))
    for found, expected in zip(grad(one_row, (0, 1, 2))(*args), slopes_of(one_row, args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def rows_of(x, b):
    return np.sum(np.sin(x * b), axis=1, keepdims=True)


def rows_by_another_name(x, y_bar):
    return np.sum(np.sin(x * y_bar), axis=1, keepdims=True)


@pytest.mark.parametrize("fun", [rows_of, rows_by_another_name])
def test_a_cotangent_with_an_axis_of_length_one_is_no_parameter(fun):
    x, b = np.linspace(0.1, 1.2, 12).reshape(3, 4), np.linspace(0.5, 0.8, 4).reshape(1, 4)
    seed = np.array([[1.0], [-2.0], [0.5]])
    _, pullback = vjp(fun, x, b)
    x_bar, b_bar = pullback(seed)
    slopes = np.cos(x * b) * seed
    np.testing.assert_allclose(x_bar, slopes * b)
    np.testing.assert_allclose(b_bar, np.sum(slopes * x, axis=0, keepdims=True))


def by_layer(x):
    s = x - x.mean(axis=(0, 2), keepdims=True)
    s = s / np.sqrt(s.var(axis=(0, 2), keepdims=True) + 1e-3)
    return np.sum(s**3) + np.sum(x / np.std(x, axis=(1, 2), keepdims=True))


def test_variances_along_several_axes_that_are_kept():
    x = np.sin(np.arange(24.0)).reshape(2, 3, 4)
    gradient = grad(by_layer)
    for found in (gradient(x), gradient.python(x)):
        np.testing.assert_allclose(found, slopes_of(by_layer, (x,))[0], rtol=1e-5, atol=1e-7)
    assert gradient._unfused is None


def test_shapes_that_never_fit_are_said_to_be_the_functions():
    """Compiled code knows no lines: a note says whose arrays these are, and how to see the line."""

    def misfit(x):
        z = np.zeros((x.shape[0] + 1, x.shape[1]))
        y = x * 2.0
        return np.sum(z * y)

    gradient = grad(misfit)
    with pytest.raises(ValueError, match="broadcast") as caught:
        gradient(np.ones((3, 2)))
    (note,) = caught.value.__notes__
    assert "`misfit` (test_broadcast_guard.py, line" in note
    assert "`.primal(...)`" in note
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
