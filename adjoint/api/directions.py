"""The columns of a Jacobian, many to a sweep: chunks of directions, and how to take up what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from adjoint.api.containers import map_leaves
from adjoint.api.sweeps import Sweep
from adjoint.backends.request import Options

# A sweep of many directions has to be compiled too: for fewer columns than this one sweep for each is as good.
FEWEST = 4
WIDTHS = (4, 8, 16)


def width_for(count: int, options: Options) -> int:
    """Return how many directions to take to a sweep, 0 for one without an axis for them."""
    if count < FEWEST or options.parallel or options.nan_check or options.target != "cpu":
        return 0
    return next((width for width in WIDTHS if count <= width), WIDTHS[-1])


def with_width(options: Options, width: int) -> Options:
    """Return the options of a sweep of so many directions."""
    return replace(options, directions=width)


def chunks(inputs: Sequence[Any], width: int) -> Iterator[tuple[Any, ...]]:
    """Yield the unit vectors of the space of these values, `width` at a time along a last axis; zeros fill the last."""
    sizes = [np.size(value) for value in inputs]
    starts = np.cumsum([0, *sizes])
    for first in range(0, int(starts[-1]), width):
        seeds: list[Any] = []
        for value, start, size in zip(inputs, starts, sizes, strict=False):
            seed = np.zeros((*np.shape(value), width), np.asarray(value).dtype)
            own = np.arange(max(first, start), min(first + width, start + size))
            seed.reshape(size, width)[own - start, own - first] = 1.0
            seeds.append(seed)
        yield tuple(seeds)


def swept(push: Sweep, args: tuple[Any, ...], seeds: Iterator[tuple[Any, ...]], count: int, width: int) -> Any:
    """Return the tangents in all directions, along a last axis, in the structure of the value."""
    everything: Any = None
    for number, chunk in enumerate(seeds):
        tangent = push(*args, *chunk)[1]
        if everything is None:
            everything = map_leaves(_unfilled(count), tangent)
        first = number * width
        map_leaves(_filling(first, min(width, count - first)), everything, tangent)
        del tangent, chunk  # before the next take as much memory
    return everything


def _unfilled(count: int) -> Callable[[Any], Any]:
    def like(some: Any) -> Any:
        return np.empty((*some.shape[:-1], count), some.dtype)

    return like


def _filling(first: int, size: int) -> Callable[..., None]:
    def fill(all_of_them: Any, some: Any) -> None:
        all_of_them[..., first : first + size] = some[..., :size]

    return fill


def apart(shapes: Sequence[tuple[int, ...]], packed: Callable[[Sequence[Any]], Any]) -> Callable[[Any], Any]:
    """Return what takes the columns of one result, along the last axis of an array, apart: a block for each input."""

    def change(leaf: Any) -> Any:
        return packed(_blocks(leaf, shapes))

    return change


def _blocks(stacked: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    found: list[Any] = []
    start = 0
    for shape in shapes:
        stop = start + int(np.prod(shape))
        found.append(_block(stacked[..., start:stop], shape))
        start = stop
    return found


def _block(columns: Any, shape: tuple[int, ...]) -> Any:
    block = np.ascontiguousarray(columns).reshape((*columns.shape[:-1], *shape))
    if block.ndim:
        return block
    number = cast("Any", block[()])
    return number.item() if block.dtype == np.float64 else number
