"""Strips of iterations side by side compute what the iterations compute one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import lanes as module
from adjoint.lower import strips
from adjoint.lower.context import Context
from tests.ir_text import parse
from tests.lower.programs import run


def cut(func: Func) -> Func:
    context = Context.of(func)
    context.natural |= {"i": True, "j": True}
    return strips.strips(func, context)


RECURRENCE = """
def f(x: float64[:], y: float64[:], n: int64):
    total: float64 = 0.0
    for i in range(2, n):
        p: float64 = 1.0
        q: float64 = 0.5
        kept: float64[:] = empty(dim(x, 0))
        for j in range(dim(x, 0)):
            kept[j] = p
            p = p * y[i] + x[j]
            for k in range(2, j):
                q = q * p + kept[k]
            q = q * 0.25
        for j in range(dim(x, 0)):
            x_j: float64 = kept[j]
            total = total + x_j * q
        y[i] = q
    return total
"""


@pytest.mark.parametrize("lanes", [1, 3, 64])
@pytest.mark.parametrize("size", [0, 3, 4, 9])
@pytest.mark.parametrize("n", [0, 3, 8, 66, 67, 130])
def test_values(n: int, size: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANES", lanes)
    monkeypatch.setattr(module, "FEWEST", 1)
    func = parse(RECURRENCE)
    after = cut(func)
    assert f"np.empty((x.shape[0], {lanes}))" in text(after)
    results: list[tuple[object, np.ndarray]] = []
    for each in (func, after):
        y = 0.1 * np.arange(130.0)
        results.append((run(each, np.linspace(-0.1, 0.3, size), y, n), y))
    (value, written), (other, also) = results
    np.testing.assert_allclose(other, value, rtol=1e-12)
    np.testing.assert_allclose(also, written, rtol=1e-12)


# What one iteration leaves for another one, or for what comes after the loop.
ALONE = {
    "carried": ("p: float64 = 1.0", "for i in range(n):", "p = p * x[i]", "x[i] = p", ""),
    "neighbour": ("", "for i in range(n):", "p: float64 = 1.0", "x[i + 1] = p", ""),
    "read after": ("p: float64 = 0.0", "for i in range(n):", "p = 1.0", "x[i] = p", "x[0] = p"),
    "index after": ("", "for i in range(n):", "p: float64 = 1.0", "x[i] = p * j", ""),
    "outer index after": ("", "for i in range(n):", "p: float64 = 1.0", "x[i] = p", "x[0] = i"),
    "scattered": ("", "for i in range(n):", "p: float64 = 1.0", "x[s[i]] = p", ""),
}


@pytest.mark.parametrize("name", ALONE)
def test_dependent_iterations_stay(name: str) -> None:
    before, loop, first, last, after = ALONE[name]
    inner = "        for j in range(n):\n            p = p * x[i] + y[j]"
    lines = [f"    {before}", f"    {loop}", f"        {first}", inner, f"        {last}", f"    {after}"]
    source = "def f(x: float64[:], y: float64[:], s: int64[:], n: int64):\n" + "\n".join(lines)
    func = parse(source + "\n    return x[0]")
    assert text(cut(func)) == text(func)


def test_independent_iterations_do_not() -> None:
    source = """
    def f(x: float64[:], y: float64[:], s: int64[:], n: int64):
        for i in range(n):
            p: float64 = 1.0
            for j in range(n):
                p = p * x[i] + y[j]
            x[i] = p
        return x[0]
    """
    assert "lane" in text(cut(parse(source)))


def polynomial(x: np.ndarray, n: int) -> float:
    total = 0.0
    for i in range(n):
        t = i / n - 0.5
        fit = 0.0
        power = 1.0
        for j in range(x.shape[0]):
            fit += np.sin(x[j] * t) * power
            power *= t
        total += (np.cos(t) - fit) ** 2
    return total


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 200])
def test_gradient(n: int) -> None:
    x = np.linspace(-1.0, 1.0, 7)
    gradient = value_and_grad(polynomial)
    value, x_bar = gradient(x, n)
    expected, expected_bar = gradient.python(x, n)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(x_bar, expected_bar, rtol=1e-11)
    assert "lanes" in gradient.inspect("compiled", x, n)


def test_a_name_bound_again_to_the_same_number_does_not_part_two_runs() -> None:
    compiled = value_and_grad(polynomial).inspect("compiled", np.ones(3), 4)
    # Four in strips, three for few iterations, of which one computes sines ahead: the forward loop isn't run again.
    assert compiled.count("for j in") == 7


# A loop over rows, with loops in it; what stands in the middle of the inner one, and what comes after it.
ROWS = """
def f(x: float64[:, ::1], w: float64[:, ::1], out: float64[::1], n: int64, m: int64):
    total: float64 = 0.0
    for i in range(n):
        s: float64 = 1.0
        y: float64[::1] = {array}(m)
        marks: int64[::1] = empty(m, dtype="int64")
        for d in range(m):
            y[d] = x[i, d]
        p: int64 = 0
        for k in range(2):
            for d in range(m):
                marks[d] = p
                {middle}
                p += 1
        {after}
        out[i] = s
    return total, out, x, w
"""
SIDE_BY_SIDE = {
    "sum": ("s += x[i, d] * w[k, d]", "total += s"),
    "counter": ("s = s * 0.5 + w[0, p] * y[d]", "s += marks[m - 1]"),
    "own array": ("y[d] = y[d] * w[k, d] + s", "s += y[0] + y[m - 1]"),
    "row changed": ("x[i, d] = x[i, d] * w[k, d] + 0.1 * p", "s += x[i, 0]"),
    "row added to": ("x[i, d] += w[k, d] * y[d]", "total += x[i, m - 1]"),
    "shared sum": ("w[k, d] += 0.5 * y[d]", "total += y[1]"),
    "branch": ("if y[d] > s:\n                    s = y[d]", "total += s"),
    "bound now and then": ("if y[d] > 0.5:\n                    s = w[k, d]", "total += s"),
    "branch with a loop": (
        "if y[d] > 0.3:\n                    for e in range(d):\n                        s += y[e] * x[i, e]",
        "if s > 2.0:\n            total += s",
    ),
    "while": ("while s < w[k, d]:\n                    s = s * 2.0 + 0.1", "total += s"),
    "bound in a branch": ("q: float64 = y[d]\n                if q > 0.5:\n                    q = s\n                s += q", ""),
}


@pytest.mark.parametrize("array", ["empty", "zeros"])
@pytest.mark.parametrize(("n", "m"), [(0, 2), (1, 3), (7, 4), (8, 0), (9, 5)])
@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_rows(name: str, n: int, m: int, array: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANES", 4)
    monkeypatch.setattr(module, "FEWEST", 1)
    monkeypatch.setattr(strips._Cutter, "worth", lambda *_: [])
    if m == 0 and name != "sum":
        return
    middle, after = SIDE_BY_SIDE[name]
    func = parse(ROWS.format(array=array, middle=middle, after=after or "total += 1.0"))
    done = cut(func)
    assert "for lane in" in text(done)
    results: list[tuple[object, ...]] = []
    for each in (func, done):
        rng = np.random.default_rng(7)
        x, w = rng.random((9, 5)), rng.random((2, 10))
        results.append(run(each, x[:, :m].copy() if m else x, w, np.zeros(9), n, m))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12)


APART = {
    "neighbouring row": ("s += x[i + 1, d]", "x[i, 0] = s"),
    "column": ("x[d, i] = s", ""),
    "two names": ("s += z[i, d]\n                x[i, d] = s", ""),
    "carried": ("total = total * 0.5 + y[d]", ""),
    "array of an outer name": ("y = w[0]", ""),
}


@pytest.mark.parametrize("name", APART)
def test_rows_that_stay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips._Cutter, "worth", lambda *_: [])
    middle, after = APART[name]
    source = ROWS.format(array="empty", middle=middle, after=after or "total += 1.0")
    source = source.replace("    total: float64 = 0.0\n", "    total: float64 = 0.0\n    z: float64[:, ::1] = x\n", 1)
    assert "for i in range(n):" in text(cut(parse(source))) and "first" not in text(cut(parse(source)))


def mixture(x: np.ndarray, mean: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        best = 1e300
        for k in range(mean.shape[0]):
            distance = 0.0
            for d in range(x.shape[1]):
                distance += (x[i, d] - mean[k, d]) ** 2
            best = min(best, distance)
        total += np.sqrt(best)
    return total


@pytest.mark.parametrize(("n", "columns", "cut"), [(7, 3, False), (70, 3, True), (70, 40, False)])
def test_short_loops_only(n: int, columns: int, cut: bool) -> None:
    rng = np.random.default_rng(11)
    x, mean = rng.random((n, columns)), rng.random((5, columns))
    gradient = value_and_grad(mixture, argnums=(0, 1))
    value, bars = gradient(x, mean)
    expected, expected_bars = gradient.python(x, mean)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for bar, expected_bar in zip(bars, expected_bars, strict=True):
        np.testing.assert_allclose(bar, expected_bar, rtol=1e-11)
    condition = next(line for line in gradient.inspect("compiled", x, mean).splitlines() if " and " in line)
    assert eval(condition.strip()[3:-1], {"x": x, "mean": mean, "x_bar": x}) == cut


def in_space(x: np.ndarray, mean: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        for k in range(mean.shape[0]):
            square = 0.0
            for d in range(3):
                square += (x[i, d] - mean[k, d]) ** 2
            total += np.exp(-square)
    return total


def test_loops_that_are_written_out_are_none() -> None:
    rng = np.random.default_rng(11)
    x, mean = rng.random((9, 3)), rng.random((5, 3))
    gradient = value_and_grad(in_space)
    assert "lane" not in gradient.inspect("compiled", x, mean)
    assert gradient(x, mean)[0] == pytest.approx(in_space(x, mean), rel=1e-13)


PLACES = {
    "x[b, i, k]": "np.empty((x.shape[2], 4))",
    "x[2, i, k]": "np.empty((x.shape[2], 4))",
    "x[b + 1, i, k]": "np.empty((x.shape[2], 4))",
    "x[k, i, b]": "np.empty((x.shape[0], 4))",
    "x[b, i, k] * x[b + 1, i, k]": "np.empty((x.shape[0], x.shape[2], 4))",
    "x[s[b], i, k]": "np.empty((x.shape[0], x.shape[2], 4))",
    "x[k, i, k]": "np.empty((x.shape[0], x.shape[2], 4))",
}


@pytest.mark.parametrize("place", PLACES)
def test_of_an_axis_with_one_place_nothing_else_is_fetched(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LANES", 4)
    func = parse(f"""
def f(x: float64[:, :, :], y: float64[:, :], z: float64[:, :, :], s: int64[:], b: int64, n: int64):
    for i in range(n):
        for j in range(n):
            for k in range(dim(y, 1)):
                z[b, i, j] += y[j, k] * {place}
    return 0.0
""")
    after = cut(func)
    assert PLACES[place] in text(after)
    assert "np.empty((z.shape[2], 4))" in text(after)
    for n in (3, 8, 9):
        rng = np.random.default_rng(n)
        x, y, z = rng.standard_normal((5, 9, 5)), rng.standard_normal((9, 5)), rng.standard_normal((4, 9, 9))
        found, wanted = z.copy(), z.copy()
        run(after, x, y, found, np.array([3, 0, 1, 1]), 3, n)
        run(func, x, y, wanted, np.array([3, 0, 1, 1]), 3, n)
        np.testing.assert_allclose(found, wanted, rtol=1e-13)
