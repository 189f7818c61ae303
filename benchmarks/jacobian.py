"""What a Jacobian costs by sweeps of many directions beside one sweep for each column: `python -m benchmarks.jacobian`.

`hand` is hand tracking: how 26 joint angles move 4800 coordinates of a skinned mesh away from what was seen. `network`
is a layered network by its input, `chain` a scalar recurrence, where nothing but the directions can be vectorised.
`many` are the sweeps of up to 16 directions, `single` those of one; `whole` is a call of `jacfwd`, which puts the
columns together and so is compared with single sweeps put together. All are compared before they are timed; time is
the processor's, in ms, and ratios are medians over rounds of ratios within a round.
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


def sweeps(fun: Callable[..., Any], args: tuple[Any, ...], width: int) -> Callable[[], list[Any]]:
    """Return what makes the columns of a Jacobian, `width` to a sweep, or by a sweep for each if that is 0."""
    from adjoint.api.sweeps import Form, sweep
    from adjoint.backends.request import Options

    push = sweep("jvp", fun, Form(len(args)), (0,), Options(directions=width))
    units = np.eye(args[0].size)
    if not width:
        return lambda: [push(*args, unit)[1] for unit in units]
    chunks = -(-len(units) // width)
    padded = np.zeros((len(units), chunks * width))
    padded[:, : len(units)] = units
    seeds = [np.ascontiguousarray(padded[:, k * width : (k + 1) * width]) for k in range(chunks)]
    return lambda: [push(*args, seed)[1] for seed in seeds]


def measure(case: Case, rounds: int, *, small: bool = False) -> dict[str, float]:
    """Return median times and ratios, after a comparison."""
    from adjoint import jacfwd
    from adjoint.api.directions import WIDTHS

    args = case.problem(small)
    count = args[0].size
    jacobian, columns = jacfwd(case.fun), sweeps(case.fun, args, 0)
    many = sweeps(case.fun, args, next((width for width in WIDTHS if count <= width), WIDTHS[-1]))
    found, model = jacobian(*args), np.stack(columns(), axis=-1)
    many()
    error = float(np.max(np.abs(found - model)) / np.max(np.abs(model)))
    if not error <= SAME:
        raise ValueError(f"the Jacobians differ by {error:.0e}")
    calls: tuple[Callable[[], Any], ...] = (
        many,
        columns,
        lambda: jacobian(*args),
        lambda: np.stack(columns(), axis=-1),
    )
    counts = [max(1, round(0.01 / max(sample(call, 1)["cpu"], 1e-7))) for call in calls]
    taken = [[sample(call, n)["cpu"] for call, n in zip(calls, counts, strict=True)] for _ in range(rounds)]
    return {
        "columns": found.shape[-1],
        "rows": found.size // found.shape[-1],
        "many": median(a for a, _, _, _ in taken),
        "single": median(b for _, b, _, _ in taken),
        "ratio": median(a / b for a, b, _, _ in taken),
        "whole": median(c for _, _, c, _ in taken),
        "ratio of wholes": median(c / d for _, _, c, d in taken),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.jacobian", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(argv)
    heads = ("columns", "rows", "many", "single", "ratio", "whole", "ratio of wholes")
    print(f"{'':10}" + "".join(f"{head:>16}" for head in heads))
    for name in options.cases.split(","):
        row = measure(CASES[name], options.rounds)
        cells = [row[head] * 1e3 if head in ("many", "single", "whole") else row[head] for head in heads]
        print(f"{name:10}" + "".join(f"{cell:16.4g}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
