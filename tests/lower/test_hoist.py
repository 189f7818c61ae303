"""Arrays of zeros that iterations make: memory is taken once, and filled each time."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.hoist import hoist
from tests.ir_text import parse
from tests.lower.programs import run

SUMS = """
def f(x: float64[:, ::1], n: int64):
    total: float64 = 0.0
    for i in range(n):
        for k in range(2):
            {before}
            y: float64[{rank}] = zeros({size})
            for j in range(3):
                y[{place}] += x[i, j] * k
            total += y[{first}] {after}
    return total
"""
VECTOR = {"rank": "::1", "size": "3", "place": "j", "first": "1", "before": "total += 1.0", "after": "* 2.0"}
MATRIX = VECTOR | {"rank": ":, ::1", "size": "(2, 3)", "place": "k, j", "first": "1, 2"}
CASES = {
    "vector": VECTOR,
    "matrix": MATRIX,
    "whole numbers": VECTOR | {"rank": "::1", "size": "3", "after": "+ y[0]"},
    "size that changes": VECTOR | {"size": "n", "before": "n = n + 0"},
    "whole array": VECTOR | {"after": "+ sum(y)"},
}


@pytest.mark.parametrize("name", CASES)
def test_values_stay(name: str) -> None:
    func = parse(SUMS.format(**CASES[name]))
    x = np.arange(1.0, 13.0).reshape(4, 3)
    assert run(hoist(func, Context.of(func)), x, 4) == run(func, x, 4)


@pytest.mark.parametrize("name", CASES)
def test_memory_is_taken_once(name: str) -> None:
    func = parse(SUMS.format(**CASES[name]))
    done = text(hoist(func, Context.of(func)))
    before, _, loop = done.partition("for i in range")
    assert ("np.empty" in before and "np.zeros" not in loop) == (name in ("vector", "matrix", "whole numbers"))
