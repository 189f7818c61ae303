"""Functions of numbers that are applied to the elements of arrays: `numba.vectorize`, `np.vectorize`."""

from __future__ import annotations

import functools
from ast import AST
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from numba import types
from numba.np.ufunc.dufunc import DUFunc

from adjoint.frontend.boundary import type_of_value
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import call_function
from adjoint.frontend.values import Value
from adjoint.rules.definitions.text import of_elements
from adjoint.rules.typing import is_array

_VECTORISED: Any = DUFunc
_CACHED = type(functools.lru_cache(len))


def behind(obj: Any) -> Any:
    """Return the function that a cache keeps the results of, or the object itself."""
    return obj.__wrapped__ if isinstance(obj, _CACHED) else obj


def of_numbers(obj: Any) -> Callable[..., Any] | None:
    """Return the function of numbers that an object applies to elements, if it is such an object."""
    if isinstance(obj, _VECTORISED):
        return obj._dispatcher.py_func
    if isinstance(obj, np.vectorize) and isinstance(obj.pyfunc, FunctionType):
        plain = obj.signature is None and not obj.excluded and obj.otypes is None
        return obj.pyfunc if plain else None
    return None


def apply_to_elements(
    frame: Frame,
    function: Callable[..., Any],
    args: Sequence[Value],
    kwargs: Mapping[str, Value],
    node: AST,
) -> Value:
    """Inline a loop over the elements of the operands, or the function itself if they are numbers."""
    kinds = [type_of_value(frame, arg, node) for arg in args]
    if kwargs:
        raise frame.unsupported("options of a vectorised function", node, "give positions only")
    if not any(map(is_array, kinds)):
        return call_function(frame, function, args, {}, node, None)
    numbers = (getattr(kind, "dtype", kind) for kind in kinds)
    if not all(isinstance(kind, types.Integer | types.Boolean) or kind == types.float64 for kind in numbers):
        raise frame.unsupported(
            "a vectorised function of something else than arrays and numbers in double precision", node, "write a loop"
        )
    ranks = tuple(kind.ndim if is_array(kind) else 0 for kind in kinds)
    return call_function(frame, of_elements(function, ranks), args, {}, node, None)
