"""Python objects that a function refers to: constants, arrays, functions, modules."""

from __future__ import annotations

from ast import AST
from typing import Any, cast

import numba
import numpy as np
from numba import types

from adjoint.frontend.convert import constant
from adjoint.frontend.frame import Frame
from adjoint.frontend.kernels import CudaName, cuda_attribute, cuda_module
from adjoint.frontend.resolve import Unresolved, attribute, readable
from adjoint.frontend.values import Items, Known, Record, Value
from adjoint.ir import Call, Let, Lit, Var
from adjoint.rules.containers import Form, class_problem, fields_of, is_named_tuple
from adjoint.rules.spelling import dtype_name


def object_value(frame: Frame, obj: object, name: str, node: AST) -> Value:
    """Return what an object outside the program is inside it. Arrays become constants, as in Numba."""
    found = constant(obj)
    if found is not None:
        return found
    raw = cast("Any", obj)
    if isinstance(obj, np.generic) and (kind := dtype_name(raw.dtype)) is not None:
        return frame.emit(Call(f"cast.{kind}", (Lit(raw.item()),), via="np"), node)
    if isinstance(obj, np.ndarray):
        return _array(frame, raw, name)
    return _container(frame, raw, name, node) if _is_container(raw) else Known(cuda_module(raw) or raw)


def _is_container(obj: Any) -> bool:
    return type(obj) is dict or isinstance(obj, tuple)


def _container(frame: Frame, obj: Any, name: str, node: AST) -> Value:
    """Return a dictionary or a tuple with its items."""
    cls = cast("Any", type(obj))
    named = is_named_tuple(cls)
    items = tuple(object_value(frame, each, name, node) for each in (obj.values() if cls is dict else obj))
    if cls is dict:
        return Record(Form("dict", tuple(obj)), items)
    if named and class_problem(cls) is None:
        return Record(Form("named", fields_of(cls), cls), items)
    return Items(items) if cls is tuple else Known(obj)


def _array(frame: Frame, obj: np.ndarray[Any, Any], name: str) -> Var:
    builder = frame.builder
    if id(obj) not in builder.constants:
        kind: Any = cast("Any", numba).typeof(obj)
        var = builder.define(name, types.Array(kind.dtype, kind.ndim, kind.layout, readonly=True))
        builder.refs[f"const:{var.name}"] = obj
        builder.prelude.append(Let(var, Call(f"const:{var.name}")))
        builder.constants[id(obj)] = var
    return builder.constants[id(obj)]


def attribute_of(frame: Frame, obj: object, name: str, node: AST) -> Value:
    """Return an attribute of a module, a class or the like."""
    if isinstance(obj, CudaName):
        return cuda_attribute(frame, obj, name, node)
    if not readable(obj):
        raise frame.unsupported(
            f"the attribute `.{name}` of an object of type `{type(obj).__name__}`",
            node,
            "pass its value as an argument",
        )
    try:
        found = attribute(obj, name)
    except Unresolved:
        raise frame.unsupported(f"`{getattr(obj, '__name__', obj)}` has no attribute `{name}`", node) from None
    return object_value(frame, found, name, node)
