"""What several contributions of one statement need is computed once: systems that are solved, factorisations."""

import numpy as np
import pytest

from adjoint import check_grads, grad

A = np.random.default_rng(1).normal(size=(3, 3)) + 3.0 * np.eye(3)
B = np.random.default_rng(2).normal(size=(3, 2))


def both(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


def twice(a):
    return np.sum(np.linalg.solve(a, a * a) ** 2)


def later(a, b):
    x = np.linalg.solve(a, b)
    return np.sum(x**2) + np.sum(a) * np.sum(b * x)


def fitted(a, b):
    return np.sum(np.linalg.lstsq(a, b)[0] ** 2)


@pytest.mark.parametrize(
    ("fun", "args", "called"),
    [
        (both, (A, B), "np.linalg.solve(a.T"),
        (twice, (A,), "np.linalg.solve(a.T"),
        (later, (A, B), "np.linalg.solve(a.T"),
        (fitted, (A, B), "inverse_of_rank(a, l"),
        (fitted, (A, B[:, 0].copy()), "inverse_of_rank(a, l"),
    ],
)
def test_one_call_serves_all(fun, args, called):
    gradient = grad(fun, tuple(range(len(args))))
    found = gradient(*args)
    assert gradient.source.count(called) == 1
    check_grads(fun, args, order=1, modes=("rev",))
    # The gradients are arrays of their own.
    assert not any(np.shares_memory(a, b) for k, a in enumerate(found) for b in found[:k])
