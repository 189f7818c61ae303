"""Constructors of expressions that leave out what a person would not write, and questions about types.

`mul(1.0, x)` is `x`, `neg(neg(x))` is `x`, `add(None, x)` is `x`: absent terms are None, as in contributions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import names_in

NONE = Lit(None)
FULL_SLICE = Call("slice", (NONE, NONE, NONE))
_FLOAT32 = {"float32": "cast.float32", "complex64": "cast.float32"}


def call(prim: str, *args: Expr, **kwargs: Expr) -> Call:
    return Call(prim, args, tuple(kwargs.items()))


def number(expr: Expr) -> complex | None:
    """Return the value of a numeric literal, else None; bools are not numbers."""
    match expr:
        case Lit(bool()):
            return None
        case Lit(int() | float() | complex() as value):
            return value
        case Call("cast.float32", (Lit(float() as value),)):
            return value
        case _:
            return None


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "pow": lambda a, b: a**b,
}


def _fold(expr: Call) -> Expr:
    """Evaluate arithmetic on two numeric literals."""
    match expr:
        case Call(prim, (Lit(int() | float() as a), Lit(int() | float() as b))) if prim in _ARITHMETIC:
            try:
                value = _ARITHMETIC[prim](a, b)
            except ArithmeticError:
                return expr
            return Lit(value) if isinstance(value, int | float) and math.isfinite(value) else expr
        case _:
            return expr


def neg(x: Expr) -> Expr:
    match x:
        case Call("neg", (inner,)):
            return inner
        case Lit(int() | float() | complex() as value) if not isinstance(value, bool):
            return Lit(-value)
        case Call("sub", (a, b)) if number(a) is None:
            return call("sub", b, a)
        case Call("select", (c, p, q)):
            return call("select", c, neg(p), neg(q))
        case _:
            return call("neg", x)


def plus(a: Expr, b: Expr) -> Expr:
    if number(a) == 0:
        return b
    if number(b) == 0:
        return a
    match a, b:
        case _, Call("neg", (x,)):
            return call("sub", a, x)
        case Call("neg", (x,)), _:
            return call("sub", b, x)
        case _:
            return _fold(call("add", a, b))


def add(a: Expr | None, b: Expr | None) -> Expr | None:
    if a is None or b is None:
        return a if b is None else b
    return plus(a, b)


def sub(a: Expr, b: Expr) -> Expr:
    match b:
        case Call("neg", (x,)):
            return call("add", a, x)
        case _ if number(b) == 0:
            return a
        case _:
            return _fold(call("sub", a, b))


def mul(a: Expr, b: Expr) -> Expr:
    if number(a) == 1:
        return b
    if number(b) == 1:
        return a
    if number(a) == -1:
        return neg(b)
    if number(b) == -1:
        return neg(a)
    match a, b:
        case _, Call("select", (cond, p, q)) if all(number(x) is not None for x in (a, p, q)):
            return select(cond, mul(a, p), mul(a, q))
        case _, Call("select", (cond, p, Call("select") as q)) if number(a) is not None and number(p) is not None:
            return select(cond, mul(a, p), mul(a, q))
        case Call("neg", (x,)), _:
            return neg(mul(x, b))
        case _, Call("neg", (x,)):
            return neg(mul(a, x))
        case _:
            return _fold(call("mul", a, b))


def div(a: Expr, b: Expr) -> Expr:
    if number(b) == 1:
        return a
    match a, b:
        case Call("neg", (x,)), _:
            return neg(div(x, b))
        case _, Call("neg", (x,)):
            return neg(div(a, x))
        case _:
            return call("div", a, b)


def power(a: Expr, b: Expr) -> Expr:
    match number(b):
        case 1:
            return a
        case 0:
            return Lit(1.0)
        case _:
            return _fold(call("pow", a, b))


_COMPARISONS = {"eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "gt": operator.gt}


def select(cond: Expr, then: Expr, orelse: Expr) -> Expr:
    match cond:
        case Call("eq" | "ne" | "lt" | "gt" as prim, (Lit(int() | float() as a), Lit(int() | float() as b))):
            return then if _COMPARISONS[prim](a, b) else orelse
        case _:
            pass
    return then if then == orelse else call("select", cond, then, orelse)


def scale(y_bar: Expr, partial: Expr) -> Expr | None:
    """Return `y_bar * partial` in the order a person writes it; None if it is zero.

    Quotients of two values stay together: `y_bar * (a / y)` does not overflow where `y_bar * a / y` would.
    """
    match partial:
        case _ if number(partial) == 0:
            return None
        case Call("neg", (inner,)):
            scaled = scale(y_bar, inner)
            return None if scaled is None else neg(scaled)
        case Call("select", (cond, then, orelse)):
            branches = [scale(y_bar, branch) or Lit(0.0) for branch in (then, orelse)]
            return select(cond, *branches)
        case Call("div", (top, bottom)) if number(top) is not None:
            return div(mul(top, y_bar), bottom)
        case Call("mul", (left, right)) if not _leads_with_number(partial):
            scaled = scale(y_bar, left)
            return None if scaled is None else mul(scaled, right)
        case _ if _leads_with_number(partial):
            return mul(partial, y_bar)
        case _:
            return mul(y_bar, partial)


def _leads_with_number(expr: Expr) -> bool:
    match expr:
        case Call("mul", (left, _)):
            return _leads_with_number(left)
        case _:
            return number(expr) is not None


_SIMPLIFIED: dict[str, Callable[..., Expr]] = {
    "neg": neg,
    "add": plus,
    "sub": sub,
    "mul": mul,
    "div": div,
    "pow": power,
    "select": select,
}


def simplified(expr: Expr) -> Expr:
    """Rebuild one node through the constructors above."""
    match expr:
        case Call(prim, args, ()) if prim in _SIMPLIFIED:
            return _SIMPLIFIED[prim](*args)
        case _:
            return expr


def total(terms: Iterable[Expr | None]) -> Expr | None:
    result: Expr | None = None
    for term in terms:
        result = add(result, term)
    return result


def real(x: Expr) -> Expr:
    """Return the real part of a complex expression, `-imag(z)` for `1j * z`."""
    match x:
        case Call("mul", (Lit(complex(real=0.0, imag=1.0)), z)):
            return call("neg", call("imag", z))
        case Call("neg", (inner,)):
            return neg(real(inner))
        case _:
            return call("real", x)


def guard(y_bar: Expr, contribution: Expr, kind: Any) -> Expr:
    """Make a contribution of an element-wise rule zero wherever the seed is.

    For values on the way to a `where`: unselected elements have the seed 0, and a partial that is infinite or NaN
    there must not turn it into NaN. `kind` is the type of the seed. Constant multiples of the seed stay as they are.
    """
    if set(names_in(contribution)) <= set(names_in(y_bar)):
        return contribution
    zero = with_precision(Lit(0.0), kind)
    return select(call("ne", y_bar, zero), contribution, zero)


def rank(kind: Any) -> int:
    """Return the number of axes of a Numba type, 0 for scalars."""
    return int(getattr(kind, "ndim", 0))


def dtype_name(kind: Any) -> str:
    """Return the name of the element type: "float64" for both the scalar and arrays of it."""
    element = getattr(kind, "dtype", kind) if hasattr(kind, "ndim") else kind
    return str(getattr(element, "literal_type", element))


def is_complex(kind: Any) -> bool:
    return dtype_name(kind).startswith("complex")


def is_inexact(kind: Any) -> bool:
    return dtype_name(kind).startswith(("float", "complex"))


def with_precision(expr: Expr, kind: Any) -> Expr:
    """Write float literals in single precision if `kind` is: Numba would widen the whole expression otherwise."""
    cast = _FLOAT32.get(dtype_name(kind))
    return expr if cast is None else _cast_literals(expr, cast)


def in_precision(expr: Expr, kind: Any) -> Expr:
    """Write a whole number that meets single-precision values in single precision."""
    cast = _FLOAT32.get(dtype_name(kind))
    return expr if cast is None else call(cast, expr)


def _cast_literals(expr: Expr, cast: str) -> Expr:
    match expr:
        case Lit(float()):
            return call(cast, expr)
        case Call(prim, args, kwargs, via) if not prim.startswith("cast."):
            return Call(prim, tuple(_cast_literals(arg, cast) for arg in args), kwargs, via)
        case Var() | Lit() | Call():
            return expr
