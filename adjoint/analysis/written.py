"""Linear forms written as expressions, and expressions moved by a number."""

from __future__ import annotations

from collections.abc import Mapping

from adjoint.analysis.linear import Linear
from adjoint.ir import Call, Expr, Lit, Var


def expression(form: Linear, values: Mapping[str, Expr]) -> Expr:
    """Write a linear form; `values` says how symbols are written, a symbol that is missing is a name.

    >>> from adjoint.analysis.linear import symbol
    >>> from adjoint.ir.dump import expr_text
    >>> expr_text(expression(symbol("n").plus(-2), {}))
    'sub(n, 2)'
    """
    result: Expr | None = None
    for name, factor in sorted(form.terms, key=lambda term: term[1] < 0):
        term: Expr = values.get(name, Var(name))
        term = term if abs(factor) == 1 else Call("mul", (Lit(abs(factor)), term))
        if result is None:
            result = term if factor > 0 else Call("neg", (term,))
        else:
            result = Call("add" if factor > 0 else "sub", (result, term))
    if result is None:
        return Lit(form.constant)
    if form.constant == 0:
        return result
    return Call("add" if form.constant > 0 else "sub", (result, Lit(abs(form.constant))))


def shifted(expr: Expr, by: int) -> Expr:
    """Return `expr + by`, folded where `expr` is a number or a sum with one."""
    match expr:
        case Lit(int() as value):
            return Lit(value + by)
        case Call("add", (inner, Lit(int() as value))):
            return shifted(inner, by + value)
        case Call("sub", (inner, Lit(int() as value))):
            return shifted(inner, by - value)
        case _ if by == 0:
            return expr
        case _:
            return Call("add" if by > 0 else "sub", (expr, Lit(abs(by))))


def offset_from(index: Expr, base: str) -> int | None:
    """Return what a subscript is beyond a name, if it is that; numbers are beyond the name ""."""
    match index:
        case Var(name):
            return 0 if name == base else None
        case Lit(int() as value):
            return value if base == "" else None
        case Call("add", (Var(name), Lit(int() as value))) if name == base:
            return value
        case Call("sub", (Var(name), Lit(int() as value))) if name == base:
            return -value
        case _:
            return None
