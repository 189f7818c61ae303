"""Loops over slices: which lengths are known to be equal, what is recorded, and what is shown instead of copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.transform.copies import borrow
from tests.ir_text import parse


def rank_two(alpha, beta, C, A, B):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += A[: i + 1, k] * alpha * B[i, k] + B[: i + 1, k] * alpha * A[i, k]
    return np.sum(C**2)


def staggered(p, w, n):
    p, w = p.copy(), w.copy()
    for _ in range(n):
        w[1:-1] -= 0.1 * (p[1:] - p[:-1])
        p -= 0.2 * (w[1:] - w[:-1]) * p
    return np.sum(p * p)


def merged(x, w, k):
    y = np.zeros(x.shape[0])
    if k > 0:
        y = y + 0.5 * (w[1:] + w[:-1])
    return np.sum(y * x * x)


def reduced(A):
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return np.sum(A * A)


def between(x, n):
    y = x.copy()
    for k in range(1, n):
        y[k:n] = y[k:n] * y[k - 1] + x[k:n]
        y[:k] *= 0.5
    return np.sum(y * y)


def doubled(x, m):
    """The bound is another number after the loop than in it."""
    n, y = 1, x[:1] * 1.0
    for _ in range(m):
        y = x[:n] * 2.0
        n = n + 1
    z = x[:n] * 3.0
    return np.sum(z) * np.sum(z) + np.sum(y * y)


_R = np.random.default_rng(5)
SQUARE = _R.uniform(0.5, 1.5, (5, 5)) + 5 * np.eye(5)
CASES: tuple[tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]], ...] = (
    (rank_two, (1.5, 1.2, SQUARE, _R.random((4, 3)), _R.random((4, 3))), (0, 1, 2, 3, 4)),
    (staggered, (_R.random(6), _R.random(7), 3), (0, 1)),
    (staggered, (_R.random(1), _R.random(2), 2), (0, 1)),
    (merged, (_R.random(4), _R.random(5), 1), (0, 1)),
    (merged, (_R.random(4), _R.random(5), 0), (0, 1)),
    (reduced, (SQUARE,), (0,)),
    (between, (_R.random(5), 5), (0,)),
    (doubled, (_R.random(6), 3), (0,)),
    (doubled, (_R.random(6), 0), (0,)),
)


@pytest.mark.parametrize(("fun", "args", "wrt"), CASES)
def test_gradients_are_those_of_differences(fun, args, wrt):
    value, gradients = value_and_grad(fun, wrt)(*_own(args))
    assert value == pytest.approx(fun(*_own(args)), rel=1e-13)
    for position, gradient in zip(wrt, gradients, strict=True):
        direction = np.random.default_rng(position).normal(size=np.shape(args[position]))
        found = [fun(*_moved(args, position, h * direction)) for h in (1e-5, -1e-5)]
        assert np.sum(gradient * direction) == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-6, abs=1e-8)


def _own(args):
    return [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]


def _moved(args, position, step):
    moved = _own(args)
    moved[position] = moved[position] + step
    return moved


def test_what_is_added_to_a_triangle_is_not_recorded():
    source = value_and_grad(rank_two, (0, 1, 2, 3, 4)).inspect("source", *CASES[0][1])
    assert source.count("_tape.append(") == 1, source  # what is scaled
    assert "unbroadcast" not in source
    assert ".copy()" not in source.partition("# backward")[2].partition("C_seed")[0]


def test_a_factorization_in_place_records_nothing():
    assert "tape" not in value_and_grad(reduced).inspect("source", SQUARE)


def test_staggered_arrays_are_compared_on_entry():
    source = value_and_grad(staggered, (0, 1)).inspect("source", *CASES[1][1])
    assert source.count("raise ValueError") == 1, source
    assert "if p.shape[0] != w.shape[0] - 1:" in source


def test_both_sides_of_a_branch_have_one_shape():
    source = value_and_grad(merged, (0, 1)).inspect("source", *CASES[3][1])
    assert source.count("raise ValueError") == 1, source


def test_staggered_arrays_that_are_not():
    def stretched(p, w):
        return np.sum((w[1:] * p) ** 2)

    p, w = np.array([2.0]), np.arange(4.0)
    _, (p_bar, w_bar) = value_and_grad(stretched, (0, 1))(p, w)
    np.testing.assert_allclose(p_bar, [2 * 2.0 * np.sum(w[1:] ** 2)])
    np.testing.assert_allclose(w_bar, [0.0, *(2 * 4.0 * w[1:])])


def test_an_increment_that_is_stretched():
    def stretched(p, w):
        y = w.copy()
        y[1:] += p * p
        return np.sum(y * y)

    p, w = np.array([2.0]), np.arange(4.0)
    _, (p_bar, w_bar) = value_and_grad(stretched, (0, 1))(p, w)
    y = np.array([0.0, *(w[1:] + 4.0)])
    np.testing.assert_allclose(p_bar, [np.sum(2 * y[1:]) * 4.0])
    np.testing.assert_allclose(w_bar, 2 * y)


KEPT = {
    "changed before it is read": "u[1:] = 0.0\n    r: float64[:] = _1 * 2.0",
    "returned": "r: float64[:] = _1",
    "shown": "r: float64[:] = _1[2:]",
    "bound again": "_1: float64[:] = zeros(n)\n    r: float64[:] = _1 * 2.0",
    "changed itself": "_1[0] = 1.0\n    r: float64[:] = _1 * 2.0",
    "changed in the loop that reads it": (
        "r: float64[:] = zeros(n)\n    for i in range(n):\n        r += _1 * 2.0\n        u[i] = 0.0"
    ),
    "read by the statement that changes it": "u[1:] = _1 * 2.0\n    r: float64[:] = u",
    "index bound again": "n: int64 = 3\n    r: float64[:] = _1 * 2.0",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_copy_stays(name):
    where = "n:" if name == "index bound again" else "1:"
    func = parse(
        f"def f(u: float64[:], n: int64):\n    _1: float64[:] = copy(u[{where}])\n    {KEPT[name]}\n    return r"
    )
    assert text(borrow(func)) == text(func)


def test_a_copy_of_another_type_stays():
    func = parse("def f(u: float32[:]):\n    _1: float64[:] = copy(u)\n    r: float64[:] = _1 * 2.0\n    return r")
    assert text(borrow(func)) == text(func)
