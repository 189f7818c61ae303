"""The text of exceptions: compiled code can only raise constants, so values in a message become their names."""

from __future__ import annotations

import ast
import inspect
from ast import AST, expr

import gast

from adjoint.frontend.frame import Frame
from adjoint.frontend.values import Known


def raise_text(frame: Frame, node: gast.Raise) -> str:
    """Return what stands after `raise`, as Python text with a builtin exception and a constant message."""
    match node.exc:
        case gast.Call(func=func, args=args):
            shown = ", ".join(repr(message_text(arg)) for arg in args)
            return f"{_exception(frame, func)}({shown})"
        case None:
            raise frame.unsupported("`raise` without an exception", node, "name the exception")
        case func:
            return f"{_exception(frame, func)}()"


def _exception(frame: Frame, node: expr) -> str:
    found = frame.expr(node)
    if not isinstance(found, Known) or not inspect.isclass(found.obj) or not issubclass(found.obj, BaseException):
        raise frame.unsupported("`raise` of something that is not an exception class", node, "raise `ValueError(...)`")
    return next(base.__name__ for base in found.obj.__mro__ if base.__module__ == "builtins")


def message_text(node: expr) -> str:
    """Return a message as constant text; `{x}` of an f-string stays as it is written."""
    match node:
        case gast.Constant(value=value):
            return str(value)
        case gast.JoinedStr(values=values):
            return "".join(_piece(value) for value in values)
        case _:
            return text_of(node)


def _piece(node: AST) -> str:
    match node:
        case gast.Constant(value=value):
            return str(value)
        case gast.FormattedValue(value=value):
            return f"{{{text_of(value)}}}"
        case _:
            return ""


def text_of(node: AST) -> str:
    return ast.unparse(gast.gast_to_ast(node))
