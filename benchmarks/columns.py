"""Steps over whole columns, as NumPy's users write them: `python -m benchmarks.columns`.

`paths` are prices of an Asian option on paths of a geometric Brownian motion, the state a vector; `matrix` keeps all
prices in a matrix; `loops` are the same by explicit loops. `heston` has a second state, a variance that reverts to its
mean; `thomas` solves a tridiagonal system for each column of a grid. Value and gradient by all arguments are compared
with differences along a direction before they are timed, beside the primal under Numba; times are the processor's, in
ms, ratios medians over rounds of ratios within a round. `by hand` is the adjoint of `loops`, both sweeps of a path
together.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.worker import sample

STEP, SAME = 1e-7, 1e-4


def paths(s0, rate, vol, z):
    n, m = z.shape
    dt = 1.0 / m
    s = np.full(n, s0)
    total = np.zeros(n)
    for t in range(m):
        s = s * np.exp((rate - 0.5 * vol**2) * dt + vol * np.sqrt(dt) * z[:, t])
        total += s
    return math.exp(-rate) * np.maximum(total / m - 100.0, 0.0).mean()


def matrix(s0, rate, vol, z):
    n, m = z.shape
    dt = 1.0 / m
    s = np.empty((n, m + 1))
    s[:, 0] = s0
    for t in range(m):
        s[:, t + 1] = s[:, t] * np.exp((rate - 0.5 * vol**2) * dt + vol * np.sqrt(dt) * z[:, t])
    return math.exp(-rate) * np.maximum(np.sum(s, axis=1) / (m + 1) - 100.0, 0.0).mean()


def loops(s0, rate, vol, z):
    n, m = z.shape
    dt = 1.0 / m
    total = 0.0
    for i in range(n):
        s = s0
        part = 0.0
        for t in range(m):
            s = s * math.exp((rate - 0.5 * vol**2) * dt + vol * math.sqrt(dt) * z[i, t])
            part += s
        total += max(part / m - 100.0, 0.0)
    return math.exp(-rate) * total / n


def heston(v0, kappa, theta, xi, rho, z, w):
    n, m = z.shape
    dt = 1.0 / m
    s = np.zeros((n, m + 1))
    v = np.zeros((n, m + 1))
    s[:, 0] = 100.0
    v[:, 0] = v0
    for t in range(m):
        positive = np.maximum(v[:, t], 1e-4)
        noise = rho * z[:, t] + np.sqrt(1 - rho**2) * w[:, t]
        s[:, t + 1] = s[:, t] * np.exp((0.02 - 0.5 * positive) * dt + np.sqrt(positive * dt) * z[:, t])
        v[:, t + 1] = v[:, t] + kappa * (theta - positive) * dt + xi * np.sqrt(positive * dt) * noise
    return np.mean(np.maximum(s[:, -1] - 100.0, 0.0))


def thomas(a, d):
    n, m, k = a.shape
    c = np.empty((n, m, k))
    e = np.empty((n, m, k))
    for j in range(k):
        pivot = np.full((n, m), 4.0)
        right = d[:, :, j] * 1.0
        if j > 0:
            pivot = pivot + a[:, :, j] * c[:, :, j - 1]
            right = right + a[:, :, j] * e[:, :, j - 1]
        c[:, :, j] = -a[:, :, j] / pivot
        e[:, :, j] = right / pivot
    x = np.zeros((n, m))
    out = 0.0
    for j in range(k - 1, -1, -1):
        x = e[:, :, j] - c[:, :, j] * x
        out += np.sum(x * x)
    return out


def by_hand(s0, rate, vol, z):
    """Return value and gradient of `loops`."""
    n, m = z.shape
    dt = 1.0 / m
    drift, spread, discount = (rate - 0.5 * vol**2) * dt, vol * math.sqrt(dt), math.exp(-rate)
    total = s0_bar = drift_bar = spread_bar = 0.0
    z_bar = np.empty((n, m))
    factor, price = np.empty(m), np.empty(m + 1)
    for i in range(n):
        for t in range(m):
            factor[t] = math.exp(drift + spread * z[i, t])
        price[0] = s0
        part = 0.0
        for t in range(m):
            price[t + 1] = price[t] * factor[t]
            part += price[t + 1]
        gain = part / m - 100.0
        total += max(gain, 0.0)
        part_bar = discount / n / m if gain > 0.0 else 0.0
        s_bar = 0.0
        for t in range(m - 1, -1, -1):
            s_bar = (s_bar + part_bar) * factor[t]
            g = s_bar * price[t]
            drift_bar += g
            spread_bar += g * z[i, t]
            z_bar[i, t] = g * spread
        s0_bar += s_bar
    value = discount * total / n
    return value, (s0_bar, drift_bar * dt - value, spread_bar * math.sqrt(dt) - drift_bar * vol * dt, z_bar)


def problem(name: str, small: bool) -> tuple[Any, ...]:
    rng = np.random.default_rng(42)
    n, m = (20, 5) if small else (20000, 50)
    if name == "thomas":
        shape = (3, 4, 5) if small else (100, 100, 60)
        return rng.random(shape), rng.random(shape)
    if name == "heston":
        return 0.04, 1.5, 0.04, 0.3, -0.6, rng.standard_normal((n, m)), rng.standard_normal((n, m))
    return 100.0, 0.05, 0.2, rng.standard_normal((n, m))


CASES: dict[str, Callable[..., Any]] = {
    "paths": paths, "matrix": matrix, "loops": loops, "heston": heston, "thomas": thomas,
}  # fmt: skip


def check(fun: Callable[..., Any], args: tuple[Any, ...], gradient: tuple[Any, ...]) -> None:
    """Raise if a gradient isn't the slope along a direction."""
    rng = np.random.default_rng(1)
    directions = [rng.standard_normal(np.shape(arg)) for arg in args]
    ends = [fun(*(arg + h * d for arg, d in zip(args, directions, strict=True))) for h in (STEP, -STEP)]
    slope = (ends[0] - ends[1]) / (2 * STEP)
    found = sum(float(np.sum(bar * d)) for bar, d in zip(gradient, directions, strict=True))
    if not abs(found - slope) <= SAME * abs(slope):
        raise ValueError(f"{fun.__name__}: {found} along a direction, and differences give {slope}")


def measure(name: str, rounds: int, *, small: bool = False) -> dict[str, float]:
    """Return median times and ratios, after a comparison."""
    import numba

    from adjoint import value_and_grad

    fun, args = CASES[name], problem(name, small)
    ours, primal = value_and_grad(fun, argnums=tuple(range(len(args)))), numba.njit(fun)
    check(primal, args, ours(*args)[1])
    calls: list[Callable[[], Any]] = [lambda: ours(*args), lambda: primal(*args)]
    if name == "loops":
        hand = numba.njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")(by_hand)
        check(primal, args, hand(*args)[1])
        calls.append(lambda: hand(*args))
    counts = [max(1, round(0.02 / max(sample(call, 1)["cpu"], 1e-7))) for call in calls]
    taken = [[sample(call, n)["cpu"] for call, n in zip(calls, counts, strict=True)] for _ in range(rounds)]
    found = {
        "ours": median(row[0] for row in taken),
        "primal": median(row[1] for row in taken),
        "ours / primal": median(row[0] / row[1] for row in taken),
    }
    if name == "loops":
        found["hand / ours"] = median(row[2] / row[0] for row in taken)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.columns", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated; all by default")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(argv)
    for name in options.cases.split(","):
        row = measure(name, options.rounds)
        cells = (f"{key} {value * 1e3 if key in ('ours', 'primal') else value:.3g}" for key, value in row.items())
        print(f"{name:8}  {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
