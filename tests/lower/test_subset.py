"""Forms that Numba lacks are put into forms that it has, with the same values."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytest

from adjoint.codegen.module import module_text
from adjoint.ir import Call, Func, Param, Return
from adjoint.ir.walk import names_in, operands, statements, subexpressions
from adjoint.lower import helper_text
from adjoint.lower.subset import to_numba
from tests.ir_text import parse

RNG = np.random.default_rng(0)
ENV: dict[str, Any] = {
    "x": 1.5,
    "n": 3,
    "p": True,
    "q": False,
    "v": RNG.normal(size=5),
    "w": RNG.normal(size=5)[::-1],
    "a": RNG.normal(size=(3, 4)),
    "b": np.asfortranarray(RNG.normal(size=(3, 4))),
    "s": RNG.normal(size=(6, 8))[::2, ::2],
    "c": RNG.normal(size=(2, 3, 4)),
    "g": RNG.normal(size=5).astype(np.float32),
    "h": RNG.normal(size=(3, 4)).astype(np.float32),
    "i": np.array([[4, 2, 1], [0, 3, 0]]),
    "m": np.array([[True, False], [True, True]]),
    "y": RNG.normal(size=(2, 3)) + 1j,
    "one": RNG.normal(size=(3, 1)),
}
GROUPS = """
    where(p, x, n) | where(q, x, 2.0) | clip(x, 0.0, 1.0) | clip(x, None, 1.0) | clip(x, 2.0, None) | zeros_like(x)
    zeros_like(n) | ones_like(x) | full_like(x, n) | full_like(n, x) | atleast_1d(x) | atleast_2d(x) | expand_dims(x, 0)
    mean(a, axis=0) | mean(a, axis=1) | mean(a, axis=-1) | mean(b, axis=0) | mean(s, axis=0) | mean(c, axis=(0, 2))
    mean(a, axis=0, keepdims=True) | mean(a, keepdims=True) | mean(i, axis=0) | mean(h, axis=1) | mean(v, axis=0)
    sum(a, axis=0) | sum(a, axis=(0, 1)) | sum(c, axis=-2) | sum(c, axis=1, keepdims=True) | sum(m, axis=0) | sum(h, axis=0)
    sum(v, keepdims=True) | sum(v, axis=0, keepdims=True) | sum(i, axis=1) | sum(y, axis=0) | prod(a, axis=1) | mean(y, axis=1)
    var(a, axis=0) | std(a, axis=1, keepdims=True) | var(i, axis=0) | var(h, axis=0) | std(c, axis=(1, 2))
    max(a, axis=0) | min(a, axis=1) | max(c, axis=(0, 2)) | max(i, axis=0) | min(a, axis=1, keepdims=True) | max(v, axis=0)
    argmax(a, axis=0) | argmin(c, axis=1) | argmax(a, axis=1, keepdims=True) | ptp(a, axis=0) | count_nonzero(i, axis=1)
    any(m, axis=0) | all(m, axis=1) | all(m, axis=0, keepdims=True) | any(a, axis=1)
    cumsum(a, axis=0) | cumsum(a, axis=1) | cumprod(c, axis=2) | cumsum(i, axis=0) | cumsum(v, axis=0) | nansum(a, axis=0)
    sort(a, axis=0) | argsort(a) | argsort(a, axis=0) | diff(a, axis=0) | diff(c, axis=1) | sort(v)
    array(v) | array(h) | array(v, dtype='float32') | array(list(v, v)) | stack(list(v, v), axis=1) | concatenate(list(v, w))
    vstack(tuple(v, v)) | vstack(list(a, a)) | vstack(tuple(ravel(a), i_row)) | hstack(list(v, v)) | column_stack(list(v, v))
    squeeze(one, axis=1) | expand_dims(v, (0, 2)) | expand_dims(a, -1) | transpose(c, axes=(1, 0, 2))
    transpose(c, axes=(-1, 0, 1)) | transpose(a, axes=(1, 0)) | rollaxis(c, 2) | rollaxis(c, 0, start=3)
    dot(2.0, v) | dot(a, 3.0) | abs(v) | reshape(s, (12,)) | reshape(s, (4, -1)) | asarray(v)
    linalg.norm(a, axis=0) | linalg.norm(a, axis=1, keepdims=True) | flip(a, axis=0) | inner(v, v) | tile(v, 2)
"""
FORMS = [[form.strip() for form in line.split("|") if "i_row" not in form] for line in GROUPS.strip().splitlines()]


def func_of(forms: list[str]) -> Func:
    tree = [parse(f"def f():\n    return {form}").body[-1] for form in forms]
    values = Call("tuple", tuple(stmt.value for stmt in tree if isinstance(stmt, Return)))
    names = sorted(set(names_in(values)))
    return Func("f", tuple(map(Param, names)), (Return(values),), types={n: numba.typeof(ENV[n]) for n in names})


def run(func: Func, jit: dict[str, object] | None = None) -> Any:
    exprs = [e for stmt in statements(func.body) for top in operands(stmt) for e in subexpressions(top)]
    prims = sorted({e.prim for e in exprs if isinstance(e, Call) and e.prim.startswith("helper.")})
    texts = helper_text.sources(prim.removeprefix("helper.") for prim in prims)
    space: dict[str, Any] = {}
    exec(module_text([func], helpers=texts, jit=jit, entry=""), space)
    return space["f"](*(ENV[p.name] for p in func.params))


def same(found: tuple[Any, ...], wanted: tuple[Any, ...], forms: list[str]) -> None:
    for form, f, w in zip(forms, found, wanted, strict=True):
        assert np.shape(f) == np.shape(w), form
        np.testing.assert_allclose(f, w, rtol=1e-6 if np.asarray(w).dtype == np.float32 else 1e-13, err_msg=form)


@pytest.mark.parametrize("forms", FORMS, ids=lambda forms: forms[0])
def test_same_values_as_numpy(forms: list[str]) -> None:
    func = func_of(forms)
    same(run(to_numba(func)), run(func), forms)


@pytest.mark.slow
@pytest.mark.parametrize("forms", FORMS, ids=lambda forms: forms[0])
def test_numba_compiles_every_form(forms: list[str]) -> None:
    func = func_of(forms)
    same(run(to_numba(func), {"error_model": "numpy"}), run(func), forms)


def test_numba_compiles_a_sample() -> None:
    forms = ["mean(a, axis=0)", "max(a, axis=1, keepdims=True)", "clip(x, 0.0, 1.0)", "cumsum(a, axis=0)"]
    func = func_of(forms)
    same(run(to_numba(func), {"error_model": "numpy"}), run(func), forms)


def test_nan_wins_over_any_axis() -> None:
    array = np.array([[1.0, math.nan, 3.0], [4.0, 2.0, math.nan]])
    for prim in ("max", "min", "argmax", "argmin"):
        space: dict[str, Any] = {"np": np}
        exec(helper_text.source(f"{prim}_over_2d_0"), space)
        np.testing.assert_array_equal(space[f"{prim}_over_2d_0"](array), getattr(np, prim)(array, axis=0))


def test_an_empty_axis_is_refused_as_by_numpy() -> None:
    space: dict[str, Any] = {"np": np}
    exec(helper_text.source("max_over_2d_0"), space)
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum which has no identity"):
        space["max_over_2d_0"](np.zeros((0, 3)))
    assert space["max_over_2d_0"](np.zeros((3, 0))).shape == (0,)


def test_what_it_cannot_know_stays() -> None:
    func = parse("def f(a: float64[:, :], k: int64):\n    return sum(a, axis=k)")
    assert to_numba(func) == func
