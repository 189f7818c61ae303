"""Which columns of a sparse matrix can share a sweep: colours, such that no row has two columns of one colour."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numpy as np

Array = np.ndarray[Any, Any]


def colours(rows: Array, columns: Array, count: int) -> tuple[Array, int]:
    """Return a colour for each of `count` columns of a pattern, and the number of colours.

    Greedy: each column in turn gets the first colour that none of those has that share a row with it.

    >>> import numpy as np
    >>> colours(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3]), 4)
    (array([0, 1, 0, 0]), 2)
    """
    if count == 0:
        return np.zeros(0, np.int64), 0
    height = int(rows.max(initial=-1)) + 1
    row_starts, in_rows = _grouped(rows, columns, height)
    column_starts, in_columns = _grouped(columns, rows, count)
    found: Array = _compiled()(row_starts, in_rows, column_starts, in_columns)
    return found, int(found.max()) + 1


def _grouped(keys: Array, values: Array, count: int) -> tuple[Array, Array]:
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=count), out=starts[1:])
    return starts, np.asarray(values, np.int64)[np.argsort(keys, kind="stable")]


@cache
def _compiled() -> Callable[..., Any]:
    return cast("Any", numba).njit(_greedy)


def _greedy(row_starts: Array, in_rows: Array, column_starts: Array, in_columns: Array) -> Array:
    count = column_starts.size - 1
    found = np.full(count, -1, np.int64)
    taken = np.full(count + 1, -1, np.int64)  # by which column a colour can't be had
    for column in range(count):
        for place in range(column_starts[column], column_starts[column + 1]):
            row = in_columns[place]
            for other in range(row_starts[row], row_starts[row + 1]):
                colour = found[in_rows[other]]
                if colour >= 0:
                    taken[colour] = column
        colour = 0
        while taken[colour] == column:
            colour += 1
        found[column] = colour
    return found
