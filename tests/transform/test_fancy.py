"""Reads and writes through arrays of integers: several of them, of any rank, apart from each other, repeated."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint

HEAD = """
import numpy as np
I = np.array([0, 2, 2])
J = np.array([1, 3, 3])
K = np.array([[0, 1], [1, 1]])
ONE = np.array([1])
"""
INDICES = [
    "I", "I, J", "K", "0, :, I", "I, :, J", ":, I, J", "I, 1", "1, I", "..., I", ":, K", "I, ONE", "ONE, I", "I, J, J",
    "0, I, :", "K, J[:2]", "1:, I", "I, 1:, 0", "None, I", "I[::-1], J",
]  # fmt: skip
SHAPE = (4, 5, 6)


def module(path: Path, text: str) -> Any:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def selected(index: str) -> tuple[int, ...]:
    return module_value(f"np.empty({SHAPE})[{index}].shape")


def module_value(expression: str) -> Any:
    names: dict[str, Any] = {}
    exec(HEAD, names)
    return eval(expression, names)


def check(fun: Callable[..., Any], args: tuple[Any, ...], target: str) -> None:
    """The pullback against central differences, exact for these polynomials of degree 3 up to the square of a step."""
    rng = np.random.default_rng(1)
    dots = [rng.normal(size=np.shape(arg)) for arg in args]
    ends = [fun(*(a + h * d for a, d in zip(args, dots, strict=True))) for h in (-1e-5, 1e-5)]
    value, pullback = adjoint.vjp(fun, *args, target=target, cache=False)
    assert value == pytest.approx(fun(*args))
    bars = pullback(1.0)
    found = sum(float(np.sum(bar * dot)) for bar, dot in zip(bars, dots, strict=True))
    assert found == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-6)
FEW = [("I, :, J", 0, "="), ("I", 2, "="), (":, K", 3, "="), ("I, J", 1, "+=")]


def sampled(rows: list[Any], sample: list[Any]) -> list[Any]:
    values = [(row, row if isinstance(row, tuple) else (row,)) for row in rows]
    return [pytest.param(*value, marks=() if row in sample else pytest.mark.slow) for row, value in values]


@pytest.mark.parametrize("index", sampled(INDICES, ["K", "0, :, I", "I, ONE"]))
def test_reads(index: str, tmp_path: Path) -> None:
    made = module(tmp_path / "reads.py", f"{HEAD}\ndef f(a, w):\n    return np.sum(a[{index}] ** 2 * w)\n")
    rng = np.random.default_rng(0)
    check(made.f, (rng.normal(size=SHAPE), rng.normal(size=selected(index))), "python")


def shapes(index: str) -> list[tuple[int, ...]]:
    """Return shapes of values that can be written: the whole, and ones that are stretched."""
    whole = selected(index)
    return [whole, whole[1:], (1, *whole[1:]), ()]


WRITES = [(i, k, op) for i, k, op in itertools.product(INDICES, range(4), ("=", "+="))]


@pytest.mark.parametrize(("index", "k", "operator"), sampled(WRITES, FEW))
def test_writes(index: str, k: int, operator: str, tmp_path: Path) -> None:
    if index.startswith("None") and k == 0:
        pytest.skip("the value has an axis more than the place, and NumPy drops it")
    text = f"def f(a, v):\n    b = a * 1.0\n    b[{index}] {operator} v * 2.0\n    return np.sum(b * b * a)\n"
    made = module(tmp_path / "writes.py", f"{HEAD}\n{text}")
    rng = np.random.default_rng(0)
    value = rng.normal(size=shapes(index)[k])
    check(made.f, (rng.normal(size=SHAPE), value if np.ndim(value) else float(value)), "python")


@pytest.mark.parametrize("index", [pytest.param(i, marks=[] if i == "I, :, J" else pytest.mark.slow) for i in INDICES])
def test_compiled(index: str, tmp_path: Path) -> None:
    text = f"def f(a, w):\n    b = a * 1.0\n    b[{index}] = w\n    return np.sum(a[{index}] ** 2 * w * b[{index}])\n"
    made = module(tmp_path / "compiled.py", f"{HEAD}\n{text}")
    rng = np.random.default_rng(0)
    check(made.f, (rng.normal(size=SHAPE), rng.normal(size=selected(index))), "cpu")
