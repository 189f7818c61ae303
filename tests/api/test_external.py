"""Rules on functions of C, known by their address: of SciPy's Cython and of a shared library, on numbers and arrays."""

import ctypes

import numba
import numpy as np
import pytest
from numba.extending import get_cython_function_address

from adjoint import check_grads, grad, jvp, rule

pytest.importorskip("scipy")


def of_scipy(name, count=1):
    kind = ctypes.CFUNCTYPE(*[ctypes.c_double] * (count + 1))
    return kind(get_cython_function_address("scipy.special.cython_special", name))


ellipe = rule(of_scipy("ellipe"), lambda m: (ellipe(m) - ellipk(m)) / (2.0 * m))
ellipk = rule(of_scipy("ellipk"), lambda m: (ellipe(m) / (1.0 - m) - ellipk(m)) / (2.0 * m))
j0 = rule(of_scipy("j0"), "-helper.j1(x)")
beta = rule(of_scipy("beta", 2), ["y * (helper.digamma(x0) - helper.digamma(x0 + x1))", None])
X = np.array([[0.3, 0.4, 0.1]])


def perimeter(m):
    return np.sum(4.0 * ellipe(m) * ellipk(m) ** 2)


@pytest.mark.parametrize("target", ["cpu", "python"])
def test_numbers_and_arrays(target):
    for x in (0.3, X, X[0, ::2]):
        dot = np.cos(x)
        expected = (perimeter(x + 1e-6 * dot) - perimeter(x - 1e-6 * dot)) / 2e-6
        assert np.sum(grad(perimeter, target=target)(x) * dot) == pytest.approx(expected, rel=1e-8)
        assert jvp(perimeter, (x,), (dot,), target=target)[1] == pytest.approx(expected, rel=1e-8)


def test_second_derivatives():
    check_grads(perimeter, (0.3,), order=2)


def test_partials_as_texts():
    special = pytest.importorskip("scipy.special")
    assert grad(lambda x: j0(x))(0.7) == pytest.approx(-special.j1(0.7), rel=1e-14)
    slope = special.beta(0.7, 2.0) * (special.psi(0.7) - special.psi(2.7))
    assert grad(lambda x: beta(x, 2.0))(0.7) == pytest.approx(slope, rel=1e-13)


def test_compiled_code_calls_it():
    assert numba.njit(lambda x: j0(x))(0.7) == j0(0.7)


def test_an_undeclared_function_is_refused():
    with pytest.raises(TypeError, match="set its `argtypes` and its `restype`"):
        rule(ctypes.pythonapi.Py_IsInitialized, "-helper.j1(x)")
