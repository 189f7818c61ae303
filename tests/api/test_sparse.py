"""Sparse Jacobians: the numbers of dense ones, few sweeps, patterns without a place too many, and refusals."""

import sys

import numpy as np
import pytest
from scipy import sparse

from adjoint import grad, hessian, jacfwd, jacobian, jacrev
from adjoint.api.colouring import colours
from adjoint.api.sweeps import Sweep
from adjoint.errors import UnsupportedError

RNG = np.random.default_rng(5)
U = RNG.uniform(0.5, 1.5, 12)
GRID = RNG.uniform(0.5, 1.5, (5, 4))
TARGETS = np.array([3, 1, 1, 0, 7, 5, 5, 5, 2, 11, 10, 4])


def slices(u, k):
    out = np.zeros_like(u)
    out[1:-1] = k * (u[2:] - 2.0 * u[1:-1] + u[:-2]) + u[1:-1] ** 2
    out[0] = u[0] * u[-1]
    return out


def loop(u, k):
    n = u.shape[0]
    out = np.empty(n)
    for i in range(n):
        left = u[i - 1] if i > 0 else 0.0
        total = k * left
        total += np.sin(u[i]) / u[n - 1 - i]
        out[i] = total if u[i] > 1.0 else -u[i]
    return out


def grid(u):
    out = u * u
    out[1:-1, 1:-1] += u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] * u[1:-1, :-2]
    return np.concatenate((out, np.sum(u, axis=0).reshape(1, 4)))


def gathered(u, targets):
    out = np.zeros(u.shape[0])
    for i in range(u.shape[0]):
        out[targets[i]] += u[i] * u[targets[i]]
    return np.where(u > 1.0, out, 2.0 * u) + u[targets]


def written_twice(u):
    work = np.outer(u, u)
    work[2:4] = 1.0
    work[:, 0] = np.cos(u)
    first = work[1]
    first[3] = u[0] / u[1]
    return work[:4].T @ np.ones(4) + np.cumsum(work[4]) / u[2]


def banded_system(u):
    a = np.zeros((6, 6))
    for i in range(6):
        a[i, i] = u[i]
        if i > 0:
            a[i, i - 1] = -u[i] * u[i - 1]
    return a @ u[6:]


def with_lists(u):
    kept = []
    for v in u:
        kept.append(v * v)
    total = 0.0
    while len(kept) > 9:
        total = total + kept.pop()
    return np.array([total, kept[0], kept[1] * u[0]])


CASES = [
    (slices, (U, 0.3)),
    (loop, (U, 0.3)),
    (grid, (GRID,)),
    (gathered, (U, TARGETS)),
    (written_twice, (U,)),
    (banded_system, (U,)),
    (with_lists, (U,)),
    (lambda u: np.sum(u[2:5]), (U,)),
    (lambda u: np.zeros(3) + 0.0 * u[0], (U,)),
    (lambda u: np.zeros(3), (U,)),
]


@pytest.mark.parametrize("transform", [jacfwd, jacrev, jacobian])
@pytest.mark.parametrize(("fun", "args"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_as_the_dense_one(transform, fun, args):
    found = transform(fun, sparse=True)(*args)
    dense = jacfwd(fun)(*args)
    assert isinstance(found, sparse.csr_array)
    assert found.shape == (np.size(fun(*args)), args[0].size)
    np.testing.assert_allclose(found.toarray(), dense.reshape(found.shape), rtol=1e-14, atol=1e-15)


def test_no_place_too_many():
    entries = jacobian(slices, sparse=True)(U, 0.3)
    assert entries.nnz == 3 * 10 + 2


def test_blocks():
    def fun(x, a, y):
        return x * a, (np.sum(y[1:]), y[:2] * x[0])

    args = (U, 2.0, U[:3])
    found, dense = jacobian(fun, ("y", "x"), sparse=True)(*args), jacobian(fun, ("y", "x"))(*args)
    for mine, other in ((found[0], dense[0]), (found[1][0], dense[1][0]), (found[1][1], dense[1][1])):
        for block, expected in zip(mine, other, strict=True):
            np.testing.assert_allclose(block.toarray(), np.reshape(expected, block.shape), rtol=1e-14)


def test_second_derivatives_of_a_chain():
    def energy(u):
        return np.sum((u[1:] - u[:-1]) ** 4) + np.sum(np.cos(u))

    found = jacobian(grad(energy), sparse=True)(U)
    assert found.nnz == 3 * U.size - 2
    np.testing.assert_allclose(found.toarray(), hessian(energy)(U), rtol=1e-13, atol=1e-14)


def test_a_stencil_of_many_unknowns_takes_a_handful_of_directions(monkeypatch):
    directions = []
    original = Sweep.__call__

    def counted(self, *args):
        directions.append(self.request.options.directions)
        return original(self, *args)

    monkeypatch.setattr(Sweep, "__call__", counted)
    u = RNG.uniform(0.5, 1.5, 100_000)
    found = jacobian(slices, sparse=True)(u, 0.3)
    assert [count for count in directions if count] == [8]  # four colours, and the check
    expected = sparse.diags_array([np.full(99_999, 0.3), 2.0 * u - 0.6, np.full(99_999, 0.3)], offsets=[-1, 0, 1])
    inner = slice(1, 99_999)
    assert np.abs((found - expected.tocsr())[inner]).max() < 1e-14


def test_colours():
    rows, columns = RNG.integers(0, 40, 200), RNG.integers(0, 60, 200)
    found, count = colours(rows, columns, 60)
    assert found.min() == 0
    assert found.max() == count - 1
    for row in range(40):
        own = np.unique(columns[rows == row])
        assert len(set(found[own])) == len(own)


def test_single_precision():
    found = jacobian(slices, sparse=True)(U.astype(np.float32), np.float32(0.3))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), jacobian(slices)(U, 0.3), rtol=1e-5, atol=1e-6)


REFUSED = {
    "has `": lambda u: np.sort(u),
    "has `linalg_solve": lambda u: np.linalg.solve(np.outer(u, u) + np.eye(12), u),
    "through complex numbers": lambda u: np.imag(u * 1j),
}


@pytest.mark.parametrize("fun", REFUSED.values(), ids=REFUSED)
def test_refused(fun):
    with pytest.raises(UnsupportedError, match="the pattern of the Jacobian can't be told"):
        jacobian(fun, sparse=True)(U)


def test_a_pattern_that_is_another_in_each_run_is_refused(monkeypatch):
    from adjoint.api import sparse as module

    original = module.pattern

    def one_place_less(point):
        found = original(point)
        return module.Pattern(found.rows[1:], found.columns[1:], found.shape)

    monkeypatch.setattr(module, "pattern", one_place_less)
    for transform in (jacfwd, jacrev):
        with pytest.raises(UnsupportedError, match="differs between runs"):
            transform(slices, sparse=True)(U, 0.3)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"pip install adjoint\[sparse\]"):
        jacobian(slices, sparse=True)(U, 0.3)
