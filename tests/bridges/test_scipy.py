"""Gradients in SciPy's hands, and a sampler that never leaves compiled code."""

import importlib.util

import numba
import numpy as np
from scipy import LowLevelCallable
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize

from adjoint import grad, hvp, jacfwd, value_and_grad


def rosenbrock(x, a):
    return np.sum(a * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_minimize_with_value_gradient_and_hessian_products():
    found = minimize(
        value_and_grad(rosenbrock),
        np.zeros(4),
        (20.0,),
        jac=True,
        hessp=lambda x, v, a: hvp(rosenbrock, (x, a), (v, 0.0))[0],
        method="trust-ncg",
    )
    assert found.success
    assert found.nhev > 0
    np.testing.assert_allclose(found.x, np.ones(4), atol=1e-6)


def bump(x):
    return np.exp(-x * x) * np.sin(3.0 * x)


def test_an_exported_gradient_as_low_level_callable(tmp_path):
    path = grad(bump).export(tmp_path / "bump_gradient.py", 1.0)
    spec = importlib.util.spec_from_file_location("bump_gradient", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    slope = numba.cfunc("float64(float64)")(module.bump_grad)
    integral, _ = quad(LowLevelCallable(slope.ctypes), -0.5, 1.5)
    np.testing.assert_allclose(integral, bump(1.5) - bump(-0.5), rtol=1e-12)


def oscillator(t, y, mu):
    return np.array([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])


def test_the_jacobian_of_a_stiff_system():
    jac = jacfwd(oscillator, "y")
    stiff = {"method": "Radau", "args": (50.0,), "rtol": 1e-8, "atol": 1e-10}
    found = solve_ivp(oscillator, (0.0, 10.0), [2.0, 0.0], jac=jac, **stiff)
    expected = solve_ivp(oscillator, (0.0, 10.0), [2.0, 0.0], **stiff)
    assert found.success
    np.testing.assert_allclose(found.y[:, -1], expected.y[:, -1], rtol=1e-5)
    assert found.nfev < expected.nfev


@value_and_grad
def energy(q, precision):
    return 0.5 * q @ precision @ q


@numba.njit
def sample(q, precision, count, steps, size, seed):
    """Hamiltonian Monte Carlo: the mean acceptance, and the samples."""
    np.random.seed(seed)
    samples, accepted = np.empty((count, q.size)), 0
    potential, force = energy(q, precision)
    for i in range(count):
        p = np.random.standard_normal(q.size)
        before = potential + 0.5 * np.sum(p * p)
        moved, now, slope = q.copy(), potential, force
        for _ in range(steps):
            p = p - 0.5 * size * slope
            moved = moved + size * p
            now, slope = energy(moved, precision)
            p = p - 0.5 * size * slope
        if np.random.random() < np.exp(before - now - 0.5 * np.sum(p * p)):
            q, potential, force, accepted = moved, now, slope, accepted + 1
        samples[i] = q
    return accepted / count, samples


def test_hamiltonian_monte_carlo_inside_njit():
    covariance = np.array([[1.0, 0.6], [0.6, 2.0]])
    accepted, samples = sample(np.zeros(2), np.linalg.inv(covariance), 8000, 8, 0.25, 1)
    assert accepted > 0.9
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.15)
