"""The door to Numba's type inference: one function applied to operand types, and what types have in common."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

import numba.types
import numpy as np
from numba.core import errors as numba_errors
from numba.core.registry import cpu_target
from numba.np import numpy_support

from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Lit

# Numba's classes carry no annotations; this is the one name for "a Numba type".
Type: TypeAlias = Any
types: Any = numba.types
Options: TypeAlias = tuple[tuple[str, Type], ...]

int64: Type = types.intp
float64: Type = types.float64
boolean: Type = types.boolean
none: Type = types.none


@dataclass(frozen=True, slots=True)
class Application:
    """A primitive with its operands and their types; `kwargs` holds the option expressions."""

    call: Call
    types: tuple[Type, ...]
    kwargs: Mapping[str, Expr]
    type_of: Callable[[Expr], Type]

    @property
    def args(self) -> tuple[Expr, ...]:
        return self.call.args

    @property
    def prim(self) -> str:
        return self.call.prim

    def option(self, name: str, default: object = None) -> object:
        """Return the value of an option that must be known to type the call: a number, a text, None or a tuple."""
        expr = self.kwargs.get(name)
        match expr:
            case None:
                return default
            case Lit(value):
                return value
            case Call("tuple", items) if all(isinstance(item, Lit) for item in items):
                return tuple(cast(Lit, item).value for item in items)
            case _:
                raise TypingError(f"`{name}` of `{self.prim}` must be a constant")


@cache
def _context() -> Any:
    target: Any = cpu_target
    context = target.typing_context
    target.target_context.refresh()
    context.refresh()
    return context


@cache
def ask_numba(function: object, args: tuple[Type, ...], kwargs: Options = ()) -> Type | None:
    """Return the type Numba gives to an application, or None if it knows no such function or operands."""
    found = _resolve(function, args, kwargs)
    if not found or isinstance(found, str):
        # Extensions registered since the last look may know it.
        _context().refresh()
        found = _resolve(function, args, kwargs)
    return None if found is None or isinstance(found, str) else types.unliteral(found)


def why_not(function: object, args: tuple[Type, ...], kwargs: Options = ()) -> str:
    """Return the gist of Numba's reason for refusing an application, in one line; empty if it gives none."""
    found = _resolve(function, args, kwargs)
    return found if isinstance(found, str) else ""


def _resolve(function: object, args: tuple[Type, ...], kwargs: Options) -> Type | str | None:
    """Return the result's type, or the reason why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba_errors.NumbaWarning)
            signature = _context().resolve_function_type(function, args, dict(kwargs))
    except (numba_errors.NumbaError, TypeError, ValueError, NotImplementedError) as error:
        return _gist(str(error))
    return None if signature is None else signature.return_type


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _gist(message: str) -> str:
    """Return the first line that says something about the program rather than about Numba's stages."""
    lines = [line.strip() for line in _ANSI.sub("", message).splitlines()]
    telling = (line for line in lines if line and not line.startswith(("Failed in", "- Resolution", "-", "During:")))
    return next(telling, "refused")


def ask_getitem(target: Type, index: Type) -> Type | None:
    """Return the type of `target[index]`, or None if Numba doesn't have it."""
    return ask_numba(operator.getitem, (target, index))


@cache
def unify_numbers(first: Type, second: Type) -> Type | None:
    """Return the number type both convert to, by Numba's rules."""
    return _context().unify_pairs(first, second)


def literal_type(value: object) -> Type:
    """Return the type of a constant.

    Raises
    ------
    TypingError
        If it is neither number, text, None nor Ellipsis.
    """
    match value:
        case bool():
            return boolean
        case int():
            return types.uint64 if value > types.int64.maxval else int64
        case float():
            return types.float64
        case complex():
            return types.complex128
        case str():
            return types.unicode_type
        case None:
            return none
        case _ if value is Ellipsis:
            return types.ellipsis
        case _:
            raise TypingError(f"not a constant: {value!r}")


@cache
def is_subclass(cls: type, *bases: Any) -> bool:
    """Whether a class of types is one of others: Numba's are abstract, and take long to say so."""
    return issubclass(cls, bases)


def is_array(kind: object) -> bool:
    return is_subclass(type(kind), types.Array)


def is_number(kind: object) -> bool:
    return is_subclass(type(kind), types.Number, types.Boolean)


def is_signed(kind: object) -> bool:
    """Whether a type is that of whole numbers that may be negative."""
    return is_subclass(type(kind), types.Integer) and bool(cast("Any", kind).signed)


def is_tuple(kind: object) -> bool:
    return is_subclass(type(kind), types.BaseTuple)


def is_list(kind: object) -> bool:
    return is_subclass(type(kind), types.List, types.ListType)


@cache
def array(dtype: Type, ndim: int, layout: str = "C") -> Type:
    return types.Array(dtype, ndim, layout)


def scalar_or_array(dtype: Type, ndim: int, layout: str = "C") -> Type:
    """Return an array type, or what NumPy returns in its place for no dimensions: the scalar."""
    return array(dtype, ndim, layout) if ndim else dtype


def tuple_of(items: tuple[Type, ...]) -> Type:
    return types.BaseTuple.from_types(tuple(types.unliteral(item) for item in items))


def dtype_of(kind: Type) -> Type:
    """Return the element type of an array, or the type of a scalar."""
    return kind.dtype if is_array(kind) else types.unliteral(kind)


def element_type(kind: Type) -> Type:
    """Return the type of the elements of an array or a list."""
    return kind.dtype


def item_types(kind: Type) -> tuple[Type, ...]:
    """Return the types of the items of a tuple."""
    return tuple(kind)


def ndim_of(kind: Type) -> int:
    return kind.ndim if is_array(kind) else 0


def own_layout(kind: Type) -> str:
    """Return the layout of a copy: Numba keeps C and F, and makes everything else C."""
    return kind.layout if kind.layout in ("C", "F") else "C"


@cache
def promote(*dtypes: Type) -> Type:
    """Return the data type NumPy gives an array made of elements of all these types."""
    try:
        return numpy_support.from_dtype(np.result_type(*(numpy_support.as_dtype(d) for d in dtypes)))
    except (TypeError, numba_errors.NumbaError):
        raise TypingError(f"no common data type of {', '.join(map(str, dtypes))}") from None


@cache
def named_dtype(name: str) -> Type:
    """Return the type of the elements called `name` ("float32").

    Raises
    ------
    TypingError
        If Numba has no such data type.
    """
    try:
        return numpy_support.from_dtype(np.dtype(name))
    except (TypeError, numba_errors.NumbaError):
        raise TypingError(f"Numba has no data type `{name}`") from None


def of_dtype(dtype: Type) -> tuple[tuple[str, Expr], ...]:
    """Return the keyword with which a call makes an array of a data type: none for `float64`."""
    return () if dtype == float64 else (("dtype", Lit("bool" if dtype == boolean else str(dtype))),)
