"""Inside `try`, what Python would raise must not pass unnoticed.

Compiled code divides by zero, reads past the end of an array and leaves the domain of a function silently. The
handlers are left out, so the exception reaches the caller: an error instead of a wrong number.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Sequence

from numba import types

from adjoint.frontend.convert import dim
from adjoint.frontend.frame import Frame
from adjoint.ir import Call, Effect, Expr, If, Lit, Var
from adjoint.rules.typing import is_array

_DIVISIONS = frozenset({"div", "floordiv", "mod"})


def guarded(frame: Frame, node: AST) -> bool:
    """Say whether an expression stands in the body of a `try` with handlers."""
    return frame.guard or node in frame.code.guarded


def guard_division(frame: Frame, prim: str, divisor: Var | Lit, node: AST) -> None:
    """In a `try`, raise where a divisor is zero."""
    if prim not in _DIVISIONS or not guarded(frame, node):
        return
    if (isinstance(divisor, Lit) and divisor.value) or not isinstance(frame.type_of(divisor), types.Number):
        return
    zero = frame.emit(Call("eq", (divisor, Lit(0)), via="operator"), node)
    raise_if(frame, zero, "ZeroDivisionError('division by zero')", node)


def guard_result(frame: Frame, call: Call, result: Var, node: AST) -> None:
    """In a `try`, raise where a function of `math`, or a power, gives no finite number."""
    may_raise = call.via == "math" or (call.prim == "pow" and call.via == "operator")
    if not may_raise or not guarded(frame, node) or not isinstance(frame.type_of(result), types.Float):
        return
    finite = frame.emit(Call("isfinite", (result,), via="math"), node)
    failed = frame.emit(Call("not", (finite,), via="operator"), node)
    raise_if(frame, failed, "ValueError('math domain error')", node)


def guard_index(frame: Frame, base: Expr, index: tuple[Expr, ...], node: AST) -> None:
    """In a `try`, raise where an index is out of range."""
    if not guarded(frame, node) or not isinstance(base, Var) or not is_array(frame.type_of(base)):
        return
    axis = 0
    for position, each in enumerate(index):
        match each:
            case Call("slice"):
                axis += 1
            case Lit(None):
                pass
            case Var() | Lit() if isinstance(frame.type_of(each), types.Integer):
                _guard_axis(frame, base, axis, each, node)
                axis += 1
            case _:
                if each == Lit(...) and position == len(index) - 1:
                    return
                raise frame.unsupported("an index of this kind inside `try`", node, "check the index with `if`")


def _guard_axis(frame: Frame, base: Var, axis: int, index: Var | Lit, node: AST) -> None:
    length = dim(frame, base, axis, node)
    outside = frame.emit(Call("ge", (index, length), via="operator"), node)
    raise_if(frame, outside, _OUT_OF_RANGE, node)
    if isinstance(index, Lit) and isinstance(index.value, int) and index.value >= 0:
        return
    first = frame.emit(Call("neg", (length,), via="operator"), node)
    outside = frame.emit(Call("lt", (index, first), via="operator"), node)
    raise_if(frame, outside, _OUT_OF_RANGE, node)


_OUT_OF_RANGE = "IndexError('index is out of bounds')"


def raise_if(frame: Frame, cond: Var, text: str, node: AST) -> None:
    """Raise the exception written in `text` where a condition holds."""
    loc = frame.loc(node)
    frame.builder.add(If(cond, (Effect(Call("raise", (Lit(text),)), loc),), loc=loc))


def check_real_numbers(frame: Frame, prim: str, operands: Sequence[Expr], node: AST) -> None:
    """Refuse what functions of `math` don't take, though NumPy's of the same name do."""
    for kind in map(frame.type_of, operands):
        if isinstance(kind, types.Complex):
            raise frame.unsupported(f"`math.{prim}` of a complex number", node, "use `cmath` or NumPy")
        if is_array(kind) and kind.ndim > 0:
            raise frame.unsupported(f"`math.{prim}` of an array", node, f"use `np.{prim}`")
