"""Arrays of strips start where a cache line does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numba import njit

from adjoint import value_and_grad
from adjoint.lower.context import Context
from adjoint.lower.lanes import LANES
from adjoint.lower.lines import lines
from adjoint.rules import helpers
from tests.ir_text import parse
from tests.lower.programs import distances


def helper() -> Any:
    names: dict[str, Any] = {"np": np}
    exec(helpers.source("from_line"), names)
    return names["from_line"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("compiled", [False, True])
def test_starts_at_a_line_and_has_what_was_asked_for(dtype: str, compiled: bool) -> None:
    from_line = njit(helper()) if compiled else helper()
    memory = np.zeros(400, dtype)
    spare = 64 // memory.itemsize
    for first in range(spare + 1):
        part = memory[first : first + 128 + spare]
        found = from_line(part)
        assert found.ctypes.data % 64 == 0
        assert found.shape == (128,)
        assert np.shares_memory(part, found)
        assert found.ctypes.data + 128 * found.itemsize <= part.ctypes.data + part.size * part.itemsize


def test_what_does_not_fill_lines_is_left() -> None:
    func = parse("""
    def f(n: int64):
        a: float64[::1] = empty(4)
        b: float64[:, ::1] = empty((n, 12))
        c: bool[::1] = empty(128, dtype="bool")
        return a
    """)
    context = Context.of(func)
    context.in_strips |= {"a", "b", "c"}
    assert lines(func, context).body == func.body


def total_of_powers(x: Any, n: int) -> float:
    total = 0.0
    for i in range(n):
        t = i / n
        power, fit = t, 0.0
        for j in range(x.shape[0]):
            fit += x[j] * power
            power *= t
        total += fit * fit
    return total


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_compiled_text_uses_it(dtype: str) -> None:
    x = np.linspace(-1.0, 1.0, 7).astype(dtype)
    gradient = value_and_grad(total_of_powers)
    assert "from_line(np.empty(" in gradient.inspect("compiled", x, 200)
    assert "from_line" not in gradient.source_for(x, 200)
    value, found = gradient(x, 200)
    powers = (np.arange(200) / 200)[:, None] ** np.arange(1, 8)
    fit = powers @ x.astype("float64")
    precision = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, fit @ fit, rtol=precision)
    np.testing.assert_allclose(found, 2 * fit @ powers, rtol=precision)


def test_all_arrays_of_strips_are_known() -> None:
    """No array with a strip as its last axis is made in another way."""
    text = value_and_grad(distances).inspect("compiled", np.ones((9, 2)), np.ones((3, 2)))
    assert text.count(f"range(0, y.shape[0], {LANES})") == 1
    assert "np.reshape(from_line(np.empty(" in text
    assert f"np.empty({LANES}" not in text
    assert not re.search(rf"np.(empty|zeros)\(\(.*, {LANES}\)\)", text)
