"""Gradients of functions of whole arrays as kernels and a host function, against those on the CPU."""

from __future__ import annotations

import functools
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adjoint import grad, value_and_grad
from adjoint.errors import UnsupportedError
from tests.cuda.in_turn import run_in_turn
from tests.cuda.whole import Whole, cases

ROOT = Path(__file__).parents[2]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
CASES: dict[str, Whole] = cases()


@functools.cache
def simulated(precision: str) -> dict[str, Any]:
    """Return what a process of its own finds: the simulator must be asked for at the start."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda.simulate_whole", precision]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def source(name: str, precision: str = "float64") -> str:
    case = CASES[name]
    gradient: Any = grad(case.fun, case.argnums, target="cuda")
    return gradient.source_for(*case.given(precision))


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str, precision: str) -> None:
    found = simulated(precision)[name]
    assert max(found["errors"].values()) <= TOLERANCE[precision], found["errors"]
    assert len(found["errors"]) > 1
    assert found["wrong"] == []


@pytest.mark.parametrize("name", CASES)
def test_single_precision_has_no_double_in_kernels(name: str) -> None:
    kernels = "".join(re.findall(r"@cuda\.jit\n(def (?!fill_kernel)(?:.+\n|\n(?! *\n))*)", source(name, "float32")))
    bare = re.sub(r"float32\([^()]*\)|#.*", "", kernels)
    assert re.findall(r"(?<![\w.])\d+\.\d*(?:e[+-]?\d+)?", bare) == []
    assert "float64" not in kernels
    assert "np." not in kernels


@pytest.mark.parametrize("name", ["map_sum", "heat", "gathered", "stencil"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"grids_{name}", source(name))


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_in_any_order(name: str, precision: str) -> None:
    """A few threads one after the other, in random order: quick, and so here for everything that changes texts."""
    case = CASES[name]
    value, gradients = run_in_turn(case.fun, case.argnums, case.given(precision))
    wanted_value, wanted = value_and_grad(case.fun, case.argnums, target="python").python(*case.args)
    assert abs(value - wanted_value) <= TOLERANCE[precision] * abs(wanted_value)
    for found, exact in zip(gradients, wanted, strict=True):
        assert np.max(np.abs(found - exact)) <= TOLERANCE[precision] * np.max(np.abs(exact))


@pytest.mark.parametrize("name", ["heat", "stencil", "cube", "layer"])
def test_stencils_and_sums_have_no_atomic_additions(name: str) -> None:
    """But for the layer, where all rows add to the gradient of the vector."""
    atomic = set(re.findall(r"cuda\.atomic\.add\((\w+)", source(name)))
    assert atomic == ({"x_bar"} if name == "layer" else set())


def test_sums_over_time_stay_on_the_device() -> None:
    host = source("heat").rpartition("def heat_grad")[2]
    lines = host.splitlines()
    loops = [k for k, line in enumerate(lines) if line.strip().startswith("for ")]
    fetched = next(k for k, line in enumerate(lines) if "sum_of_parts" in line)
    assert fetched > loops[-1]
    assert lines[fetched].startswith("    c_bar +=")


def test_explain() -> None:
    case = CASES["gathered"]
    gradient: Any = grad(case.fun, case.argnums, target="cuda")
    line = inspect.getsourcelines(case.fun)[1] + 2
    loop = f"backward of line {line}: for i in prange(index.shape[0])"
    assert gradient.explain(*case.args).splitlines() == [
        f"{loop}: x_bar_w_bar_kernel, a thread for each iteration of a loop",
        "    atomic additions, as several threads add to one element: x_bar",
    ]


def recurrence(x):
    s = 0.0
    for i in range(x.shape[0]):
        s = 0.5 * s + x[i]
    return s


def running(x):
    for i in range(1, x.shape[0]):
        x[i] += x[i - 1]
    return x[-1]


def smallest(x):
    return np.sort(x)[0]


def waves(x):
    return np.sum(np.abs(np.exp(1j * x)))


def drawn(x):
    return np.sum(x * np.random.rand(3))


REFUSED: dict[str, tuple[Callable[..., Any], str, str]] = {
    "recurrence": (
        recurrence,
        "a loop that can't be a kernel: `s_bar` is carried from one iteration to the next",
        "for i in range(x.shape[0]):",
    ),
    "running": (
        running,
        "a loop that can't be a kernel: iterations may use the same element of `x_bar`",
        "for i in range(1, x.shape[0]):",
    ),
    "smallest": (smallest, "`sort` of whole arrays, with target='cuda'", "return np.sort(x)[0]"),
    "waves": (waves, "a loop that can't be a kernel: `exp` is complex", "return np.sum(np.abs(np.exp(1j * x)))"),
    "drawn": (drawn, "`rand`, with target='cuda'", "return np.sum(x * np.random.rand(3))"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    fun, message, line = REFUSED[name]
    gradient: Any = grad(fun, target="cuda")
    with pytest.raises(UnsupportedError) as caught:
        gradient(np.ones(3))
    assert caught.value.msg == message
    assert caught.value.loc is not None
    assert caught.value.loc.text == line
    assert "without target='cuda' it runs on the CPU" in str(caught.value.help)


def test_additions_in_any_order_are_refused_if_asked() -> None:
    case = CASES["gathered"]
    gradient: Any = grad(case.fun, 2, target="cuda", deterministic=True)
    with pytest.raises(UnsupportedError, match="`deterministic=True`, as several threads add to `x_bar`"):
        gradient.source_for(*case.args)
    other: Any = grad(CASES["heat"].fun, target="cuda", deterministic=True)
    assert "atomic" not in other.source_for(*CASES["heat"].args)


def test_zeros_that_are_returned_are_on_the_device() -> None:
    def fun(x, a):
        return a * 2.0

    value, (gradient,) = run_in_turn(fun, (0,), (np.ones(3), 2.0))
    assert value == 4.0
    assert gradient.tolist() == [0.0, 0.0, 0.0]


def counted_in_both_loops(x):
    m, s = 1, 0.0
    for i in range(len(x)):
        m -= 1
        s -= x[i]
        for j in range(3):
            m += 1
            s += x[i] * x[i] * j
    return s * m + x[m % len(x)]


def test_what_the_outer_loop_adds_is_added_once() -> None:
    x = np.linspace(0.3, 0.9, 5)
    value, (gradient,) = run_in_turn(counted_in_both_loops, (0,), (x,))
    wanted, bar = value_and_grad(counted_in_both_loops).python(x)
    assert value == pytest.approx(wanted, rel=1e-14)
    np.testing.assert_allclose(gradient, bar, rtol=1e-14)


def neighbours_overwrite(f, g):
    f[:4] = g[1:] + g[:4]
    return g[0] + f[4] + np.sum(f)


def test_what_is_fetched_is_still_there() -> None:
    args = np.linspace(0.1, 0.5, 5), np.linspace(-0.3, 0.4, 5)
    _, gradients = run_in_turn(neighbours_overwrite, (0, 1), args)
    _, wanted = value_and_grad(neighbours_overwrite, (0, 1)).python(*args)
    for bar, expected in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(bar, expected, rtol=1e-14)


def halved(x, depth):
    return x if depth == 0 else 0.5 * halved(x, depth - 1)


def calls_itself(x):
    y = x * x
    y[0] = halved(x[1], 3)
    return np.sum(y)


def test_what_one_element_gets_is_checked_too() -> None:
    with pytest.raises(UnsupportedError, match="`halved`, with target='cuda'"):
        value_and_grad(calls_itself, target="cuda").source_for(np.ones(3))


def written(x, y):
    x[0] = 2.0
    return np.sum(x * y)


def test_arrays_that_share_memory_are_refused() -> None:
    gradient: Any = grad(written, target="cuda")
    x = np.ones(4)
    with pytest.raises(ValueError, match="x and y share memory, and one of them is written: pass a copy"):
        gradient(x, x)
