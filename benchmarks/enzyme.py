"""How long gradients take beside those of Enzyme, which differentiates C: `python -m benchmarks.enzyme`.

Enzyme can't be installed from a package index; its times were taken once from C twins of these functions (LLVM 15, `-O3
-ffast-math -march=native`, an AMD EPYC, one core, the gradient cleared in the time), and so were those of its primals.
Ours are taken here: value and gradient, and the function compiled by Numba with `fastmath=True`. `÷ ours` is Enzyme's
gradient by ours, as measured; `by primals` is that ratio with each gradient divided by its own primal, so that neither
the machine nor how good the primal's compiler is counts. A gradient is compared with differences before it is timed.
Time is the processor's, the median over rounds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from benchmarks import kernels, reference
from benchmarks.worker import sample

ALONG = 1e-5


def nbody(x, y, z, mass):
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(i + 1, x.shape[0]):
            dx = x[i] - x[j]
            dy = y[i] - y[j]
            dz = z[i] - z[j]
            energy -= mass[i] * mass[j] / math.sqrt(dx * dx + dy * dy + dz * dz + 1e-3)
    return energy


def jacobi_2d(u, steps):
    n = u.shape[0]
    v = u.copy()
    w = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                w[i, j] = 0.2 * (v[i, j] + v[i, j - 1] + v[i, j + 1] + v[i + 1, j] + v[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                v[i, j] = 0.2 * (w[i, j] + w[i, j - 1] + w[i, j + 1] + w[i + 1, j] + w[i - 1, j])
    return np.sum(v * v)


def lotka_volterra(rates, start, steps, dt):
    a, b, c, d = rates[0], rates[1], rates[2], rates[3]
    x, y = start[0], start[1]
    total = 0.0
    for _ in range(steps):
        k1x = a * x - b * x * y
        k1y = d * x * y - c * y
        x2, y2 = x + 0.5 * dt * k1x, y + 0.5 * dt * k1y
        k2x = a * x2 - b * x2 * y2
        k2y = d * x2 * y2 - c * y2
        x3, y3 = x + 0.5 * dt * k2x, y + 0.5 * dt * k2y
        k3x = a * x3 - b * x3 * y3
        k3y = d * x3 * y3 - c * y3
        x4, y4 = x + dt * k3x, y + dt * k3y
        k4x = a * x4 - b * x4 * y4
        k4y = d * x4 * y4 - c * y4
        x = x + dt / 6.0 * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
        y = y + dt / 6.0 * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
        total += x * x + y * y
    return total / steps


def cholesky(a):
    n = a.shape[0]
    factor = np.zeros((n, n))
    total = 0.0
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j]
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = math.sqrt(rest)
            else:
                factor[i, j] = rest / factor[j, j]
    for i in range(n):
        total += math.log(factor[i, i])
    return 2.0 * total


def nbody_problem(n: int) -> tuple[Any, ...]:
    x, y, z, mass = np.random.default_rng(0).normal(size=(4, n))
    return x, y, z, np.abs(mass) + 0.1


def jacobi_2d_problem(n: int) -> tuple[Any, ...]:
    return np.random.default_rng(0).normal(size=(n, n)), 20


def lotka_volterra_problem(n: int) -> tuple[Any, ...]:
    return np.array([1.1, 0.4, 0.4, 0.1]), np.array([2.0, 1.0]), n, 0.001


def cholesky_problem(n: int) -> tuple[Any, ...]:
    b = np.random.default_rng(0).normal(size=(n, n))
    return (b @ b.T + n * np.eye(n),)


def lse_problem(n: int) -> tuple[Any, ...]:
    return kernels.load("lse").make(n)


@dataclass(frozen=True)
class Case:
    """A function, how many of its arguments it is differentiated by, its size, and Enzyme's times in ms."""

    fun: Callable[..., float]
    problem: Callable[[int], tuple[Any, ...]]
    wrt: tuple[int, ...]
    size: int
    enzyme: float
    enzyme_primal: float


CASES = {
    "nbody": Case(nbody, nbody_problem, (0, 1, 2), 1000, 1.18, 0.44),
    "jacobi_2d": Case(jacobi_2d, jacobi_2d_problem, (0,), 256, 17.9, 0.82),
    "lotka_volterra": Case(lotka_volterra, lotka_volterra_problem, (0, 1), 10_000, 0.375, 0.127),
    "cholesky": Case(cholesky, cholesky_problem, (0,), 128, 1.18, 0.23),
    "lse": Case(kernels.load("lse").fun, lse_problem, (0,), 1_280_000, 14.5, 6.6),
}


def measure(case: Case, size: int, rounds: int) -> dict[str, float]:
    """Return our times in ms and the ratios to Enzyme's, after a comparison of the gradient with differences."""
    from numba import njit

    from adjoint import value_and_grad

    args = case.problem(size)
    gradient = value_and_grad(case.fun, case.wrt)
    primal: Callable[..., float] = njit(fastmath=True, error_model="numpy")(case.fun)
    ways = reference.directions(args, case.wrt)
    wanted = reference.difference(primal, args, case.wrt, ways)
    error = abs(reference.slope(gradient(*args)[1], ways) / wanted - 1.0)
    if not error <= ALONG:
        raise ValueError(f"the gradient is off by {error:.0e}")
    calls = [lambda f=f: f(*args) for f in (gradient, primal)]
    counts = [max(1, round(0.02 / max(sample(call, 1)["cpu"], 1e-7))) for call in calls]
    taken = [[1e3 * sample(call, n)["cpu"] for call, n in zip(calls, counts, strict=True)] for _ in range(rounds)]
    ours, own = (median(times) for times in zip(*taken, strict=True))
    by_primals = case.enzyme / case.enzyme_primal / (ours / own)
    return {"ours": ours, "primal": own, "ratio": case.enzyme / ours, "by primals": by_primals}


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.enzyme", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="names with commas between them")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(argv)
    print(f"{'':16}{'Enzyme, ms':>11}{'primal':>8}{'ours, ms':>10}{'primal':>8}{'÷ ours':>8}{'by primals':>12}")
    rows: list[dict[str, float]] = []
    for name in options.cases.split(","):
        case = CASES[name]
        rows.append(row := measure(case, case.size, options.rounds))
        theirs = f"{case.enzyme:11.4g}{case.enzyme_primal:8.3g}"
        print(f"{name:16}{theirs}{row['ours']:10.4g}{row['primal']:8.3g}{row['ratio']:8.2f}{row['by primals']:12.2f}")
    means = [geometric_mean(row[key] for row in rows) for key in ("ratio", "by primals")]
    print(f"{'geometric mean':53}{means[0]:8.2f}{means[1]:12.2f}", flush=True)


if __name__ == "__main__":
    main()
