"""Forms of calls that become others while a program is read: `einsum`, methods of ufuncs, methods with options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import UnsupportedError
from tests.rules.both_modes import check

R = np.random.default_rng(4)
V, W, M = R.normal(size=3), R.normal(size=4), R.normal(size=(3, 4))
N, S, T, U = R.normal(size=(4, 2)), R.normal(size=(3, 3)), R.normal(size=(2, 3, 4)), R.normal(size=(2, 4, 5))
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "product of matrices": (lambda a, b: np.einsum("ij,jk->ik", a, b), (M, N)),
    "product, transposed": (lambda a, b: np.einsum("ij,jk->ki", a, b), (M, N)),
    "first axes": (lambda a, b: np.einsum("ji,jk->ik", a, b), (M, V[:, None] * W[:2])),
    "without a result": (lambda a, b: np.einsum("ij,jk", a, b), (M, N)),
    "trace": (lambda a: np.einsum("ii", a), (S,)),
    "transpose": (lambda a: np.einsum("ij->ji", a), (M,)),
    "sum of rows": (lambda a: np.einsum("ij->i", a), (M,)),
    "sum of products": (lambda a, b: np.einsum("ij,ij->", a, b), (M, M[::-1].copy())),
    "outer": (lambda a, b: np.einsum("i,j->ij", a, b), (V, W)),
    "bilinear form": (lambda a, b, c: np.einsum("i,ij,j->", a, b, c), (V, M, W)),
    "rank 3": (lambda a, b: np.einsum("ijk,kl->ijl", a, b), (T, N)),
    "batches": (lambda a, b: np.einsum("bij,bjk->bik", a, b), (T, U)),
    "batches of dots": (lambda a, b: np.einsum("ij,ij->i", a, b), (M, M[::-1].copy())),
    "ellipsis": (lambda a, b: np.einsum("...i,i->...", a, b), (T, W)),
    "diagonal inside": (lambda a, b: np.einsum("ii,ij->ij", a, b), (S, M)),
    "three matrices": (lambda a, b, c: np.einsum("ij,jk,lk->il", a, b, c), (M, N, N)),
    "add.reduce": (lambda a: np.add.reduce(a), (M,)),
    "multiply.reduce": (lambda a: np.multiply.reduce(a, axis=1), (M,)),
    "maximum.reduce": (lambda a: np.maximum.reduce(a), (V,)),
    "logaddexp.reduce": (lambda a: np.logaddexp.reduce(a), (V,)),
    "logaddexp.reduce of rows": (lambda a: np.logaddexp.reduce(a, axis=1), (M,)),
    "add.accumulate": (lambda a: np.add.accumulate(a), (M,)),
    "maximum.accumulate": (lambda a: np.maximum.accumulate(a), (V,)),
    "multiply.accumulate of rows": (lambda a: np.multiply.accumulate(a, axis=1), (M,)),
    "subtract.outer": (lambda a, b: np.subtract.outer(a, b), (V, W)),
    "multiply.outer of a matrix": (lambda a, b: np.multiply.outer(a, b), (V, M)),
    "transpose by a method": (lambda a: a.transpose(1, 2, 0) * 1.0, (T,)),
    "least squares": (lambda a, b: np.linalg.lstsq(a, b)[0], (N, W)),
    "least squares, rcond": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], (N, W)),
}
COMPILED = [
    "logaddexp.reduce of rows",
    "maximum.accumulate",
    "batches",
    "bilinear form",
    "diagonal inside",
    "transpose by a method",
    "least squares, rcond",
]


@pytest.mark.parametrize("name", CASES)
def test_form(name: str) -> None:
    check(*CASES[name], "python")


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_form(name: str) -> None:
    check(*CASES[name], "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_compiled_form(name: str) -> None:
    check(*CASES[name], "cpu")


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "a diagonal": (lambda a: np.sum(np.einsum("ii->i", a)), "takes a diagonal"),
    "two labels for three axes": (lambda a: np.einsum("ijk,i->", a, a), "ranks do not fit"),
    "integers": (lambda a: np.einsum("i,i->", np.arange(3), np.arange(3)) * np.sum(a), "of integers"),
    "two types": (lambda a: np.einsum("ij,j->", a, np.arange(3)), "of one data type"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    fun, message = REFUSED[name]
    with pytest.raises(UnsupportedError, match=message) as caught:
        adjoint.grad(fun, target="python")(S)
    assert caught.value.filename == __file__


def test_lengths_that_differ_are_an_error() -> None:
    with pytest.raises(ValueError, match="lengths of the operands of `einsum` differ"):
        adjoint.grad(lambda a: np.einsum("ij,j->", a, np.ones(7)), target="python")(S)
