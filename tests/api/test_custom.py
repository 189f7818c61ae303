"""Derivatives given by the user: that they are used, in every mode and order they allow, and every refusal."""

import math

import numba
import numpy as np
import pytest

from adjoint import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    fixed_point,
    grad,
    hessian,
    implicit_root,
    jacrev,
    jvp,
    rule,
    stop_gradient,
)
from adjoint.errors import MissingRuleError, TypingError, UnsupportedError

X = np.array([1.0, 2.0, 3.0])


@custom_vjp
def product(x, y):
    return math.sin(x) * y


def product_fwd(x, y):
    return product(x, y), (math.cos(x), math.sin(x), y)


def product_bwd(residuals, g):
    c, s, y = residuals
    return c * g * y, s * g


product.defvjp(product_fwd, product_bwd)


def with_product(x, y):
    return product(x * y, y) ** 2


def without(x, y):
    return (math.sin(x * y) * y) ** 2


@custom_vjp
def clipped(x):
    return x


clipped.defvjp(lambda x: (clipped(x), ()), lambda residuals, g: (min(max(g, -1.0), 1.0),))


@custom_vjp
def norm(x):
    return np.sqrt(np.sum(x * x))


norm.defvjp(lambda x: (norm(x), x), lambda x, g: (g * x / norm(x),))


def test_custom_vjp_is_a_function():
    assert product(0.3, 2.0) == math.sin(0.3) * 2.0
    assert numba.njit(lambda x: product(x, 2.0))(0.3) == math.sin(0.3) * 2.0
    assert repr(product) == "<custom_vjp of product>"


def test_custom_vjp_is_used():
    assert grad(lambda x: clipped(5.0 * x))(2.0) == 5.0
    assert grad(lambda x: 5.0 * clipped(x))(2.0) == 1.0
    np.testing.assert_allclose(grad(lambda x: norm(2.0 * x))(X), 2.0 * X / norm(X))
    assert grad(product, (0, 1))(0.3, 2.0) == (math.cos(0.3) * 2.0, math.sin(0.3))


def test_custom_vjp_of_second_order():
    assert grad(with_product, (0, 1))(0.3, 2.0) == pytest.approx(grad(without, (0, 1))(0.3, 2.0), rel=1e-14)
    found = jacrev(grad(with_product, (0, 1)), (0, 1))(0.3, 2.0)
    np.testing.assert_allclose(found, hessian(without, (0, 1))(0.3, 2.0), rtol=1e-13)


def test_custom_vjp_in_a_loop():
    def chained(x):
        s = 0.0
        for i in range(x.shape[0]):
            s = product(x[i], s + 1.0)
        return s

    def plain(x):
        s = 0.0
        for i in range(x.shape[0]):
            s = math.sin(x[i]) * (s + 1.0)
        return s

    np.testing.assert_allclose(grad(chained)(X), grad(plain)(X), rtol=1e-14)


def test_custom_vjp_with_fixed_arguments():
    @custom_vjp(nondiff_argnums=(1,))
    def power(x, n):
        return x**n

    power.defvjp(lambda x, n: (x**n, x), lambda n, x, g: (100.0 * g * n,))
    assert grad(lambda x: power(x, 3))(2.0) == 300.0


def test_two_functions_of_one_name():
    def make(factor):
        @custom_vjp
        def scaled(x):
            return x

        scaled.defvjp(lambda x: (x, ()), lambda residuals, g: (factor * g,))
        return scaled

    first, second = make(2.0), make(3.0)
    assert grad(lambda x: first(x) * 10.0 + second(x))(1.0) == 23.0


def test_forward_mode_through_a_pullback():
    with pytest.raises(MissingRuleError, match="`product` has a pullback of its own and no pushforward"):
        jvp(with_product, (0.3, 2.0), (1.0, 1.0))


@custom_jvp
def scaled_exp(x, y):
    return math.exp(x) * y


@scaled_exp.defjvp
def scaled_exp_jvp(primals, tangents):
    x, y = primals
    x_dot, y_dot = tangents
    return scaled_exp(x, y), math.exp(x) * (x_dot * y + y_dot)


def test_custom_jvp():
    def fun(x):
        return scaled_exp(x, x * x)

    e = math.exp(0.5)
    assert jvp(fun, (0.5,), (1.0,))[1] == pytest.approx(e * 1.25, rel=1e-14)
    assert grad(fun)(0.5) == pytest.approx(e * 1.25, rel=1e-14)
    assert grad(grad(fun))(0.5) == pytest.approx(e * 4.25, rel=1e-14)
    assert hessian(fun)(0.5) == pytest.approx(e * 4.25, rel=1e-14)


def test_custom_jvp_of_arrays_is_used():
    double = custom_jvp(lambda x: np.exp(x))
    double.defjvp(lambda primals, tangents: (np.exp(primals[0]), 10.0 * tangents[0]))
    np.testing.assert_allclose(grad(lambda x: np.sum(double(x) * x))(X), np.exp(X) + 10.0 * X)


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_rule_as_text():
    smooth = rule(logistic, "y * (1 - y)")
    assert grad(lambda x: smooth(x))(0.0) == 0.25
    np.testing.assert_allclose(grad(lambda x: np.sum(smooth(x)))(X), logistic(X) * (1 - logistic(X)))
    assert hessian(lambda x: smooth(x))(1.0) == pytest.approx(hessian(lambda x: logistic(x))(1.0), rel=1e-13)


def test_rule_of_several_kinds():
    angle = rule(lambda a, b: math.atan2(a, b), ("b / (a * a + b * b)", lambda a, b: -a / (a * a + b * b)))
    assert grad(lambda x: angle(x, 2 * x + 1))(0.7) == pytest.approx(0.16, rel=1e-14)
    in_c = rule(math.erfc, "-(1.1283791670955126 * exp(-(x * x)))")
    assert grad(lambda x: in_c(x))(0.7) == grad(lambda x: math.erfc(x))(0.7)
    compiled = rule(numba.njit(lambda x: x * x), lambda x: 7.0 * x)
    assert grad(lambda x: compiled(x))(2.0) == 14.0
    constant = rule(lambda x: x * x, "-")
    assert grad(lambda x: constant(x) * x)(2.0) == 4.0


def test_stop_gradient():
    assert stop_gradient(3.0) == 3.0
    assert grad(lambda x: stop_gradient(x) * x)(3.0) == 3.0
    assert grad(grad(lambda x: stop_gradient(x) * x * x))(3.0) == 6.0
    assert jvp(lambda x: stop_gradient(x) * x, (3.0,), (1.0,))[1] == 3.0
    np.testing.assert_array_equal(grad(lambda x: np.sum(stop_gradient(x) * x))(X), X)


def test_stop_gradient_copies():
    def written(x):
        y = stop_gradient(x)
        y[0] = 7.0
        return np.sum(x * y)

    np.testing.assert_array_equal(grad(written)(X), [7.0, 2.0, 3.0])


@checkpoint
def stage(x, k):
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        y[i] = np.sin(x[i]) * x[i - 1] * k
    return y


plain_stage = stage.fun


def staged(x):
    for _ in range(3):
        x = stage(x, 1.1)
    return x.sum()


def recorded(x):
    for _ in range(3):
        x = plain_stage(x, 1.1)
    return x.sum()


def test_checkpoint():
    gradient = grad(staged)
    np.testing.assert_allclose(gradient(X), grad(recorded)(X), rtol=1e-14)
    assert "sin" not in gradient.source
    np.testing.assert_allclose(hessian(staged)(X), hessian(recorded)(X), rtol=1e-12)


def overwriting(x):
    x[0] = 1.0
    return x


REFUSED = [
    (checkpoint(overwriting), UnsupportedError, "`overwriting` writes into its argument `x`"),
    (custom_vjp(logistic), UnsupportedError, "`logistic` has no derivative yet"),
    (custom_jvp(logistic), UnsupportedError, "`logistic` has no derivative yet"),
]


@pytest.mark.parametrize(("fun", "kind", "text"), REFUSED)
def test_refused_when_called(fun, kind, text):
    with pytest.raises(kind, match=text) as caught:
        grad(lambda x: np.sum(fun(x)))(X)
    assert caught.value.lineno is not None


PULLBACKS = [
    (lambda x: x, lambda r, g: (g,), "the forward function of `f` returns float64, and not a pair"),
    (lambda x: (x, x), lambda r, g: g, "the pullback of `f` returns float64, and not a tuple with an entry for each"),
    (lambda x: (x, x), lambda r, g: (np.ones(2),), r"the pullback of `f` returns array\(float64, 1d, C\) as the"),
]


@pytest.mark.parametrize(("fwd", "bwd", "text"), PULLBACKS)
def test_a_pullback_of_the_wrong_form(fwd, bwd, text):
    @custom_vjp
    def f(x):
        return x

    f.defvjp(fwd, bwd)
    with pytest.raises(TypingError, match=text):
        grad(lambda x: f(x))(1.0)


TEXTS = [
    ("foo(x)", "rule of logistic: 'foo(x)' calls 'foo', which is not a primitive"),
    ("z", "rule of logistic: 'z' mentions 'z'; known are x and y"),
    ("sin(x", "rule of logistic: 'sin(x' is not an expression of the rule tables"),
    (("x", "x"), "rule of logistic: 2 partials for 1 parameters, x"),
]


@pytest.mark.parametrize(("partials", "text"), TEXTS)
def test_rules_refused(partials, text):
    with pytest.raises(ValueError, match=r"rule of logistic") as caught:
        rule(logistic, partials)
    assert str(caught.value).startswith(text)


# --- containers -----------------------------------------------------------------------------------------------------


def pair_product(p):
    return math.sin(p[0]) * p[1]


def pair_step(y, p):
    return 0.3 * math.cos(p[0] * y) + p[1]


def pair_residual(y, p):
    return y - pair_step(y, p)


def pair_solution(p):
    y = 0.0
    for _ in range(60):
        y = 0.3 * math.cos(p[0] * y) + p[1]
    return y


def pair_pullback(p, y_bar):
    return ((y_bar * math.cos(p[0]) * p[1], y_bar * math.sin(p[0])),)


def pair_forward(p):
    return pair_product(p), p


checkpointed_pair = checkpoint(pair_product)
fixed_pair = fixed_point(pair_step)
root_of_pair = implicit_root(pair_residual, pair_solution)
pulled_back_pair = custom_vjp(pair_product)
pulled_back_pair.defvjp(pair_forward, pair_pullback)


def with_checkpoint(a, b):
    return checkpointed_pair((a, b)) * 2.0


def with_fixed_point(a, b):
    return fixed_pair(0.1, (a, b)) * 2.0


def with_root(a, b):
    return root_of_pair((a, b)) * 2.0


def with_pullback(a, b):
    return pulled_back_pair((a, b)) * 2.0


@pytest.mark.parametrize("fun", [with_checkpoint, with_fixed_point, with_root, with_pullback])
def test_tuples_of_numbers_are_refused(fun):
    """Their derivative was zero, without a word."""
    with pytest.raises(UnsupportedError, match="has a derivative of its own, and is given"):
        grad(fun, (0, 1))(0.5, 0.3)


def with_constants(a):
    return checkpointed_pair((2.0, 3.0)) * a


def test_tuples_of_constants_are_not():
    assert grad(with_constants)(0.5) == pytest.approx(math.sin(2.0) * 3.0)


def test_a_tuple_that_is_the_argument_is_refused():
    with pytest.raises(UnsupportedError, match="has a derivative of its own, and is given"):
        grad(checkpointed_pair)((0.5, 0.3))
