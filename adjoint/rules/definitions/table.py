"""Which calls the definitions stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from adjoint.ir import Call, Lit
from adjoint.rules.definitions import along, arrays
from adjoint.rules.definitions.einsum import contraction_of
from adjoint.rules.definitions.text import broadcasting
from adjoint.rules.numba_types import dtype_of, is_array, types


@dataclass(frozen=True, slots=True)
class _Row:
    """A definition holds for calls with all the options needed, and of the rest at most those allowed."""

    function: Callable[..., Any]
    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    ranks: tuple[str, ...] = ()


def _row(function: Callable[..., Any], needed: str = "", allowed: str = "", ranks: str = "") -> _Row:
    return _Row(function, frozenset(needed.split()), frozenset(allowed.split()), tuple(ranks.split()))


_NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
_ALONG = "median nanmedian prod nanprod nansum nanmean nanvar nanstd nanmax nanmin ptp".split()
_AT = "quantile percentile nanquantile nanpercentile".split()
_MAPPED = "cumprod nancumsum nancumprod".split()

# Ranks are those of the first operands, `23` standing for two or three.
DEFINITIONS: dict[str, tuple[_Row, ...]] = {
    **{name: (_row(partial(along.reduced, _NUMPY[name]), "axis", "keepdims", "123"),) for name in _ALONG},
    **{
        name: (
            _row(partial(along.reduced_at, _NUMPY[name]), "axis", "keepdims", "123 0"),
            _row(partial(along.at_each, _NUMPY[name]), "", "", "123 1"),
        )
        for name in _AT
    },
    **{name: (_row(partial(along.mapped, _NUMPY[name]), "axis", "", "23"),) for name in _MAPPED},
    "sort": (_row(partial(along.mapped, np.sort), "", "axis", "23"),),
    "partition": (_row(partial(along.mapped_at, np.partition), "", "axis", "23 0"),),
    "var": (
        _row(along.variance, "axis ddof", "keepdims", "123"),
        _row(along.variance, "axis keepdims", "", "123"),
    ),
    "std": (
        _row(along.deviation, "axis ddof", "keepdims", "123"),
        _row(along.deviation, "axis keepdims", "", "123"),
    ),
    "linalg.norm": (_row(along.norm, "axis", "keepdims", "123"),),
    "trapezoid": (_row(arrays.trapezoid, "axis", "dx", "123"),),
    "diff": (_row(arrays.diff, "axis", "", "123"),),
    "gradient": (_row(arrays.gradient, "", "", "1"), _row(arrays.gradient, "", "", "1 0")),
    "average": (_row(arrays.average, "axis", "weights", "123"),),
    "repeat": (_row(arrays.repeat, "axis", "", "2"),),
    "tile": (_row(arrays.tile, "", "", "12 t"),),
    "pad": (_row(arrays.pad, "", "mode", "12 0"),),
    "meshgrid": (_row(arrays.meshgrid, "", "indexing", "1 1"),),
    "polyval": (_row(arrays.polyval, "", "", "1"),),
    "poly": (_row(arrays.poly, "", "", "1"),),
    "fix": (_row(arrays.fix),),
    "heaviside": (_row(arrays.heaviside),),
    "vecdot": (_row(arrays.vecdot, "", "", "12"),),
    "dot": (_row(arrays.scaled, "", "", "0"), _row(arrays.scaled, "", "", "123 0")),
    "take_along_axis": (_row(arrays.take_along_axis, "", "", "12 12"),),
    "linalg.svd": (_row(arrays.svdvals, "compute_uv", "", "2"),),
    "linalg.svdvals": (_row(arrays.svdvals, "", "", "2"),),
    "linalg.vector_norm": (_row(arrays.norm_of_all, "", "", "123"),),
    "linalg.matrix_norm": (_row(arrays.norm_of_matrix, "", "", "2"),),
}
_MODES = ("edge", "wrap", "reflect", "symmetric", "constant")


def written_out(call: Call, type_of: Callable[[Any], Any]) -> Callable[..., Any] | None:
    """Return the function to read in the place of a call; None if Numba has it, or there is none."""
    if call.prim == "einsum":
        return contraction_of(call.args[0], [type_of(arg) for arg in call.args[1:]])[0]
    if call.prim == "broadcast_arrays" and not call.kwargs:
        ranks = tuple(kind.ndim if is_array(kind) else 0 for kind in map(type_of, call.args))
        return broadcasting(ranks) if ranks and max(ranks) > 0 else None
    options = dict(call.kwargs)
    # Results have the data type of the operand, which is not so for integers and complex numbers.
    if not all(isinstance(dtype_of(type_of(arg)), types.Float) for arg in call.args[:1] if not isinstance(arg, Call)):
        return None
    if isinstance(mode := options.get("mode"), Lit) and call.prim == "pad" and mode.value not in _MODES:
        return None
    if options.get("axis") is not None and not _fits(options["axis"], call, type_of):
        return None
    if options.get("compute_uv", Lit(False)) != Lit(False):
        return None
    for row in DEFINITIONS.get(call.prim, ()):
        given = set(options)
        if row.needed <= given <= row.needed | row.allowed and _ranks_fit(row, call, type_of):
            return row.function
    return None


def _fits(axis: Any, call: Call, type_of: Callable[[Any], Any]) -> bool:
    """Whether an axis is a constant, and one of the operand's."""
    ndim = getattr(type_of(call.args[0]), "ndim", 0) if call.args else 0
    return isinstance(axis, Lit) and isinstance(axis.value, int) and -ndim <= axis.value < ndim


def _ranks_fit(row: _Row, call: Call, type_of: Callable[[Any], Any]) -> bool:
    if row.ranks and (len(call.args) < len(row.ranks)):
        return False
    return all(_rank(arg, type_of) in want for want, arg in zip(row.ranks, call.args, strict=False))


def _rank(arg: Any, type_of: Callable[[Any], Any]) -> str:
    if isinstance(arg, Call):
        return "t"
    kind = type_of(arg)
    return str(kind.ndim) if is_array(kind) else "0"
