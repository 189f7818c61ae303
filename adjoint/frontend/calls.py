"""Calls: of primitives, of methods, of the user's functions, of what only exists while a program is lowered."""

from __future__ import annotations

import builtins
from ast import AST
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gast
import numba
import numpy as np
from numba import types

from adjoint.frontend.assign import append, atom_or_list, write
from adjoint.frontend.convert import atom, dim, items_of, operand, type_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import call_closure, call_function, is_function
from adjoint.frontend.objects import attribute_of
from adjoint.frontend.operators import binary, is_finite_number
from adjoint.frontend.values import (
    Closure,
    Display,
    Enumerate,
    Grid,
    Items,
    Known,
    Range,
    Reversed,
    ShapeOf,
    Value,
    Zip,
)
from adjoint.ir import Call, Effect, Expr, Lit, Var
from adjoint.rules.spelling import canonical_call, dtype_name, method_primitive, mutates, primitive_of, via_of
from adjoint.rules.typing import is_array

Kwargs = dict[str, Value]
Special = Callable[[Frame, Sequence[Value], AST], Value]
# Operands that stay inside the primitive they belong to.
_INNER = ("tuple", "list", "slice", "shape")


def call(frame: Frame, node: gast.Call, hint: str | None) -> Value:
    """Lower a call."""
    if isinstance(node.func, gast.Attribute):
        base = frame.expr(node.func.value)
        if not isinstance(base, Known):
            args, kwargs = _arguments(frame, node)
            return _method(frame, base, node.func.attr, args, kwargs, node, hint)
        callee = attribute_of(frame, base.obj, node.func.attr, node.func)
    else:
        callee = frame.expr(node.func)
    args, kwargs = _arguments(frame, node)
    match callee:
        case Known(obj):
            return call_object(frame, obj, args, kwargs, node, hint)
        case Closure():
            return call_closure(frame, callee, args, kwargs, node)
        case _:
            raise frame.unsupported("a call of something that is not a function", node)


def _arguments(frame: Frame, node: gast.Call) -> tuple[list[Value], Kwargs]:
    args: list[Value] = []
    for each in node.args:
        if isinstance(each, gast.Starred):
            items = items_of(frame, frame.expr(each.value), each)
            if items is None:
                raise frame.unsupported("`*` before something that is not a tuple", each)
            args.extend(items)
        else:
            args.append(frame.expr(each))
    return args, {k.arg: frame.expr(k.value) for k in node.keywords if k.arg is not None}


def call_object(frame: Frame, obj: Any, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None) -> Value:
    """Lower a call of a Python object."""
    if (special := _SPECIAL.get(id(obj))) is not None and not (kwargs and obj is not builtins.enumerate):
        return special(frame, [*args, *kwargs.values()], node)
    if getattr(obj, "__adjoint_rule__", None) is not None:
        return _reference(frame, obj, args, kwargs, node, hint)
    inline = getattr(obj, "__adjoint_inline__", None)
    if inline is not None:
        known = tuple(type_of(frame, atom(frame, arg, node)) for arg in args)
        return call_function(frame, inline(known), args, kwargs, node, hint)
    prim = primitive_of(obj)
    if isinstance(obj, np.ufunc) and len(args) > obj.nin:
        args, kwargs = args[: obj.nin], {**kwargs, "out": args[obj.nin]}
    if prim is not None:
        return primitive(frame, prim, via_of(obj), args, kwargs, node, hint)
    if is_function(obj):
        return call_function(frame, obj, args, kwargs, node, hint)
    name = getattr(obj, "__name__", type(obj).__name__)
    raise frame.unsupported(
        f"a call of `{name}`, which is not a function that can be read",
        node,
        "write it in Python, or give it a derivative with `adjoint.rule`",
    )


def _reference(frame: Frame, obj: Any, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None) -> Value:
    if kwargs:
        raise frame.unsupported("keyword arguments in a call of a function with its own rule", node, "give positions")
    name = getattr(obj, "__name__", "function")
    frame.builder.refs[f"ref:{name}"] = obj
    return frame.emit(Call(f"ref:{name}", tuple(atom(frame, arg, node) for arg in args)), node, hint)


def primitive(
    frame: Frame, prim: str, via: str, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST, hint: str | None
) -> Value:
    """Apply a primitive; `out=` is a write of its result."""
    known = dict(kwargs)
    out = known.pop("out", None)
    folded = _folded(frame, prim, via, args, node)
    if folded is not None:
        return folded
    if prim == "copyto" and len(args) == 2:
        write(frame, args[0], (Lit(...),), args[1], node)
        return Lit(None)
    if mutates(prim) and not prim.startswith("random."):
        raise frame.unsupported(f"`{prim}`, which changes its argument", node, "assign to elements or slices")
    if prim.startswith("random."):
        raise frame.unsupported(
            "a random draw inside the function", node, "draw before the call and pass the numbers in"
        )
    operands = [_operand(frame, arg, node) for arg in args]
    named = tuple((name, _operand(frame, value, node)) for name, value in known.items())
    whole = _canonical(frame, prim, via, operands, named, node)
    if out is None and "out" in dict(whole.kwargs):
        out = dict(whole.kwargs)["out"]
        assert isinstance(out, Var | Lit)
        whole = Call(whole.prim, whole.args, tuple(k for k in whole.kwargs if k[0] != "out"), whole.via)
    result = _emit(frame, whole, node, None if out is not None else hint)
    if out is None or out == Lit(None):
        return result
    write(frame, out, (Lit(...),), result, node)
    return out


def _canonical(
    frame: Frame, prim: str, via: str, args: Sequence[Expr], kwargs: tuple[tuple[str, Expr], ...], node: AST
) -> Call:
    from adjoint.errors import AdjointError
    from adjoint.frontend.builder import located

    try:
        return canonical_call(prim, via, args, kwargs)
    except AdjointError as error:
        raise located(error, frame.loc(node)) from None
    except TypeError as error:
        raise frame.unsupported(f"this call of `{prim}`: {error}", node) from None


def _operand(frame: Frame, value: Value, node: AST) -> Expr:
    if isinstance(value, Display):
        return atom_or_list(frame, value, node)
    return operand(frame, value, node)


def _emit(frame: Frame, call_: Call, node: AST, hint: str | None) -> Var:
    """Bind a call, its inner calls first."""
    args = tuple(
        _emit(frame, arg, node, None) if isinstance(arg, Call) and arg.prim not in _INNER else arg for arg in call_.args
    )
    return frame.emit(Call(call_.prim, args, call_.kwargs, call_.via), node, hint)


def _folded(frame: Frame, prim: str, via: str, args: Sequence[Value], node: AST) -> Value | None:
    """Compute what is known now: `float(2)`, and sums, minima and maxima of tuples."""
    match prim, args:
        case "cast.float64", [Lit(int() | float() as number)] if is_finite_number(number):
            return Lit(float(number))
        case "cast.int64", [Lit(int() as number)]:
            return Lit(int(number))
        case "sum", [Items() | Display() as whole] if via == "builtin":
            total: Value = Lit(0)
            for each in whole.items:
                total = binary(frame, "add", total, each, node) if total != Lit(0) else each
            return total
        case "max" | "min", [Items() | Display() as whole] if via == "builtin":
            return primitive(frame, prim, via, whole.items, {}, node, None) if len(whole.items) > 1 else whole.items[0]
        case _:
            return None


def _method(
    frame: Frame, base: Value, name: str, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None
) -> Value:
    kind: Any = type_of(frame, base)
    if isinstance(base, Var) and isinstance(kind, types.List):
        return _list_method(frame, base, name, args, node, hint)
    if isinstance(base, Var) and is_array(kind):
        if name == "fill" and len(args) == 1:
            write(frame, base, (Lit(...),), args[0], node)
            return Lit(None)
        if name == "sort" and not args and not kwargs:
            write(frame, base, (Lit(...),), frame.emit(Call("sort", (base,), via="np"), node), node)
            return Lit(None)
        if name == "astype":
            return _astype(frame, base, [*args, *kwargs.values()], node, hint)
    prim = method_primitive(name)
    if prim is None or not isinstance(base, Var | Lit):
        raise frame.unsupported(f"the method `.{name}`", node)
    return primitive(frame, prim, "method", (base, *args), kwargs, node, hint)


def _astype(frame: Frame, base: Var, args: Sequence[Value], node: AST, hint: str | None) -> Value:
    match args:
        case [Known(obj)] if (name := dtype_name(obj)) is not None:
            return frame.emit(Call(f"astype.{name}", (base,), via="method"), node, hint)
        case [Lit(str() as text)] if (name := dtype_name(text)) is not None:
            return frame.emit(Call(f"astype.{name}", (base,), via="method"), node, hint)
        case _:
            raise frame.unsupported("this form of `astype`", node, "give a data type: `x.astype(np.float64)`")


def _list_method(frame: Frame, base: Var, name: str, args: Sequence[Value], node: AST, hint: str | None) -> Value:
    if name == "append" and len(args) == 1:
        append(frame, base, args[0], node)
        return Lit(None)
    if name == "pop" and not args:
        return frame.emit(Call("pop", (base,), via="method"), node, hint)
    raise frame.unsupported(f"the method `.{name}` of a list", node, "use append, pop() and indices, or an array")


# -- what exists only while a program is lowered ---------------------------------------------------------------


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


def _isinstance(frame: Frame, args: Sequence[Value], node: AST) -> Value:
    raise frame.unsupported("`isinstance`", node, "the types of the arguments are known: write the case you need")


_SPECIAL: dict[int, Special] = {
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
    )
}
