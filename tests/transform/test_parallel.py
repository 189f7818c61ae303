"""Gradients of loops over `prange`, compiled for all cores: right, the same in every run, and for the reason given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from adjoint import grad
from tests.oracle import central

RUNS = 200


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape)


def whole(high: int, count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, high, count)


def stencil(u, c):
    out = np.zeros_like(u)
    n, m = u.shape
    for i in numba.prange(1, n - 1):
        for j in range(1, m - 1):
            around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
            out[i, j] = math.sin(u[i, j]) + c * (around - 4.0 * u[i, j])
    return (out * out).sum()


def gather(x, places):
    s = 0.0
    for i in numba.prange(places.shape[0]):
        s += math.sin(x[places[i]])
    return s


def periodic(x):
    s = 0.0
    for i in numba.prange(x.shape[0]):
        s += x[i] * x[i] * x[i - 1]
    return s


def each(x):
    out = np.zeros_like(x)
    for i in numba.prange(x.shape[0]):
        v = x[i]
        for _ in range(5):
            v = v + 0.1 * math.sin(v)
        out[i] = v
    return (out * x).sum()


def in_place(x):
    y = x * 2.0
    for i in numba.prange(x.shape[0]):
        y[i] = math.sin(y[i])
    return y.sum()


def rows(a, b):
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in numba.prange(a.shape[0]):
        for j in range(b.shape[1]):
            total = 0.0
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total
    return (c**2).sum()


def sparse(start, column, value, x):
    y = np.zeros(start.shape[0] - 1)
    for i in numba.prange(y.shape[0]):
        total = 0.0
        for k in range(start[i], start[i + 1]):
            total += value[k] * x[column[k]]
        y[i] = math.tanh(total)
    return y.sum()


def far(x):
    out = np.zeros_like(x)
    for i in numba.prange(x.shape[0] - 40):
        out[i] = x[i] * x[i + 40]
    return out.sum()


def two_to_one(x):
    out = np.zeros(x.shape[0] // 2)
    for i in numba.prange(out.shape[0]):
        out[i] = x[2 * i] * x[2 * i + 1]
    return out.sum()


def conditional(x, limit):
    s = 0.0
    for i in numba.prange(x.shape[0]):
        if x[i] > limit:
            s += limit * x[i] ** 2
        else:
            s -= x[i] / limit
    return s


def growing(x):
    out = np.zeros_like(x)
    for i in numba.prange(x.shape[0]):
        v = abs(x[i]) + 0.1
        while v > 0.2:
            v = 0.9 * math.sin(v)
        out[i] = v
    return out.sum()


def reused(x):
    out = np.zeros(x.shape[0])
    for i in numba.prange(x.shape[0]):
        row = np.sin(x[i])
        out[i] = (row * row).sum()
    return out.sum()


SHARED = "every second block of iterations at a time: those up to {} apart share elements"
OWN = "an array of its own for each block of iterations to add to, for {}"
TOTAL = "a sum of its own for each block of iterations, for {}"
ALONE = "parallel: no two iterations share an element"
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...], str]] = {
    "stencil": (stencil, (normal(70, 9), 0.3), (0, 1), f"parallel; {SHARED.format(2)}; {TOTAL.format('c_bar')}"),
    "gather": (gather, (normal(30), whole(30, 500)), (0,), f"parallel; {OWN.format('x_bar')}"),
    "periodic": (periodic, (normal(90),), (0,), f"parallel; {OWN.format('x_bar')}"),
    "each": (each, (normal(90),), (0,), ALONE),
    "in place": (in_place, (normal(90),), (0,), ALONE),
    "rows": (rows, (normal(40, 6), normal(6, 5)), (0, 1), f"parallel; {OWN.format('b_bar')}"),
    "sparse": (
        sparse,
        (np.arange(0, 101, 2), whole(20, 100), normal(100), normal(20)),
        (2, 3),
        f"parallel; {OWN.format('x_bar')}; a single block unless start rises from iteration to iteration",
    ),
    "far": (far, (normal(200),), (0,), f"parallel; {OWN.format('x_bar')}"),
    "two to one": (two_to_one, (normal(90),), (0,), ALONE),
    "conditional": (conditional, (normal(90), 0.4), (0, 1), f"parallel; {TOTAL.format('limit_bar')}"),
    "growing": (growing, (normal(300),), (0,), "in order, as `v_tape` is changed in a way that isn't followed"),
    "reused": (reused, (normal(40, 6),), (0,), "in order, as `row_tape` is changed in a way that isn't followed"),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    fun, args, argnums, _ = CASES[name]
    found = grad(fun, argnums, parallel=True)(*args)
    in_order = grad(fun, argnums)(*args)
    plain = grad(fun, argnums, parallel=True, target="python")(*args)
    for k, *values in zip(argnums, found, in_order, plain, strict=True):
        wanted = central(fun, args, k)
        for value in values:
            np.testing.assert_allclose(value, wanted, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(values[0], values[1], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_reason(name: str) -> None:
    fun, args, argnums, reason = CASES[name]
    text = grad(fun, argnums, parallel=True).explain(*args)
    assert text.rstrip().endswith(f": {reason}"), text


@pytest.mark.parametrize("name", ["stencil", "gather", "sparse", "conditional", "rows"])
def test_every_run_gives_the_same(name: str) -> None:
    fun, args, argnums, _ = CASES[name]
    gradient = grad(fun, argnums, parallel=True)
    first = gradient(*args)
    for threads in {1, numba.config.NUMBA_NUM_THREADS}:
        numba.set_num_threads(threads)
        for _ in range(RUNS):
            for a, b in zip(first, gradient(*args), strict=True):
                assert np.array_equal(a, b)


@pytest.mark.parametrize("name", ["stencil", "gather", "conditional", "sparse"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    fun, args, argnums, _ = CASES[name]
    golden(f"parallel_{name}", grad(fun, argnums, parallel=True).source_for(*args))


@pytest.mark.parametrize("start", [[0, 3, 1, 5, 7], [-3, 0, 2, -1, 4], [0, 0, 2, 2, 7], [0], [0, 7]], ids=str)
def test_segments_that_overlap(start: list[int]) -> None:
    """Rows of a sparse matrix that share entries."""

    def fun(start, value, x):
        s = 0.0
        for i in numba.prange(start.shape[0] - 1):
            low = start[i]
            high = start[i + 1]
            for k in range(low, high):
                s += math.sin(value[k] * x[i])
        return s

    args = np.array(start), normal(8), normal(len(start))
    found = grad(fun, (1, 2), parallel=True)(*args)
    for value, wanted in zip(found, grad(fun, (1, 2))(*args), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-13, atol=1e-13)
    assert "unless start rises" in grad(fun, (1, 2), parallel=True).explain(*args)


def test_segments_whose_marks_change() -> None:
    def fun(marks, value):
        start = marks.copy()
        s = 0.0
        for i in numba.prange(3):
            for k in range(start[i], start[i + 1]):
                s += math.sin(value[k])
        return s

    def shifted(marks, value):
        s = 0.0
        for i in numba.prange(3):
            for k in range(marks[i], marks[i + 1]):
                s += value[k] * value[k + 1]
        return s

    args = np.array([0, 2, 1, 5]), normal(8)
    for each in (fun, shifted):
        found, wanted = (grad(each, (1,), parallel=p)(*args) for p in (True, False))
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-13, atol=1e-13)


def test_without_the_option_adjoints_run_in_order() -> None:
    assert "prange" not in grad(gather).source_for(normal(3), whole(3, 4))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 63, 64, 65, 66, 129])
def test_few_iterations(size: int) -> None:
    def fun(x, c):
        out = np.zeros_like(x)
        for i in numba.prange(1, x.shape[0] - 1):
            out[i] = c * x[i - 1] * x[i + 1]
        return out.sum()

    x = normal(size)
    found = grad(fun, (0, 1), parallel=True)(x, 1.5)
    for value, wanted in zip(found, grad(fun, (0, 1))(x, 1.5), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-13, atol=1e-13)


def test_no_loop_is_parallel() -> None:
    assert "No loop is parallel" in grad(lambda x: (x * x).sum(), parallel=True).explain(normal(4))


def in_steps(x):
    y = x.copy()
    for _ in range(3):
        for i in numba.prange(len(x) // 2):
            y[2 * i] = y[2 * i] * y[2 * i + 1]
    return y.sum()


def test_rows_of_tapes_in_lists() -> None:
    """Numba leaves out what a parallel loop writes to an array that nobody but a list holds."""
    x = np.linspace(0.1, 0.9, 9)
    gradient = grad(in_steps, parallel=True)
    assert ".append(" in gradient.source_for(x)
    np.testing.assert_allclose(gradient(x), central(in_steps, (x,), 0), rtol=1e-6, atol=1e-8)


def pairs_before(x, k):
    out = np.zeros((len(x), len(x)))
    for i in numba.prange(len(x)):
        for j in range(i):
            out[i, j] = math.exp(-k * (x[i] - x[j]) ** 2)
            out[j, i] = out[i, j] * x[i]
    return (out**2).sum()


def test_arrays_as_long_as_the_index_says() -> None:
    """The index of a parallel loop is unsigned: `max(i, 0)` would be a float."""
    args = (np.linspace(0.1, 1.0, 6), 0.7)
    for k, found in enumerate(grad(pairs_before, (0, 1), parallel=True)(*args)):
        np.testing.assert_allclose(found, central(pairs_before, args, k), rtol=1e-6, atol=1e-8)
