"""Derivatives along a direction from values alone, to hold gradients against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def directions(args: Sequence[Any], positions: Sequence[int], seed: int = 7) -> list[Any]:
    """Return one random direction per differentiated argument, as long as the argument is."""
    rng = np.random.default_rng(seed)
    chosen = []
    for position in positions:
        value = np.asarray(args[position])
        way = rng.standard_normal(value.shape)
        chosen.append(way * (np.linalg.norm(value) / np.linalg.norm(way)))
    return chosen


def moved(args: Sequence[Any], positions: Sequence[int], ways: Sequence[Any], step: complex) -> list[Any]:
    """Return the arguments, the differentiated ones moved along their directions."""
    result = list(args)
    for position, way in zip(positions, ways, strict=True):
        result[position] = args[position] + step * way
    return result


def slope(gradient: Sequence[Any], ways: Sequence[Any]) -> float:
    """Return the directional derivative that a gradient claims."""
    return sum(float(np.vdot(bar, way)) for bar, way in zip(gradient, ways, strict=True))


def difference(fun: Callable[..., float], args: Sequence[Any], positions: Sequence[int], ways: Sequence[Any]) -> float:
    """Return the directional derivative by central differences, extrapolated twice.

    Of several first steps, the one whose two last extrapolations agree best counts: a long one loses fewer digits, a
    short one steps over fewer kinks. Numbers of single precision become double ones when moved; where others stay as
    they are, only long steps tell.
    """
    single = any(np.asarray(args[k]).dtype == np.float32 for k in positions)
    halvings = (4, 5, 7, 11, 15, 19) if single else (8, 11, 15, 19)
    tried = (_extrapolated(fun, args, positions, ways, 2.0**-k) for k in halvings)
    return min(tried, key=lambda found: found[1])[0]


def _extrapolated(
    fun: Callable[..., float], args: Sequence[Any], positions: Sequence[int], ways: Sequence[Any], step: float
) -> tuple[float, float]:
    """Return Richardson's value from steps halved twice, and how far it is from the one before."""
    table: list[float] = []
    for level in range(3):
        ahead = fun(*moved(args, positions, ways, step))
        behind = fun(*moved(args, positions, ways, -step))
        row = [(ahead - behind) / (2.0 * step)]
        for order in range(level):
            row.append(row[order] + (row[order] - table[order]) / (4.0 ** (order + 1) - 1.0))
        table, step = row, 0.5 * step
    return table[-1], abs(table[-1] - table[-2])
