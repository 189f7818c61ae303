"""The rows of the table keep the value, and apply where they keep the type."""

from __future__ import annotations

import doctest
import math
import re
import struct
import textwrap
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.transform import simplify as module
from adjoint.transform.simplify import EXACT, ROUNDED, simplify
from tests.imperative_programs import outcome, programs, same
from tests.ir_text import parse

SPECIAL = [0.0, -0.0, 1.0, -1.5, 0.1, 3.7e-310, 1e308, math.inf, -math.inf, math.nan]
ORDINARY = [0.1, -1.7, 3.0, 1e3]
LITERALS = {"c": [2.0, 0.3], "d": [0.5, -7.0], "n": [-2.0, -0.7]}


def rows(table: str) -> list[tuple[str, str]]:
    pairs = (row.split("->") for row in table.splitlines() if row.strip())
    return [(left.strip(), right.strip()) for left, right in pairs]


def bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack("d", value)


def points(left: str, numbers: list[float]) -> list[dict[str, float]]:
    names = sorted(set(re.findall(r"[a-z]", left)))
    return [dict(zip(names, values, strict=True)) for values in product(*(LITERALS.get(n, numbers) for n in names))]


@pytest.mark.parametrize(("left", "right"), rows(EXACT))
def test_exact_rows_keep_every_bit(left: str, right: str) -> None:
    for values in points(left, SPECIAL):
        machine = {name: np.float64(value) for name, value in values.items()}  # 1 / 0 is infinite, as in compiled code
        with np.errstate(all="ignore"):
            assert bits(eval(left, {}, machine)) == bits(eval(right, {}, machine)), values


@pytest.mark.parametrize(("left", "right"), rows(ROUNDED))
def test_other_rows_keep_the_value(left: str, right: str) -> None:
    for values in points(left, ORDINARY):
        assert math.isclose(eval(left, {}, values), eval(right, {}, values), rel_tol=1e-15)


@pytest.mark.parametrize(("left", "right"), rows(EXACT + ROUNDED))
def test_every_row_applies(left: str, right: str) -> None:
    values = {"c": "2.0", "d": "0.5", "n": "-3.0"}
    before = re.sub(r"\b[cdn]\b", lambda m: values[m[0]], left)
    func = parse(f"def f(x, y):\n    return {before}", default="float64")
    assert simplify(func).body != func.body
    assert simplify(simplify(func)).body == simplify(func).body


TYPES = {
    **dict.fromkeys(("a", "b", "s"), "float64"),
    **dict.fromkeys(("i", "j"), "int64"),
    "u": "uint64",
    "h": "float32",
    "p": "boolean",
    **dict.fromkeys(("x", "y"), "float64[:]"),
    "g": "float32[:]",
}
CASES = [
    ("s = a * 1.0", "s = a"),
    ("s = h * 1.0", "s = h * 1.0"),  # a float64 under Numba
    ("s = i * 1", "s = i"),
    ("s = i * 1.0", "s = i * 1.0"),
    ("s = i / 1", "s = i / 1"),
    ("s = p + 0", "s = p + 0"),
    ("s = p * 1", "s = p * 1"),
    ("s = unknown * 1.0", "s = unknown * 1.0"),
    ("s = 0.0 * a", "s = 0.0 * a"),  # NaN stays NaN
    ("s = a - -0.0", "s = a - -0.0"),  # -0.0 - -0.0 is 0.0
    ("s = u - -u", "s = u + u"),
    ("s = a + -b", "s = a - b"),
    ("s = unknown + -b", "s = unknown - b"),
    ("s = -(-a)", "s = a"),
    ("s = -a * b / 2.0", "s = -(a * b / 2.0)"),
    ("s = b + -a * -2.0", "s = b + a * 2.0"),
    ("s = b - 2.0 * (0.5 * a)", "s = b - a"),
    ("s = 2.0 * 3.0 + a", "s = 6.0 + a"),
    ("s = 1 / 0 + a", "s = 1 / 0 + a"),
    ("s = 4611686018427387904 * 4 + i", "s = 4611686018427387904 * 4 + i"),
    ("s = 1e308 * (1e308 * a)", "s = 1e+308 * (1e+308 * a)"),
    # a whole array is copied by `x * 1.0`, an operand need not be
    ("y = x * 1.0", "y = x * 1.0"),
    ("y = x * 1.0 + x", "y = x + x"),
    ("y = -(-x)", "y = --x"),
    ("y[...] = x * 1.0", "y[...] = x"),
    ("y = g * 1.0 + x", "y = g * 1.0 + x"),
    ("y = transpose(x) * 1.0", "y = x.T * 1.0"),
    # a filled array is a number where the shape is there anyway
    ("y = full_like(x, a) * (1.0 - x * x)", "y = a * (1.0 - x * x)"),
    ("y = sin(x) / full_like(x, a)", "y = np.sin(x) / a"),
    ("y = full_like(x, 1.0) * x", "y = 1.0 * x"),
    ("y = full_like(x, 1.0) * (x - 2.0)", "y = x - 2.0"),
    ("y = full_like(x, a) * y", "y = np.full_like(x, a) * y"),
    ("y = full_like(g, a) * g", "y = np.full_like(g, a) * g"),  # a float32 array
    ("y[i] += -(a * -b)", "y[i] += a * b"),
    ("y[i + 0] = a", "y[i] = a"),
    ("for j in range(i - 0):\n    s = a * 1.0", "for j in range(i):\n    s = a"),
]


@pytest.mark.parametrize(("before", "after"), CASES, ids=[before for before, _ in CASES])
def test_cases(before: str, after: str) -> None:
    func = simplify(parse(f"def f():\n{textwrap.indent(before, '    ')}", types=TYPES))
    assert textwrap.dedent(text(func).partition("\n")[2]).strip().replace("-(-x)", "--x") == after.replace(
        "-(-x)", "--x"
    )


def test_strict_keeps_the_rounding() -> None:
    func = parse("def f(x):\n    return 3.0 * (0.1 * x) + 0.0 + -(x * 1.0)", default="float64")
    assert text(simplify(func, strict=True)) == "def f(x):\n    return 3.0 * (0.1 * x) + 0.0 - x\n"


def test_doctest() -> None:
    assert doctest.testmod(module).failed == 0


@settings(max_examples=80)
@given(programs(typed=True))
def test_meaning_stays(func: Func) -> None:
    after = simplify(func, strict=True)
    assert same(outcome(after), outcome(func)), text(func) + text(after)
