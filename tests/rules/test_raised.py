"""What plain Python raises for operands that do not fit, gradients raise too, also where they don't need the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint

V, W, M = np.arange(3.0), np.arange(4.0), np.ones((3, 4))


def unpacked(a: Any) -> Any:
    first, _second, _third = a
    return first


# What is differentiated, its arguments, and what is raised.
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], type[Exception]]] = {
    "det": (lambda a: np.linalg.det(a), (M,), np.linalg.LinAlgError),
    "inv": (lambda a: np.sum(np.linalg.inv(a)), (M,), np.linalg.LinAlgError),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1], (M,), np.linalg.LinAlgError),
    "cond of nothing": (lambda a: np.linalg.cond(a), (M[:0, :0].copy(),), np.linalg.LinAlgError),
    "cholesky": (lambda a: np.sum(np.linalg.cholesky(a)), (-np.eye(3),), np.linalg.LinAlgError),
    "solve": (lambda a, b: np.sum(np.linalg.solve(a, b)), (np.eye(3), W), ValueError),
    "dot": (lambda a, b: np.dot(a, b), (V, W), ValueError),
    "matmul": (lambda a, b: a @ b, (V, W), ValueError),
    "matrix by vector": (lambda a, b: np.sum(a @ b), (M, V), ValueError),
    "matrices": (lambda a, b: np.sum(a @ b), (M, M.copy()), ValueError),
    "vdot": (lambda a, b: np.vdot(a, b), (V, W), ValueError),
    "inner": (lambda a, b: np.inner(a, b), (V, W), ValueError),
    "vecdot": (lambda a, b: np.vecdot(a, b), (V, W), ValueError),
    "einsum": (lambda a, b: np.einsum("i,i->", a, b), (V, W), ValueError),
    "broadcast_arrays": (lambda a, b: np.sum(np.broadcast_arrays(a, b)[0]), (V, W), ValueError),
    "unpacking": (unpacked, (W,), ValueError),
    "max along an axis": (lambda a: np.sum(np.max(a, axis=0)), (M[:0].copy(),), ValueError),
    "min along an axis": (lambda a: np.sum(np.min(a, axis=1)), (M[:, :0].copy(),), ValueError),
    "quantile": (lambda a: np.quantile(a, 1.5), (W,), ValueError),
    "percentile": (lambda a: np.percentile(a, -1.0), (W,), ValueError),
    "interp": (lambda x, xp, fp: np.interp(x, xp, fp), (0.3, W, V), ValueError),
    "pad": (lambda a: np.sum(np.pad(a, -1)), (W,), ValueError),
}
IN_COMPILED_CODE = ["det", "dot", "unpacking", "max along an axis", "broadcast_arrays"]


def check(name: str, target: Any) -> None:
    fun, args, kind = CASES[name]
    if name == "vecdot" and not hasattr(np, "vecdot"):
        pytest.skip("this NumPy has no `vecdot`")
    with pytest.raises(kind):
        fun(*args)
    gradient = adjoint.grad(fun, argnums=tuple(range(len(args))), target=target)
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        gradient(*args)


@pytest.mark.parametrize("name", CASES)
def test_raised(name: str) -> None:
    check(name, "python")


@pytest.mark.parametrize("name", IN_COMPILED_CODE)
def test_raised_in_compiled_code(name: str) -> None:
    check(name, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_everything_raised_in_compiled_code(name: str) -> None:
    check(name, "cpu")
