"""Checks that arrays fit together, or have elements, where only the derivative of what they make is computed."""

from __future__ import annotations

from collections.abc import Callable

from adjoint.analysis.fitting import place_of
from adjoint.analysis.shapes import Shapes
from adjoint.errors import EMPTY_GUARD, PRODUCT_GUARD, WRITE_GUARD, Loc
from adjoint.ir import Block, Call, Effect, Expr, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, same_block, subexpressions, with_body

PRODUCTS = frozenset({"matmul", "dot", "vdot"})
# They have no value for no elements.
OF_ELEMENTS = frozenset("max min argmax argmin".split())
_ALONG = frozenset(f"helper.{which}_along_{rank}d" for which in ("max", "min") for rank in (2, 3))


def _raise(text: str) -> Effect:
    return Effect(Call("raise", (Lit(f'ValueError("{text}")'),)))


_UNFIT, _EMPTY, _UNWRITTEN = map(_raise, (PRODUCT_GUARD, EMPTY_GUARD, WRITE_GUARD))


def leave_if_unfit(sizes: tuple[Expr, Expr], loc: Loc | None) -> If:
    """Return the statement that leaves the function where the product of `loc` would sum over axes of two sizes."""
    return If(Call("ne", sizes, via="operator"), (_UNFIT,), loc=loc)


def leave_if_empty(stmt: Let, shapes: Shapes) -> list[Stmt]:
    """Return the statement that leaves the function where there are no elements of which to find the largest one."""
    match stmt.value:
        case Call(prim, (Var() as array,), kwargs) if prim in OF_ELEMENTS and "initial" not in dict(kwargs):
            along = dict(kwargs).get("axis")
        case Call(prim, (Var() as array, along)) if prim in _ALONG:
            pass
        case _:
            return []
    shape = shapes.of(array)
    if not shape or all(isinstance(length, int) and length for length in shape):
        return []
    match along:
        case Lit(int(axis)):
            count = Call("dim", (array, Lit(axis % len(shape))))
        case _:
            count = Call("size", (array,))
    return [If(Call("eq", (count, Lit(0)), via="operator"), (_EMPTY,), loc=stmt.loc)]


def leave_if_unwritten(unfit: Expr, loc: Loc | None) -> If:
    """Return the statement that leaves the function where what is written at `loc` has another length than its place.

    The write would say so itself, but isn't made where only its derivative is needed.
    """
    return If(unfit, (_UNWRITTEN,), loc=loc)


def drop_checks(func: Func) -> Func:
    """Return a program without the checks whose product is computed after all: it raises by itself.

    >>> from adjoint.ir import Param, Return, Var
    >>> from adjoint.ir.dump import dump
    >>> x, w, loc = Var("x"), Var("w"), Loc("f.py", 2, 11)
    >>> check = leave_if_unfit((Call("dim", (x, Lit(0))), Call("dim", (w, Lit(0)))), loc)
    >>> product = Let(Var("y"), Call("dot", (x, w)), loc)
    >>> print(dump(drop_checks(Func("f", (Param("x"), Param("w")), (check, product, Return(Var("y"))), {}))), end="")
    func f(x, w)
        y = dot(x, w)
        return y
    """
    return _without(func, lambda check, rest: _is_computed(check, rest) or _is_made(check, rest))


def drop_made(func: Func) -> Func:
    """Return a program without the checks of elements that are looked for, and of parts that are written, after all."""
    return _without(func, _is_made)


def _without(func: Func, is_met: Callable[[If, Block], bool]) -> Func:
    def inside(block: Block) -> Block:
        stmts = [map_blocks(stmt, inside) for stmt in block]
        return tuple(s for k, s in enumerate(stmts) if not (isinstance(s, If) and is_met(s, tuple(stmts[k + 1 :]))))

    body = inside(func.body)
    return func if same_block(body, func.body) else with_body(func, body)


def _is_computed(check: If, rest: Block) -> bool:
    match rest:
        case (Let(_, Call(prim), loc), *_):
            return check.then == (_UNFIT,) and prim in PRODUCTS and check.loc == loc
        case _:
            return False


def _is_made(check: If, rest: Block) -> bool:
    if check.then == (_EMPTY,):
        match rest:
            case (Let(_, Call(prim), loc), *_):
                return prim in OF_ELEMENTS | _ALONG and check.loc == loc
            case _:
                return False
    if check.then != (_UNWRITTEN,):
        return False
    places = [part.args[0] for part in subexpressions(check.cond) if isinstance(part, Call) and part.prim == "dim"]
    for stmt in rest:
        if isinstance(stmt, Store) and stmt.loc == check.loc and place_of(stmt) in places:
            return True
        if not isinstance(stmt, Let | Store) and not _is_append(stmt):
            return False
    return False


def _is_append(stmt: Stmt) -> bool:
    return isinstance(stmt, Effect) and stmt.value.prim == "append"
