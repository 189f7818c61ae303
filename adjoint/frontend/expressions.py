"""Expressions, one `case` each."""

from __future__ import annotations

from ast import expr
from typing import Any

import gast
import numpy as np
from numba import types

from adjoint.frontend.assign import bind
from adjoint.frontend.branches import choose
from adjoint.frontend.calls import call
from adjoint.frontend.comprehensions import comprehension, dict_comprehension
from adjoint.frontend.containers import attribute, dictionary
from adjoint.frontend.convert import atom, item, items_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.functions import nested_lambda
from adjoint.frontend.messages import message_text
from adjoint.frontend.names import bound_names
from adjoint.frontend.objects import attribute_of
from adjoint.frontend.operators import BINARY, binary, bool_op, compare, test, unary
from adjoint.frontend.subscripts import subscript
from adjoint.frontend.values import Display, Items, Known, Listed, Record, ShapeOf, Value
from adjoint.ir import Call, Lit, Var
from adjoint.rules.spelling import attribute_primitive
from adjoint.rules.typing import is_array


def expression(frame: Frame, node: expr, hint: str | None = None) -> Value:
    """Lower an expression; `hint` is the name the user gives its value."""
    match node:
        case gast.Constant(value=value):
            return Lit(value)
        case gast.Name(id=name):
            return frame.lookup(name, node)
        case gast.BinOp(left=left, op=op, right=right):
            first = frame.expr(left)
            return binary(frame, BINARY[type(op)], first, frame.expr(right), node, hint)
        case gast.UnaryOp(op=op, operand=operand):
            return unary(frame, op, frame.expr(operand), node, hint)
        case gast.BoolOp():
            return bool_op(frame, node, hint)
        case gast.Compare():
            return compare(frame, node, hint)
        case gast.Subscript():
            return subscript(frame, node, hint)
        case gast.Attribute():
            return _attribute(frame, node, hint)
        case gast.Call():
            return call(frame, node, hint)
        case _:
            return _other(frame, node, hint)


def _other(frame: Frame, node: expr, hint: str | None) -> Value:
    match node:
        case gast.IfExp(test=cond, body=body, orelse=orelse):
            assigned = bound_names([body, orelse])
            return choose(
                frame, test(frame, cond), lambda: frame.expr(body), lambda: frame.expr(orelse), node, hint, assigned
            )
        case gast.Tuple(elts=elts):
            return Items(_elements(frame, elts))
        case gast.List(elts=elts):
            return Display(_elements(frame, elts))
        case gast.Dict():
            return dictionary(frame, node)
        case gast.Lambda():
            return nested_lambda(frame, node)
        case gast.ListComp() | gast.GeneratorExp():
            return comprehension(frame, node)
        case gast.DictComp():
            return dict_comprehension(frame, node)
        case gast.NamedExpr(target=target, value=value):
            bind(frame, target, frame.expr(value, target.id))
            return frame.expr(target)
        case gast.JoinedStr():
            return Lit(message_text(node))
        case _:
            raise frame.unsupported("this expression", node)


def _elements(frame: Frame, elts: list[expr]) -> tuple[Value, ...]:
    found: list[Value] = []
    for each in elts:
        if isinstance(each, gast.Starred):
            items = items_of(frame, frame.expr(each.value), each)
            if items is None:
                text = "`*` before something that is not a tuple"
                raise frame.unsupported(text, each, "join arrays with `np.concatenate`")
            found.extend(items)
        else:
            found.append(frame.expr(each))
    return tuple(found)


def _attribute(frame: Frame, node: gast.Attribute, hint: str | None) -> Value:
    base, name = frame.expr(node.value), node.attr
    if isinstance(base, Known):
        return attribute_of(frame, base.obj, name, node)
    if isinstance(base, Record):
        return attribute(frame, base, name, node)
    kind: Any = frame.type_of(base) if isinstance(base, Var | Lit) else None
    fields: tuple[str, ...] = getattr(kind, "fields", ()) if isinstance(base, Var) else ()
    if isinstance(base, Var) and name in fields:
        return item(frame, base, fields.index(name), node, hint)
    if isinstance(base, Var) and is_array(kind):
        if name == "shape":
            return ShapeOf(base)
        if name == "ndim":
            return Lit(kind.ndim)
        if name == "dtype":
            return Known(np.dtype(str(kind.dtype)) if not isinstance(kind.dtype, types.Boolean) else np.dtype(bool))
    prim = attribute_primitive(name)
    if prim is None or isinstance(base, Items | Display | Listed | ShapeOf):
        raise frame.unsupported(f"the attribute `.{name}`", node)
    return frame.emit(Call(prim, (atom(frame, base, node),), via="attr"), node, hint)
