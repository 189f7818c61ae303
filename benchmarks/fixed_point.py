"""What the gradient of a fixed point costs by `fixed_point` beside its loop: `python -m benchmarks.fixed_point`.

The loop takes the steps that `fixed_point` takes to converge, about 100, and is differentiated as it is written. Both
gradients are compared before they are timed. Time is the processor's, the median of ratios within a round; memory is
what a process of its own needs at most, beyond what it had after the gradient was called the first time on a small
problem. The primal by `fixed_point` is timed too: the gradient can't take less.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.worker import forget_peak, peak_kib, sample

SAME = 1e-7


def kepler(angle, mean, eccentricity):
    return mean + eccentricity * math.sin(angle)


def relax(u, slack, force):
    n = u.shape[0]
    v = np.empty_like(u)
    v[0] = v[n - 1] = 0.0
    for i in range(1, n - 1):
        v[i] = (u[i - 1] + u[i + 1] + force[i] - 0.1 * u[i] ** 3) / (2.0 + slack[i])
    return v


def layer(y, weights, bias):
    return np.tanh(weights @ y + bias)


def kepler_problem(n: int) -> tuple[Any, ...]:
    return 0.0, 2.6, 0.88


def relax_problem(n: int) -> tuple[Any, ...]:
    return np.zeros(n), np.full(n, 0.62), np.random.default_rng(0).random(n)


def layer_problem(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return np.zeros(n), 0.8 * turn, 0.01 * rng.standard_normal(n)


@dataclass(frozen=True)
class Case:
    """A step `y = step(y, a, b)`, its arguments for a size, and the sizes."""

    step: Callable[..., Any]
    problem: Callable[[int], tuple[Any, ...]]
    sizes: tuple[int, ...]


CASES = {
    "kepler": Case(kepler, kepler_problem, (1,)),
    "relax": Case(relax, relax_problem, (30, 1000, 30_000)),
    "layer": Case(layer, layer_problem, (30, 300)),
}


def steps_of(case: Case, args: tuple[Any, ...]) -> int:
    """Return how many steps `fixed_point` takes to converge."""
    y, *others = args
    for count in range(1, 1000):
        after = case.step(y, *others)
        if np.linalg.norm(after - y) <= np.finfo(float).eps ** 0.75 * np.linalg.norm(after):
            return count
        y = after
    raise ValueError("no fixed point")


def functions(case: Case, steps: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the two functions to differentiate: by `fixed_point`, and by the loop."""
    from numba import njit

    from adjoint import fixed_point

    step = njit(case.step)
    solve = fixed_point(case.step)

    def implicit(guess, a, b):
        return np.sum(solve(guess, a, b) ** 2)

    def unrolled(guess, a, b):
        y = guess
        for _ in range(steps):
            y = step(y, a, b)
        return np.sum(y**2)

    return implicit, unrolled


def measure(case: Case, size: int, rounds: int) -> dict[str, float]:
    """Return medians of times and ratios, after a comparison of the gradients."""
    from numba import njit

    from adjoint import grad

    args = case.problem(size)
    steps = steps_of(case, args)
    implicit, unrolled = functions(case, steps)
    primal: Callable[..., Any] = njit(implicit)
    calls = [lambda f=f: f(*args) for f in (grad(implicit, (1, 2)), grad(unrolled, (1, 2)), primal)]
    found, model = calls[0](), calls[1]()
    for mine, theirs in zip(found, model, strict=True):
        error = np.max(np.abs(mine - theirs)) / np.max(np.abs(theirs))
        if not error <= SAME:
            raise ValueError(f"the gradients differ by {error:.0e}")
    calls[2]()
    counts = [max(1, round(0.01 / max(sample(call, 1)["cpu"], 1e-7))) for call in calls]
    taken = [[sample(call, n)["cpu"] for call, n in zip(calls, counts, strict=True)] for _ in range(rounds)]
    ratios = {"ratio": median(a / b for a, b, _ in taken), "primal": median(c / b for _, b, c in taken)}
    return {"steps": steps, "time": median(a for a, _, _ in taken), **ratios}


def peak_of(name: str, size: int, which: int) -> int:
    """Return the KiB that a gradient takes, in this process."""
    from adjoint import grad

    case = CASES[name]
    args, small = case.problem(size), case.problem(8)
    fun = grad(functions(case, steps_of(case, args))[which], (1, 2))
    fun(*small)
    forget_peak()
    before = peak_kib()
    fun(*args)
    return peak_kib() - before


def memory(name: str, size: int) -> float:
    """Return the ratio of what both gradients need at most, each in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.fixed_point", "--peak"]
    implicit, unrolled = (
        int(subprocess.run([*command, f"{name},{size},{k}"], capture_output=True, check=True, text=True).stdout)
        for k in (0, 1)
    )
    return implicit / unrolled if unrolled else math.nan


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.fixed_point", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="names with commas between them")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peak", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.peak:
        name, size, which = options.peak.split(",")
        print(peak_of(name, int(size), int(which)))
        return
    print(f"{'':8}{'size':>8}{'steps':>7}{'ms':>10}{'÷ loop':>9}{'primal ÷ loop':>15}{'memory ÷ loop':>15}")
    for name in options.cases.split(","):
        for size in CASES[name].sizes:
            row = measure(CASES[name], size, options.rounds)
            taken = f"{memory(name, size):.2f}" if size >= 10_000 else "–"
            times = f"{row['time'] * 1e3:10.4g}{row['ratio']:9.2f}{row['primal']:15.2f}"
            print(f"{name:8}{size:8}{row['steps']:7}{times}{taken:>15}", flush=True)


if __name__ == "__main__":
    main()
