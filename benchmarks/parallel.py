"""What a second core gives gradients of loops over `prange`: `python -m benchmarks.parallel [NAME...]`.

A figure is the processor time of the busiest thread with two threads ÷ that with one, the median of rounds. It says how
the work is shared out whatever else the machine does, as long as threads that wait don't spin: OpenMP is told so. The
last column compares with the gradient compiled for one core.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numba
import numpy as np

from adjoint import grad
from tests.transform import test_parallel

ROUNDS = 9


def cases() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]]:
    rng = np.random.default_rng(0)
    rows, each = 100_000, 20
    start = np.arange(0, rows * each + 1, each)
    column = rng.integers(0, rows, rows * each)
    return {
        "stencil": (test_parallel.stencil, (rng.normal(size=(1500, 1500)), 0.3), (0, 1)),
        "gather": (test_parallel.gather, (rng.normal(size=20_000), rng.integers(0, 20_000, 2_000_000)), (0,)),
        "sparse": (
            test_parallel.sparse,
            (start, column, rng.normal(size=rows * each), rng.normal(size=rows)),
            (2, 3),
        ),
        "rows": (test_parallel.rows, (rng.normal(size=(600, 200)), rng.normal(size=(200, 200))), (0, 1)),
    }


def times() -> dict[Path, int]:
    """Return the processor time of each thread in nanoseconds."""
    return {path: int(path.read_text().split()[0]) for path in Path("/proc/self/task").glob("*/schedstat")}


def busiest(call: Callable[[], object]) -> float:
    before = times()
    call()
    return max(time - before.get(path, 0) for path, time in times().items()) / 1e6


def main(names: list[str]) -> None:
    print("| gradient | one thread, ms | two threads, busiest, ms | ratio | ÷ compiled for one core |")
    print("| --- | --- | --- | --- | --- |")
    for name, (fun, args, argnums) in cases().items():
        if names and name not in names:
            continue
        parallel, alone = grad(fun, argnums, parallel=True), grad(fun, argnums)
        for each in (parallel, alone):
            each(*args)
        found: dict[object, list[float]] = {1: [], 2: [], "alone": []}
        for _ in range(ROUNDS):
            for threads in (1, 2):
                numba.set_num_threads(threads)
                found[threads].append(busiest(lambda p=parallel, a=args: p(*a)))
            found["alone"].append(busiest(lambda p=alone, a=args: p(*a)))
        one, two, single = (median(samples) for samples in found.values())
        print(f"| {name} | {one:.1f} | {two:.1f} | {two / one:.2f} | {two / single:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
