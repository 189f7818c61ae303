"""Many directions in one sweep: the text, and the numbers of as many single sweeps, on every case."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from adjoint import jacfwd
from adjoint.api.containers import map_leaves
from adjoint.api.sweeps import Form, sweep
from adjoint.backends.request import Options
from adjoint.codegen.emit import text
from adjoint.errors import AdjointError, UnsupportedError
from adjoint.transform.directions import with_directions
from adjoint.transform.rows import Lanes, Rows
from tests.cases.registry import Case
from tests.ir_text import parse
from tests.oracle import clone
from tests.test_idioms import CASES, REFUSED

WIDTH = 4

PROGRAM = """
def f(x: float64[:], a: float64, m: float64[:, :], x_dot: float64[:], a_dot: float64):
    n: int64 = dim(x_dot, 0)
    s: float64 = 0.0
    s_dot: float64 = 0.0
    y: float64[:] = zeros_like(x)
    y_dot: float64[:] = zeros_like(x)
    for i in range(n):
        s_dot = s_dot + (a_dot * x[i] + a * x_dot[i] if x[i] > 0.0 else 0.0)
        s = s + (a * x[i] if x[i] > 0.0 else 0.0)
        y_dot[i] = -s_dot / a
        y[i] = s
    z: float64[:] = m @ y
    z_dot: float64[:] = m @ y_dot
    y_dot[1:] = 0.0
    return (z, s, (z_dot, s_dot))
"""

ROWS = """\
def f(x, a, m, x_dot, a_dot):
    n = x_dot.shape[0]
    s = 0.0
    s_dot = np.zeros(4)
    y = np.zeros_like(x)
    y_dot = np.zeros((x.shape[0], 4))
    for i in range(n):
        s_dot = s_dot + (a_dot * x[i] + a * x_dot[i] if x[i] > 0.0 else np.zeros(4))
        s += a * x[i] if x[i] > 0.0 else 0.0
        y_dot[i] = -s_dot / a
        y[i] = s
    z = m @ y
    for d in range(4):
        z_dot_one = m @ y_dot[..., d]
        if d == 0:
            z_dot = np.empty((z_dot_one.shape[0], 4))
        z_dot[..., d] = z_dot_one
    for d in range(4):
        y_dot_one = y_dot[..., d]
        y_dot_one[1:] = 0.0
    return (z, s), (z_dot, s_dot)
"""

LANES = """\
def f(x, a, m, x_dot, a_dot):
    x_dot = packed_4(x_dot)
    a_dot = loaded_4(a_dot)
    n = x_dot.shape[0]
    s = 0.0
    s_dot = row_4(0.0)
    y = np.zeros_like(x)
    y_dot = packed_4(np.zeros((x.shape[0], 4)))
    for i in range(n):
        s_dot += a_dot * x[i] + a * x_dot[i] if x[i] > 0.0 else row_4(0.0)
        s += a * x[i] if x[i] > 0.0 else 0.0
        y_dot[i] = -s_dot / a
        y[i] = s
    z = m @ y
    if m.shape[1] != y_dot.shape[0]:
        raise ValueError("incompatible array sizes for a product")
    product_dot = packed_4(np.empty((m.shape[0], 4)))
    for i_1 in range(m.shape[0]):
        total_dot = row_4(0.0)
        for k in range(m.shape[1]):
            total_dot += m[i_1, k] * y_dot[k]
        product_dot[i_1] = total_dot
    z_dot = product_dot
    for d in range(4):
        y_dot_one = part(y_dot, d)
        y_dot_one[1:] = 0.0
    return (z, s), (unpacked(z_dot), stored(s_dot))
"""


@pytest.mark.parametrize(("form", "expected"), [(Rows(WIDTH), ROWS), (Lanes(WIDTH), LANES)])
def test_text(form: Rows | Lanes, expected: str) -> None:
    func = parse(PROGRAM.replace("(z, s, (z_dot, s_dot))", "((z, s), (z_dot, s_dot))"))
    assert text(with_directions(func, ["x_dot", "a_dot"], form)) == expected


REFUSALS = {
    "control flow or a call that depends on a tangent": """
        def f(x: float64, x_dot: float64):
            y_dot: float64 = x_dot * 2.0
            if y_dot > 0.0:
                y_dot = 0.0
            return (x, y_dot)
    """,
    "a tangent of type complex128": """
        def f(x: float64, x_dot: float64):
            y_dot: complex128 = x_dot * 1j
            return (x, y_dot)
    """,
    "a view of a tangent, of a kind that this pass doesn't know, where one is written": """
        def f(x: float64[:, :], x_dot: float64[:, :]):
            y_dot: float64[:, :] = copy(x_dot)
            t_dot: float64[:, :] = transpose(y_dot)
            y_dot[0, 1] = 0.0
            return (x, t_dot)
    """,
    "a call that may do more than return a value": """
        def f(x: float64[:], x_dot: float64[:]):
            y_dot: float64[:] = x_dot * random.normal(size=3)
            return (x, y_dot)
    """,
}


@pytest.mark.parametrize("message", REFUSALS)
def test_refused(message: str) -> None:
    lines = REFUSALS[message].strip("\n").splitlines()
    program = "\n".join(line[8:] for line in lines)
    with pytest.raises(UnsupportedError, match=message.replace("?", r"\?")):
        with_directions(parse(program), ["x_dot"], Rows(WIDTH))


def reads_itself(x: np.ndarray, n: int) -> np.ndarray:
    """Arrays and numbers that are evaluated direction by direction, from what they were before."""
    y = x * 2.0
    total = 0.0
    for k in range(n):
        y = np.sort(y) * y[k] + np.cumsum(y)
        total = total + np.median(y) * total + y[0]
    return y * total


def kept_rows(x: np.ndarray, n: int) -> np.ndarray:
    """Elements that are kept while the array they come from is written; rows of it that are views."""
    y = x.copy()
    first = y[0]
    for k in range(1, n):
        last = y[k]
        y[k] = first * last
        y[0] = last
        first = first + last
    return y * first


def swapped(x: np.ndarray, n: int) -> np.ndarray:
    a, b = x[0], x[1]
    u, v = x * 2.0, x * x
    for _ in range(n):
        a, b = b, a * b
        u, v = v, u * a
    return u + b * v


def products(x: np.ndarray, n: int) -> np.ndarray:
    m = np.outer(x, np.sin(x))
    for _ in range(n):
        m = m @ np.cos(m).T
    return m @ (x @ m) * np.dot(x, x) + (np.cos(x) @ m if x[0] > 0.0 else x)


ADDED = [Case("directions", fun, (np.array([0.5, 1.2, -0.4, 0.8]), 3), 0) for fun in (
    reads_itself, kept_rows, swapped, products
)]  # fmt: skip
SAMPLE = (*ADDED, *(case for k, case in enumerate(CASES.values()) if k % 40 == 7))
EVERY = (*ADDED, *(case for case in CASES.values() if case.name not in REFUSED))


def agrees(case: Case, target: Any) -> bool:
    """Compare a sweep of many directions with single ones; False if it is refused."""
    wrt = (case.wrt,) if isinstance(case.wrt, int) else case.wrt
    args = (*clone(case.args), *case.kwargs.values())
    if any(not isinstance(args[k], float | np.ndarray) for k in wrt):
        return False
    form, rng = Form(len(case.args), tuple(case.kwargs)), np.random.default_rng(0)
    seeds = [rng.standard_normal((*np.shape(args[k]), WIDTH)).astype(np.asarray(args[k]).dtype) for k in wrt]
    options = {"target": target, "cache": False}
    try:
        many = sweep("jvp", case.fun, form, wrt, Options(directions=WIDTH, **options))(*clone(args), *seeds)[1]
    except (AdjointError, np.linalg.LinAlgError):  # the second is what a case is about
        return False
    one = sweep("jvp", case.fun, form, wrt, Options(**options))
    found = [
        one(*clone(args), *(_like(args[k], s[..., d]) for s, k in zip(seeds, wrt, strict=True)))[1]
        for d in range(WIDTH)
    ]
    map_leaves(_same, many, *found)
    return True


def _like(value: Any, seed: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return float(seed)
    return np.asfortranarray(seed) if value.flags.fnc else np.ascontiguousarray(seed)


def _same(many: Any, *single: Any) -> None:
    expected = np.stack([np.asarray(each) for each in single], axis=-1)
    rtol = 1e-5 if expected.dtype == np.float32 else 1e-14
    assert np.shape(many) == expected.shape
    np.testing.assert_allclose(many, expected, rtol=0.0, atol=rtol * np.max(np.abs(expected), initial=1e-300))


@pytest.mark.filterwarnings("ignore")
def test_numbers_of_the_text_for_people() -> None:
    refused = [case.name for case in EVERY if not _agrees_or_says(case, "python")]
    print(f"refused: {', '.join(refused)}")
    assert len(refused) <= 0.14 * len(EVERY)
    assert not {case.name for case in ADDED} & set(refused)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_numbers_of_the_compiled_text(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert agrees(case, "cpu") == agrees(case, "python")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_numbers_of_every_compiled_text(case: Case) -> None:
    _agrees_or_says(case, "cpu")


def _agrees_or_says(case: Case, target: str) -> bool:
    try:
        return agrees(case, target)
    except AssertionError as error:
        raise AssertionError(f"{case.name}: {error}") from None


def test_rows_start_at_a_cache_line() -> None:
    def powers(x, steps):
        y = np.empty((steps, 2))
        for k in range(steps):
            y[k, 0] = x[0] * k
            y[k, 1] = x[1] ** 2
        return y

    x = np.array([2.0, 3.0])
    push = sweep("jvp", powers, Form(2), (0,), Options(directions=16))
    assert "packed_16(np.reshape(from_line(np.empty(" in push.inspect("compiled", x, 3, np.zeros((2, 16)))
    np.testing.assert_allclose(jacfwd(powers)(x, 2), [[[0, 0], [0, 6]], [[1, 0], [0, 6]]])
