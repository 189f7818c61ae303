"""What a Jacobian costs by sweeps of many directions beside one sweep for each column: `python -m benchmarks.jacobian`.

`hand` is hand tracking: how 26 joint angles move 4800 coordinates of a skinned mesh away from what was seen. `network`
is a layered network by its input, `chain` a scalar recurrence, where nothing but the directions can be vectorised. The
single sweeps are not even put together. Both are compared before they are timed; time is the processor's, and ratios
are medians over rounds of ratios within a round.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.kernels import ht
from benchmarks.worker import sample

SAME = 1e-13


def hand(theta, u, parents, relatives, base, weights, triangles, seen):
    bones, vertices = weights.shape
    world = np.empty((bones, 4, 4))
    world[0] = ht.rotation(theta[0], theta[1], theta[2])
    for bone in range(1, bones):
        turn = ht.rotation(theta[bone + 4], 0.5 * theta[bone + 4], 0.0)
        world[bone] = world[parents[bone]] @ (relatives[bone] @ turn)
    mesh = np.zeros((vertices, 3))
    for bone in range(bones):
        for vertex in range(vertices):
            for i in range(3):
                moved = 0.0
                for j in range(4):
                    moved += world[bone, i, j] * base[vertex, j]
                mesh[vertex, i] += weights[bone, vertex] * moved
    residuals = np.empty((u.shape[0], 3))
    for k in range(u.shape[0]):
        first, second, third = triangles[k]
        for i in range(3):
            rest = 1.0 - u[k, 0] - u[k, 1]
            surface = u[k, 0] * mesh[first, i] + u[k, 1] * mesh[second, i] + rest * mesh[third, i]
            residuals[k, i] = seen[k, i] - surface - (theta[3] if i == 0 else theta[4] if i == 1 else 0.0)
    return residuals


def network(x, first, second, third):
    return third @ np.tanh(second @ np.tanh(first @ x))


def chain(x, steps):
    y = np.zeros(steps)
    state = 0.1
    for k in range(steps):
        state = math.sin(state + x[k % x.shape[0]]) + 0.5 * state * x[(k + 1) % x.shape[0]]
        y[k] = state
    return y


def hand_problem(small: bool) -> tuple[Any, ...]:
    return ht.make(**ht.SIZES["smoke" if small else "headline"])


def network_problem(small: bool) -> tuple[Any, ...]:
    rng, n = np.random.default_rng(42), 8 if small else 64
    shapes = ((4 * n, n), (4 * n, 4 * n), (8 * n, 4 * n))
    return rng.standard_normal(n), *(rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes)


def chain_problem(small: bool) -> tuple[Any, ...]:
    return np.random.default_rng(42).standard_normal(10), 50 if small else 5000


@dataclass(frozen=True)
class Case:
    """A function, its arguments (by the first of which it is differentiated) in two sizes."""

    fun: Callable[..., Any]
    problem: Callable[[bool], tuple[Any, ...]]


CASES = {
    "hand": Case(hand, hand_problem),
    "network": Case(network, network_problem),
    "chain": Case(chain, chain_problem),
}


def single_sweeps(fun: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[], list[Any]]:
    """Return what makes the columns of a Jacobian by a sweep for each."""
    from adjoint.api.sweeps import Form, sweep
    from adjoint.backends.request import Options

    push = sweep("jvp", fun, Form(len(args)), (0,), Options())
    units = np.eye(args[0].size)
    return lambda: [push(*args, unit)[1] for unit in units]


def measure(case: Case, rounds: int, *, small: bool = False) -> dict[str, float]:
    """Return median times and their ratio, after a comparison."""
    from adjoint import jacfwd

    args = case.problem(small)
    jacobian, columns = jacfwd(case.fun), single_sweeps(case.fun, args)
    found, model = jacobian(*args), np.stack(columns(), axis=-1)
    error = float(np.max(np.abs(found - model)) / np.max(np.abs(model)))
    if not error <= SAME:
        raise ValueError(f"the Jacobians differ by {error:.0e}")
    calls: tuple[Callable[[], Any], ...] = (lambda: jacobian(*args), columns)
    counts = [max(1, round(0.01 / max(sample(call, 1)["cpu"], 1e-7))) for call in calls]
    taken = [[sample(call, n)["cpu"] for call, n in zip(calls, counts, strict=True)] for _ in range(rounds)]
    return {
        "columns": found.shape[-1],
        "rows": found.size // found.shape[-1],
        "many": median(a for a, _ in taken),
        "single": median(b for _, b in taken),
        "ratio": median(a / b for a, b in taken),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.jacobian", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(argv)
    print(f"{'':10}{'columns':>9}{'rows':>7}{'jacfwd, ms':>12}{'single, ms':>12}{'ratio':>8}")
    for name in options.cases.split(","):
        row = measure(CASES[name], options.rounds)
        times = "".join(f"{row[key] * 1e3:12.3f}" for key in ("many", "single"))
        print(f"{name:10}{row['columns']:9}{row['rows']:7}{times}{row['ratio']:8.2f}", flush=True)


if __name__ == "__main__":
    main()
