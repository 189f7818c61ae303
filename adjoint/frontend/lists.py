"""Lists made by repetition."""

from __future__ import annotations

from ast import AST

from numba import types

from adjoint.frontend.frame import Frame
from adjoint.frontend.values import Display, Value
from adjoint.ir import For, Lit, Var


def repeat(frame: Frame, item: Value, count: Var, node: AST) -> Var:
    """`[item] * count`: a loop that appends."""
    from adjoint.frontend.assign import append, made

    result = made(frame, Display(()), node)
    index = frame.builder.define(None, types.intp)
    with frame.builder.block() as body:
        append(frame, result, item, node)
    frame.builder.add(For(index, Lit(0), count, Lit(1), tuple(body), loc=frame.loc(node)))
    return result
