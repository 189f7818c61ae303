"""Adjoint kernels in Numba's simulator against complex steps, and their text."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from adjoint import grad
from tests.cuda.kernels import Case, kernels

ROOT = Path(__file__).parents[2]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
CASES: dict[str, dict[str, Case]] = {
    precision: {case.name: case for case in kernels(getattr(numba, precision))} for precision in TOLERANCE
}
NAMES = list(CASES["float64"])
# Kernels in which each thread reads elements of its own.
ALONE = ("map_scalars", "saxpy", "reduction", "ode", "ode_constant", "black_scholes", "device_functions", "relax")
# Kernels that read elements at constant distances, each of which a thread owns.
STENCILS = ("stencil_1d", "stencil_2d", "stencil_3d")
AFFINE = ALONE + STENCILS


@functools.cache
def simulated(precision: str, *options: str) -> dict[str, Any]:
    """Return the errors of all kernels, found in a process of its own: the simulator must be asked for at the start."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.cuda.simulate", *options, precision]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def source(name: str, precision: str = "float64") -> str:
    case = CASES[precision][name]
    return grad(case.kernel).source_for(*case.args, grid=case.grid, block=case.block)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", NAMES)
def test_gradient(name: str, precision: str) -> None:
    found = simulated(precision)[name]
    assert max(found["errors"].values()) <= TOLERANCE[precision], found["errors"]
    assert len(found["errors"]) > 1
    assert found["changed"] == []
    assert found["missing"] == []


# What several threads add to in an order that nothing lays down.
UNORDERED = {
    "matmul": ("total += sa[ti, k] * sb[k, tj]", "sb_bar"),
    "nbody": ("w = sm[k] * inv * inv * inv", "sm_bar"),
    "relax": ("v = s[t] + c * math.sin(s[left] * s[right])", "s_bar"),
    "csr": ("total += value[k] * x[column[k]]", "x_bar"),
    "uneven": ("near = w[0] * u[i, j] * u[i - 2, j + 3]", "w_bar"),
    "partial": ("out[i] = u[i - 1] * u[i] * u[i + 1]", "u_bar"),
    "wrapped": ("out[i] = u[i] * u[i - 1]", "u_bar"),
    "folded": ("v += s[t + n] * s[t]", "s_bar"),
}


@pytest.mark.parametrize("name", NAMES)
def test_in_one_order(name: str) -> None:
    found = simulated("float64", "--deterministic")[name]
    if name in UNORDERED:
        line, array = UNORDERED[name]
        assert found == f"{line}: `deterministic=True`, as several threads add to `{array}`"
    else:
        assert max(found["errors"].values()) <= TOLERANCE["float64"], found["errors"]
        case = CASES["float64"][name]
        text = grad(case.kernel, deterministic=True).source_for(*case.args, grid=case.grid, block=case.block)
        assert "atomic" not in re.sub("#.*", "", text)


def test_golden_in_one_order(golden: Callable[[str, str], None]) -> None:
    case = CASES["float64"]["map_scalars"]
    golden("kernel_deterministic", grad(case.kernel, deterministic=True).source_for(*case.args, block=case.block))


@pytest.mark.parametrize("name", ["map_scalars", "stencil_2d", "reduction", "matmul", "nbody", "relax", "ode"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"kernel_{name}", source(name))


def test_golden_single(golden: Callable[[str, str], None]) -> None:
    golden("kernel_device_functions_single", source("device_functions", "float32"))


@pytest.mark.parametrize("name", AFFINE)
def test_no_atomic_additions_to_arrays_that_threads_share_no_element_of(name: str) -> None:
    kernel = re.sub("#.*", "", source(name).rpartition("@cuda.jit")[2])
    targets = set(re.findall(r"cuda\.atomic\.add\((\w+)", kernel))
    assert targets <= {"s_bar"}


def test_elements_that_threads_share_between_two_barriers_are_added_to_atomically() -> None:
    assert source("folded").count("cuda.atomic.add(s_bar") == 2


@pytest.mark.parametrize("name", ["partial", "wrapped"])
def test_an_element_that_no_thread_can_fetch_for_is_added_to_atomically(name: str) -> None:
    assert "cuda.atomic.add(u_bar" in source(name)


def test_places_from_the_end_are_counted_from_the_start_for_the_other_compiler() -> None:
    """It would add to memory before the array."""
    case = CASES["float64"]["wrapped"]
    gradient = grad(case.kernel)
    gradient._package = "numba_cuda_mlir"
    text = gradient.source_for(*case.args, grid=case.grid, block=case.block)
    assert "chosen = i - 1 + u_bar.shape[0] if i - 1 < 0 else i - 1\n" in text
    assert "cuda.atomic.add(u_bar, chosen, " in text
    assert "cuda.atomic.add(u_bar, i, " in text


def test_a_grid_that_is_too_small_adds_atomically() -> None:
    case = CASES["float64"]["stencil_2d"]
    gradient = grad(case.kernel)
    assert "cuda.atomic.add(u_bar" not in gradient.source_for(*case.args, grid=(2, 2), block=(4, 4))
    assert "cuda.atomic.add(u_bar" in gradient.source_for(*case.args, grid=(1, 2), block=(4, 4))


def test_arrays_for_which_threads_fetch_and_others() -> None:
    """All threads read the same `w[0]`."""
    assert set(re.findall(r"cuda\.atomic\.add\((\w+)", source("uneven"))) == {"w_bar"}


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_has_no_double(name: str) -> None:
    text = source(name, "float32")
    bare = re.sub(r"float32\([^()]*\)|#.*", "", text)
    assert re.findall(r"(?<![\w.])\d+\.\d*(?:e[+-]?\d+)?", bare) == []
    assert "float64" not in text
    assert "np." not in text


@pytest.mark.parametrize("name", NAMES)
def test_one_shared_array_a_line(name: str) -> None:
    """The simulator tells shared arrays apart by their line."""
    assert all(line.count("shared.array") <= 1 for line in source(name).splitlines())


def test_an_adjoint_is_made_once_for_a_launch_of_a_shape() -> None:
    case = CASES["float64"]["map_scalars"]
    gradient = grad(case.kernel)
    assert gradient.source_for(*case.args, block=64) == gradient.source_for(*case.args, block=64)
    assert gradient.source_for(*case.args, block=64) != gradient.source_for(*case.args, block=32)
    assert gradient.source == gradient.source_for(*case.args, block=32)


def test_a_grid_with_more_axes_than_the_kernel_looks_at_adds_atomically() -> None:
    """Threads that differ along y only have the same `cuda.grid(1)`."""
    case = CASES["float64"]["map_scalars"]
    assert "x_bar[i] +=" in grad(case.kernel).source_for(*case.args, grid=3, block=16)
    assert "cuda.atomic.add(x_bar, i" in grad(case.kernel).source_for(*case.args, grid=3, block=(16, 2))


def arrays() -> list[Any]:
    return [1.3, 0.4, np.ones(8), np.zeros(8)]


BAD_CALLS: dict[str, tuple[Callable[[Any], object], type[Exception], str]] = {
    "no seed": (lambda g: g[1, 8](*arrays()), TypeError, "give the cotangent of what the kernel writes, y_bar="),
    "unknown name": (lambda g: g[1, 8](*arrays(), z_bar=1), TypeError, "has no cotangent 'z_bar'; it has a_bar, b_bar"),
    "shape": (lambda g: g[1, 8](*arrays(), y_bar=np.ones(7)), ValueError, r"y_bar has shape \(7,\), and must have"),
    "dtype": (
        lambda g: g[1, 8](*arrays(), y_bar=np.ones(8, "float32")),
        TypeError,
        "y_bar is float32, and must be float64",
    ),
    "scalar": (
        lambda g: g[1, 8](*arrays(), y_bar=np.ones(8), a_bar=np.ones(2)),
        ValueError,
        r"a_bar has shape \(2,\), and must have \(1,\)",
    ),
    "no launch": (lambda g: g[8](*arrays()), TypeError, r"grad\(kernel\)\[grid, block\]"),
    "grid": (lambda g: g[0, 8](*arrays()), TypeError, "the grid is one, two or three positive whole numbers"),
    "arguments": (lambda g: g[1, 8](1.0), TypeError, "takes 4 arguments, a, b, x, y; 1 were given"),
    "a list": (lambda g: g[1, 8](1.0, 2.0, [1.0], np.ones(1)), TypeError, "was given a list"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_call(name: str) -> None:
    call, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call(grad(CASES["float64"]["map_scalars"].kernel))


def test_shared_memory_is_refused() -> None:
    gradient = grad(CASES["float64"]["map_scalars"].kernel)
    args, seed = arrays(), np.ones(16)
    with pytest.raises(ValueError, match="y_bar and x_bar share memory"):
        gradient[1, 8](*args, y_bar=seed[:8], x_bar=seed[4:12])
    with pytest.raises(ValueError, match="y and x share memory"):
        gradient[1, 8](*args[:3], args[2], y_bar=seed[:8])
