"""`check_grads`: right derivatives pass, to third order; wrong ones fail at the worst entry."""

import math

import numpy as np
import pytest

from adjoint import check_grads, custom_jvp, custom_vjp

X = np.array([1.0, 2.0, 3.0])


def pair(x, y):
    return np.sin(x) * y, y * y


def in_place(x):
    for i in range(1, x.shape[0]):
        x[i] = x[i] * x[i - 1]
    return x.sum()


def modulus(z):
    return np.abs(z * z + 1j)


RIGHT = [
    (pair, (X, 2.0)),
    (pair, (X.astype(np.float32), np.float32(2.0))),
    (in_place, (X,)),
    (modulus, (1.0 + 2.0j,)),
]


@pytest.mark.parametrize(("fun", "args"), RIGHT)
def test_right(fun, args):
    check_grads(fun, args)


def test_second_order():
    check_grads(pair, (np.array([0.4]), 2.0), order=2)


def swinging(x):
    y = x
    for k in range(3):
        y = math.sin(y) * x + y / (k + 1.0)
    return y


def bent(x):
    return x**3 * math.exp(-x) if x < 2.0 else math.log(x) * x


def products(x, y):
    return np.exp(np.sin(x)) * y, np.sum(x * x * x) / y


def matrices(a):
    return np.sum(np.tanh(a @ a) * a)


TO_THIRD_ORDER = [
    (swinging, (0.7,)),
    (bent, (1.2,)),
    (bent, (2.7,)),
    (products, (np.array([0.4, 1.3]), 2.0)),
    (in_place, (np.array([0.4, 1.3, 0.8]),)),
    (matrices, (np.array([[0.4, 0.3], [-0.2, 0.8]]),)),
]


@pytest.mark.parametrize(("fun", "args"), TO_THIRD_ORDER)
def test_third_order(fun, args):
    check_grads(fun, args, order=3, modes=("fwd", "rev"), target="python")


def test_third_order_compiled():
    check_grads(swinging, (0.7,), order=3, modes=("fwd", "rev"))


wrong_vjp = custom_vjp(lambda x: x * x)
wrong_vjp.defvjp(lambda x: (x * x, x), lambda x, g: (np.where(x > 2.5, 1.9, 2.0) * x * g,))
wrong_jvp = custom_jvp(lambda x: x * x)
wrong_jvp.defjvp(lambda p, t: (p[0] * p[0], np.where(p[0] > 2.5, 1.9, 2.0) * p[0] * t[0]))


def test_wrong_in_reverse_mode():
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: wrong_vjp(x), (X,), modes="rev")
    assert "mode 'rev': the cotangent of argument 'x' at 2 is" in str(caught.value)


def test_wrong_in_forward_mode():
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: wrong_jvp(x), (X,))
    assert "mode 'fwd': the tangent of the value at 2 is" in str(caught.value)


def test_wrong_in_second_order_only():
    first_only = custom_jvp(lambda x: x * x)
    first_only.defjvp(lambda p, t: (p[0] * p[0], 2.0 * frozen(p[0]) * t[0]))
    check_grads(lambda x: first_only(x), (1.5,), modes=("fwd",))
    with pytest.raises(AssertionError, match="derivative in mode 'fwd': mode 'fwd'"):
        check_grads(lambda x: first_only(x), (1.5,), order=2, modes=("fwd",))


frozen = custom_jvp(lambda x: x)
frozen.defjvp(lambda p, t: (p[0], 0.0 * t[0]))


def test_wrong_in_third_order_only():
    square = custom_jvp(lambda x: x * x)
    square.defjvp(lambda p, t: (p[0] * p[0], 2.0 * frozen(p[0]) * t[0]))
    cube = custom_jvp(lambda x: x * x * x)
    cube.defjvp(lambda p, t: (p[0] * p[0] * p[0], 3.0 * square(p[0]) * t[0]))
    check_grads(lambda x: cube(x), (1.5,), order=2, modes=("fwd",), target="python")
    with pytest.raises(AssertionError, match="(derivative in mode 'fwd': ){2}mode 'fwd'"):
        check_grads(lambda x: cube(x), (1.5,), order=3, modes=("fwd",), target="python")


REFUSED = [
    ({"modes": "reverse"}, ValueError, "modes: 'reverse' is not one of 'fwd', 'rev'"),
    ({"order": 0}, ValueError, "order is a number from 1, not 0"),
    ({"args": X}, TypeError, "check_grads: args is a tuple with an entry for each argument, not ndarray"),
    ({"args": (1, 2)}, TypeError, "check_grads of pair: no argument is a float or complex number or array"),
]


@pytest.mark.parametrize(("given", "kind", "text"), REFUSED)
def test_refused(given, kind, text):
    with pytest.raises(kind, match=text):
        check_grads(pair, **{"args": (X, 2.0), **given})
