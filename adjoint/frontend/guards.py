"""Inside `try`, what Python would raise must not pass unnoticed: compiled arithmetic divides by zero silently."""

from __future__ import annotations

from ast import AST

from numba import types

from adjoint.frontend.frame import Frame
from adjoint.ir import Call, Effect, If, Lit, Var

_DIVISIONS = frozenset({"div", "floordiv", "mod"})


def guarded(frame: Frame, node: AST) -> bool:
    """Say whether an expression stands in the body of a `try`."""
    return frame.guard or node in frame.code.guarded


def guard_division(frame: Frame, prim: str, divisor: Var | Lit, node: AST) -> None:
    """In a `try`, raise where the divisor is zero.

    The handler has been left out, so the exception reaches the caller: an error instead of a wrong number.
    """
    if prim not in _DIVISIONS or not guarded(frame, node):
        return
    if isinstance(divisor, Lit) and divisor.value or not isinstance(frame.type_of(divisor), types.Number):
        return
    loc = frame.loc(node)
    zero = frame.emit(Call("eq", (divisor, Lit(0)), via="operator"), node)
    failed = Effect(Call("raise", (Lit("ZeroDivisionError('division by zero')"),)), loc)
    frame.builder.add(If(zero, (failed,), loc=loc))
