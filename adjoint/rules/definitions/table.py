"""Which calls the definitions stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from adjoint.ir import Call, Lit
from adjoint.rules.definitions import along, arrays, fourier, polynomials, stacks, writes
from adjoint.rules.definitions.einsum import contraction_of, product_of
from adjoint.rules.definitions.text import broadcasting
from adjoint.rules.numba_types import dtype_of, is_array, types


@dataclass(frozen=True, slots=True)
class _Row:
    """A definition holds for calls with all the options needed, and of the rest at most those allowed.

    Options that are `varied` must not be literals: they may have derivatives.
    """

    function: Callable[..., Any]
    needed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    ranks: tuple[str, ...] = ()
    of_complex: bool = False
    of_numbers: bool = False
    varied: frozenset[str] = frozenset()


def _row(function: Callable[..., Any], needed: str = "", allowed: str = "", ranks: str = "", varied: str = "") -> _Row:
    made = _Row(function, frozenset(needed.split()), frozenset(allowed.split()), tuple(ranks.split()))
    return replace(made, varied=frozenset(varied.split()))


def _numbers(function: Callable[..., Any], needed: str = "", allowed: str = "") -> _Row:
    """A function of numbers, whole ones too, of which it makes an array of floats."""
    return _Row(function, frozenset(needed.split()), frozenset(allowed.split()), ("0", "0"), of_numbers=True)


def _fourier(function: Callable[..., Any], needed: str = "", allowed: str = "", ranks: str = "") -> _Row:
    return _Row(function, frozenset(needed.split()), frozenset(allowed.split()), tuple(ranks.split()), of_complex=True)


def _linalg(function: Callable[..., Any], ranks: str = "3") -> _Row:
    """A function of stacks of matrices, real or complex."""
    return _Row(function, ranks=tuple(ranks.split()), of_complex=True)


_NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
_ALONG = "median nanmedian prod nanprod nansum nanmean nanvar nanstd nanmax nanmin ptp".split()
_AT = "quantile percentile nanquantile nanpercentile".split()
_MAPPED = "cumprod nancumsum nancumprod".split()
# What transforms lack rules for; the others are linear in all options.
_ALONG_AXIS = {"fft": "n axis", "ifft": "n axis", "rfft": "n axis", "irfft": "axis", "hfft": "axis", "ihfft": "axis"}

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
        _row(along.variance_of_all, "ddof", "", "123"),
        _row(along.variance, "axis ddof", "keepdims", "123"),
        _row(along.variance, "axis keepdims", "", "123"),
    ),
    "std": (
        _row(along.deviation_of_all, "ddof", "", "123"),
        _row(along.deviation, "axis ddof", "keepdims", "123"),
        _row(along.deviation, "axis keepdims", "", "123"),
    ),
    "linalg.norm": (_row(along.norm, "axis", "keepdims", "123"),),
    "trapezoid": (
        _row(arrays.trapezoid, "axis", "dx", "123"),
        _row(arrays.trapezoid, "dx", "", "123", varied="dx"),
    ),
    "diff": (_row(arrays.diff, "axis", "", "123"),),
    "gradient": (
        _row(arrays.gradient, "", "axis", "1"),
        _row(arrays.gradient, "", "axis", "1 0"),
        _row(arrays.gradient, "axis", "", "23"),
        _row(arrays.gradient, "axis", "", "23 0"),
        _row(arrays.gradient_2d, "", "", "2"),
        _row(arrays.gradient_2d, "", "", "2 0"),
    ),
    "linspace": (_numbers(arrays.linspace, "endpoint", "num"),),
    "cov": (_row(partial(arrays.of_two, np.cov), "y", "", "1"),),
    "corrcoef": (_row(partial(arrays.of_two, np.corrcoef), "y", "", "1"),),
    "average": (_row(arrays.average, "axis", "weights", "123"), _row(arrays.average, "weights", "", "123")),
    "repeat": (_row(arrays.repeat, "axis", "", "2"),),
    "tile": (_row(arrays.tile, "", "", "12 t"),),
    "pad": (_row(arrays.pad, "", "mode", "12 0"),),
    "meshgrid": (_row(arrays.meshgrid, "", "indexing", "1 1"),),
    "polyval": (_row(polynomials.polyval, "", "", "1"),),
    "poly": (_row(polynomials.poly, "", "", "1"),),
    "polyadd": (_row(polynomials.polyadd, "", "", "1 1"),),
    "polysub": (_row(polynomials.polysub, "", "", "1 1"),),
    "polymul": (_row(polynomials.polymul, "", "", "1 1"),),
    "polyder": (_row(polynomials.polyder, "", "", "1"),),
    "polyint": (_row(polynomials.polyint, "", "", "1"),),
    "polyfit": (_row(polynomials.polyfit, "", "", "1 12 0"),),
    "cumulative_sum": (_row(arrays.cumulative_sum, "axis", "", "123"), _row(arrays.cumulative_sum, "", "", "1")),
    "cumulative_prod": (_row(arrays.cumulative_prod, "axis", "", "123"), _row(arrays.cumulative_prod, "", "", "1")),
    "modf": (_row(arrays.modf),),
    "rollaxis": (_row(arrays.rollaxis, "", "start", "23 0"),),
    "asanyarray": (_row(arrays.same, "", "", "123"),),
    "real_if_close": (_row(arrays.same, "", "", "123"),),
    "asarray_chkfinite": (_row(arrays.asarray_chkfinite, "", "", "123"),),
    "fill_diagonal": (_row(writes.fill_diagonal, "", "", "2 0"),),
    "putmask": (_row(writes.putmask, "", "", "12 12 0"),),
    "put": (
        _row(writes.put, "", "", "1 1 1"),
        _row(writes.put_number, "", "", "1 1 0"),
        _row(writes.put_one, "", "", "1 0 0"),
    ),
    "place": (_row(writes.place, "", "", "1 1 1"),),
    "put_along_axis": (_row(writes.put_along_axis, "", "", "12 12 12"),),
    "matrix_transpose": (_linalg(stacks.matrix_transpose, "23"),),
    "linalg.trace": (_linalg(stacks.trace, "23"),),
    "linalg.diagonal": (_linalg(stacks.diagonal, "2"),),
    "linalg.multi_dot": (_linalg(stacks.multi_dot, "t"),),
    "linalg.inv": (_linalg(partial(stacks.each_matrix, np.linalg.inv)),),
    "linalg.cholesky": (_linalg(partial(stacks.each_matrix, np.linalg.cholesky)),),
    "linalg.pinv": (_linalg(stacks.pinv),),
    "linalg.matrix_power": (_linalg(stacks.matrix_power, "3 0"),),
    "linalg.det": (_linalg(partial(stacks.each_number, np.linalg.det)),),
    "linalg.slogdet": (_row(stacks.slogdet, "", "", "3"),),
    "linalg.eigvalsh": (_row(partial(stacks.each_vector, np.linalg.eigvalsh), "", "", "3"),),
    "linalg.eigh": (_row(stacks.eigh, "", "", "3"),),
    "linalg.solve": (_linalg(stacks.solve, "3 123"), _linalg(stacks.solve, "2 3")),
    "fix": (_row(arrays.fix),),
    "heaviside": (_row(arrays.heaviside),),
    "vecdot": (_row(arrays.vecdot, "", "", "12"),),
    "dot": (_row(arrays.scaled, "", "", "0"), _row(arrays.scaled, "", "", "123 0")),
    "take_along_axis": (_row(arrays.take_along_axis, "", "", "12 12"),),
    "linalg.svd": (
        _row(arrays.svdvals, "compute_uv", "", "2"),
        _row(stacks.singular_values, "compute_uv", "", "3"),
    ),
    "linalg.svdvals": (_row(arrays.svdvals, "", "", "2"), _row(stacks.singular_values, "", "", "3")),
    **{
        f"fft.{name}": (_fourier(partial(fourier.along, getattr(np.fft, name)), needed, "n norm", "23"),)
        for name, needed in _ALONG_AXIS.items()
    },
    "fft.rfft2": (_row(fourier.rfft2, "", "s norm", "23"),),
    "fft.irfft2": (_fourier(fourier.irfft2, "", "s norm", "23"),),
    "fft.rfftn": (_row(fourier.rfftn, "", "norm", "123"),),
    "fft.irfftn": (_fourier(fourier.irfftn, "", "norm", "123"),),
    "linalg.vector_norm": (_row(arrays.norm_of_all, "", "", "123"),),
    "linalg.matrix_norm": (_row(arrays.norm_of_matrix, "", "", "2"),),
}
# Products that are contractions where an operand has more axes than Numba takes.
PRODUCTS = frozenset("matmul matvec dot inner tensordot".split())
_MODES = ("edge", "wrap", "reflect", "symmetric", "constant")


def written_out(call: Call, type_of: Callable[[Any], Any]) -> Callable[..., Any] | None:
    """Return the function to read in the place of a call; None if Numba has it, or there is none."""
    if call.prim == "einsum":
        return contraction_of(call.args[0], [type_of(arg) for arg in call.args[1:]])[0]
    if call.prim == "broadcast_arrays" and not call.kwargs:
        ranks = tuple(kind.ndim if is_array(kind) else 0 for kind in map(type_of, call.args))
        return broadcasting(ranks) if ranks and max(ranks) > 0 else None
    if call.prim in PRODUCTS and (product := product_of(call, [type_of(arg) for arg in call.args])) is not None:
        return product
    options = dict(call.kwargs)
    if isinstance(mode := options.get("mode"), Lit) and call.prim == "pad" and mode.value not in _MODES:
        return None
    if options.get("axis") is not None and not _fits(options["axis"], call, type_of):
        return None
    if options.get("compute_uv", Lit(False)) != Lit(False) or options.get("endpoint", Lit(False)) != Lit(False):
        return None
    literal = {name for name, value in options.items() if isinstance(value, Lit)}
    for row in DEFINITIONS.get(call.prim, ()):
        fits = row.needed <= {*options} <= row.needed | row.allowed and not row.varied & literal
        if fits and _ranks_fit(row, call, type_of) and _types_fit(row, call, type_of):
            return row.function
    return None


def _types_fit(row: _Row, call: Call, type_of: Callable[[Any], Any]) -> bool:
    """Whether results have the data type of the first operand, which is not so for integers.

    Where a row is for complex operands, all are of one type.
    """
    more = types.Complex if row.of_complex else types.Integer if row.of_numbers else types.Float
    known = types.Float | more
    kinds = [type_of(arg) for arg in call.args if not isinstance(arg, Call)]
    if not all(isinstance(dtype_of(kind), known) for kind in kinds[:1]):
        return False
    return not row.of_complex or len({str(kind.dtype) for kind in kinds if is_array(kind)}) < 2


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
