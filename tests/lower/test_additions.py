"""Additions to one element in an iteration, joined where nothing stands between, and left where something does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.additions import additions
from adjoint.lower.context import Context
from tests.ir_text import parse

HEAD = "def f(x: float64[:], y: float64[:], k: int64[:], w: float32[:], a: float64, c: bool_, n: int64):\n"


def program(*body: str) -> Func:
    return parse(HEAD + "    for i in range(n):\n" + "".join(f"        {line}\n" for line in body))


def values(func: Func) -> Any:
    namespace: dict[str, Any] = {"np": np}
    exec(text(func), namespace)
    x, y = np.sin(np.arange(9.0)), np.cos(np.arange(9.0))
    k, w = np.array([1, 1, 2, 0, 3, 3, 1, 2]), np.linspace(0.1, 1.3, 9, dtype=np.float32)
    namespace["f"](x, y, k, w, 0.7, True, 7)
    return x, y, k, w


def joined(*body: str) -> str:
    """Return the body of the loop after the pass, if it changed; numbers must stay the same."""
    before = program(*body)
    after = additions(before, Context.of(before))
    for old, new in zip(values(before), values(after), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-13)
    return text(after) if text(after) != text(before) else ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (["y[i] += a", "y[i] += x[i]"], "y[i] += a + x[i]"),
        (["y[i] = a", "y[i] += x[i]"], "y[i] = a + x[i]"),
        (["y[i] += a", "y[i + 1] += a", "y[i] += x[i]"], "y[i] += a + x[i]"),
        (["y[i] += a", "x[i] = 2.0", "y[i] += x[i]"], "y[i] += a + x[i]"),
        (["y[i] += x[i]", "x[i] = 2.0", "y[i] += x[i]"], "y[i] += _1 + x[i]"),
        (["y[i] = x[i]", "for j in range(2):", "    x[i] += 1.0", "y[i] += x[i]"], "y[i] = _1 + x[i]"),
        (["y[k[i]] += a", "y[k[i + 1]] += x[i]", "y[k[i]] += x[i]"], "y[k[i]] += a + x[i]"),
        (["y[i] += a", "if c:", "    y[i + 1] += a", "y[i] += x[i]"], "y[i] += a + x[i]"),
        (["y[i] += x[i] if c else 0.0", "y[i] += a"], "y[i] += _1 + a"),
        (["y[i] += a", "y[i] += x[i] if c else 0.0"], "y[i] += a + _1"),
        (["y[i] += y[i + 1]", "y[i] += a"], "y[i] += y[i + 1] + a"),
        (["if c:", "    y[i] += a", "    y[i] += x[i]"], "y[i] += a + x[i]"),
        (["y[i] += a", "y[i] += a", "y[i] += x[i]"], "y[i] += a + a + x[i]"),
    ],
)
def test_additions_are_joined(body: list[str], expected: str) -> None:
    assert expected in joined(*body)


@pytest.mark.parametrize(
    "body",
    [
        ["y[i] += a", "x[i] = y[i]", "y[i] += x[i]"],  # the element is read
        ["y[i] += a", "x[i] = y[k[i]]", "y[i] += x[i]"],  # it may be
        ["y[i] += a", "y[k[i]] = a", "y[i] += x[i]"],  # it may be set
        ["y[i] = a", "y[k[i]] += a", "y[i] += x[i]"],  # it may be added to before it is set
        ["y[i] += a", "y[i] += y[k[i]]"],
        ["y[k[i]] += a", "k[i] = 3", "y[k[i]] += x[i]"],  # it is another element
        ["j: int64 = i", "y[j] += a", "j = j + 1", "y[j] += x[i]"],
        ["y[i] += a", "if c:", "    y[i] = a", "y[i] += x[i]"],
        ["y[i] += a", "for j in range(2):", "    x[j] = y[j]", "y[i] += x[i]"],
        ["y[i] += a", "if c:", "    y[i] += x[i]"],  # the second one doesn't always happen
        ["w[i] += w[i + 1]", "w[i] += a"],  # the sum would be of another type
        ["y[i:i + 1] += a", "y[i:i + 1] += x[i]"],
    ],
)
def test_additions_are_left(body: list[str]) -> None:
    assert not joined(*body)


def test_only_loops_are_looked_at() -> None:
    func = parse("def f(y: float64[:], a: float64):\n    y[0] += a\n    y[0] += a\n")
    assert additions(func, Context.of(func)).body == func.body


def test_views_are_the_same_memory() -> None:
    """What is read by another name of the memory may be the element."""
    body = ["v: float64[:] = y[i:]", "y[i] += a", "x[i] = v[0]", "y[i] += x[i]"]
    assert not joined(*body)
