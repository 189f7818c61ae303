"""Sparse Jacobians: the pattern, colours for its columns or rows, a sweep for each colour, and the matrix.

The pattern is what a run with sets of inputs in the place of tangents finds, at the arguments of the call: exactly what
each number of the result was made from, along the branches that were taken and through the subscripts that were used.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from adjoint.api import directions as directed
from adjoint.api.colouring import colours
from adjoint.api.containers import leaves_of, shaped
from adjoint.api.seeds import seed_for
from adjoint.backends import dependence
from adjoint.errors import UnsupportedError

if TYPE_CHECKING:
    from adjoint.api.jacobians import Point

Array = NDArray[Any]


@dataclass(frozen=True)
class Pattern:
    """Where a matrix may hold something: places in the order of rows, then columns."""

    rows: Array
    columns: Array
    shape: tuple[int, int]


def sparse_jacobian(point: Point) -> Any:
    """Return the Jacobian at a point: a `scipy.sparse.csr_array` for each block that a dense one would have.

    Raises:
        ImportError: SciPy is not installed.
        UnsupportedError: the pattern can't be told.
    """
    arrays = _scipy()
    found = pattern(point)
    by_columns: tuple[Array, int] | None = None
    by_rows: tuple[Array, int] | None = None
    if point.jacobian.direction != "reverse":
        by_columns = colours(found.rows, found.columns, found.shape[1])
    if point.jacobian.direction != "forward":
        by_rows = colours(found.columns, found.rows, found.shape[0])
    if by_columns is not None and (by_rows is None or by_columns[1] <= by_rows[1]):
        values = _by_columns(point, found, *by_columns)
    else:
        assert by_rows is not None
        values = _by_rows(point, found, *by_rows)
    return _blocks(point, found, values, arrays)


def _scipy() -> Any:
    try:
        from scipy import sparse
    except ImportError:
        raise ImportError("sparse Jacobians are matrices of SciPy: pip install adjoint[sparse]") from None
    return cast("Any", sparse)


# -- the pattern -----------------------------------------------------------------------------------------------------


def pattern(point: Point) -> Pattern:
    """Return where the Jacobian at a point may differ from zero; all results and inputs one after another."""
    options = point.jacobian.options
    found = replace(options, dependences=True, directions=0, target="python", fuse=False, parallel=False, cache=False)
    push = point.jacobian.sweep_with("jvp", point.form, point.wrt, found)
    zeros = (seed_for("tangent", "", point.args[k], None) for k in point.wrt)
    text = push.module_for(*point.args, *zeros)
    seeds = point.as_arguments(_seeds(point.inputs), 0.0)
    sets = _run(text.python_function, point.args, seeds, text.source)
    dependences = list(chain.from_iterable(map(dependence.inputs_of, leaves_of(sets))))
    counts = [len(each) for each in dependences]
    columns = np.fromiter(chain.from_iterable(dependences), np.int64, sum(counts))
    rows = np.repeat(np.arange(len(counts)), counts)
    return Pattern(rows, columns, (len(counts), sum(map(np.size, point.inputs))))


def _seeds(inputs: Sequence[Any]) -> list[Any]:
    starts = np.cumsum([0, *map(np.size, inputs)])
    return [dependence.seeds(value, int(start)) for value, start in zip(inputs, starts, strict=False)]


def _run(function: Callable[..., Any], args: Sequence[Any], seeds: Sequence[Any], source: str) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*args, *seeds)[1]
    except (TypeError, AttributeError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [linecache.getline(f.filename, f.lineno or 0).strip() for f in frames]
        where = next((line for line in reversed(lines) if line and line in source), "")
        raise UnsupportedError(
            f"the pattern of the Jacobian can't be told: its derivative has `{where}`, which mixes what it takes from "
            "arrays in a way that is not known",
            help="leave out `sparse`, or write it as sums and products",
        ) from error


# -- sweeps ----------------------------------------------------------------------------------------------------------


def _by_columns(point: Point, found: Pattern, groups: Array, count: int) -> Array:
    """Return the values at the places of a pattern, by forward mode."""
    check = _direction(found.shape[1])
    directions = directed.Directions(point.inputs, groups, count + 1, check)
    tangents = point.stacked(directions)
    if tangents is None:
        tangents = directed.swept(point.push_inputs, point.args, directions, 0)
    stacked = [np.asarray(leaf).reshape(-1, count + 1) for leaf in leaves_of(tangents)]
    swept = np.concatenate(stacked) if stacked else np.zeros((0, count + 1))
    values = swept[found.rows, groups[found.columns]]
    _check(swept[:, -1], found.rows, values, check[found.columns], found.shape[0])
    return values


def _by_rows(point: Point, found: Pattern, groups: Array, count: int) -> Array:
    """Return the values at the places of a pattern, by reverse mode."""
    point.check_value()
    check = _direction(found.shape[0])
    pulled: list[Array] = []
    for seed in (*((groups == k).astype(np.float64) for k in range(count)), check):
        bars = point.pulled(_like(point.value, seed))
        pulled.append(np.concatenate([np.ravel(bar) for bar in bars]))
    swept = np.array(pulled)
    values = swept[groups[found.rows], found.columns]
    _check(swept[-1], found.columns, values, check[found.rows], found.shape[1])
    return values


def _like(value: Any, numbers: Array) -> Any:
    """Return these numbers in the structure of a value."""
    seeds: list[Any] = []
    for leaf in leaves_of(value):
        own, numbers = numbers[: np.size(leaf)], numbers[np.size(leaf) :]
        if isinstance(leaf, np.ndarray):
            seeds.append(own.reshape(np.shape(cast("Any", leaf))).astype(cast("Any", leaf).dtype))
        else:
            seeds.append(type(leaf)(own[0]))
    return shaped(value, iter(seeds))


def _direction(size: int) -> Array:
    return np.random.default_rng(0).uniform(0.5, 1.5, size)


def _check(expected: Array, at: Array, values: Array, weights: Array, size: int) -> None:
    """Compare the product with one vector: a branch may be decided by the last digit, and so be another in each run."""
    found = np.bincount(at, weights=values * weights, minlength=size)
    scale = np.bincount(at, weights=np.abs(values * weights), minlength=size)
    rtol = 1e-3 if values.dtype == np.float32 else 1e-8
    known = np.isfinite(found) & np.isfinite(expected)
    # Where terms cancel, what is left owes nothing but to their size, of which the largest number of all gives an idea.
    owed = rtol * scale + 1e-5 * rtol * float(np.max(scale[known], initial=0.0))
    if np.any(np.abs(found - expected)[known] > owed[known]):
        raise UnsupportedError(
            "the pattern of the Jacobian differs between runs: a branch or a subscript depends on rounding",
            help="leave out `sparse`",
        )


# -- the result ------------------------------------------------------------------------------------------------------


def _blocks(point: Point, found: Pattern, values: Array, arrays: Any) -> Any:
    results = leaves_of(point.value)
    row_ends = np.cumsum([0, *map(np.size, results)])
    column_ends = np.cumsum([0, *map(np.size, point.inputs)])
    blocks: list[Any] = []
    for first, last in pairwise(row_ends):
        own: list[Any] = []
        for left, right in pairwise(column_ends):
            inside = (found.rows >= first) & (found.rows < last) & (found.columns >= left) & (found.columns < right)
            places = found.rows[inside] - first, found.columns[inside] - left
            own.append(arrays.csr_array((values[inside], places), shape=(last - first, right - left)))
        blocks.append(point.packed(own))
    return shaped(point.value, iter(blocks))
