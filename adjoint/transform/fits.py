"""Checks that the operands of a product fit together, where only its derivative is computed."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from adjoint.errors import PRODUCT_GUARD, Loc
from adjoint.ir import Block, Call, Effect, Expr, Func, If, Let, Lit, Stmt
from adjoint.ir.walk import map_blocks, same_block

PRODUCTS = frozenset({"matmul", "dot", "vdot"})
_RAISE = Effect(Call("raise", (Lit(f'ValueError("{PRODUCT_GUARD}")'),)))


def leave_if_unfit(sizes: tuple[Expr, Expr], loc: Loc | None) -> If:
    """Return the statement that leaves the function where the product of `loc` would sum over axes of two sizes."""
    return If(Call("ne", sizes, via="operator"), (_RAISE,), loc=loc)


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
    body = _block(func.body)
    return func if same_block(body, func.body) else replace(func, body=body)


def _block(block: Block) -> Block:
    stmts = [map_blocks(stmt, _block) for stmt in block]
    return tuple(stmt for stmt, after in zip_longest(stmts, stmts[1:]) if not _is_made(stmt, after))


def _is_made(check: Stmt, product: Stmt | None) -> bool:
    match check, product:
        case If(then=(effect,), loc=at), Let(_, Call(prim), loc):
            return effect == _RAISE and prim in PRODUCTS and at == loc
        case _:
            return False
