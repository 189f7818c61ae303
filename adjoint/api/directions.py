"""The columns of a Jacobian, many to a sweep: chunks of directions, and how to take up what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from adjoint.api.containers import map_leaves
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


@dataclass(frozen=True)
class Directions:
    """Directions in the space of some inputs: `groups` says, for each of their numbers, in which one it is moved.

    `last`, if given, is one more direction, as one array of all numbers.
    """

    inputs: Sequence[Any]
    groups: NDArray[Any]
    count: int
    last: NDArray[Any] | None = None

    @staticmethod
    def units(inputs: Sequence[Any]) -> Directions:
        """Return the unit vectors."""
        count = sum(map(np.size, inputs))
        return Directions(inputs, np.arange(count), count)

    def chunks(self, width: int) -> Iterator[tuple[Any, ...]]:
        """Yield `width` directions at a time, along a last axis of an array for each input; zeros fill the last."""
        ends = np.cumsum([np.size(value) for value in self.inputs])
        for first in range(0, self.count, width):
            seeds: list[Any] = [
                np.zeros((*np.shape(value), width), np.asarray(value).dtype) for value in self.inputs
            ]
            chosen = np.flatnonzero((self.groups >= first) & (self.groups < first + width))
            of_input = np.searchsorted(ends, chosen, side="right")
            for k in np.unique(of_input):
                own = chosen[of_input == k]
                places = own - (ends[k] - np.size(self.inputs[k]))
                seeds[k].reshape(-1, width)[places, self.groups[own] - first] = 1.0
            if self.last is not None and first + width >= self.count:
                for seed, part in zip(seeds, np.split(self.last, ends[:-1]), strict=True):
                    seed.reshape(-1, width)[:, self.count - 1 - first] = part
            yield tuple(seeds)


def swept(push: Callable[..., Any], args: tuple[Any, ...], directions: Directions, width: int) -> Any:
    """Return the tangents in all directions, along a last axis, in the structure of the value.

    `width` is how many directions the sweep takes, 0 if it is one of one.
    """
    everything: Any = None
    for number, chunk in enumerate(directions.chunks(width or 1)):
        seeds = chunk if width else tuple(map(_single, directions.inputs, chunk))
        tangent = push(*args, *seeds)[1]
        if not width:
            tangent = map_leaves(_with_axis, tangent)
        if everything is None:
            everything = map_leaves(_unfilled(directions.count), tangent)
        first = number * (width or 1)
        map_leaves(_filling(first, min(width or 1, directions.count - first)), everything, tangent)
        del tangent, chunk, seeds  # before the next take as much memory
    return everything


def _single(value: Any, seed: Any) -> Any:
    """Return a tangent in one direction, as the sweep of one takes it."""
    if not isinstance(value, np.ndarray):
        return type(value)(seed[0])
    return np.array(seed[..., 0], order="F" if value.flags.fnc else "C")


def _with_axis(leaf: Any) -> Any:
    return np.asarray(leaf)[..., np.newaxis]


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
