"""What compilers make of kernels and their adjoints, where the extra `cuda` is installed: no GPU is needed.

`ADJOINT_PTXRUN`, the path of a tool that runs PTX on the CPU, asks for the tests that run it (`tests/cuda/run_ptx.py`).
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cuda.test_kernels import AFFINE, NAMES, TOLERANCE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "cuda-kernels.md"
PACKAGES = {"numba": "numba_cuda", "numba_cuda_mlir": "numba_cuda_mlir"}
RATIO = 2.2

missing = [name for name in ("numba_cuda", "numba_cuda_mlir", "nvidia") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)}: pip install 'adjoint[cuda]'")
needs_tool = pytest.mark.skipif("ADJOINT_PTXRUN" not in os.environ, reason="ADJOINT_PTXRUN names no tool that runs PTX")


@functools.cache
def asked(module: str, *arguments: str) -> Any:
    command = [sys.executable, "-W", "ignore", "-m", f"tests.cuda.{module}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def compiled(package: str, precision: str, name: str) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return the facts of a kernel and of its adjoint for each architecture."""
    found = asked("ptx", package, precision)[name]
    return [(found["primal"][cc], found["adjoint"][cc]) for cc in found["primal"]]


everywhere = [
    pytest.mark.parametrize("package", PACKAGES),
    pytest.mark.parametrize("precision", TOLERANCE),
    pytest.mark.parametrize("name", NAMES),
]


def each(test: Any) -> Any:
    return functools.reduce(lambda made, mark: mark(made), everywhere, test)


@each
def test_registers(name: str, precision: str, package: str) -> None:
    for primal, adjoint in compiled(package, precision, name):
        assert primal["spills"] == adjoint["spills"] == 0
        assert adjoint["registers"] <= RATIO * primal["registers"]


@each
def test_no_loop_of_swaps(name: str, precision: str, package: str) -> None:
    """Additions of floating-point numbers are single instructions."""
    for primal, adjoint in compiled(package, precision, name):
        assert adjoint["swaps"] <= primal["swaps"]


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("name", NAMES)
def test_single_precision_computes_in_single_precision(name: str, package: str) -> None:
    assert [adjoint["doubles"] for _, adjoint in compiled(package, "float32", name)] == [0, 0]


# The PTX of the other compiler copies code, and says nothing of the memory that an addition goes to.
@pytest.mark.parametrize("package", [package for package in PACKAGES if package == "numba"])
@pytest.mark.parametrize("name", AFFINE)
def test_affine_kernels_have_no_atomics_but_those_of_scalars(name: str, package: str) -> None:
    found = asked("ptx", package, "float64")[name]
    for cc, adjoint in found["adjoint"].items():
        assert adjoint["global atomics"] <= SCALARS.get(name, 0), cc


# It takes a shared array for one in global memory where `a if c else b` stands behind it in a statement.
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("package", PACKAGES)
def test_additions_to_shared_memory_go_there(package: str, precision: str) -> None:
    for _, adjoint in compiled(package, precision, "folded"):
        assert adjoint["global atomics"] == 0
        assert adjoint["shared atomics"] == 6


# Scalar parameters with a cotangent: one atomic addition each for a block.
SCALARS = {"map_scalars": 2, "saxpy": 1, "stencil_1d": 1, "stencil_2d": 1, "black_scholes": 2, "relax": 1}

HEAD = """\
# CUDA kernels in numbers

<!-- written by `pytest --update-golden tests/cuda/test_ptx.py` where the packages of the extra `cuda` are installed -->

What numba-cuda 0.30.4 and `ptxas` of CUDA 13.0 make of the kernels in `tests/cuda/kernels.py` and of their adjoints,
for `sm_90`: registers of the kernel and of its adjoint, and in the adjoint the atomic additions to global and to shared
memory and the barriers, as they stand in the PTX, where loops may be unrolled. Nothing is spilled. This says what was
compiled, not how fast it runs: none of it has run on a GPU.

| kernel | registers, double | single | global atomics | shared atomics | barriers |
| --- | --- | --- | --- | --- | --- |
"""


@pytest.mark.slow
def test_page(request: pytest.FixtureRequest) -> None:
    double, single = (asked("ptx", "numba", precision) for precision in TOLERANCE)
    lines = [_line(name, double[name], single[name]) for name in NAMES]
    text = HEAD + "\n".join(lines) + "\n"
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text


def _line(name: str, double: Any, single: Any) -> str:
    registers = [" → ".join(str(role["sm_90"]["registers"]) for role in found.values()) for found in (double, single)]
    adjoint = double["adjoint"]["sm_90"]
    counts = [str(adjoint[what]) for what in ("global atomics", "shared atomics", "barriers")]
    return f"| {' | '.join([name.replace('_', ' '), *registers, *counts])} |"


@needs_tool
@each
def test_runs(name: str, precision: str, package: str) -> None:
    found = asked("run_ptx", package, precision)[name]
    assert max(found["errors"].values()) <= TOLERANCE[precision], found["errors"]
    assert found["races"] == {"primal": 0, "adjoint": 0}


@needs_tool
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_barrier_and_no_atomic_addition_is_there_for_nothing(name: str) -> None:
    changes = asked("run_ptx", "--mutations", "numba", "float64", name)[name]
    assert [change for change, noticed in changes.items() if not noticed] == []
