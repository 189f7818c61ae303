"""What array functions ask of their operands: element types, ranks, axes, shapes and data type options."""

from __future__ import annotations

from collections.abc import Callable

from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import items_of
from adjoint.rules.numba_types import (
    Application,
    Type,
    array,
    float64,
    int64,
    is_array,
    is_list,
    is_number,
    is_tuple,
    named_dtype,
    promote,
    types,
)

Rule = Callable[[Application], Type]


def same(dtype: Type) -> Type:
    return dtype


def wide(dtype: Type) -> Type:
    """Sums and products of small integers are made of 64 bits."""
    if isinstance(dtype, types.Boolean):
        return int64
    if isinstance(dtype, types.Integer):
        return types.int64 if dtype.signed else types.uint64
    return dtype


def inexact(dtype: Type) -> Type:
    return float64 if isinstance(dtype, (types.Integer, types.Boolean)) else dtype


def modulus(dtype: Type) -> Type:
    """The real type in which a complex number's parts are."""
    return inexact(getattr(dtype, "underlying_float", dtype))


def part(dtype: Type) -> Type:
    return getattr(dtype, "underlying_float", dtype)


def always(result: Type) -> Callable[[Type], Type]:
    return lambda _: result


def in_double(dtype: Type) -> Type:
    """Numba computes `var`, `std` and `median` in double precision."""
    return float64


def array_operand(app: Application, position: int = 0) -> Type:
    """Return an operand's type, as an array; a list or tuple of numbers counts as what `np.array` makes of it."""
    kind = app.types[position] if position < len(app.types) else None
    if is_array(kind):
        return kind
    if is_number(kind):
        return array(kind, 0)
    if is_list(kind) or is_tuple(kind):
        return _nested(app.prim, kind)
    raise TypingError(f"`{app.prim}` needs an array, not {kind}")


def _nested(prim: str, kind: Type) -> Type:
    """Return the array that a sequence of numbers, arrays or sequences makes."""
    if is_array(kind):
        return kind
    if is_number(kind):
        return array(kind, 0)
    items = (kind.dtype,) if is_list(kind) else tuple(kind.types) if is_tuple(kind) else ()
    parts = [_nested(prim, item) for item in items]
    if not parts or len({part.ndim for part in parts}) != 1:
        raise TypingError(f"`{prim}` cannot make an array of {kind}")
    return array(promote(*(part.dtype for part in parts)), parts[0].ndim + 1)


def dtype_option(app: Application, default: Type) -> Type:
    expr = app.kwargs.get("dtype")
    match expr:
        case None | Lit(None):
            return default
        case Lit(str() as name):
            return named_dtype(name)
        case _:
            return _dtype_value(app.type_of(expr))


def _dtype_value(kind: Type) -> Type:
    if isinstance(kind, (types.DType, types.NumberClass)):
        return kind.dtype if isinstance(kind, types.DType) else kind.instance_type
    raise TypingError(f"not a data type: {kind}")


def rank_of_shape(app: Application, shape: Expr) -> int:
    """Return how many dimensions a shape argument stands for."""
    if isinstance(shape, Call) and shape.prim == "tuple":
        return len(shape.args)
    kind = app.type_of(shape)
    if isinstance(kind, types.Integer):
        return 1
    if is_tuple(kind):
        return len(kind)
    raise TypingError(f"a shape must be an integer or a tuple of integers, not {kind}")


def axes_named(app: Application, ndim: int, name: str = "axis") -> int | None:
    """Return how many axes an `axis` option names; None if it is absent."""
    expr = app.kwargs.get(name)
    if expr is None or expr == Lit(None):
        return None
    values = items_of(expr)
    for value in values:
        if isinstance(value, Lit) and not (isinstance(value.value, int) and -ndim <= value.value < ndim):
            raise TypingError(f"axis {value.value} is out of bounds for an array of {ndim} dimensions")
    return len(values)
