"""Gradient by primal of loops over pairs of points, and of loops with short branches: `python -m benchmarks.points`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np

from adjoint import value_and_grad

Case = tuple[Callable[..., float], tuple[Any, ...], tuple[int, ...]]


def charges(x: np.ndarray, q: np.ndarray) -> float:
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            square = 0.1
            for d in range(3):
                gap = x[i, d] - x[j, d]
                square += gap * gap
            if i < j:
                energy += q[i] * q[j] / math.sqrt(square)
    return energy


def atoms(x: np.ndarray, depth: float, reach: float) -> float:
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(i + 1, x.shape[0]):
            dx = x[i, 0] - x[j, 0]
            dy = x[i, 1] - x[j, 1]
            dz = x[i, 2] - x[j, 2]
            square = dx * dx + dy * dy + dz * dz
            if square < reach * reach:
                s = 1.0 / square
                s = s * s * s
                energy += 4.0 * depth * (s * s - s)
    return energy


def limiter(u0: np.ndarray, steps: int) -> float:
    u = u0.copy()
    n = u.shape[0]
    flux = np.zeros(n)
    for _ in range(steps):
        for i in range(1, n - 2):
            a = u[i] - u[i - 1]
            b = u[i + 1] - u[i]
            if a * b > 0:
                slope = min(abs(a), abs(b))
                if a < 0:
                    slope = -slope
            else:
                slope = 0.0
            flux[i] = 0.5 * (u[i] + 0.5 * slope)
        for i in range(2, n - 2):
            u[i] -= 0.5 * (flux[i] - flux[i - 1])
    return np.sum(u * u)


def upwind(u0: np.ndarray, c: np.ndarray, steps: int) -> float:
    u = u0.copy()
    for _ in range(steps):
        old = u.copy()
        for i in range(1, u.shape[0] - 1):
            if c[i] > 0:
                u[i] = old[i] - c[i] * (old[i] - old[i - 1])
            else:
                u[i] = old[i] - c[i] * (old[i + 1] - old[i])
    return np.sum(u * u)


def pooling(x: np.ndarray) -> float:
    total = 0.0
    for i in range(0, x.shape[0], 2):
        for j in range(0, x.shape[1], 2):
            most = x[i, j]
            if x[i + 1, j] > most:
                most = x[i + 1, j]
            if x[i, j + 1] > most:
                most = x[i, j + 1]
            if x[i + 1, j + 1] > most:
                most = x[i + 1, j + 1]
            total += most * most
    return total


def cases() -> Iterator[Case]:
    random = np.random.default_rng(0)
    grid = np.indices((8, 8, 8)).reshape(3, -1).T[:500] * 1.5
    yield charges, (random.normal(size=(500, 3)), random.normal(size=500)), (0, 1)
    yield atoms, (random.uniform(0, 1, size=(500, 3)) + grid, 1.0, 2.5), (0, 1)
    yield limiter, (random.normal(size=2000), 100), (0,)
    yield upwind, (random.normal(size=2000), random.uniform(-0.5, 0.5, 2000), 100), (0, 1)
    yield pooling, (random.normal(size=(500, 500)),), (0,)


def seconds(function: Callable[..., object], arguments: tuple[Any, ...], calls: int) -> float:
    """Return the median of the processor time of so many calls."""
    function(*arguments)
    times: list[float] = []
    for _ in range(calls):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return float(np.median(times))


def main(calls: int = 100) -> None:
    print(f"{'':10}{'primal, ms':>12}{'gradient, ms':>14}{'ratio':>8}")
    for function, arguments, wrt in cases():
        primal = seconds(numba.njit(function), arguments, calls)
        gradient = seconds(value_and_grad(function, argnums=wrt), arguments, calls)
        print(f"{function.__name__:10}{1e3 * primal:12.3f}{1e3 * gradient:14.3f}{gradient / primal:8.2f}")


if __name__ == "__main__":
    main()
