"""Rows of numbers as vectors of the processor: what the compiled text of a sweep in many directions calls.

A *row* holds a number for each direction, and LLVM keeps it in vector registers. To Numba it is one more type of
number, which only has what tangents need: sums, products with numbers, elements. An array of rows is an array of
Numba's whose elements are rows; it is the memory of an ordinary array with one more axis, the last. Names that end in
`_8` make rows of eight numbers, likewise for the other `WIDTHS`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache, partial
from typing import Any, cast

import numpy as np
from llvmlite import ir as llvm_ir
from numba import extending as numba_extending
from numba.core import cgutils as numba_cgutils
from numba.core import imputils as numba_imputils
from numba.core import types as numba_types
from numba.core.datamodel import models as numba_models
from numba.core.typing import templates as numba_templates
from numba.np import arrayobj as numba_arrays

# Numba and llvmlite are untyped: what is used of them goes through these names.
_ir: Any = llvm_ir
_extending: Any = numba_extending
_cgutils: Any = numba_cgutils
_types: Any = numba_types
_Type: Any = numba_types.Type
_Model: Any = cast("Any", numba_models).PrimitiveModel
_borrowed: Any = cast("Any", numba_imputils).impl_ret_borrowed
_signature: Any = cast("Any", numba_templates).signature
_Template: Any = cast("Any", numba_templates).AbstractTemplate
_infer_global: Any = cast("Any", numba_templates).infer_global
_arrays: Any = numba_arrays
_lower_builtin: Any = _extending.lower_builtin
_intrinsic: Any = _extending.intrinsic
_overload: Any = partial(_extending.overload, strict=False)  # parameters here have annotations

WIDTHS = (4, 8, 16)
_NUMBERS = (_types.Float, _types.Integer, _types.Boolean)


class Row(_Type):
    """The type of `width` numbers of type `dtype`."""

    def __init__(self, dtype: Any, width: int) -> None:
        self.dtype, self.width = dtype, width
        parent: Any = super()
        parent.__init__(name=f"row({dtype}, {width})")


@_extending.register_model(Row)
class _RowModel(_Model):
    def __init__(self, manager: Any, kind: Any) -> None:
        element = manager[kind.dtype].get_value_type()
        parent: Any = super()
        parent.__init__(manager, kind, _ir.VectorType(element, kind.width))


def is_rows(kind: Any) -> bool:
    """Whether a Numba type is that of an array of rows."""
    return isinstance(kind, _types.Array) and isinstance(kind.dtype, Row)


def rows_of(array: Any, width: int) -> Any:
    """Return the type of an array of rows; memory is aligned for numbers, not for vectors."""
    return _types.Array(Row(array.dtype, width), array.ndim - 1, array.layout, aligned=False)


# -- arithmetic ------------------------------------------------------------------------------------------------------


def _spread(context: Any, builder: Any, value: Any, kind: Any, row: Any) -> Any:
    """Return a row with a number in every place."""
    number, index = context.cast(builder, value, kind, row.dtype), _ir.IntType(32)
    vector = _ir.VectorType(number.type, row.width)
    first = builder.insert_element(_ir.Constant(vector, _ir.Undefined), number, _ir.Constant(index, 0))
    places = _ir.Constant(_ir.VectorType(index, row.width), [0] * row.width)
    return builder.shuffle_vector(first, _ir.Constant(vector, _ir.Undefined), places)


def _result(row: Any, other: Any, rows: bool, numbers: bool) -> Any:
    """Return the type of an operation on a row and something else; None if there is none."""
    if not isinstance(row, Row):
        return None
    if isinstance(other, Row):
        return row if rows and other == row else None
    # A number of more digits would ask for a row of more digits.
    fits = isinstance(other, _NUMBERS) if row.dtype == _types.float64 else other == row.dtype
    return row if numbers and fits else None


def _operation(functions: tuple[Any, ...], name: str, *, rows: bool, left: bool, right: bool) -> None:
    """Declare an operation: of two rows, of a number and a row (`left`), of a row and a number (`right`)."""

    class Operation(_Template):
        def generic(self, args: Any, kws: Any) -> Any:
            if kws or len(args) != 2:
                return None
            first, second = args
            found = _result(first, second, rows, right) or _result(second, first, False, left)
            return None if found is None else _signature(found, first, second)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row, kinds = signature.return_type, signature.args
        vectors = [
            value if isinstance(kind, Row) else _spread(context, builder, value, kind, row)
            for value, kind in zip(args, kinds, strict=True)
        ]
        return getattr(builder, name)(*vectors)

    for function in functions:
        _infer_global(function)(type(f"Row_{name}", (Operation,), {}))
        for kinds in ((Row, Row), *((Row, kind) for kind in _NUMBERS), *((kind, Row) for kind in _NUMBERS)):
            _lower_builtin(function, *kinds)(emit)


_operator: Any = operator
_operation((_operator.add, _operator.iadd), "fadd", rows=True, left=False, right=False)
_operation((_operator.sub, _operator.isub), "fsub", rows=True, left=False, right=False)
_operation((_operator.mul, _operator.imul), "fmul", rows=False, left=True, right=True)
_operation((_operator.truediv, _operator.itruediv), "fdiv", rows=False, left=False, right=True)


@_infer_global(operator.neg)
class _Negation(_Template):
    def generic(self, args: Any, kws: Any) -> Any:
        return _signature(args[0], args[0]) if len(args) == 1 and isinstance(args[0], Row) else None


@_lower_builtin(operator.neg, Row)
def _negated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.fneg(args[0])


@_infer_global(operator.pos)
class _Plus(_Negation):
    pass


@_lower_builtin(operator.pos, Row)
def _same(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return args[0]


# -- arrays of numbers and arrays of rows, in the same memory --------------------------------------------------------


def _seen_as(context: Any, builder: Any, array: Any, kind: Any, result: Any, value: Any) -> Any:
    """Return an array of type `kind` as one of type `result`: with or without an axis for the directions."""
    source = context.make_array(kind)(context, builder, value)
    target = context.make_array(result)(context, builder)
    shape = _cgutils.unpack_tuple(builder, source.shape)
    strides = _cgutils.unpack_tuple(builder, source.strides)
    row = result.dtype if is_rows(result) else kind.dtype
    size = context.get_abi_sizeof(context.get_value_type(row.dtype))
    if is_rows(result):
        shape, strides, item = shape[:-1], strides[:-1], size * row.width
    else:
        shape = [*shape, context.get_constant(_types.intp, row.width)]
        strides, item = [*strides, context.get_constant(_types.intp, size)], size
    _arrays.populate_array(
        target,
        data=builder.bitcast(source.data, context.get_data_type(result.dtype).as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=context.get_constant(_types.intp, item),
        meminfo=source.meminfo,
        parent=source.parent,
    )
    return _borrowed(context, builder, result, target._getvalue())


@cache
def _packing(width: int) -> Any:
    @_intrinsic
    def packed(typing_context: Any, array: Any) -> Any:
        if not isinstance(array, _types.Array) or array.layout != "C" or is_rows(array):
            return None
        result = rows_of(array, width)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _seen_as(context, builder, array, array, result, args[0])

        return result(array), emit

    return packed


@_intrinsic
def unpacked(typing_context: Any, array: Any) -> Any:
    """Return an array of rows as an array of numbers, with the directions as its last axis."""
    if not is_rows(array):
        return None
    result = _types.Array(array.dtype.dtype, array.ndim + 1, array.layout)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _seen_as(context, builder, array, array, result, args[0])

    return result(array), emit


@_intrinsic
def lane(typing_context: Any, row: Any, direction: Any) -> Any:
    """Return the number of a row in a direction."""
    if not isinstance(row, Row):
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return row.dtype(row, _types.intp), emit


@_intrinsic
def with_lane(typing_context: Any, row: Any, direction: Any, value: Any) -> Any:
    """Return a row with another number in a direction."""
    if not isinstance(row, Row) or not isinstance(value, _NUMBERS):
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.insert_element(args[0], args[2], args[1])

    return row(row, _types.intp, row.dtype), emit


@_intrinsic
def part(typing_context: Any, array: Any, direction: Any) -> Any:
    """Return the view of an array of rows that shows a direction."""
    if not is_rows(array):
        return None
    result = _types.Array(array.dtype.dtype, array.ndim, "A")

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = context.make_array(array)(context, builder, args[0])
        target = context.make_array(result)(context, builder)
        numbers = builder.bitcast(source.data, context.get_data_type(result.dtype).as_pointer())
        size = context.get_abi_sizeof(context.get_value_type(result.dtype))
        _arrays.populate_array(
            target,
            data=builder.gep(numbers, [args[1]]),
            shape=source.shape,
            strides=source.strides,
            itemsize=context.get_constant(_types.intp, size),
            meminfo=source.meminfo,
            parent=source.parent,
        )
        return _borrowed(context, builder, result, target._getvalue())

    return result(array, _types.intp), emit


def one(array: Any, direction: Any) -> Any:
    """Return what an array of rows holds in a direction."""
    raise NotImplementedError


@_overload(one)
def _one(array: Any, direction: Any) -> Any:
    if is_rows(array):
        return _copied_part
    return None


def _copied_part(array: Any, direction: Any) -> Any:
    return part(array, direction).copy()


def place(array: Any, direction: Any, value: Any) -> None:
    """Write what an array of rows holds in a direction."""
    raise NotImplementedError


@_overload(place)
def _place(array: Any, direction: Any, value: Any) -> Any:
    if not is_rows(array):
        return None

    def compiled(array: Any, direction: Any, value: Any) -> None:
        part(array, direction)[...] = value

    return compiled


def stored(row: Any) -> Any:
    """Return a row as an array of numbers."""
    raise NotImplementedError


@_overload(stored)
def _stored(row: Any) -> Any:
    if not isinstance(row, Row):
        return None
    width, dtype, pack = row.width, _numpy(row.dtype), _packing(row.width)

    def compiled(row: Any) -> Any:
        found = np.empty(width, dtype)
        pack(found)[()] = row
        return found

    return compiled


def _numpy(kind: Any) -> Any:
    return np.float32 if kind == _types.float32 else np.float64


# -- what depends on the width ---------------------------------------------------------------------------------------


def _row(dtype: Any, width: int) -> Any:
    @_intrinsic
    def row(typing_context: Any, value: Any) -> Any:
        kind = Row(dtype, width)
        if not isinstance(value, _NUMBERS):
            return None

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _spread(context, builder, args[0], value, kind)

        return kind(value), emit

    return row


def _loaded(width: int) -> Any:
    @_intrinsic
    def loaded(typing_context: Any, numbers: Any) -> Any:
        if not isinstance(numbers, _types.Array) or numbers.layout != "C" or numbers.ndim != 1:
            return None
        result = Row(numbers.dtype, width)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source = context.make_array(numbers)(context, builder, args[0])
            pointer = builder.bitcast(source.data, context.get_value_type(result).as_pointer())
            return builder.load(pointer, align=1)

        return result(numbers), emit

    return loaded


_MAKERS: dict[str, Callable[[int], Any]] = {
    "packed": _packing,
    "loaded": _loaded,
    "row": lambda width: _row(_types.float64, width),
    "row_of_float32": lambda width: _row(_types.float32, width),
}


@cache
def __getattr__(name: str) -> Any:
    """Make `NAME_8` and its like when they are asked for."""
    base, _, width = name.rpartition("_")
    if base not in _MAKERS or width not in map(str, WIDTHS):
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return _MAKERS[base](int(width))
