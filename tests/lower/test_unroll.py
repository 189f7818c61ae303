"""Loops over coordinates written out: equal numbers, and the loops that stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.context import Context
from adjoint.lower.unroll import unroll
from tests.ir_text import parse
from tests.lower.programs import run

BEFORE = """
def f(x: float64[:, :], y: float64[:, :], n: int64):
    s: float64 = 0.5
    t: float64 = 1.0
    for i in range(n):
        for j in range(n):
            for d in {turns}:
                {body}
            y[j, 2] += s
    return s + t
"""
WRITTEN_OUT = {
    "sums": "u: float64 = x[i, d] - x[j, d]\n                s += u * u",
    "a number that is handed on": "s = s * 0.5 + x[j, d]",
    "the last number": "t = x[j, d] * s",
    "neighbours": "s += x[j, d] * x[i, d + 1]",
    "stores": "u: float64 = x[j, d]\n                y[j, d] = u * u",
    "adds": "y[j, d] += x[i, d] * 2.0",
    "a number that is added to": "u: float64 = x[j, d]\n                u += x[i, d] * u\n                s += u",
}


def both(body: str, turns: str) -> tuple[Func, Func]:
    before = parse(BEFORE.format(body=body, turns=turns))
    after = unroll(before, Context.of(before))
    for n in range(4):
        results: list[tuple[float, list[float]]] = []
        for func in (before, after):
            x, y = np.linspace(-1.0, 1.5, 4 * n).reshape(n, 4), np.linspace(2.0, 1.0, 4 * n).reshape(n, 4)
            results.append((run(func, x, y, n), [*x.ravel().tolist(), *y.ravel().tolist()]))
        assert results[0] == results[1]
    return before, after


@pytest.mark.parametrize("turns", ["range(3)", "range(2, -1, -1)", "range(0, 3, 2)", "range(1, 2)"])
@pytest.mark.parametrize("body", WRITTEN_OUT.values(), ids=WRITTEN_OUT)
def test_numbers(body: str, turns: str) -> None:
    _, after = both(body, turns)
    assert " d " not in text(after)


@pytest.mark.parametrize(
    ("body", "turns"),
    [
        ("s += x[j, d] * d", "range(3)"),
        ("s += x[j, d] * x[i, 2 * d]", "range(2)"),
        ("s += x[j, d]", "range(n)"),
        ("s += x[i, d]", "range(3)"),
        ("y[j, d] = x[j, d]", "range(3)"),
        ("s += x[j, d]\n            s = s + d", "range(3)"),
    ],
    ids=["its index is a number", "other places", "any number of turns", "no points", "a copy", "the index is read"],
)
def test_loops_that_stay(body: str, turns: str) -> None:
    before = parse(BEFORE.format(body=body, turns=turns), types={"d": "int64"})
    assert unroll(before, Context.of(before)) is before
