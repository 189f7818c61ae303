"""What is read in the place of functions and options that Numba lacks: values equal NumPy's, both modes differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import AdjointError
from adjoint.rules.definitions.table import DEFINITIONS

R = np.random.default_rng(3)
V, M, T = R.normal(size=5), R.normal(size=(3, 4)), R.normal(size=(2, 3, 4))
N = np.array([[1.0, np.nan, 3.0, -2.0], [0.5, 0.7, np.nan, 1.0], [2.0, -1.0, 0.2, 0.1]])
W = np.array([0.2, 1.0, 0.5, 2.0])
S, F = R.normal(size=(2, 3, 3)) + 2.0 * np.eye(3), R.normal(size=(2, 2, 3, 4))


def filled(a: Any, v: Any) -> Any:
    a = a.copy()
    np.fill_diagonal(a, v[0] * 2.0)
    return a


def masked(a: Any, v: Any) -> Any:
    a = a.copy()
    np.putmask(a, a > 0.0, v[0] * 2.0)
    return a


def put(a: Any, v: Any) -> Any:
    a = a.copy()
    np.put(a, np.array([0, 2, -1, 2]), v)
    return a


def put_numbers(a: Any, v: Any) -> Any:
    a = a.copy()
    np.put(a, np.array([0, 2, -1, 2]), v[0])
    np.put(a, 1, v[1])
    return a


def placed(a: Any, v: Any) -> Any:
    a = a.copy()
    np.place(a, a > 0.0, v)
    return a


def put_along(a: Any, v: Any) -> Any:
    a = a.copy()
    np.put_along_axis(a, np.array([[0, 1], [2, 2], [3, 0]]), np.exp(a[:, :2]), axis=1)
    return a * v[0]


# By primitive: what is differentiated, with respect to all its arguments.
CASES: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "median": [(lambda a: np.median(a, axis=0), (M,)), (lambda a: np.median(a, axis=0), (V,))],
    "nanmedian": [(lambda a: np.nanmedian(a, axis=1), (N,))],
    "prod": [(lambda a: np.prod(a, axis=1, keepdims=True), (T,)), (lambda a: a.prod(axis=0), (M,))],
    "nanprod": [(lambda a: np.nanprod(a, axis=0), (N,))],
    "nansum": [(lambda a: np.nansum(a, axis=0), (N,))],
    "nanmean": [(lambda a: np.nanmean(a, axis=1, keepdims=True), (N,))],
    "nanvar": [(lambda a: np.nanvar(a, axis=1), (N,))],
    "nanstd": [(lambda a: np.nanstd(a, axis=1), (N,))],
    "nanmax": [(lambda a: np.nanmax(a, axis=0), (N,))],
    "nanmin": [(lambda a: np.nanmin(a, axis=0), (N,))],
    "ptp": [(lambda a: np.ptp(a, axis=0), (M,))],
    "quantile": [
        (lambda a: np.quantile(a, np.array([0.3, 0.7])), (V,)),
        (lambda a: np.quantile(a, 0.3, axis=2), (T,)),
    ],
    "percentile": [(lambda a: np.percentile(a, 30.0, axis=1), (M,))],
    "nanquantile": [(lambda a: np.nanquantile(a, 0.3, axis=1), (N,))],
    "nanpercentile": [(lambda a: np.nanpercentile(a, 30.0, axis=1), (N,))],
    "sort": [(lambda a: np.sort(a), (M,)), (lambda a: np.sort(a, axis=1), (T,))],
    "partition": [(lambda a: np.partition(a, 2)[:, 2], (M,))],
    "cumprod": [(lambda a: np.cumprod(a, axis=0), (M,))],
    "nancumsum": [(lambda a: np.nancumsum(a, axis=0), (N,))],
    "nancumprod": [(lambda a: np.nancumprod(a, axis=1), (N,))],
    "var": [
        (lambda a: np.var(a, axis=1, ddof=1, keepdims=True), (M,)),
        (lambda a: a.var(0, ddof=1), (T,)),
        (lambda a, d: np.var(a, ddof=d), (M, 1.5)),
    ],
    "std": [
        (lambda a: np.std(a, axis=1, ddof=1, keepdims=True), (M,)),
        (lambda a: a.std(1, keepdims=True), (M,)),
        (lambda a: a.std(ddof=1), (V,)),
    ],
    "linalg.norm": [(lambda a: np.linalg.norm(a, axis=1), (M,)), (lambda a: np.linalg.norm(a, axis=0), (V,))],
    "trapezoid": [
        (lambda a: np.trapezoid(a, dx=0.1, axis=0), (M,)),
        (lambda a, h: np.trapezoid(a, dx=h), (M, 0.1)),
    ],
    "diff": [(lambda a: np.diff(a, axis=0), (M,))],
    "gradient": [
        (lambda a: np.gradient(a, 0.5), (V,)),
        (lambda a: np.gradient(a), (V,)),
        (lambda a: np.gradient(a, axis=1), (M,)),
        (lambda a, h: np.gradient(a, h, axis=0), (T, 0.3)),
        (lambda a: np.gradient(a)[0] * np.gradient(a, 0.5)[1], (M,)),
    ],
    "linspace": [(lambda a, b: np.linspace(a, b, 6, endpoint=False), (0.3, 2.0))],
    "cov": [(lambda a, b: np.cov(a, b), (V, V[::-1] ** 2))],
    "corrcoef": [(lambda a, b: np.corrcoef(a, b), (V, V[::-1] ** 2))],
    "average": [
        (lambda a, w: np.average(a, axis=1, weights=w), (M, W)),
        (lambda a: np.average(a, axis=0), (M,)),
        (lambda a, w: np.average(a, weights=w), (V, V[::-1] ** 2)),
    ],
    "repeat": [(lambda a: np.repeat(a, 2, axis=1), (M,))],
    "tile": [(lambda a: np.tile(a, (2, 3)), (M,)), (lambda a: np.tile(a, (2, 2)), (V,))],
    "pad": [
        (lambda a: np.pad(a, 2, mode="reflect"), (M,)),
        (lambda a: np.pad(a, 1), (M,)),
        (lambda a: np.pad(a, 2, mode="symmetric"), (V,)),
        (lambda a: np.pad(a, 2, mode="wrap"), (V,)),
    ],
    "meshgrid": [
        (lambda a, b: np.meshgrid(a, b)[1], (V, V[:3])),
        (lambda a, b: np.meshgrid(a, b, indexing="ij")[0], (V, V[:3])),
    ],
    "polyval": [(lambda p, x: np.polyval(p, x), (V, M)), (lambda p, x: np.polyval(p, x), (V, 0.3))],
    "poly": [(lambda a: np.poly(a), (V,))],
    "fix": [(lambda a: np.fix(a) * a, (M,))],
    "heaviside": [(lambda a: np.heaviside(a, 0.5) * a, (M,))],
    "vecdot": [
        (lambda a, b: np.vecdot(a, b), (M, M[::-1].copy())),
        (lambda a, b: np.vecdot(a, b), (V, V[::-1].copy())),
    ],
    "dot": [(lambda a, x: np.dot(a, x), (V, 0.3)), (lambda a, x: np.dot(x, a), (V, 0.3))],
    "take_along_axis": [(lambda a: np.take_along_axis(a, np.array([[0, 1], [2, 2], [3, 0]]), axis=1), (M,))],
    "linalg.svd": [(lambda a: np.linalg.svd(a, compute_uv=False), (M,))],
    "linalg.svdvals": [(lambda a: np.linalg.svdvals(a), (M,)), (lambda a: np.linalg.svdvals(a), (T,))],
    "linalg.vector_norm": [(lambda a: np.linalg.vector_norm(a), (T,))],
    "linalg.matrix_norm": [(lambda a: np.linalg.matrix_norm(a), (M,))],
    "polyadd": [(lambda a, b: np.polyadd(a, b), (V, V[:3]))],
    "polysub": [(lambda a, b: np.polysub(a, b), (V[:2], V))],
    "polymul": [
        (lambda a, b: np.polymul(a, b), (V, V[:3])),
        (lambda a, b: np.polymul(np.concatenate((np.zeros(2), a)), b), (V, V[:3])),
    ],
    "polyder": [(lambda a: np.polyder(a), (V,))],
    "polyint": [(lambda a: np.polyint(a), (V,))],
    "polyfit": [
        (lambda x, y: np.polyfit(x, y, 2), (V, V[::-1] ** 2)),
        (lambda x, y: np.polyfit(x, y, 1), (V, R.normal(size=(5, 2)))),
    ],
    "cumulative_sum": [
        (lambda a: np.cumulative_sum(a), (V,)),
        (lambda a: np.cumulative_sum(a, axis=1), (M,)),
    ],
    "cumulative_prod": [
        (lambda a: np.cumulative_prod(a), (V,)),
        (lambda a: np.cumulative_prod(a, axis=1), (M,)),
    ],
    "modf": [(lambda a: np.modf(a)[0], (M,)), (lambda a: np.modf(a)[0], (1.3,))],
    "rollaxis": [(lambda a: np.rollaxis(a, 2), (T,)), (lambda a: np.rollaxis(a, 0, 2), (T,))],
    "asanyarray": [(lambda a: np.asanyarray(a) * 2.0, (T,))],
    "real_if_close": [(lambda a: np.real_if_close(a) * 2.0, (T,))],
    "asarray_chkfinite": [(lambda a: np.asarray_chkfinite(a) * 2.0, (T,))],
    "fill_diagonal": [(filled, (M, V))],
    "putmask": [(masked, (M, V)), (masked, (V, V))],
    "put": [(put, (V, V[:2] * 3.0)), (put_numbers, (V, V[:2] * 3.0))],
    "place": [(placed, (V, V[:2] * 3.0))],
    "put_along_axis": [(put_along, (M, V))],
    "matrix_transpose": [(lambda a: np.matrix_transpose(a), (T,)), (lambda a: np.matrix_transpose(a), (M,))],
    "linalg.trace": [(lambda a: np.linalg.trace(a), (S,)), (lambda a: np.linalg.trace(a), (M,))],
    "linalg.diagonal": [(lambda a: np.linalg.diagonal(a), (M,))],
    "linalg.multi_dot": [
        (lambda a, b, c: np.linalg.multi_dot([a, b, c]), (M, M.T.copy(), M + 1.0)),
        (lambda a, b, c: np.linalg.multi_dot([a, b, c]), (V[:3], M, V[1:])),
    ],
    "linalg.inv": [(lambda a: np.linalg.inv(a), (S,))],
    "linalg.cholesky": [(lambda a: np.linalg.cholesky(a @ np.matrix_transpose(a)), (S,))],
    "linalg.pinv": [(lambda a: np.linalg.pinv(a), (T,))],
    "linalg.matrix_power": [(lambda a: np.linalg.matrix_power(a, 3), (S,))],
    "linalg.det": [(lambda a: np.linalg.det(a), (S,))],
    "linalg.slogdet": [(lambda a: np.linalg.slogdet(a)[1], (S,))],
    "linalg.eigvalsh": [(lambda a: np.linalg.eigvalsh(a + np.matrix_transpose(a)), (S,))],
    "linalg.eigh": [(lambda a: np.linalg.eigh(a + np.matrix_transpose(a))[0], (S,))],
    "linalg.solve": [
        (lambda a, b: np.linalg.solve(a, b), (S, T)),
        (lambda a, b: np.linalg.solve(a, b), (S, M)),
        (lambda a, b: np.linalg.solve(a, b), (S[0], T)),
        (lambda a, b: np.linalg.solve(a, b), (S, V[:3])),
    ],
}
CASES |= {
    "fft.fft": [(lambda a, b: np.abs(np.fft.fft(a + 1j * b, n=4, axis=0)), (M, M[::-1].copy()))],
    "fft.ifft": [(lambda a: np.abs(np.fft.ifft(a, n=2, axis=1)), (T,))],
    "fft.rfft": [(lambda a: np.abs(np.fft.rfft(a, n=5, axis=-2, norm="ortho")), (M,))],
    "fft.irfft": [
        (lambda a, b: np.fft.irfft(a + 1j * b, axis=0), (M, M[::-1].copy())),
        (lambda a, b: np.fft.irfft(a + 1j * b, n=5, axis=0), (M, M[::-1].copy())),
    ],
    "fft.hfft": [(lambda a, b: np.fft.hfft(a + 1j * b, axis=0), (M, M[::-1].copy()))],
    "fft.ihfft": [(lambda a: np.abs(np.fft.ihfft(a, axis=0)), (M,))],
    "fft.rfft2": [
        (lambda a: np.abs(np.fft.rfft2(a)), (T,)),
        (lambda a: np.abs(np.fft.rfft2(a, s=(4, 6), norm="ortho")), (M,)),
    ],
    "fft.irfft2": [
        (lambda a, b: np.fft.irfft2(a + 1j * b), (M, M[::-1].copy())),
        (lambda a: np.fft.irfft2(np.fft.rfft2(a) ** 2, s=a.shape), (R.normal(size=(4, 5)),)),
    ],
    "fft.rfftn": [(lambda a: np.abs(np.fft.rfftn(a)), (T,)), (lambda a: np.abs(np.fft.rfftn(a)), (V,))],
    "fft.irfftn": [
        (lambda a, b: np.fft.irfftn(a + 1j * b), (T, T[::-1].copy())),
        (lambda a: np.fft.irfftn(np.fft.rfftn(a) ** 2), (M,)),
        (lambda a: np.fft.irfftn(np.fft.rfftn(a) ** 2), (V,)),
    ],
}
# Of operands of more axes than Numba takes, and of `np.linalg` under its other names.
PRODUCTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "stacks": (lambda a, b: a @ b, (T, np.swapaxes(T, 1, 2).copy())),
    "a stack by a matrix": (lambda a, b: a @ b, (T, M.T.copy())),
    "a matrix by a stack": (lambda a, b: a @ b, (M.T.copy(), T)),
    "a stack by a vector": (lambda a, b: a @ b, (T, V[:4])),
    "a vector by a stack": (lambda a, b: a @ b, (V[:3], T)),
    "stacks of stacks": (lambda a, b: np.matmul(a, b), (F, np.swapaxes(F, 2, 3).copy())),
    "stacks of unequal rank": (lambda a, b: a @ b, (F, np.swapaxes(T, 1, 2).copy())),
    "dot, 3 by 2": (lambda a, b: np.dot(a, b), (T, M.T.copy())),
    "dot, 2 by 3": (lambda a, b: np.dot(a, b), (M[:, :3], T)),
    "dot, 3 by 1": (lambda a, b: np.dot(a, b), (T, V[:4])),
    "dot, 3 by 3": (lambda a, b: np.dot(a, b), (S, T)),
    "inner": (lambda a, b: np.inner(a, b), (T, M)),
    "tensordot, one axis": (lambda a, b: np.tensordot(a, b, axes=1), (T, M.T.copy())),
    "tensordot, two axes": (lambda a, b: np.tensordot(a, b), (T, R.normal(size=(3, 4, 2)))),
    "tensordot, lists": (lambda a, b: np.tensordot(a, b, axes=([2, 1], [1, 0])), (T, R.normal(size=(3, 4, 2)))),
    "tensordot, numbers": (lambda a, b: np.tensordot(a, b, axes=(-1, 1)), (T, M)),
    "tensordot, matrices": (lambda a, b: np.tensordot(a, b, axes=((1,), (1,))), (M, M + 1.0)),
    "tensordot, to a number": (lambda a, b: np.tensordot(a, b, axes=([0, 1], [1, 0])), (M, M.T.copy())),
    "matvec": (lambda a, b: np.matvec(a, b), (T, R.normal(size=(2, 4)))),
    "linalg.outer": (lambda a, b: np.linalg.outer(a, b), (V, V[:3])),
    "linalg.cross": (lambda a, b: np.linalg.cross(a, b), (V[:3], V[1:4])),
    "linalg.vecdot": (lambda a, b: np.linalg.vecdot(a, b), (M, M + 1.0)),
    "linalg.matmul": (lambda a, b: np.linalg.matmul(a, b), (M, M.T.copy())),
    "linalg.tensordot": (lambda a, b: np.linalg.tensordot(a, b, axes=1), (M, M.T.copy())),
}
# Names that older NumPy does not have.
NEW = {
    "trapezoid": np, "vecdot": np, "cumulative_sum": np, "cumulative_prod": np, "matrix_transpose": np,
    "linalg.svdvals": np.linalg, "linalg.vector_norm": np.linalg, "linalg.trace": np.linalg,
    "linalg.diagonal": np.linalg, "matvec": np, "linalg.outer": np.linalg, "linalg.cross": np.linalg,
    "linalg.vecdot": np.linalg, "linalg.matmul": np.linalg, "linalg.tensordot": np.linalg,
}  # fmt: skip
ROWS = [f"{prim}-{k}" for prim in CASES for k in range(len(CASES[prim]))]
COMPILED = ["median-0", "sort-0", "pad-0", "average-0", "nanvar-0", "std-1", "polyfit-0", "linalg.solve-0", "put-0"]


def test_every_definition_has_a_case() -> None:
    assert sorted(CASES) == sorted(DEFINITIONS)


def check(row: str, target: Any) -> None:
    prim, _, k = row.rpartition("-")
    check_case(prim, *CASES[prim][int(k)], target)


def check_case(prim: str, fun: Callable[..., Any], args: tuple[Any, ...], target: Any) -> None:
    if not hasattr(NEW.get(prim, np), prim.rpartition(".")[2]) and prim in NEW:
        pytest.skip(f"this NumPy has no `{prim}`")
    dots = tuple(R.normal(size=np.shape(arg)) if np.ndim(arg) else 0.7 for arg in args)
    ends = [fun(*(a + h * d for a, d in zip(args, dots, strict=True))) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    value, tangent = adjoint.jvp(fun, args, dots, target=target)
    np.testing.assert_allclose(value, fun(*args), rtol=1e-13)
    np.testing.assert_allclose(tangent, expected, rtol=1e-7, atol=1e-8)
    seed = R.normal(size=value.shape) if np.ndim(value) else 0.6
    bars = adjoint.vjp(fun, *args, target=target)[1](seed)
    found = sum(float(np.nansum(bar * dot)) for bar, dot in zip(bars, dots, strict=True))
    assert found == pytest.approx(float(np.sum(seed * expected)), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("row", ROWS)
def test_definition(row: str) -> None:
    check(row, "python")


@pytest.mark.parametrize("row", COMPILED)
def test_compiled_definition(row: str) -> None:
    check(row, "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_compiled_definition(row: str) -> None:
    if row.startswith("fft."):
        pytest.importorskip("rocket_fft")
    check(row, "cpu")


@pytest.mark.parametrize("name", PRODUCTS)
def test_product(name: str) -> None:
    check_case(name, *PRODUCTS[name], "python")


@pytest.mark.slow
@pytest.mark.parametrize("name", PRODUCTS)
def test_every_compiled_product(name: str) -> None:
    check_case(name, *PRODUCTS[name], "cpu")


@pytest.mark.parametrize("name", ["stacks", "stacks of stacks", "tensordot, lists"])
def test_compiled_product(name: str) -> None:
    check_case(name, *PRODUCTS[name], "cpu")


def test_stacks_of_complex_matrices() -> None:
    def fun(a: Any) -> Any:
        product = np.linalg.inv(a) @ a @ a
        return np.sum(np.abs(product) ** 2)

    a = S + 0.5j * S[::-1]
    dot = R.normal(size=a.shape) + 1j * R.normal(size=a.shape)
    expected = (fun(a + 1e-6 * dot) - fun(a - 1e-6 * dot)) / 2e-6
    bar = adjoint.grad(fun, target="python")(a)
    assert np.real(np.sum(bar * dot)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("fun", "args", "message"),
    [
        (lambda a, b: np.sum(a @ b), (T, T), "the lengths of the operands of `matmul` differ"),
        (lambda a, b: np.sum(a @ b), (F, T[:1]), "the lengths of the operands of `matmul` differ"),
        (lambda a, b: np.sum(np.linalg.solve(a, b)), (S, T[:1]), "`solve` of stacks of unequal lengths"),
        (lambda a, b: np.sum(np.asarray_chkfinite(a) * b), (V * np.inf, V), "must not contain infs or NaNs"),
    ],
)
def test_wrong_operands_raise(fun: Callable[..., Any], args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adjoint.grad(fun, target="python")(*args)


@pytest.mark.parametrize(
    "fun",
    [
        lambda a, b: np.sum(a @ b.astype(np.float32)),
        lambda a, b: np.sum(np.linalg.inv(a.astype(np.complex64)) @ b),
        lambda a, b: np.sum(np.putmask(a, a > 0.0, b)),
    ],
)
def test_other_types_are_refused(fun: Callable[..., Any]) -> None:
    with pytest.raises(AdjointError):
        adjoint.grad(fun, target="python")(S, S)
