"""Arrays that are not made, or are smaller, and sums that are gathered: each pass alone, and the values."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from tests.ir_text import parse
from tests.lower.programs import run, same
from tests.lower.test_lower import lowered

SHIFTED = """
def f(y_bar: float64[:], n: int64):
    x_bar: float64[:] = zeros(n + 2)
    x_bar[1:-1] += y_bar
    x_bar[2:] += y_bar
    return x_bar
"""


def test_shifted_sums_become_one_loop() -> None:
    done = text(lowered(SHIFTED))
    assert done.count("for ") == 2
    assert "x_bar[i_2] += x_bar_kept[i_2] + x_bar_kept[i_2 - 1]" in done
    kept = text(lowered(SHIFTED, ("spread",)))
    assert "x_bar[i + 1] += y_bar[i]" in kept
    assert "x_bar[i + 2] += y_bar[i]" in kept


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9])
def test_shifted_sums_of_any_length(n: int) -> None:
    args = np.arange(1.0, n + 1), n
    same(run(lowered(SHIFTED), *args), run(parse(SHIFTED), *args))


STENCIL = """
def f(x: {dtype}[:, :], y: {dtype}[:, :], n: int64, c: float64):
    s: float64 = 3.0
    for i in range({rows}):
        for j in range({columns}):
            t: {dtype} = y[i, j]
            y[i, j] = 0.0
            u: {dtype} = t * t
            {body}
    return x, y
"""
SCATTERS = {
    "cross": "x[i - 1, j] += u\n x[i + 1, j] += u\n x[i, j - 1] += u\n x[i, j + 1] += u\n x[i, j] += u",
    "weights": "x[i, j - 1] += 0.5 * u\n x[i, j + 1] += -u\n x[i, j] += -(u * t)",
    "changed": "x[i, j - 1] += y[i, j + 1]\n y[i, j + 1] = u\n x[i, j + 1] += y[i, j + 1]",
    "bound again": "x[i, j - 1] += u\n u = u + t\n x[i, j + 1] += u",
    "bound late": "x[i, j - 1] += s\n s = u + t\n x[i, j + 1] += s",
    "wide": "x[i, j - 1] += u\n x[i, j + 2] += t",
    "reads": "x[i, j - 1] += x[i, j]\n x[i, j + 1] += u\n x[i, j] += u",
    "in place": "y[i, j - 1] += u\n y[i, j + 1] += u\n y[i - 1, j + 1] += u\n y[i - 1, j - 1] += u\n y[i - 1, j] += t",
    "outer factor": "x[i, j - 1] += c * u\n x[i, j + 1] += c * u",
}


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 8])
@pytest.mark.parametrize(("rows", "columns"), [("1, n - 1", "1, n - 2"), ("n - 2, 0, -1", "n - 3, 0, -1")])
@pytest.mark.parametrize("scatter", SCATTERS)
def test_scattered_sums(scatter: str, rows: str, columns: str, n: int) -> None:
    body = SCATTERS[scatter].replace("\n ", "\n            ")
    source = STENCIL.format(dtype="float64", rows=rows, columns=columns, body=body)
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n, n))
    for c in (0.5, np.inf):
        with np.errstate(invalid="ignore"):
            same(run(lowered(source), x.copy(), y.copy(), n, c), run(parse(source), x.copy(), y.copy(), n, c), 1e-12)
    if n == 8 and scatter != "reads":
        assert lowered(source) != lowered(source, ("gather", "spread"))


def test_a_sum_into_the_element_of_the_iteration_needs_no_array() -> None:
    body = "x[i, j - 1] += u\n x[i, j + 1] += u\n x[i, j] += u * t".replace("\n ", "\n            ")
    source = STENCIL.format(dtype="float64", rows="1, n - 1", columns="1, n - 1", body=body)
    done = text(lowered(source))
    assert done.count("np.empty(") == 1
    assert "x[i, j] += u * t" in done


def test_a_factor_that_may_be_infinite_is_multiplied_before_zeros_are_put_around() -> None:
    source = STENCIL.format(dtype="float64", rows="1, n - 1", columns="1, n - 1", body="x[i, j - 1] += c * u")
    source = source.replace("+= c * u", "+= c * u\n            x[i, j + 1] += c * u")
    x, y = np.zeros((4, 4)), np.ones((4, 4))
    found, _ = run(lowered(source), x, y, 4, np.inf)
    assert not np.isnan(found).any()


def test_elements_that_cost_nothing_are_computed_where_they_are_read() -> None:
    source = """
    def f(x: float64[:], y: float64[:], a: float64[:, :]):
        t: float64[:, :] = outer(x, y)
        a += transpose(t)
        return a
    """
    assert "a[i_1, j_1] += x[j_1] * y[i_1]" in text(lowered(source))
    changed = source.replace("a += transpose(t)", "x[0] = 2.0\n        a += transpose(t)")
    assert "outer" not in text(lowered(changed))
    assert text(lowered(changed)).count("empty") == 1
    for program in (source, changed):
        args = np.arange(3.0), np.arange(2.0) + 1.0, np.ones((2, 3))
        same(run(lowered(program), *(a.copy() for a in args)), run(parse(program), *(a.copy() for a in args)))


def test_an_array_with_a_row_to_each_iteration_has_one_row() -> None:
    source = """
    def f(x: float64[:, :], n: int64):
        s: float64 = 0.0
        t: float64[:, :] = empty((dim(x, 0), dim(x, 1)))
        for i in range(dim(x, 0)):
            for j in range(dim(x, 1)):
                t[i, j] = sin(x[i, j])
            for k in range(1, dim(x, 1)):
                s += t[i, k] * t[i, k - 1] {other}
        return s
    """
    assert "np.empty(x.shape[1])" in text(lowered(source.format(other="")))
    kept = source.format(other="* t[0, k]")
    assert "np.empty((x.shape[0], x.shape[1]))" in text(lowered(kept))
    x = np.arange(6.0).reshape(2, 3)
    for program in (source.format(other=""), kept):
        same(run(lowered(program), x, 2), run(parse(program), x, 2), 1e-14)


def test_arrays_of_one_name_in_two_loops_have_nothing_to_do_with_each_other() -> None:
    source = """
    def f(x: float64[:], n: int64):
        s: float64 = 0.0
        for i in range(n):
            t: float64[:] = x * 2.0
            s += sum(t * t)
        for i in range(n):
            t = x * 3.0
            s += sum(t) + t[0]
        return s
    """
    assert "empty" not in text(lowered(source))
    x = np.arange(4.0)
    same(run(lowered(source), x, 3), run(parse(source), x, 3), 1e-14)


SUMS = """
def f(x: float64[:], y: float64[:], b: float64[:, :]):
    a: float64[:, :] = outer({left}, y)
    {between}
    a += {right}
    return a, x, y
"""
ABSORBED = {
    "at once": ("x", "x[0] += 0.0 * y[0]" + "\n    y[1] = 2.0", "outer(y, x)"),
    "a sum between": ("x", "s: float64 = sum(b)", "s * b"),
    "itself": ("x", "s: float64 = sum(b)", "a * s"),
    "read": ("x", "s: float64 = sum(a)", "s * b"),
    "changed": ("x", "x[0] = 7.0", "b"),
    "bound again": ("x", "x = y * 2.0", "outer(x, x)"),
    "computed": ("sin(x)", "b = b + 1.0", "b + 2.0"),
    "part": ("x", "s: float64 = sum(b)\n    a[0] += s", "b"),
    "other name": ("x", "c: float64[:, :] = a\n    c[0, 0] = 9.0", "b"),
}


@pytest.mark.parametrize("name", ABSORBED)
def test_outer_products_with_sums(name: str) -> None:
    left, between, right = ABSORBED[name]
    program = SUMS.format(left=left, between=between, right=right)
    args = np.arange(1.0, 4.0), np.arange(3.0) - 1.5, np.arange(9.0).reshape(3, 3)
    wanted = run(lowered(program, ("expand",)), *args)
    for disable in ((), ("absorb",), ("fuse",), ("substitute",)):
        same(run(lowered(program, disable), *args), wanted, 1e-14)
    if name == "a sum between":
        assert "x[i_2] * y[j_2] + s * b[i_2, j_2]" in text(lowered(program))


PRODUCTS = """
def f(a: float64[:, ::1], b: float64[:, :], c: float64[:, :, ::1], x: float64[::1], y: float64[:], n: int64):
    s: float64[:] = {product}
    t: float64[:] = copy(x[:{length}])
    t += 2.0 * s
    return s, t
"""


@pytest.mark.parametrize(
    ("product", "length", "loops"),
    [
        ("matmul(a, x)", 3, True),
        ("dot(a, x[::1])", 3, True),
        ("matmul(x[:3], a)", 4, True),
        ("matmul(transpose(a), x[:3])", 4, True),
        ("dot(x, transpose(a))", 3, True),
        ("matmul(c[n], x)", 3, True),
        ("matmul(c[:, n], x)", 2, True),
        ("matmul(c[:, :, n], x[:3])", 2, False),
        ("matmul(a[1:, ::-1], x)", 2, False),
        ("matmul(b, x)", 3, False),
        ("matmul(a, y)", 3, False),
        ("matmul(a, a[0])", 3, True),
        ("matmul(a, x + y)", 3, True),
        ("matmul(a * b, x)", 3, True),
    ],
)
def test_products_of_a_matrix_and_a_vector(product: str, length: int, loops: bool) -> None:
    program = PRODUCTS.format(product=product, length=length)
    rng = np.random.default_rng(0)
    args = rng.standard_normal((3, 4)), *(rng.standard_normal(n) for n in ((3, 4), (2, 3, 4), 4, 4)), 1
    wanted = run(lowered(program, ("expand",)), *args)
    for disable in ((), ("products",), ("fuse",)):
        done = lowered(program, disable)
        same(run(done, *args), wanted, 1e-13)
    assert ("@" in text(lowered(program)) or "np.dot" in text(lowered(program))) != loops
    assert "@" in text(lowered(program, ("products",))) or "np.dot" in text(lowered(program, ("products",)))


def test_vectors_that_do_not_fit_a_matrix_raise() -> None:
    program = PRODUCTS.format(product="matmul(a, x)", length=3)
    rng = np.random.default_rng(0)
    for n in (1, 3, 5):
        args = rng.standard_normal((3, 4)), *(rng.standard_normal(k) for k in ((3, 4), (2, 3, 4), n, 4)), 1
        with pytest.raises(ValueError, match="stretched"):
            run(lowered(program), *args)


FILLED = """
def f(x: float64[:, :], t: float64[:, :], n: int64):
    s: float64 = 0.0
    m: int64 = dim(x, 1)
    y: float64[::1] = empty(m)
    for j in range(m):
        y[j] = 1.0
    for i in range(n):
        {first}
        for j in range({range}):
            {before}
            y[j] = x[i, j]
        for j in range(m):
            s += y[j] * x[i, j]
    return s, t
"""
STORES = {
    "all": ("for j in range(1, m):\n            y[j] = t[i, j]", "m", "s += 0.5", True),
    "backwards": ("for j in range(1, m):\n            y[j] = t[i, j]", "m - 1, -1, -1", "s += 0.5", True),
    "branch": ("if s > 0.5:\n            y[0] = t[i, 0]", "m", "s += 0.5", True),
    "read before": ("for j in range(1, m):\n            y[j] = t[i, j]\n        s += y[1]", "m", "s += 0.5", False),
    "read in its loop": ("for j in range(1, m):\n            y[j] = t[i, j] + y[j - 1]", "m", "s += 0.5", False),
    "read when filled": ("for j in range(1, m):\n            y[j] = t[i, j]", "m", "s += y[1]", False),
    "part": ("for j in range(1, m):\n            y[j] = t[i, j]", "m - 1", "s += 0.5", False),
    "part backwards": ("for j in range(m):\n            y[j] = t[i, j]", "m - 1, 0, -1", "s += 0.5", False),
    "the same part": ("for j in range(1, m):\n            y[j] = t[i, j]", "m - 1, 0, -1", "s += 0.5", True),
    "sum": ("for j in range(1, m):\n            y[j] += t[i, j]", "m", "s += 0.5", False),
    "whole": ("for j in range(1, m):\n            y[j] = t[i, j]\n        t[0, :] = y", "m", "s += 0.5", False),
    "bound again": ("for j in range(1, m):\n            y[j] = t[i, j]\n        m = m - 1", "m", "s += 0.5", False),
}


@pytest.mark.parametrize("name", STORES)
def test_stores_that_are_overwritten(name: str) -> None:
    first, range_, before, gone = STORES[name]
    program = FILLED.format(first=first, range=range_, before=before)
    x, t = np.random.default_rng(5).standard_normal((2, 3, 6))
    wanted = run(lowered(program, ("expand",)), x, t, 3)
    same(run(lowered(program), x, t, 3), wanted, 1e-14)
    same(run(lowered(program, ("overwritten",)), x, t, 3), wanted, 1e-14)
    assert ("t[i" not in text(lowered(program))) == gone
