"""What the gradient of a long time loop keeps: `python -m benchmarks.memory [--steps 1000000] [--size 10000]`.

Burgers' equation, explicit, with `memory_limit=`: the most memory that the process has beyond what it had before the
call, beside what `.explain` predicts. The gradient is compared with a difference of the primal along one direction.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint import value_and_grad
from benchmarks.flags import compiled
from benchmarks.worker import forget_peak, peak_kib

LIMIT = 2**30


def burgers(u0: np.ndarray, steps: int, r: float, nu: float) -> float:
    """Return half the sum of squares after so many steps; `r` is dt/dx, `nu` the viscosity times dt/dx²."""
    u = u0.copy()
    for _ in range(steps):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] - r * u[i] * (u[i + 1] - u[i - 1]) + nu * (u[i + 1] - 2.0 * u[i] + u[i - 1])
        u = v
    return 0.5 * np.sum(u * u)


def predicted(report: str, args: Sequence[Any]) -> int:
    """Return the bytes in the last line of a report of `.explain`."""
    u0, steps = args[:2]
    length = int(np.ceil(np.sqrt(steps)))
    formula = report.partition("In all: ")[2].partition(" bytes")[0]
    return eval(formula, {"u0": u0, "u": u0, "steps": steps, "length": length, "segments": -(-steps // length)})


def spent(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a call returns, its processor time and the memory in MiB that it takes beyond what there was."""
    forget_peak()
    before, start = peak_kib(), time.process_time()
    result = call()
    return result, time.process_time() - start, (peak_kib() - before) / 1024


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=10_000)
    options = parser.parse_args(argv)
    x = np.linspace(0.0, 1.0, options.size)
    args = (np.sin(2.0 * np.pi * x), options.steps, 0.1, 0.2)
    primal, gradient = compiled(burgers), value_and_grad(burgers, memory_limit=LIMIT)
    primal(args[0], 4, *args[2:])
    gradient(args[0], 4, *args[2:])
    value, alone, _ = spent(lambda: primal(*args))
    (found, slope), seconds, taken = spent(lambda: gradient(*args))
    way, step = np.cos(3.0 * x), 1e-6
    ends = [primal(args[0] + sign * step * way, *args[1:]) for sign in (1.0, -1.0)]
    error = abs((ends[0] - ends[1]) / (2.0 * step) / (slope @ way) - 1.0)
    print(f"{options.steps} steps on {options.size} floats: value off by {abs(found / value - 1.0):.0e}, ", end="")
    print(f"slope by {error:.0e}; primal {alone:.1f} s, value and gradient {seconds:.1f} s of processor time")
    print(f"memory {taken:.0f} MiB, predicted {predicted(gradient.explain(*args), args) / 2**20:.0f}, ", end="")
    print(f"limit {LIMIT / 2**20:.0f}")


if __name__ == "__main__":
    main()
