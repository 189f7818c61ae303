"""Functions of `scipy.special`: which ones have derivatives, and how they are applied to arrays.

SciPy is never imported here: a user who calls its functions has imported it. Each function of numbers is a helper of
the generated module (`rules.special_functions`), applied to arrays element by element; the others are written out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from adjoint.rules.numba_types import Type, is_array, is_number, types


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive that no Python object stands for, as a function that the compiler reads."""

    prim: str


_WHERE: Any = np.where
_STOPPED: Any = Primitive("helper.unmoved")
_GAMMALN: Any = Primitive("helper.gammaln")
_GAMMA: Any = Primitive("helper.gamma_function")
_BINOM: Any = Primitive("helper.binom")

# --- how a function of numbers is applied -----------------------------------------------------------------------------


def one(function: Any, x: Any) -> Any:
    return function(np.float64(x))


def one_single(function: Any, x: Any) -> Any:
    return np.float32(function(np.float64(x)))


def two(function: Any, a: Any, b: Any) -> Any:
    return function(np.float64(a), np.float64(b))


def two_single(function: Any, a: Any, b: Any) -> Any:
    return np.float32(function(np.float64(a), np.float64(b)))


def each(function: Any, dtype: Any, x: Any) -> Any:
    flat: Any = np.ravel(np.ascontiguousarray(x))
    out: Any = np.empty(flat.shape[0], dtype)
    for k in range(flat.shape[0]):
        out[k] = function(np.float64(flat[k]))
    return out.reshape(x.shape)


def each_first(function: Any, dtype: Any, a: Any, b: Any) -> Any:
    flat: Any = np.ravel(np.ascontiguousarray(a))
    out: Any = np.empty(flat.shape[0], dtype)
    for k in range(flat.shape[0]):
        out[k] = function(np.float64(flat[k]), np.float64(b))
    return out.reshape(a.shape)


def each_second(function: Any, dtype: Any, a: Any, b: Any) -> Any:
    flat: Any = np.ravel(np.ascontiguousarray(b))
    out: Any = np.empty(flat.shape[0], dtype)
    for k in range(flat.shape[0]):
        out[k] = function(np.float64(a), np.float64(flat[k]))
    return out.reshape(b.shape)


def each_pair(function: Any, dtype: Any, a: Any, b: Any) -> Any:
    both = np.broadcast_arrays(a, b)
    left, right = np.ravel(np.ascontiguousarray(both[0])), np.ravel(np.ascontiguousarray(both[1]))
    out = np.empty(left.shape[0], dtype)
    for k in range(left.shape[0]):
        out[k] = function(np.float64(left[k]), np.float64(right[k]))
    return out.reshape(both[0].shape)


def whole_order(function: Any, n: Any, x: Any) -> Any:
    return function(n, np.float64(x))


def whole_order_each(function: Any, dtype: Any, n: Any, x: Any) -> Any:
    flat: Any = np.ravel(np.ascontiguousarray(x))
    out: Any = np.empty(flat.shape[0], dtype)
    for k in range(flat.shape[0]):
        out[k] = function(n, np.float64(flat[k]))
    return out.reshape(x.shape)


# --- functions of SciPy that are no ufuncs ----------------------------------------------------------------------------


def expm1(x: Any) -> Any:
    return np.expm1(x)


def log1p(x: Any) -> Any:
    return np.log1p(x)


def exp2(x: Any) -> Any:
    return np.exp2(x)


def cbrt(x: Any) -> Any:
    return np.cbrt(x)


def comb(N: Any, k: Any) -> Any:
    return _BINOM(np.float64(N), np.float64(k)) if 0 <= k <= N else 0.0


def factorial(n: Any) -> Any:
    return _GAMMA(np.float64(n) + 1.0) if n >= 0 else 0.0


def multigammaln(a: Any, d: Any) -> Any:
    total = 0.28618247146235004 * d * (d - 1)
    for j in range(d):
        total += _GAMMALN(a - 0.5 * j)
    return total


def _largest(x: Any, axis: Any) -> Any:
    """Return the largest element, or those along an axis; what is subtracted has no influence on the result."""
    if axis is None:
        found: Any = _STOPPED(np.max(x))
        largest: Any = found if np.isfinite(found) else found * 0.0
    else:
        found = _STOPPED(np.max(x, axis=axis))
        finite: Any = _WHERE(np.isfinite(found), found, np.zeros_like(found))
        largest = np.expand_dims(finite, axis)
    return largest


def softmax(x: Any, axis: Any = None) -> Any:
    powers = np.exp(x - _largest(x, axis))
    total = np.sum(powers) if axis is None else np.expand_dims(np.sum(powers, axis=axis), axis)
    return powers / total


def log_softmax(x: Any, axis: Any = None) -> Any:
    rest = x - _largest(x, axis)
    total = np.sum(np.exp(rest)) if axis is None else np.expand_dims(np.sum(np.exp(rest), axis=axis), axis)
    return rest - np.log(total)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: Any = False) -> Any:
    largest = _largest(a, axis)
    powers = np.exp(a - largest) if b is None else b * np.exp(a - largest)
    if axis is None:
        result = np.log(np.sum(powers)) + largest
    else:
        total = np.log(np.sum(powers, axis=axis))
        result = np.expand_dims(total, axis) + largest if keepdims else total + np.sum(largest, axis=axis)
    return result


# --- which function stands for which ----------------------------------------------------------------------------------

UNARY = {
    "gammaln": "helper.gammaln", "gamma": "helper.gamma_function", "rgamma": "helper.rgamma",
    "psi": "helper.digamma", "digamma": "helper.digamma",
    "erf": "erf", "erfc": "erfc", "erfcx": "helper.erfcx", "erfinv": "helper.erfinv", "erfcinv": "helper.erfcinv",
    "ndtr": "helper.ndtr", "ndtri": "helper.ndtri", "log_ndtr": "helper.log_ndtr",
    "expit": "helper.expit", "logit": "helper.logit", "log_expit": "helper.log_expit",
    "entr": "helper.entr", "exprel": "helper.exprel", "cosm1": "helper.cosm1",
    "j0": "helper.j0", "j1": "helper.j1", "y0": "helper.y0", "y1": "helper.y1", "i0": "helper.i0", "i1": "helper.i1",
    "i0e": "helper.i0e", "i1e": "helper.i1e", "k0": "helper.k0", "k1": "helper.k1", "k0e": "helper.k0e",
    "k1e": "helper.k1e",
}  # fmt: skip
BINARY = {
    "beta": "helper.beta", "betaln": "helper.betaln", "binom": "helper.binom",
    "gammainc": "helper.gammainc", "gammaincc": "helper.gammaincc", "zeta": "helper.zeta",
    "xlogy": "helper.xlogy", "xlog1py": "helper.xlog1py", "rel_entr": "helper.rel_entr", "kl_div": "helper.kl_div",
}  # fmt: skip
_OF_NUMPY: dict[str, Callable[..., Any]] = {"expm1": expm1, "log1p": log1p, "exp2": exp2, "cbrt": cbrt}
_OF_ARRAYS: dict[str, Callable[..., Any]] = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}
_OF_NUMBERS: dict[str, Callable[..., Any]] = {"comb": comb, "factorial": factorial, "multigammaln": multigammaln}

NAMES = tuple(sorted([*UNARY, *BINARY, *_OF_NUMPY, *_OF_ARRAYS, *_OF_NUMBERS, "polygamma"]))


def scipy_name(obj: object) -> str | None:
    """Return the name of a function of `scipy.special` that has a derivative; None for other objects."""
    module = sys.modules.get("scipy.special")
    name = getattr(obj, "__name__", None)
    if module is None or not isinstance(name, str):
        return None
    return name if name in NAMES and getattr(module, name, None) is obj else None


def function_for(name: str, kinds: Sequence[Type]) -> Callable[..., Any] | None:
    """Return the function to read in the place of one of `scipy.special`, of operands of these types.

    None if there is none for them.
    """
    if not all(map(_is_real, kinds)):
        return None
    if name in _OF_NUMPY or name in _OF_ARRAYS and kinds and is_array(kinds[0]):
        return {**_OF_NUMPY, **_OF_ARRAYS}[name]
    if name in _OF_NUMBERS:
        return None if any(map(is_array, kinds)) else _OF_NUMBERS[name]
    if name in UNARY and len(kinds) == 1:
        return _unary(Primitive(UNARY[name]), kinds[0])
    if name in BINARY and len(kinds) == 2:
        return _binary(Primitive(BINARY[name]), kinds[0], kinds[1])
    if name == "polygamma" and len(kinds) == 2 and isinstance(kinds[0], types.Integer):
        order = Primitive("helper.polygamma")
        if is_array(kinds[1]):
            return partial(whole_order_each, order, np.float64)
        return partial(whole_order, order)
    return None


def _unary(function: Primitive, kind: Type) -> Callable[..., Any]:
    if is_array(kind):
        return partial(each, function, _dtype((kind,)))
    return partial(one_single if kind == types.float32 else one, function)


def _binary(function: Primitive, first: Type, second: Type) -> Callable[..., Any]:
    kinds = (first, second)
    match is_array(first), is_array(second):
        case False, False:
            return partial(two_single if _dtype(kinds) is np.float32 else two, function)
        case True, False:
            return partial(each_first, function, _dtype(kinds))
        case False, True:
            return partial(each_second, function, _dtype(kinds))
        case _:
            return partial(each_pair, function, _dtype(kinds))


def _dtype(kinds: Sequence[Type]) -> type:
    """Return the data type of a result: single precision if that of every operand is."""
    return np.float32 if all(_element(kind) == types.float32 for kind in kinds) else np.float64


def _element(kind: Type) -> Type:
    return kind.dtype if is_array(kind) else kind


def _is_real(kind: Type) -> bool:
    element = _element(kind)
    return is_number(element) and not isinstance(element, types.Complex) or kind == types.none
