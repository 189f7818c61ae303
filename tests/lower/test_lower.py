"""Lowered programs compute what the array-level ones compute."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adjoint.analysis import written
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import BROADCAST_GUARD, PASSES, assumptions, lower, to_numba
from adjoint.lower.facts import Facts
from tests.ir_text import parse
from tests.lower.programs import arguments, programs, run, same

QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


def lowered(source: str, disable: tuple[str, ...] = ()) -> Func:
    return lower(parse(source), disable)


@given(programs())
@QUICK
def test_random_programs_keep_their_values(func: Func) -> None:
    args = arguments()
    same(run(to_numba(lower(func)), *args), run(func, *args), 1e-12)


@given(programs(), st.sampled_from([name for name, _ in PASSES] + ["expand"]))
@QUICK
def test_every_pass_can_be_left_out(func: Func, name: str) -> None:
    args = arguments(seed=1)
    same(run(to_numba(lower(func, (name,))), *args), run(func, *args), 1e-12)


@pytest.mark.slow
@given(programs())
@settings(QUICK, max_examples=500)
def test_many_random_programs(func: Func) -> None:
    args = arguments(seed=2)
    same(run(to_numba(lower(func)), *args), run(func, *args), 1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPerformanceWarning")
@given(programs())
@settings(QUICK, max_examples=20)
def test_numba_compiles_random_programs(func: Func) -> None:
    args = arguments(seed=3)
    same(run(to_numba(lower(func)), *args, jit={"error_model": "numpy"}), run(func, *args), 1e-12)


CHAIN = """
def f(x: float64[:], a: float64):
    t: float64[:] = tanh(a * x)
    r: float64[:] = t - x
    value: float64 = sum(r * r)
    r_bar: float64[:] = 2.0 * r
    x_bar: float64[:] = zeros_like(x)
    x_bar += (1.0 - t * t) * r_bar
    return value, x_bar
"""


def test_a_chain_becomes_one_loop_without_arrays() -> None:
    assert text(lowered(CHAIN)) == """\
def f(x, a):
    value = 0.0
    x_bar = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        t = np.tanh(a * x[i])
        r = t - x[i]
        value += r * r
        r_bar = 2.0 * r
        x_bar[i] = (1.0 - t * t) * r_bar
    return value, x_bar
"""


def test_sums_over_rows_and_columns_join_the_loop_of_the_matrix() -> None:
    source = """
    def f(a: float64[:, :], y: float64[:]):
        z: float64[:, :] = a * y
        columns: float64[:] = sum(z, axis=0)
        rows: float64[:] = mean(z, axis=1)
        return columns, rows
    """
    assert text(lowered(source)) == """\
def f(a, y):
    if a.shape[1] != y.shape[0]:
        raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
    columns = np.zeros(a.shape[1])
    rows = np.empty(a.shape[0])
    for i in range(a.shape[0]):
        _1 = 0.0
        for j in range(a.shape[1]):
            z = a[i, j] * y[j]
            columns[j] += z
            _1 += z
        rows[i] = _1 / a.shape[1]
    return columns, rows
"""


def test_a_result_of_a_loop_separates_loops() -> None:
    source = """
    def f(x: float64[:]):
        s: float64 = sum(x)
        return x / s
    """
    assert text(lowered(source)).count("for ") == 2


def test_what_is_independent_does_not_separate_loops() -> None:
    source = """
    def f(x: float64[:], y: float64[:, :]):
        s: float64 = sum(x)
        r: float64 = s * s
        p: float64[:, :] = matmul(y, y)
        t: float64 = sum(x * x)
        return r, p, t
    """
    assert text(lowered(source)).count("for ") == 1


def test_a_store_that_overlaps_what_it_reads_goes_through_a_copy() -> None:
    func = parse("def f(x: float64[:]):\n    v: float64[:] = x + 0.0\n    v[1:] = v[:-1]\n    return v")
    x = np.arange(5.0)
    same(run(lower(func), x), np.array([0.0, 0.0, 1.0, 2.0, 3.0]))


def test_zeros_that_are_overwritten_are_not_written() -> None:
    source = """
    def f(x: float64[:]):
        x_bar: float64[:] = zeros_like(x)
        x_bar += sin(x)
        return x_bar
    """
    assert "zeros" not in text(lowered(source))
    assert "zeros" in text(lowered(source, ("first_write", "parts")))


def test_a_tape_whose_arrays_only_have_a_length_goes() -> None:
    source = """
    def f(x: float64[:], n: int64):
        tape = list()
        for t in range(n):
            append(tape, x * 2.0)
        s: float64 = 0.0
        for t in range(n):
            y: float64[:] = pop(tape)
            z: float64[:] = zeros_like(y)
            s += dim(z, 0)
        return s
    """
    func = parse(source, types={"tape": "List(float64[::1])"})
    assert "append" not in text(lower(func))
    same(run(lower(func), np.arange(3.0), 2), 6.0)


def test_an_element_that_a_loop_adds_to_is_a_number() -> None:
    source = """
    def f(a: float64[:, :]):
        for j in range(dim(a, 0)):
            for k in range(j):
                a[j, j] = a[j, j] - a[j, k] * a[j, k]
        return a
    """
    done = text(lowered(source))
    assert "-= a[j, k] * a[j, k]" in done
    assert "a[j, j] -=" not in done
    a = np.random.default_rng(0).normal(size=(4, 4))
    same(run(lowered(source), a), run(parse(source), a))


def test_an_element_that_others_may_be_stays() -> None:
    source = """
    def f(a: float64[:], n: int64):
        for k in range(n):
            a[0] = a[0] + a[k]
        return a
    """
    assert "a[0] += a[k]" in text(lowered(source))


def test_an_element_is_not_touched_if_the_loop_does_not_run() -> None:
    source = """
    def f(a: float64[:], y: float64[:]):
        for k in range(dim(y, 0)):
            a[3] = a[3] + y[k]
        return a
    """
    same(run(lowered(source), np.zeros(2), np.zeros(0)), np.zeros(2))


def test_sweeps_become_one_loop_that_computes_nothing_twice() -> None:
    source = """
    def f(x: float64[:]):
        s: float64 = 0.0
        tape: float64[:] = empty(dim(x, 0))
        for i in range(dim(x, 0)):
            t: float64 = sin(x[i])
            tape[i] = t
            s += t * t
        x_bar: float64[:] = zeros_like(x)
        for i in range(dim(x, 0) - 1, -1, -1):
            t = tape[i]
            x_bar[i] += 2.0 * t * cos(x[i])
        return s, x_bar
    """
    assert text(lowered(source)) == """\
def f(x):
    s = 0.0
    x_bar = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        t = math.sin(x[i])
        s += t * t
        x_bar[i] = 2.0 * t * math.cos(x[i])
    return s, x_bar
"""


@pytest.mark.parametrize(
    "body",
    [
        "s = s * x[i]",
        "x[i] = x[i - 1]",
        "x[0] = x[i]",
        "print(x[i])",
        "t: float64 = x[i]",
        "x[i] += 1.0\n            s += x[0]",
    ],
)
def test_loops_whose_order_matters_keep_it(body: str) -> None:
    source = f"""
    def f(x: float64[:], n: int64):
        s: float64 = 1.0
        t: float64 = 0.0
        for i in range(n - 1, -1, -1):
            {body}
        return s, t, x
    """
    assert "range(n - 1, -1, -1)" in text(lowered(source))


def test_a_dead_array_takes_the_place_of_zeros() -> None:
    source = """
    def f(y: float64[:]):
        v_bar: float64[:] = 2.0 * y
        u_bar: float64[:] = zeros_like(y)
        u_bar[1:] += y[:-1]
        u_bar += v_bar
        return u_bar
    """
    assert "zeros" not in text(lowered(source))
    kept = source.replace("return u_bar", "return u_bar, v_bar")
    assert "u_bar = v_bar" not in text(lowered(kept))
    same(run(lowered(kept), np.arange(4.0)), run(parse(kept), np.arange(4.0)))


def test_a_buffer_of_a_loop_is_made_once() -> None:
    source = """
    def f(x: float64[:], n: int64):
        s: float64 = 0.0
        for t in range(n):
            y: float64[:] = sin(x) + t
            s += sum(y[1:] * y[:-1])
        return s
    """
    lines = text(lowered(source)).splitlines()
    assert lines.index("    for t in range(n):") > lines.index("    y = np.empty(x.shape[0])")
    same(run(lowered(source), np.arange(5.0), 3), run(parse(source), np.arange(5.0), 3))


@pytest.mark.parametrize(
    ("source", "args"),
    [
        ("def f(x: float64[:], y: float64[:]):\n    return x + y", (np.zeros(3), np.zeros(1))),
        ("def f(x: float64[:], k: int64):\n    return x[k:] * 2.0", (np.zeros(3), -1)),
        ("def f(x: float64[:], k: int64):\n    return x[:k] * 2.0", (np.zeros(3), 7)),
        ("def f(x: float64[:]):\n    return x[-2:] * 2.0", (np.zeros(1),)),
        ("def f(x: float64[:]):\n    return max(x)", (np.zeros(0),)),
    ],
)
def test_assumptions_are_guarded(source: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=BROADCAST_GUARD):
        run(lowered(source), *args)


@pytest.mark.parametrize("part", ["1:-1", ":-2", "2:", "-1:", "::2", "1::3", "::-1", "1:2", "None, :", "..."])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_slices_take_what_numpy_takes(part: str, length: int) -> None:
    func = parse(f"def f(x: float64[:]):\n    return sin(x[{part}]) + 1.0")
    x = np.arange(float(length))
    try:
        found = run(lower(func), x)
    except ValueError as error:
        if BROADCAST_GUARD not in str(error) or length > 1 or part not in ("1:2", "-1:"):
            raise
    else:
        same(found, run(func, x))


def test_extremes_and_nan() -> None:
    func = parse("def f(x: float64[:]):\n    return max(x * 1.0), min(x), max(maximum(x, 0.0))")
    for x in (np.array([1.0, np.nan, 3.0]), np.array([-np.inf, -np.inf]), np.array([2.0, -1.0])):
        same(run(lower(func), x), run(func, x))


def test_single_precision_stays() -> None:
    source = """
    def f(x: float32[:]):
        y: float32[:] = sin(x) * x
        return y, sum(y), mean(y), max(y)
    """
    x = np.linspace(0, 1, 7, dtype=np.float32)
    found = run(lowered(source), x)
    assert [np.asarray(each).dtype for each in found] == [np.float32] * 4
    same(found, run(parse(source), x), 1e-6)


def test_small_integers_stay_array_level() -> None:
    assert "x + x" in text(lowered("def f(x: uint8[:]):\n    return x + x"))


LEAPFROG = """
def f(a: float64[:], b: float64[:], c: float64[:], n: int64):
    for t in range(n):
        a[1:] += b[1:] - b[:-1]
        c[1:] += a[1:] - a[:-1]
        b[:-1] += c[1:] + a[:-1]
    c[:] = a + b
    b[:] = c * a
    return sum(a * b * c)
"""


def test_lengths_are_compared_once_and_on_entry() -> None:
    lines = text(lowered(LEAPFROG)).splitlines()
    assert [number for number, line in enumerate(lines) if "raise" in line] == [2]
    args = (*(np.random.default_rng(k).standard_normal(6) for k in range(3)), 4)
    same(run(lowered(LEAPFROG), *args), run(parse(LEAPFROG), *args))
    with pytest.raises(ValueError, match=BROADCAST_GUARD):
        run(lowered(LEAPFROG), *(np.zeros(6),) * 2, np.zeros(5), 4)


def test_what_may_never_run_is_not_checked_on_entry() -> None:
    source = """
    def f(x: float64[:], y: float64[:], flag: float64):
        s: float64 = 0.0
        if flag > 0.0:
            s = sum(x * y)
        return s + sum(x)
    """
    same(run(lowered(source), np.arange(3.0), np.arange(2.0), -1.0), 3.0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_equal_lengths_come_to_an_end(order: tuple[int, int]) -> None:
    facts = Facts({}, {})
    m, n = facts.symbols.length("x", 0), facts.symbols.length("y", 0)
    pairs = [(facts.symbols.clipped(m.plus(-1)), facts.symbols.clipped(n.plus(-1))), (m, n)]
    for k in order:
        facts.make_equal(*pairs[k])
    assert facts.same(m) == facts.same(n)
    assert facts.same(pairs[0][0]) == facts.same(pairs[0][1])


def test_definitions() -> None:
    for module in (assumptions, written):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("bounds", ["-3, 3", "4"])
def test_an_element_met_by_two_subscripts_keeps_loops_apart(bounds: str) -> None:
    place, row = ("i", "i + 3") if "," in bounds else ("i - 1", "i")
    source = f"""
    def f(x: float64[:], y: float64[:]):
        s: float64 = 0.0
        for i in range({bounds}):
            y[{place}] = x[{row}] * x[{row}]
        for i in range({bounds}):
            s += y[{place}] * x[{row}]
        return s
    """
    args = np.arange(1.0, 7.0), np.zeros(3)
    same(run(lowered(source), *args), run(parse(source), *args))


SYMMETRIC = """
def f(c: float64[:, :], a: float64[:, :], n: int64, m: int64):
    for i in range(n):
        for k in range(m):
            for j in range(i + 1):
                t: float64 = c[i, j] * 2.0
                a[j, k] += t * a[0, 0]
                c[i, j] += a[i, k] * a[j, k]
    return sum(c * c) + sum(a * a)
"""


def test_loops_change_places_where_what_meets_is_sums_or_stays_in_order() -> None:
    outer = "for k in range(m):\n            for j"
    inner = "for j in range(i + 1):\n            for k"
    sums = "\n".join(line for line in SYMMETRIC.splitlines() if " t" not in line)
    for source, changes in ((sums, True), (SYMMETRIC, False), (SYMMETRIC.replace("* a[0, 0]", ""), True)):
        found = text(lowered(source, ("accumulate",)))
        assert (inner in found, outer in found) == (changes, not changes)
        args = [np.random.default_rng(k).standard_normal((4, 4)) for k in range(2)]
        expected = [each.copy() for each in args]
        same(run(lowered(source), *args, 4, 3), run(parse(source), *expected, 4, 3))
    # What the last iteration leaves behind is read.
    source = sums.replace("a[i, k] * a[j, k]", "a[i, k] * a[j, k]\n                last: float64 = a[j, k]")
    source = source.replace("return sum(c * c)", "return last + sum(c * c)").replace("for i in", "last: float64 = 0.0\n    for i in")
    assert outer in text(lowered(source, ("accumulate",)))


def test_sums_into_elements_that_may_be_the_same_are_added_up_apart() -> None:
    source = """
    def f(x: float64[:], p: float64[:], n: int64):
        for i in range(n):
            for j in range(n):
                d: float64 = x[i] * x[j] + x[j]
                p[i] += d
                p[j] += -d * x[i]
        return sum(p * p)
    """
    lines = text(lowered(source)).splitlines()
    assert any("p[i] += " in line and line.startswith(" " * 12 + "p") for line in lines), lines
    args = np.random.default_rng(0).standard_normal(4), np.ones(4)
    same(run(lowered(source), *args, 4), run(parse(source), args[0], np.ones(4), 4))


def test_what_becomes_a_number_is_decided_for_all_elements_together() -> None:
    source = """
    def f(x: float64[:], p: float64[:], n: int64):
        for i in range(n):
            p[-1] += x[i]
            p[1] += x[i] * x[i]
        return p
    """
    args = np.arange(1.0, 5.0), np.zeros(2)
    same(run(lowered(source), *args, 4), run(parse(source), args[0], np.zeros(2), 4))
