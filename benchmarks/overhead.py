"""What a gradient costs beside its arithmetic: `python -m benchmarks.overhead`.

Calls of a compiled scalar gradient from Python and from compiled code, and the time to the first gradient in a process
that finds it in the cache, beyond importing Numba and having it call one cached function of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

FUNCTIONS = """
from numba import njit
from adjoint import grad

def parabola(x):
    return 2.0 * x * x + 3.0

def pendulum(x, n):
    y = x
    for i in range(n):
        y = y - 0.01 * x * y * y
    return y * y
"""
# The part that every user of Numba pays, then the part that is ours.
START = """
import time
import numpy
from numba import njit
@njit(cache=True)
def own(x):
    return x + 1.0
own(1.0)
start, start_cpu = time.perf_counter(), time.process_time()
from functions import grad, pendulum
slope = grad(pendulum)
slope(1.0, 10)
print(time.perf_counter() - start, time.process_time() - start_cpu)
"""


def per_call(call: Callable[[], Any], calls: int, rounds: int, clock: Callable[[], float]) -> list[float]:
    """Return nanoseconds per call, one figure for each round."""
    figures = []
    for _ in range(rounds):
        start = clock()
        for _ in range(calls):
            call()
        figures.append((clock() - start) / calls * 1e9)
    return figures


def from_python(rounds: int, clock: Callable[[], float]) -> float:
    """Return the median cost of a call of a compiled scalar gradient from Python, the loop's own cost taken off."""
    from adjoint import grad

    def parabola(x):
        return 2.0 * x * x + 3.0

    slope = grad(parabola)
    slope(3.0)

    def nothing():
        return None

    loop = median(per_call(nothing, 20_000, rounds, clock))
    return median(per_call(lambda: slope(3.0), 20_000, rounds, clock)) - loop


def from_compiled_code(rounds: int, clock: Callable[[], float]) -> float:
    """Return the median cost per call from inside compiled code, in a chain so that no call can be dropped."""
    from numba import njit

    from adjoint import grad

    def parabola(x):
        return 2.0 * x * x + 3.0

    slope = grad(parabola)

    @njit
    def descend(x, n):
        for _ in range(n):
            x -= 0.1 * slope(x)
        return x

    descend(1.0, 1)
    calls = 1_000_000
    return median(per_call(lambda: descend(1.0, calls), 5, rounds, clock)) / calls


def first_gradient(rounds: int) -> tuple[float, float, float]:
    """Return seconds to the first gradient: without a cache, then in later processes by wall and processor clock."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "functions.py").write_text(FUNCTIONS)
        (Path(folder) / "start.py").write_text(START)
        search = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"ADJOINT_CACHE_DIR": str(Path(folder) / "cache"), "PYTHONPATH": search}

        def one() -> tuple[float, float]:
            command = [sys.executable, "start.py"]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
            wall, cpu = map(float, done.stdout.split())
            return wall, cpu

        cold = one()[1]
        one()  # writes what Python itself caches
        later = [one() for _ in range(rounds)]
    return cold, median(wall for wall, _ in later), median(cpu for _, cpu in later)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    cold, later_wall, later = first_gradient(options.rounds)
    figures = {
        "call from Python, ns": from_python(options.rounds, clock),
        "call from compiled code, ns": from_compiled_code(options.rounds, clock),
        "first gradient, empty cache, ms": cold * 1e3,
        "first gradient, later process, ms": (later_wall if options.clock == "wall" else later) * 1e3,
        "first gradient, later process, ms on the wall": later_wall * 1e3,
    }
    for name, figure in figures.items():
        print(f"{name:48}{figure:10.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
