"""Two iterations in one run of the inner loop: the same numbers for any count, and nothing where iterations meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.context import Context
from adjoint.lower.jam import FEWEST, jam
from tests.ir_text import parse

HEAD = "def f(x: float64[:], b: float64[:], c: float64[:], k: int64[:], n: int64, m: int64):\n    s: float64 = 0.0\n"
VALUE = "x[i] * x[i] + x[j] * x[i] - 2.0 * b[j]"  # more than FEWEST calculations
OWN = "x[i] * x[i] + x[j] * x[i] - 2.0 * x[j]"


def program(outer: str, *body: str) -> Func:
    lines = [f"for i in range({outer}):", *(f"    {line}" for line in body), "return s"]
    return parse(HEAD + "".join(f"    {line}\n" for line in lines))


def values(func: Func, n: int, m: int) -> Any:
    namespace: dict[str, Any] = {"np": np}
    exec(text(func), namespace)
    x, b, c = np.sin(np.arange(9.0)), np.cos(np.arange(9.0)), np.sqrt(np.arange(9.0))
    k = np.array([1, 1, 2, 0, 3, 3, 1, 2, 4])
    return namespace["f"](x, b, c, k, n, m), x, b, c


def jammed(outer: str, *body: str) -> str:
    """Return what the pass makes of a loop, if it changes it; numbers must stay the same to rounding."""
    before = program(outer, *body)
    after = jam(before, Context.of(before))
    for n in (-2, 0, 1, 2, 3, 6, 7):
        for m in (0, 1, 5):
            for old, new in zip(values(before, n, m), values(after, n, m), strict=True):
                np.testing.assert_allclose(new, old, rtol=1e-13)
    return text(after) if text(after) != text(before) else ""


INNER = ["for j in range(m):", f"    b[j] += {OWN}"]


@pytest.mark.parametrize("outer", ["n", "n - 1, -1, -1", "1, n", "2, n - 1", "m, n", "n, m, -1"])
@pytest.mark.parametrize(
    "body",
    [
        INNER,
        ["for j in range(m):", f"    t: float64 = {OWN}", "    b[j] += t", "    c[i] += t"],
        ["for j in range(m):", f"    t: float64 = {OWN}", "    b[j] += t", "    s += t * t"],
        ["for j in range(m - 1, 0, -1):", f"    t: float64 = {OWN}", "    b[j] += t", "    b[i] += -t", "    b[j - 1] += t"],
        ["a: float64 = x[i] * 2.0", *INNER, "b[i] += a"],
        ["a: float64 = 0.0", "for j in range(m):", f"    t: float64 = {OWN}", "    b[j] += t", "    a += t", "c[i] += a"],
        ["a: float64 = x[k[i]]", "for j in range(m):", f"    b[j] += {OWN} + a", "    c[k[j]] += a"],
    ],
)
def test_pairs(outer: str, body: list[str]) -> None:
    assert ", 2):" in jammed(outer, *body)


@pytest.mark.parametrize(
    "body",
    [
        ["for j in range(m):", f"    b[j] += {VALUE}"],  # reads what it adds to
        ["for j in range(m):", f"    b[j] = {OWN}"],  # which iteration is last matters
        ["for j in range(m):", f"    b[j] += {OWN}", "    c[j] = x[i]"],
        ["for j in range(m):", f"    b[j] += {OWN}", "    s = s * 0.5 + x[i]"],  # a number is handed on
        ["for j in range(m):", f"    b[j] += {OWN} * s", "    s += x[i]"],  # ... and read
        ["a: float64 = x[i]", "for j in range(m):", f"    b[j] += {OWN} + a", "    a = a * 0.5", "s = a"],
        ["for j in range(i):", f"    b[j] += {OWN}"],  # the inner loop isn't the same
        ["h: int64 = i // 2", "for j in range(h):", f"    b[j] += {OWN}"],
        ["for j in range(m):", f"    b[i] += {OWN}"],  # nothing is scattered
        ["for j in range(m):", f"    b[k[j]] += {OWN}"],
        ["for j in range(4):", f"    b[j] += {OWN}"],  # short
        ["for j in range(m):", "    b[j] += x[i] * x[j]"],  # little to do
        ["for j in range(m):", f"    b[j] += {OWN}", "    x[j] += 1.0"],
        ["for j in range(m):", "    if x[j] > 0.0:", f"        b[j] += {OWN}"],
    ],
)
def test_other_loops_stay(body: list[str]) -> None:
    assert not jammed("n", *body)


def test_other_outer_loops_stay() -> None:
    assert not jammed("0, n, 2", *INNER)
    assert not jammed("3", *INNER)
    assert FEWEST > 2


def springs(pos: Any, k: Any, rest: float) -> float:
    n = pos.shape[0]
    energy = 0.0
    for i in range(n):
        for j in range(n):
            dx = pos[j, 0] - pos[i, 0]
            dy = pos[j, 1] - pos[i, 1]
            stretch = np.sqrt(dx * dx + dy * dy + 1e-3) - rest
            energy += k[i] * k[j] * stretch**2
    return energy


def springs_of_arrays(pos: Any, k: Any, rest: float) -> float:
    across = pos[:, None, :] - pos[None, :, :]
    stretch = np.sqrt(np.sum(across**2, axis=2) + 1e-3) - rest
    return float(np.sum(k[:, None] * k * stretch**2))


@pytest.mark.parametrize("n", [0, 1, 2, 5, 8])
def test_pairs_of_points(n: int) -> None:
    """The loop over all pairs against one direction of central differences."""
    rng = np.random.default_rng(n)
    pos, k = rng.standard_normal((n, 2)), rng.random(n)
    gradient = value_and_grad(springs, argnums=(0, 1, 2))
    value, bars = gradient(pos, k, 0.4)
    assert ", 2):" in gradient.inspect("compiled", pos, k, 0.4)
    np.testing.assert_allclose(value, springs_of_arrays(pos, k, 0.4), rtol=1e-13)
    step, way = 1e-6, (rng.standard_normal((n, 2)), rng.random(n), 0.3)
    ends = [springs_of_arrays(pos + h * way[0], k + h * way[1], 0.4 + h * way[2]) for h in (step, -step)]
    slope = sum(np.sum(bar * w) for bar, w in zip(bars, way, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-9)
