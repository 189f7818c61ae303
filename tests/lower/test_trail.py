"""Loops that read what an earlier one has stored one iteration before: text, numbers, Numba, and what stays apart."""

from __future__ import annotations

import random
from typing import Any

import numba
import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import lower
from adjoint.lower.expand import expand
from adjoint.lower.trail import trail
from adjoint.transform.renest import renest
from tests.ir_text import parse
from tests.lower.programs import function_of, same

PROGRAM = """
def f(x: float64[:], y: float64[:], n: int64, w: float64[:]):
    s: float64 = 0.0
    a: float64[:] = empty(n)
    b: float64[:] = empty(n)
    a[0] = 0.5
    b[n - 1] = 0.25
{}
    return s
"""
# Two loops that become one, or more; how many there are left.
JOINED = {
    "one before": (["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    w[i] = a[i - 1]"], 1),
    "shifted": (["for i in range(n - 1):", "    a[i + 1] = x[i]", "for i in range(n - 1):", "    w[i] = a[i] * x[i]"], 1),
    "one after": (["for i in range(n - 1):", "    b[i] = x[i]", "for i in range(n - 1):", "    w[i] = b[i + 1]"], 1),
    "this one and the one before": (
        ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    w[i] = a[i] - a[i - 1]"],
        1,
    ),
    "one more": (["for i in range(n - 1):", "    b[i] = x[i]", "for i in range(n):", "    w[i] = b[i] * y[i]"], 1),
    "one more, one before": (
        ["for i in range(n - 1):", "    a[i + 1] = x[i]", "for i in range(n):", "    w[i] = a[i] * y[i]"],
        1,
    ),
    "a sum": (["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    s += a[i - 1] * x[i]"], 1),
    "an element added to": (
        ["for i in range(n):", "    w[i] = x[i]", "for i in range(1, n):", "    w[i] += y[i]"]
        + ["for i in range(1, n):", "    s += w[i - 1]"],
        2,
    ),
    "a chain": (
        ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    w[i] = a[i - 1]"]
        + ["for i in range(1, n):", "    y[i] = w[i - 1] * a[i - 1]"],
        1,
    ),
    "a chain the other way": (
        ["for i in range(n - 1):", "    b[i] = x[i]", "for i in range(n - 1):", "    w[i] = b[i + 1]"]
        + ["for i in range(n - 1):", "    y[i] += w[i + 1] * b[i + 1]"],
        1,
    ),
    "both ways": (
        ["for i in range(1, n - 1):", "    a[i] = x[i]", "for i in range(1, n - 1):", "    w[i] = a[i - 1]"]
        + ["for i in range(1, n - 1):", "    y[i] = w[i + 1]"],
        2,
    ),
    "stored to before it is read": (
        ["for i in range(n - 1):", "    b[i] = x[i]", "for i in range(n):", "    b[i] = b[i] * 2.0 + 1.0", "    w[i] = b[i]"],
        1,
    ),
    "a number that changes": (
        ["s = s + 1.5", "b[n - 1] = s", "for i in range(n - 1):", "    b[i] = x[i]"]
        + ["for i in range(n):", "    s += y[i]", "    w[i] = b[i]"],
        1,
    ),
    "a number that changes after it is stored": (
        ["for i in range(1, n):", "    t: float64 = x[i]", "    a[i] = t", "    t += 1.0", "    y[i] = t"]
        + ["for i in range(1, n):", "    w[i] = a[i - 1] * a[i]"],
        1,
    ),
    "a number of both loops": (
        ["for i in range(1, n):", "    t: float64 = x[i]", "    a[i] = t"]
        + ["for i in range(1, n):", "    t = y[i]", "    w[i] = a[i - 1] * t"],
        1,
    ),
    "first downwards": (
        ["for i in range(n - 2, -1, -1):", "    a[i + 1] = x[i]", "for i in range(n - 1):", "    w[i] = a[i]"],
        1,
    ),
    "a number for two arrays": (
        ["y[0] = 7.0", "for i in range(1, n):", "    t: float64 = x[i]", "    a[i] = t", "    y[i] = t"]
        + ["for i in range(1, n):", "    w[i] = a[i - 1] * y[i - 1]"],
        1,
    ),
    "a number in two loops": (
        ["for i in range(1, n):", "    t: float64 = x[i]", "    a[i] = t", "for i in range(1, n):", "    w[i] = a[i - 1]"]
        + ["a[0] = w[0]", "for i in range(1, n):", "    t = x[i] * w[i - 1]", "    a[i] = t"]
        + ["for i in range(1, n):", "    y[i] = a[i - 1]"],
        2,
    ),
    "a statement in between": (
        ["for i in range(1, n):", "    a[i] = x[i]", "t: float64 = x[0] * 2.0"]
        + ["for i in range(1, n):", "    w[i] = a[i - 1] * t"],
        1,
    ),
}
APART = {
    "a recurrence": ["for i in range(1, n):", "    a[i] = x[i] * a[i - 1]", "for i in range(1, n):", "    w[i] = a[i - 1]"],
    "a number that is handed on": (
        ["for i in range(1, n):", "    t: float64 = x[i]", "    a[i] = s", "    s = t * 0.5 + s * s"]
        + ["for i in range(1, n):", "    w[i] = a[i - 1]"]
    ),
    "the last one is before the first": (
        ["for i in range(n):", "    a[i] = x[i]", "for i in range(n):", "    w[i] = a[i - 1]"]
    ),
    "downwards": (
        ["for i in range(n - 1):", "    b[i] = x[i]", "for i in range(n - 1, -1, -1):", "    w[i] = b[i] * y[i]"]
    ),
    "both neighbours": (
        ["for i in range(1, n - 1):", "    a[i] = x[i]", "for i in range(1, n - 1):", "    w[i] = a[i - 1] + a[i + 1]"]
    ),
    "two before": ["for i in range(2, n):", "    a[i] = x[i]", "for i in range(2, n):", "    w[i] = a[i - 2]"],
    "another start": ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(2, n):", "    w[i] = a[i - 1]"],
    "two more": ["for i in range(n - 2):", "    b[i] = x[i]", "for i in range(n):", "    w[i] = b[i] * 2.0"],
    "one less": ["for i in range(n):", "    a[i] = x[i]", "for i in range(n - 1):", "    w[i] = a[i] * 2.0"],
    "no flow": ["for i in range(n - 1):", "    a[i] = x[i]", "for i in range(n):", "    w[i] = x[i] * 2.0"],
    "every other": ["for i in range(1, n, 2):", "    a[i] = x[i]", "for i in range(1, n, 2):", "    w[i] = a[i - 1]"],
    "written again": (
        ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    w[i] = a[i - 1]", "    a[i - 1] = 0.0"]
    ),
    "what the first one reads": (
        ["for i in range(1, n):", "    a[i] = x[i - 1]", "for i in range(1, n):", "    w[i] = a[i - 1]", "    x[i] = 0.0"]
    ),
    "two places": (
        ["for i in range(1, n):", "    a[i] = x[i]", "    a[0] = y[i]", "for i in range(1, n):", "    w[i] = a[i - 1]"]
    ),
    "sums side by side": (
        ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    w[i] += a[i - 1]", "    w[i - 1] += a[i]"]
    ),
    "a loop in it": (
        ["for i in range(1, n):", "    a[i] = x[i]", "for i in range(1, n):", "    for j in range(2):", "        w[j] += a[i - 1]"]
    ),
    "used in between": (
        ["for i in range(1, n):", "    a[i] = x[i]", "s = a[n - 1] * s + 1.0", "x[0] = s"]
        + ["for i in range(1, n):", "    w[i] = a[i - 1] * s"]
    ),
}


def program(lines: list[str], kind: str = "float64") -> Func:
    return parse(PROGRAM.format("\n".join(f"    {line}" for line in lines)).replace("float64[:]", f"{kind}[:]"))


def check(func: Func, most: int = 7) -> str:
    """Run a program before and after; return the text after it."""
    before, context = expand(func)
    found = text(before)
    after = trail(before, context)
    if text(after) == found:
        return ""
    plain, changed = function_of(before), function_of(after)
    for n in range(most):
        results: list[Any] = []
        for run in (plain, changed):
            x, y, w = np.arange(1.0, 9.0), np.linspace(-1.0, 2.0, 8), np.full(8, 0.125)
            try:
                results.append((run(x, y, n, w), x, y, w))
            except IndexError:
                results.append(None)
        if results[0] is not None:  # where the program fails, anything may happen
            assert results[1] is not None, n
            same(results[1], results[0], 1e-14)
    return text(after)


@pytest.mark.parametrize("name", JOINED)
def test_joined(name: str) -> None:
    lines, loops = JOINED[name]
    assert check(program(lines)).count("for ") == loops


@pytest.mark.parametrize("name", APART)
def test_apart(name: str) -> None:
    assert check(program(APART[name])) == ""


def test_numbers_of_another_type_stay_in_memory() -> None:
    lines, _ = JOINED["one before"]
    lines = [line.replace("x[i]", "x[i] * 0.1") for line in lines]
    assert check(program(lines, "float32")) == ""


def test_what_is_known_of_the_first_element() -> None:
    lines, _ = JOINED["one before"]
    assert "a_before = 0.5" in check(program(lines))
    unknown = check(program(["a[0] = x[0]", *lines]))
    assert "a_before = a[0]" in unknown
    nothing = check(program([line.replace("a[", "y[") for line in lines]))
    assert "y_before = y[0] if 1 < n else 0.0" in nothing


def test_the_last_element_is_done_apart_if_there_is_one() -> None:
    lines, _ = JOINED["one more"]
    assert "w[n - 1] = 0.25 * y[n - 1]" in check(program(lines))
    found = check(parse(PROGRAM.replace("a[0] = 0.5", "s = 1.0").format("\n".join(f"    {line}" for line in lines))))
    assert "if 0 < n:" in found


def test_many_arrays_stay_apart() -> None:
    names = [f"v{k}" for k in range(16)]
    lines = [f"{name}: float64[:] = empty(n)" for name in names] + [f"{name}[0] = 1.0" for name in names]
    lines += ["for i in range(1, n):", *(f"    {name}[i] = x[i]" for name in names)]
    lines += ["for i in range(1, n):", *(f"    w[i] += {name}[i - 1]" for name in names)]
    assert check(program(lines), 2) == ""


@pytest.mark.parametrize("name", ["one more, one before", "a chain", "a chain the other way"])
def test_numba(name: str) -> None:
    lines, _ = JOINED[name]
    before, context = expand(program(lines))
    after = trail(before, context)
    fast: Any = numba.njit(function_of(after))
    x, y, w = np.arange(1.0, 9.0), np.linspace(-1.0, 2.0, 8), np.full(8, 0.125)
    rows = [each.copy() for each in (x, y, w)]
    assert fast(x, y, 8, w) == pytest.approx(function_of(before)(rows[0], rows[1], 8, rows[2]))
    same((x, y, w), tuple(rows), 1e-14)


RANGES = ["1, n", "1, n", "n - 1", "n - 1", "n", "1, n - 1", "n - 2, -1, -1"]


def lines_of(rng: random.Random) -> list[str]:
    """Return loops, most over the same range, that write and read neighbours, and statements in between."""
    usual = rng.choice(RANGES)
    found: list[str] = []
    for k in range(rng.randint(2, 5)):
        if rng.random() < 0.3:
            found.append(rng.choice(["a[0] = x[0]", "b[n - 1] = s", "s += w[0]", "a[n - 1] += 0.5", "t: float64 = 0.5 * s"]))
        around = usual if rng.random() < 0.7 else rng.choice(RANGES)
        found.append(f"for i{k} in range({around}):")
        for _ in range(rng.randint(1, 2)):
            places = [f"i{k}"] if around.startswith("n - 2") else [f"i{k}", f"i{k} - 1"] if "1, n" in around else [f"i{k}"]
            places += [f"i{k} + 1"] if around not in ("1, n", "n") else []
            at, here, there = (rng.choice(places) for _ in range(3))
            value = rng.choice([f"x[{here}]", f"a[{here}] * 0.5", f"b[{here}] + y[{there}]", f"w[{here}] * a[{there}]"])
            target = rng.choice([f"a[{at}] =", f"a[{at}] =", f"b[{at}] =", f"w[{at}] =", f"w[{at}] +=", "s +="])
            named = rng.random() < 0.3  # several loops give one number a value
            found += [f"    q: float64 = {value}", f"    {target} q"] if named else [f"    {target} {value}"]
    return found


def test_random_loops() -> None:
    changed = 0
    for seed in range(400):
        lines = lines_of(random.Random(seed))
        start = ["q: float64 = 0.5", "for j in range(n):", "    a[j] = y[j]", "    b[j] = x[j]", "a[0] = 0.5", "b[n - 1] = 0.25"]
        end = ["for j in range(n):", "    s += a[j] * 0.3 + b[j] * 0.2"] if seed % 2 else []
        changed += bool(check(program([*start, *lines, *end]), 5))
    assert changed > 50


def test_the_number_comes_before_what_is_stored() -> None:
    """LLVM can't move stores: with one before the number that is handed on, it doesn't vectorise the loop."""
    lines = ["for i in range(n - 1):", "    _1: float64 = x[i] * x[i]", "    a[i + 1] = _1"]
    lines += ["for i in range(n - 1):", "    w[i] = sin(a[i])"]
    done = text(renest(lower(program(lines))))
    loop = done[done.index("for ") :]
    assert loop.index("x[i] * x[i]") < loop.index("w[i] =")
