"""Stacks of arrays that become rows of one array: which ones do, and that values stay."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from tests.lower.programs import run, same
from tests.lower.test_lower import lowered

STACK = """
def f(x: float64[:, ::1], y: float64[:, ::1], n: int64, m: int64):
    s: float64 = 0.0
    tape: List(float64[::1]) = list()
    {extra}
    for i in range({range}):
        for j in range(m):
            e: float64[::1] = exp(x[i] * y[j])
            {before}
            append(tape, e)
            {after}
            x[i] += 0.1 * e
    {between}
    for i in range({back}):
        for j in range(m - 1, -1, -1):
            e_1: float64[::1] = pop(tape)
            {then}
            y[j] += sin(e_1 + x[i])
    {last}
    return x, y, s
"""
PLAIN = {"range": "n", "back": "n - 1, -1, -1"}
EMPTY = dict.fromkeys(("extra", "before", "after", "between", "then", "last"), "s += 0.0")
ROWS = {
    "plain": {},
    "from one": {"range": "1, n", "back": "n - 1, 0, -1"},
    "from three": {"range": "3, n + 3", "back": "n + 2, 2, -1", "after": "s += x[i, 0]"},
    "written after": {"after": "e[0] = 3.0\n            e += x[i]"},
    "written when popped": {"then": "e_1[0] += 1.0"},
    "bound again": {"before": "e = x[i] * 2.0 if s > 100.0 else e", "after": "s += 1.0"},
    "part": {"then": "g: float64[::1] = e_1[1:]\n            g += 1.0"},
    "looked at": {"before": "s += sum(e * e)", "then": "s += e_1[1]"},
}
KEPT = {
    "other order": {"range": "n", "back": "n"},
    "in a branch": {"after": "if s < 2.0:\n                s += 1.0\n                append(tape, e)"},
    "length": {"between": "s += len(tape)"},
    "two pops": {"last": "if len(tape) > 0:\n        y[0] += pop(tape)"},
    "other names": {"after": "u: float64[::1] = e", "last": "s += u[0]"},
    "other loops": {"range": "n - 1", "back": "n - 1, 0, -1"},
    "sizes that change": {"before": "n = n + 0"},
}


def source(changes: dict[str, str]) -> str:
    return STACK.format(**(EMPTY | PLAIN | changes))


@pytest.mark.parametrize("name", [*ROWS, *KEPT])
@pytest.mark.parametrize(("n", "m"), [(0, 2), (2, 0), (1, 1), (3, 2)])
def test_values_stay(name: str, n: int, m: int) -> None:
    program = source((ROWS | KEPT)[name])
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 8, 4))
    if name == "other names" and not n * m:
        return
    wanted = run(lowered(program, ("expand",)), x, y, n, m)
    same(run(lowered(program), x, y, n, m), wanted, 1e-12)
    same(run(lowered(program, ("unstack",)), x, y, n, m), wanted, 1e-12)


@pytest.mark.parametrize("name", [*ROWS, *KEPT])
def test_which_stacks_become_rows(name: str) -> None:
    done = text(lowered(source((ROWS | KEPT)[name])))
    assert ("pop" in done) == (name in KEPT)
