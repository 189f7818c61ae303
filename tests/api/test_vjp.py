"""`vjp`: pullbacks of arrays and tuples, of functions that write into arguments, and every refusal."""

import numpy as np
import pytest

from adjoint import vjp


def pair(x, y, n):
    return np.sin(x) * y * n, y * y


def identity(x):
    return x


def accumulate(x, out):
    for i in range(x.shape[0]):
        out[i] = x[i] * x[i] + 2.0 * out[i]


def two_outputs(x, a, b):
    a[:] = x * x
    b[:] = a * x


def whole(x):
    return x.size


def nothing(x):
    x[0] = 1.0


X = np.array([1.0, 2.0, 3.0])


def test_a_tuple_of_results_and_an_integer_argument():
    value, pullback = vjp(pair, X, 2.0, 3)
    np.testing.assert_allclose(value[0], np.sin(X) * 6.0)
    assert value[1] == 4.0
    x_bar, y_bar, n_bar = pullback((np.ones(3), 1.0))
    np.testing.assert_allclose(x_bar, 6.0 * np.cos(X))
    np.testing.assert_allclose(y_bar, 3.0 * np.sin(X).sum() + 4.0)
    assert n_bar is None
    assert pullback((None, 1.0))[1] == 4.0


def test_the_point_is_kept():
    x = X.copy()
    value, pullback = vjp(identity, x)
    value[:] = 0.0
    x[:] = 7.0
    seed = np.array([1.0, 2.0, 3.0])
    (x_bar,) = pullback(seed)
    np.testing.assert_array_equal(x_bar, seed)
    x_bar[:] = 0.0
    np.testing.assert_array_equal(seed, [1.0, 2.0, 3.0])


FACTOR = 2.0


def scaled(x):
    return x * FACTOR


def test_globals_are_those_of_the_call(monkeypatch):
    _, pullback = vjp(scaled, 1.0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert pullback(1.0) == (2.0,)
    assert vjp(scaled, 1.0)[1](1.0) == (5.0,)


def test_single_precision_stays():
    value, pullback = vjp(lambda x: x * x, np.float32(3.0))
    assert type(value) is np.float32
    (x_bar,) = pullback(1.0)
    assert type(x_bar) is np.float32
    assert x_bar == 6.0


def test_complex_by_the_convention_of_jax():
    value, pullback = vjp(lambda z: z * z, 1.0 + 2.0j)
    assert value == -3.0 + 4.0j
    assert pullback(1.0 + 0.0j) == (2.0 + 4.0j,)


def test_a_function_that_writes_its_result():
    out = np.ones(3)
    value, pullback = vjp(accumulate, X, out, outputs=("out",))
    assert value is out
    np.testing.assert_array_equal(out, X * X + 2.0)
    out[:] = 0.0
    x_bar, out_bar = pullback(np.ones(3))
    np.testing.assert_array_equal(x_bar, 2.0 * X)
    np.testing.assert_array_equal(out_bar, [2.0, 2.0, 2.0])


def test_several_outputs():
    a, b = np.empty(3), np.empty(3)
    value, pullback = vjp(two_outputs, X, a, b, outputs=("a", "b"))
    assert value[0] is a
    assert value[1] is b
    np.testing.assert_array_equal(b, X**3)
    x_bar, a_bar, _ = pullback((np.ones(3), np.ones(3)))
    np.testing.assert_allclose(x_bar, 2.0 * X + 3.0 * X * X)
    np.testing.assert_array_equal(a_bar, np.zeros(3))


def test_an_output_that_shares_memory_is_refused():
    with pytest.raises(ValueError, match="x and out share memory, and one of them is written"):
        vjp(accumulate, x := np.ones(3), x, outputs="out")


REFUSED = [
    ((3, X), {}, TypeError, "vjp takes a function, not 3"),
    ((identity, 3), {}, TypeError, "vjp of identity: no argument is a float or complex number or array (x: int)"),
    ((identity, X, X), {}, TypeError, "identity takes 1 positional arguments, and 2 are given"),
    ((whole, X), {}, TypeError, "vjp of whole: its value, int, has no derivative"),
    (
        (nothing, X),
        {},
        TypeError,
        "vjp of nothing: it returns nothing; if it writes its results into arguments, name them: outputs=(...)",
    ),
    (
        (nothing, X),
        {"outputs": ("y",)},
        ValueError,
        "outputs='y': nothing was given no argument of that name; it has x",
    ),
    ((nothing, 1.0), {"outputs": "x"}, TypeError, "outputs='x': the argument is float, and only arrays can be written"),
    ((identity, X), {"axis": 1}, TypeError, "vjp has no option 'axis'; it has target, parallel, fastmath, cache, "),
]


@pytest.mark.parametrize(("args", "options", "kind", "text"), REFUSED)
def test_refused(args, options, kind, text):
    with pytest.raises(kind) as caught:
        vjp(*args, **options)
    assert str(caught.value).startswith(text)


SEEDS = [
    (np.ones(4), ValueError, "the value of identity has shape (3,), and its cotangent has shape (4,)"),
    (1.0, ValueError, "the value of identity has shape (3,), and its cotangent has shape ()"),
    (
        np.ones(3, np.float32),
        TypeError,
        "the value of identity is an array of float64, and its cotangent one of float32; "
        "pass cotangent.astype(np.float64)",
    ),
    ((X,), TypeError, "the value of identity is an array of float64, and its cotangent is one too, not a tuple"),
]


@pytest.mark.parametrize(("seed", "kind", "text"), SEEDS)
def test_a_cotangent_of_another_type(seed, kind, text):
    _, pullback = vjp(identity, X)
    with pytest.raises(kind) as caught:
        pullback(seed)
    assert str(caught.value) == text
