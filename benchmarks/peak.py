"""What memory a gradient takes at most, beside what it can't do without: `python -m benchmarks.peak`.

The least is derived by hand: the arguments, the gradient, and a tape. Working copies of arguments that the kernel
writes into become the gradient where the adjoint runs in place. What a gradient takes is its arguments, and the most
memory that a process of its own has during a second call beyond what it had before. The sizes are chosen so that the
least is about 100 MiB, of which what a library keeps for itself is little. Freed memory isn't kept here
(`ADJOINT_KEEP_MEMORY`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import kernels
from benchmarks.worker import THREADS, forget_peak, peak_kib, prepare


@dataclass(frozen=True)
class Least:
    """A size, the numbers that the tape has at least at that size, and why."""

    size: dict[str, Any]
    numbers: Callable[..., int]
    why: str


def nothing(**_: Any) -> int:
    return 0


TAPES = {
    "lse": Least({"n": 8_000_000}, nothing, "the gradient holds the exponentials"),
    "softmax": Least({"shape": (32, 8, 200, 200), "dtype": "float64"}, nothing, "both sweeps of a row together"),
    "gmm": Least({"D": 10, "K": 25, "N": 1_000_000}, nothing, "both sweeps of a point together"),
    "kmeans": Least({"k": 20, "n": 1_000_000, "d": 16}, nothing, "both sweeps of a point together"),
    "spmv": Least({"n": 2_500_000, "nnz": 2_500_000}, nothing, "both sweeps of a row together"),
    "gemver": Least({"n": 3000}, nothing, "vectors only, `A` with its two products is never formed"),
    "k2mm": Least(
        {"ni": 1800, "nj": 1850, "nk": 1900, "nl": 1950},
        lambda ni, nj, **_: ni * nj,
        "`A @ B`; its cotangent takes its place, and the result that of `D_bar`",
    ),
    "syrk": Least({"m": 1800, "n": 2000}, lambda n, **_: n * n, "`A @ A.T`; its cotangent takes its place"),
    "cholesky": Least({"n": 2000}, lambda n: n * n, "`L`"),
    "heat_3d": Least({"T": 5, "n": 180}, lambda n, **_: n**3, "one buffer: linear, `A`'s copy is the gradient"),
    "jacobi_2d": Least({"T": 10, "n": 2400}, lambda n, **_: n * n, "one buffer, as heat_3d"),
    "seidel_2d": Least({"T": 5, "n": 3000}, nothing, "linear, in place: `A`'s copy is the gradient"),
    "fdtd_2d": Least({"T": 10, "nx": 1600, "ny": 1700}, nothing, "linear, in place: the copies are the gradient"),
    "ode": Least({"n": 100_000, "steps": 200}, lambda n, steps: n * (steps + 1), "the states"),
    "nbody": Least({"n": 50, "steps": 60_000}, lambda n, steps: 6 * n * (steps + 1), "positions and velocities"),
}


def arguments(name: str) -> tuple[Any, ...]:
    return kernels.load(name).make(**TAPES[name].size)


def peak_of(tool: str, name: str) -> int:
    """Return the KiB that a gradient takes beyond its arguments, in this process."""
    call, _ = prepare(tool, name, arguments(name))
    call()
    forget_peak()
    before = peak_kib()
    call()
    return peak_kib() - before


def measured(tool: str, name: str) -> int:
    """Return the bytes that a gradient takes beyond its arguments, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peak", "--peak", f"{tool},{name}"]
    alone = dict.fromkeys(THREADS, "1") | {"ADJOINT_KEEP_MEMORY": "0"}
    answer = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | alone)
    return 1024 * int(answer.stdout.split()[-1])


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.peak", description=__doc__)
    parser.add_argument("--kernels", default=",".join(TAPES), help="names with commas between them")
    parser.add_argument("--peak", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.peak:
        print(peak_of(*options.peak.split(",")))
        return
    print(f"{'':10}{'least MiB':>10}{'ours':>8}{'by hand':>9}{'ours ÷ least':>14}  tape")
    for name in options.kernels.split(","):
        least, args = TAPES[name], arguments(name)
        given = sum(arg.nbytes for arg in args if isinstance(arg, np.ndarray))
        bars = sum(args[k].nbytes for k in kernels.load(name).positions)
        bound = given + bars + 8 * least.numbers(**least.size)
        del args
        ours, hand = (given + measured(tool, name) for tool in ("ours", "hand"))
        print(f"{name:10}{bound / 2**20:10.0f}{ours / 2**20:8.0f}{hand / 2**20:9.0f}{ours / bound:14.2f}  ", end="")
        print(least.why, flush=True)


if __name__ == "__main__":
    main()
