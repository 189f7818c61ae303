"""Builtins and functions of NumPy that mean something to the compiler itself: ranges, lengths, shapes, data types.

An entry returns None where the call is an ordinary primitive after all.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba import types

from adjoint.frontend.convert import atom, dim, is_array_value, items_of, listed, type_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.operators import binary, subscripts_of, truth
from adjoint.frontend.values import (
    Display,
    Enumerate,
    Grid,
    Items,
    Known,
    Listed,
    Range,
    Reversed,
    ShapeOf,
    Slice,
    Value,
    Zip,
)
from adjoint.ir import Call, Effect, Lit, Var
from adjoint.rules.typing import is_array, is_number

Special = Callable[[Frame, Sequence[Value], AST], Value | None]


def _range(frame: Frame, args: Sequence[Value], node: AST, parallel: bool = False) -> Value:
    bounds = [atom(frame, arg, node) for arg in args]
    for bound in bounds:
        if not isinstance(frame.type_of(bound), types.Integer | types.Boolean):
            raise frame.unsupported(
                f"a range with a bound of type {frame.type_of(bound)}", node, "convert it with `int(...)`"
            )
    match bounds:
        case [stop]:
            return Range(Lit(0), stop, Lit(1), parallel)
        case [start, stop]:
            return Range(start, stop, Lit(1), parallel)
        case [_, _, Lit(0)]:
            raise frame.unsupported("a range with step 0", node)
        case [start, stop, step]:
            return Range(start, stop, step, parallel)
        case _:
            raise frame.unsupported("`range` with this number of arguments", node)


def _prange(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    return _range(frame, args, node, parallel=True)


def _enumerate(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    return Enumerate(args[0], atom(frame, args[1], node) if len(args) > 1 else Lit(0))


def _zip(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    return Zip(tuple(args))


def _reversed(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    return Reversed(args[0])


def _len(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    if isinstance(args[0], Range):
        return frame.emit(Call("len", (Call("range", (args[0].start, args[0].stop, args[0].step)),)), node)
    if isinstance(args[0], Listed):
        return dim(frame, args[0].array, 0, node)
    items = items_of(frame, args[0], node)
    if items is not None:
        return Lit(len(items))
    value = atom(frame, args[0], node)
    if isinstance(value, Var) and is_array(frame.type_of(value)):
        return dim(frame, value, 0, node)
    return frame.emit(Call("len", (value,)), node)


def _tuple(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    items = items_of(frame, args[0], node) if args else ()
    if items is None:
        raise frame.unsupported("a tuple of unknown length", node, "use an array")
    return Items(items)


def _list(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    if args and isinstance(args[0], Listed):
        return listed(frame, args[0].array, node)
    if args and isinstance(args[0], Var) and isinstance(frame.type_of(args[0]), types.List):
        return listed(frame, args[0], node)
    if args and is_array_value(frame, args[0]) and frame.type_of(value := atom(frame, args[0], node)).ndim == 1:
        return Listed(frame.emit(Call("copy", (value,), via="method"), node))
    items = items_of(frame, args[0], node) if args else ()
    if items is None:
        raise frame.unsupported("`list(...)` of this", node, "write a list comprehension")
    return Display(items)


def _print(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    frame.builder.add(Effect(Call("print", tuple(atom(frame, arg, node) for arg in args)), frame.loc(node)))
    return Lit(None)


def _ndindex(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    lengths = items_of(frame, args[0], node) if len(args) == 1 else None
    return Grid(tuple(atom(frame, each, node) for each in (lengths or args)))


def _ndenumerate(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    array = atom(frame, args[0], node)
    assert isinstance(array, Var)
    return Grid(tuple(atom(frame, each, node) for each in items_of(frame, ShapeOf(array), node) or ()), array)


def _unravel_index(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    lengths = items_of(frame, args[1], node) if len(args) == 2 else None
    if not lengths:
        return None
    return Items(subscripts_of(frame, args[0], lengths, node))


def _ravel_multi_index(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    subscripts = items_of(frame, args[0], node) if len(args) == 2 else None
    lengths = items_of(frame, args[1], node) if len(args) == 2 else None
    if not subscripts or not lengths or len(subscripts) != len(lengths):
        return None
    found = subscripts[0]
    for subscript, length in zip(subscripts[1:], lengths[1:], strict=True):
        found = binary(frame, "add", binary(frame, "mul", found, length, node), subscript, node)
    return found


def _ix(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    """`np.ix_(rows, columns)`: index arrays, each along an axis of its own."""
    found: list[Value] = []
    for axis, arg in enumerate(args):
        items = None if is_array_value(frame, arg) else items_of(frame, arg, node)
        if items:
            listed_out = Call("list", tuple(atom(frame, item, node) for item in items))
            arg = frame.emit(Call("array", (listed_out,), via="np"), node)
        places = atom(frame, arg, node)
        kind: Any = frame.type_of(places)
        if not is_array(kind) or kind.ndim != 1:
            return None
        if isinstance(kind.dtype, types.Boolean):
            places = frame.emit(Call("flatnonzero", (places,), via="np"), node)
        for _ in args[axis + 1 :]:
            ndim = frame.type_of(places).ndim
            places = frame.emit(Call("expand_dims", (places, Lit(ndim)), via="np"), node)
        found.append(places)
    return Items(tuple(found))


def _isinstance(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    raise frame.unsupported("`isinstance`", node, "the types of the arguments are known: write the case you need")


def _any_all(prim: str) -> Special:
    def fold(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
        items = items_of(frame, args[0], node) if len(args) == 1 else None
        if items is None:
            raise frame.unsupported("`any` or `all` of this", node, "write `np.any(...)` or `np.all(...)`")
        result: Var | Lit = Lit(prim == "and")
        for item in items:
            each = truth(frame, item, node)
            if isinstance(result, Lit):
                result = each if result.value is (prim == "and") else result
            elif isinstance(each, Lit):
                result = result if each.value is (prim == "and") else each
            else:
                result = frame.emit(Call(prim, (result, each), via="operator"), node)
        return result

    return fold


def _divmod(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    a, b = (atom(frame, arg, node) for arg in args)
    return Items((binary(frame, "floordiv", a, b, node), binary(frame, "mod", a, b, node)))


def _slice(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    atoms = [atom(frame, arg, node) for arg in args]
    bounds = [Lit(None), *atoms] if len(atoms) == 1 else atoms
    return Slice(Call("slice", (*bounds, *[Lit(None)] * (3 - len(bounds)))))


def _shape(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    value = args[0]
    if isinstance(value, Var) and is_array(frame.type_of(value)):
        return ShapeOf(value)
    return Items(()) if is_number(type_of(frame, value)) else None


def _ndim(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    kind: Any = type_of(frame, args[0])
    if is_array(kind):
        return Lit(kind.ndim)
    return Lit(0) if is_number(kind) else None


def _size(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    match args:
        case [Var() as value, Lit(int() as axis)] if is_array(frame.type_of(value)):
            return dim(frame, value, axis, node)
        case _:
            return None


def _as_array(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    """`np.asarray` of an array is that array."""
    return args[0] if len(args) == 1 and is_array_value(frame, args[0]) else None


def _static(function: Callable[..., object]) -> Special:
    """A function of data types only, called now."""

    def evaluate(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
        known = [a.obj if isinstance(a, Known) else a.value for a in args if isinstance(a, Known | Lit)]
        return Known(function(*known)) if len(known) == len(args) else None

    return evaluate


def _identity(frame: Frame, args: Sequence[Value], node: AST) -> Value | None:
    return args[0]


SPECIAL: dict[int, Special] = {
    id(obj): special
    for obj, special in (
        (range, _range),
        (numba.prange, _prange),
        (enumerate, _enumerate),
        (zip, _zip),
        (reversed, _reversed),
        (len, _len),
        (tuple, _tuple),
        (list, _list),
        (print, _print),
        (isinstance, _isinstance),
        (np.ndindex, _ndindex),
        (np.ndenumerate, _ndenumerate),
        (np.unravel_index, _unravel_index),
        (np.ravel_multi_index, _ravel_multi_index),
        (np.ix_, _ix),
        (any, _any_all("or")),
        (all, _any_all("and")),
        (divmod, _divmod),
        (slice, _slice),
        (np.shape, _shape),
        (np.ndim, _ndim),
        (np.size, _size),
        (np.asarray, _as_array),
        (np.finfo, _static(np.finfo)),
        (np.iinfo, _static(np.iinfo)),
        (np.dtype, _static(np.dtype)),
        (numba.literal_unroll, _identity),
    )
}
