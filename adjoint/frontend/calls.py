"""Calls: of primitives, of methods, of the user's functions, of what only exists while a program is lowered."""

from __future__ import annotations

import builtins
import functools
from ast import AST
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import gast
import numpy as np
from numba import types

from adjoint.frontend.assign import append, write
from adjoint.frontend.boundary import type_of_value
from adjoint.frontend.builtin_calls import SPECIAL
from adjoint.frontend.by_text import by_text, of_scipy
from adjoint.frontend.comprehensions import comprehension, consumer
from adjoint.frontend.containers import (
    ON_RECORDS,
    attribute,
    by_name,
    changed,
    construct,
    is_record_class,
    method,
)
from adjoint.frontend.convert import atom, is_array_value, items_of, type_of, unconverted
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import call_closure, call_function, is_function
from adjoint.frontend.guards import check_real_numbers, guard_result
from adjoint.frontend.kernels import numba_cast
from adjoint.frontend.objects import attribute_of
from adjoint.frontend.operators import binary, is_finite_number
from adjoint.frontend.sequences import array_of, as_array, in_rows, is_list, list_operand, with_arrays
from adjoint.frontend.updates import update_at
from adjoint.frontend.values import Closure, Display, Items, Known, Listed, Partial, Record, Value
from adjoint.frontend.vectorised import apply_to_elements, behind, of_numbers
from adjoint.ir import Call, Effect, Expr, Lit, Var
from adjoint.rules.composite import definition
from adjoint.rules.containers import Form
from adjoint.rules.definitions.scipy import scipy_name
from adjoint.rules.definitions.table import written_out
from adjoint.rules.definitions.ufuncs import method_of
from adjoint.rules.find import of_object
from adjoint.rules.spelling import (
    canonical_call,
    dtype_name,
    is_elementwise,
    method_primitive,
    mutates,
    primitive_of,
    via_of,
)
from adjoint.rules.typing import is_array

Kwargs = dict[str, Value]
# Operands that stay inside the primitive they belong to.
_INNER = ("tuple", "list", "slice", "shape")
# Primitives with forms whose derivative is that of a definition; the other forms have rules.
_BY_DEFINITION = frozenset({"max", "min", "inner", "tensordot", "compress", "diagonal", "tile", "roll"})


def call(frame: Frame, node: gast.Call, hint: str | None) -> Value:
    """Lower a call."""
    if isinstance(node.func, gast.Attribute):
        base = frame.expr(node.func.value)
        if isinstance(base, Known) and isinstance(base.obj, np.ufunc):
            return _ufunc_method(frame, base.obj, node.func.attr, node, hint)
        if not isinstance(base, Known):
            args, kwargs = _arguments(frame, node)
            return _method(frame, base, node.func.attr, args, kwargs, node, hint)
        callee = attribute_of(frame, base.obj, node.func.attr, node.func)
    else:
        callee = frame.expr(node.func)
    if isinstance(callee, Known) and (function := consumer(callee.obj, node)) is not None:
        return comprehension(frame, cast("gast.GeneratorExp", node.args[0]), function)
    args, kwargs = _arguments(frame, node)
    return apply(frame, callee, args, kwargs, node, hint)


def apply(frame: Frame, callee: Value, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None) -> Value:
    """Call a value."""
    match callee:
        case Known(obj):
            return call_object(frame, obj, args, kwargs, node, hint)
        case Closure():
            return call_closure(frame, callee, args, kwargs, node)
        case Partial(inner, first, named):
            return apply(frame, inner, [*first, *args], {**named, **kwargs}, node, hint)
        case _:
            raise frame.unsupported("a call of something that is not a function", node)


def _arguments(frame: Frame, node: gast.Call) -> tuple[list[Value], Kwargs]:
    args: list[Value] = []
    for each in node.args:
        if isinstance(each, gast.Starred):
            items = items_of(frame, frame.expr(each.value), each)
            if items is None:
                raise frame.unsupported("`*` before something that is not a tuple", each, "pass the items one by one")
            args.extend(items)
        elif isinstance(each, gast.JoinedStr):
            args.extend(_pieces(frame, each))
        else:
            args.append(frame.expr(each))
    named: Kwargs = {}
    for keyword in node.keywords:
        value = frame.expr(keyword.value)
        named |= by_name(frame, value, keyword) if keyword.arg is None else {keyword.arg: value}
    return args, named


def _pieces(frame: Frame, node: gast.JoinedStr) -> list[Value]:
    """Return the parts of an f-string that is printed; `print` puts spaces between them."""
    found: list[Value] = []
    for each in node.values:
        if isinstance(each, gast.FormattedValue):
            found.append(frame.expr(each.value))
        elif isinstance(each, gast.Constant) and (text := str(each.value).strip()):
            found.append(Lit(text))
    return found


def call_object(frame: Frame, obj: Any, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None) -> Value:
    """Lower a call of a Python object."""
    obj = behind(obj)
    if (special := SPECIAL.get(id(obj))) is not None and not (kwargs and obj is not builtins.enumerate):
        found = special(frame, [*args, *kwargs.values()], node)
        if found is not None:
            return found
    made = _made(frame, obj, args, kwargs, node)
    if made is not None:
        return made
    if getattr(obj, "__adjoint_rule__", None) is not None:
        return _reference(frame, obj, args, kwargs, node, hint)
    lowering = getattr(obj, "__adjoint_lower__", None)
    if lowering is not None:
        return lowering(frame, args, kwargs, node)
    inline = getattr(obj, "__adjoint_inline__", None)
    if inline is not None:
        known = tuple(type_of_value(frame, arg, node) for arg in args)
        named = {name: type_of_value(frame, arg, node) for name, arg in kwargs.items()}
        return call_function(frame, inline(known, named), args, kwargs, node, hint)
    if (name := scipy_name(obj)) is not None:
        return of_scipy(frame, name, [array_of(frame, arg, node, primitive) for arg in args], kwargs, node, hint)
    prim = primitive_of(obj) or numba_cast(obj) or of_object(obj)
    operands = _ufunc_operands(obj)
    if operands is not None and len(args) > operands + 1:
        raise frame.unsupported(f"`{obj.__name__}` takes at most {operands + 1} arguments, not {len(args)}", node)
    if operands is not None and len(args) > operands:
        args, kwargs = args[:operands], {**kwargs, "out": args[operands]}
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


def _made(frame: Frame, obj: Any, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value | None:
    """Make what exists only while a program is lowered: a container, a function of fewer arguments, of elements."""
    if (function := of_numbers(obj)) is not None:
        return apply_to_elements(frame, function, args, kwargs, node)
    if obj is functools.partial and args:
        return Partial(args[0], tuple(args[1:]), kwargs)
    if is_record_class(obj):
        return construct(frame, obj, args, kwargs, node)
    on_record = ON_RECORDS.get(id(obj))
    return None if on_record is None else on_record(frame, args, kwargs, node)


def _ufunc_operands(obj: Any) -> int | None:
    return obj.nin if isinstance(obj, np.ufunc) else None


def _reference(frame: Frame, obj: Any, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None) -> Value:
    if kwargs:
        raise frame.unsupported("keyword arguments in a call of a function with its own rule", node, "give positions")
    prim = _reference_name(frame, obj)
    frame.builder.refs[prim] = obj
    return frame.emit(Call(prim, tuple(atom(frame, arg, node) for arg in args)), node, hint)


def _reference_name(frame: Frame, obj: Any) -> str:
    """Return the primitive that calls an object: by its own name, unless another has that."""
    name = getattr(obj, "__name__", "")
    prim = first = f"ref:{name if name.isidentifier() else 'function'}"
    count = 0
    while frame.builder.refs.get(prim, obj) is not obj:
        count += 1
        prim = f"{first}_{count}"
    return prim


def primitive(
    frame: Frame, prim: str, via: str, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST, hint: str | None
) -> Value:
    """Apply a primitive; `out=` is a write of its result."""
    prim, args, known = with_arrays(frame, prim, via, args, kwargs, node, primitive)
    out = known.pop("out", None)
    if "where" in known and out is not None and is_elementwise(prim):
        return _chosen(frame, prim, via, args, known, out, node)
    folded = _folded(frame, prim, via, args, node)
    if folded is not None:
        return folded
    if via == "builtin" and prim in ("max", "min") and len(args) > 1 and any(is_array_value(frame, a) for a in args):
        raise frame.unsupported(f"`{prim}` of arrays", node, f"use `np.{prim}imum`")
    if prim == "copyto" and len(args) == 2:
        write(frame, args[0], (Lit(...),), args[1], node)
        return Lit(None)
    if mutates(prim) and not prim.startswith("random."):
        return _written(frame, prim, via, args, known, node)
    if via == "builtin" and prim == "sum" and len(args) == 1 and is_list(frame, args[0]):
        via = "np"  # there is one axis
    operands = [list_operand(frame, as_array(frame, prim, via, arg, node), node) for arg in args]
    if prim == "random.seed":
        frame.builder.add(Effect(Call(prim, tuple(operands), via=via), frame.loc(node)))
        return Lit(None)
    named = tuple((name, list_operand(frame, value, node)) for name, value in known.items())
    if via == "math":
        check_real_numbers(frame, prim, operands, node)
    whole, given = _without_target(_canonical(frame, prim, via, operands, named, node))
    out, whole = given if out is None else out, in_rows(frame, whole)
    if (same := unconverted(frame, whole)) is not None and out is None:
        return same
    result = _result(frame, whole, node, None if out is not None else hint)
    if out is None or out == Lit(None):
        return result
    write(frame, out, (Lit(...),), result, node)
    return out


def _without_target(whole: Call) -> tuple[Call, Value | None]:
    """Return a call without the array that its result is written into, and that array."""
    options, out = dict(whole.kwargs), None
    if "out" in options:
        out = options.pop("out")
    elif whole.prim == "nan_to_num" and options.get("copy") == Lit(False):
        del options["copy"]
        out = whole.args[0]
    assert isinstance(out, Var | Lit | None)
    return replace(whole, kwargs=tuple(options.items())), out


def _chosen(
    frame: Frame, prim: str, via: str, args: Sequence[Value], known: dict[str, Value], out: Value, node: AST
) -> Value:
    """`np.divide(x, y, out=z, where=mask)` writes into `z` where the mask holds."""
    mask = known.pop("where")
    result = primitive(frame, prim, via, args, known, node, None)
    write(frame, out, (Lit(...),), primitive(frame, "where", "np", [mask, result, out], {}, node, None), node)
    return out


def _written(frame: Frame, prim: str, via: str, args: Sequence[Value], kwargs: Kwargs, node: AST) -> Value:
    """Inline the loop that stands for a function that writes into its argument."""
    named = tuple((name, list_operand(frame, value, node)) for name, value in kwargs.items())
    whole = _canonical(frame, prim, via, [list_operand(frame, arg, node) for arg in args], named, node)
    function = written_out(whole, frame.type_of)
    if function is None:
        raise frame.unsupported(f"`{prim}`, which changes its argument", node, "assign to elements or slices")
    return by_text(frame, function, whole, node, None)


def _result(frame: Frame, whole: Call, node: AST, hint: str | None) -> Value:
    """Bind a call in canonical form, or what stands for it where Numba lacks that."""
    if (function := written_out(whole, frame.type_of)) is not None:
        return by_text(frame, function, whole, node, hint)
    if whole.prim in _BY_DEFINITION or whole.prim in ("var", "std") and "keepdims" in dict(whole.kwargs):
        defined = definition(whole, frame.type_of)
        whole = defined if isinstance(defined, Call) else whole
    return _emit(frame, whole, node, hint)


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


def _emit(frame: Frame, call_: Call, node: AST, hint: str | None) -> Var:
    """Bind a call, its inner calls first."""
    args = tuple(
        _emit(frame, arg, node, None) if isinstance(arg, Call) and arg.prim not in _INNER else arg for arg in call_.args
    )
    made = Call(call_.prim, args, call_.kwargs, call_.via)
    result = frame.emit(made, node, hint)
    guard_result(frame, made, result, node)
    return result


def _folded(frame: Frame, prim: str, via: str, args: Sequence[Value], node: AST) -> Value | None:
    """Compute what is known now: `float(2)`, and sums, minima and maxima of tuples."""
    match prim, args:
        case "cast.float64", [Lit(int() | float() as number)] if is_finite_number(number):
            return Lit(float(number))
        case "cast.float64", [Lit(str() as text)] if _is_number(text):
            return Lit(float(text))
        case "cast.int64", [Lit(int() as number)]:
            return Lit(int(number))
        case "sum", [Items(items) | Display(items) | Record(Form("list" | "named"), items)] if via == "builtin":
            total: Value = Lit(0)
            for each in items:
                total = binary(frame, "add", total, each, node) if total != Lit(0) else each
            return total
        case "max" | "min", [
            Items([first, *rest]) | Display([first, *rest]) | Record(Form("list" | "named"), [first, *rest])
        ] if via == "builtin":
            return primitive(frame, prim, via, (first, *rest), {}, node, None) if rest else first
        case _:
            return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ufunc_method(frame: Frame, ufunc: Any, name: str, node: gast.Call, hint: str | None) -> Value:
    prim = primitive_of(ufunc)
    args, kwargs = _arguments(frame, node)
    if name == "at" and prim is not None and len(args) in (2, 3) and not kwargs:
        return update_at(frame, prim, args, node)
    if prim is not None and (function := method_of(ufunc, name)) is not None:
        return call_function(frame, function, args, kwargs, node, hint)
    raise frame.unsupported(f"`{ufunc.__name__}.{name}`", node, "write a loop")


def _method(
    frame: Frame, base: Value, name: str, args: Sequence[Value], kwargs: Kwargs, node: AST, hint: str | None
) -> Value:
    if isinstance(base, Record):
        found = method(frame, base, name, args, kwargs, node)
        return apply(frame, attribute(frame, base, name, node), args, kwargs, node, hint) if found is None else found
    if isinstance(base, Listed):
        if name == "copy" and not args:
            return base
        raise changed(frame, Form("numbers"), node)
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
        if name == "tolist" and not args and kind.ndim == 1:
            return Listed(frame.emit(Call("copy", (base,), via="method"), node, hint))
        if name == "astype":
            return _astype(frame, base, [*args, *kwargs.values()], node, hint)
        if name == "item" and len(args) == kind.ndim:
            return frame.emit(Call("getitem", (base, *(atom(frame, arg, node) for arg in args))), node, hint)
    prim = method_primitive(name)
    if prim is None or not isinstance(base, Var | Lit):
        raise frame.unsupported(f"the method `.{name}`", node)
    return primitive(frame, prim, "method", (base, *args), kwargs, node, hint)


def _astype(frame: Frame, base: Var, args: Sequence[Value], node: AST, hint: str | None) -> Value:
    match args:
        case [Known(obj) | Lit(str() as obj)] if (name := dtype_name(obj)) is not None:
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
