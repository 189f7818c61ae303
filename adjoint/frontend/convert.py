"""Between values of lowering and expressions of the program."""

from __future__ import annotations

from ast import AST
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numba import types

from adjoint.frontend.frame import Frame
from adjoint.frontend.values import (
    Broken,
    Closure,
    Display,
    Items,
    Known,
    Listed,
    Record,
    ShapeOf,
    Slice,
    Unknown,
    UnknownRead,
    Value,
)
from adjoint.ir import Call, Effect, Expr, For, Let, Lit, Var
from adjoint.rules.containers import Form
from adjoint.rules.spelling import dtype_name
from adjoint.rules.typing import Type, is_array, is_number


def atom(frame: Frame, value: Value, node: AST, hint: str | None = None) -> Var | Lit:
    """Return a value as a name or constant, binding it first if it is neither."""
    expr = operand(frame, value, node)
    return frame.emit(expr, node, hint) if isinstance(expr, Call) else expr


def operand(frame: Frame, value: Value, node: AST) -> Expr:
    """Return a value as an operand of a primitive; tuples stay written out, data types become their names."""
    match value:
        case Var() | Lit():
            return value
        case Items(items):
            return Call("tuple", tuple(operand(frame, item, node) for item in items))
        case Display() | Record() | Listed():
            return _whole(frame, value, node)
        case ShapeOf(array):
            return Call("shape", (array,))
        case Slice(call):
            return call
        case Known(obj) if (name := dtype_name(obj)) is not None:
            return Lit(name)
        case Unknown():
            raise UnknownRead("", node)
        case Broken(error):
            raise frame.unsupported(str(error.msg), node, error.help)
        case Known(obj):
            raise frame.unsupported(f"{_described(obj)} is used as a value", node, "call it, or pass it to a function")
        case Closure():
            raise frame.unsupported("a function is used as a value", node, "call it, or pass it to a function")
        case _:
            raise frame.unsupported(
                "a range, `zip` or `enumerate` is used as a value", node, "iterate over it in a `for` loop"
            )


def _whole(frame: Frame, value: Display | Record | Listed, node: AST) -> Expr:
    """Return a container as an operand."""
    match value:
        case Display(items) | Record(Form("list"), items):
            return Call("list", tuple(operand(frame, item, node) for item in items))
        case Record(Form("named"), items):
            return Call("tuple", tuple(operand(frame, item, node) for item in items))
        case Record(form):
            raise frame.unsupported(f"{form.described} is used as a value", node, "use its items")
        case Listed(array):
            return listed(frame, array, node)


def _described(obj: object) -> str:
    name = getattr(obj, "__name__", None)
    return f"`{name}`" if isinstance(name, str) else f"an object of type `{type(obj).__name__}`"


def items_of(frame: Frame, value: Value, node: AST, names: Sequence[str | None] = ()) -> tuple[Value, ...] | None:
    """Return the items of a tuple, a list written out or a shape; None if the value is none of these.

    `names` are what the user calls those that have no name yet.
    """
    hints = dict(enumerate(names))
    match value:
        case Items(items) | Display(items):
            return items
        case Record(form, items) if form.is_sequence:
            return items
        case Record(Form("dict", keys)):
            return tuple(map(key_value, keys))
        case ShapeOf(array):
            return tuple(dim(frame, array, k, node, hints.get(k)) for k in range(frame.type_of(array).ndim))
        case Var() if isinstance(frame.type_of(value), types.BaseTuple):
            return tuple(item(frame, value, k, node, hints.get(k)) for k in range(len(frame.type_of(value))))
        case _:
            return None


def key_value(key: object) -> Value:
    """Return a key of a dictionary as a value."""
    return Items(tuple(map(key_value, cast("tuple[object, ...]", key)))) if isinstance(key, tuple) else Lit(key)


def listed(frame: Frame, source: Var, node: AST) -> Var:
    """Return a new list with the elements of an array or a list."""
    kind = frame.type_of(source).dtype
    length = dim(frame, source, 0, node) if is_array(frame.type_of(source)) else frame.emit(
        Call("len", (source,)), node
    )
    target = frame.emit(Call("list"), node)
    frame.builder.types[target.name] = types.List(kind)
    index = frame.builder.define(None, types.intp)
    with frame.builder.block() as body:
        each = frame.emit(Call("getitem", (source, index)), node)
        frame.builder.add(Effect(Call("append", (target, each), via="method"), frame.loc(node)))
    frame.builder.add(For(index, Lit(0), length, Lit(1), tuple(body), loc=frame.loc(node)))
    return target


def item(frame: Frame, value: Var, position: int, node: AST, hint: str | None = None) -> Value:
    """Return one item of a tuple that is a name; asking twice in a block gives the same name."""
    return _once(frame, Call("item", (value, Lit(position))), node, hint)


def dim(frame: Frame, array: Var, axis: int, node: AST, hint: str | None = None) -> Var:
    """Return the length of an axis."""
    ndim = frame.type_of(array).ndim
    if not -ndim <= axis < ndim:
        raise frame.unsupported(f"axis {axis} of an array with {ndim} dimension{'s' * (ndim != 1)}", node)
    return _once(frame, Call("dim", (array, Lit(axis % ndim))), node, hint)


def _once(frame: Frame, call: Call, node: AST, hint: str | None) -> Var:
    for stmt in reversed(frame.builder.current):
        match stmt:
            case Let(target, value) if value == call and (hint is None or frame.builder.hints.get(target.name) == hint):
                return target
            case _:
                pass
    return frame.emit(call, node, hint)


def type_of(frame: Frame, value: Value) -> Type | None:
    """Return the type of a name or constant; None for values that aren't of the program."""
    return frame.type_of(value) if isinstance(value, (Var, Lit)) else None


def is_array_value(frame: Frame, value: Value) -> bool:
    return isinstance(value, Var) and is_array(frame.type_of(value))


def is_scalar_value(frame: Frame, value: Value) -> bool:
    return isinstance(value, (Var, Lit)) and is_number(frame.type_of(value))


_EXACT = {"int64": int, "float64": float, "complex128": complex, "bool": bool}


def cast_to(frame: Frame, value: Expr, kind: Type, node: AST) -> Expr:
    """Return a number converted to a type, a constant as another constant where that says the same.

    What an empty list holds may become known only here.
    """
    if isinstance(value, Var) and isinstance(kind, types.List) and frame.type_of(value).dtype == types.undefined:
        frame.builder.tell_items(value.name, kind)
    if frame.type_of(value) == kind or not is_number(kind):
        return value
    name = "bool" if isinstance(kind, types.Boolean) else str(kind)
    match value:
        case Lit(bool() | int() | float() as number) if name in _EXACT:
            return Lit(_EXACT[name](number))
        case _:
            return frame.emit(Call(f"cast.{name}", (value,)), node)


_NUMPY_NUMBERS: tuple[type, ...] = (np.float64, np.int64, np.bool_, np.complex128)


def constant(obj: object) -> Value | None:
    """Return a Python constant as a value: numbers, texts, None and tuples of them; None for anything else."""
    if isinstance(obj, _NUMPY_NUMBERS):
        return Lit(cast("Any", obj).item())
    match obj:
        case None | bool() | int() | float() | complex() | str():
            return Lit(obj)
        case _ if obj is Ellipsis:
            return Lit(obj)
        case tuple() | list() if not hasattr(cast("Any", obj), "_fields"):
            return _constants(cast("Sequence[object]", obj))
        case _:
            return None


def _constants(obj: Sequence[object]) -> Value | None:
    items = tuple(constant(each) for each in obj)
    known = tuple(each for each in items if each is not None)
    return Items(known) if len(known) == len(items) else None


def _is_out_of_order(kind: Type) -> bool:
    return is_array(kind) and kind.ndim > 1 and kind.layout != "C"


def unconverted(frame: Frame, call_: Call) -> Var | None:
    """Return the operand of `np.ascontiguousarray` and its like if it is already what they would make of it."""
    match call_:
        case Call("asarray" | "ascontiguousarray" | "asfortranarray" as prim, (Var() as operand_,)):
            kind = frame.type_of(operand_)
            if not is_array(kind) or kind.ndim == 0 or frame.type_of(call_) != kind:
                return None
            # NumPy may keep the array in another order than its type says, see `analysis.layouts`.
            unsure = prim != "asarray" and kind.ndim > 1 and any(map(_is_out_of_order, frame.builder.types.values()))
            return None if unsure else operand_
        case Call("diff", (Var() as operand_,)) if ("n", Lit(0)) in call_.kwargs:
            return operand_
        case _:
            return None
