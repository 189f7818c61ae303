"""Copies that nobody can tell from the original: those read at once by a primitive that makes a new array anyway."""

from __future__ import annotations

from dataclasses import replace

from adjoint.ir import Block, Call, Expr, Func, Stmt
from adjoint.ir.walk import map_blocks, map_expr, map_operands
from adjoint.rules.spelling import is_elementwise

_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "dot", "matmul"})


def drop_copies(func: Func) -> Func:
    """Return an imperative program in which operands of element-wise primitives and reductions are not copied.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(u: float64[:]):
    ...     t: float64[:] = 0.2 * copy(u)
    ...     return t
    ... ''')
    >>> print(text(drop_copies(func)), end="")
    def f(u):
        t = 0.2 * u
        return t
    """
    return replace(func, body=_block(func.body))


def _block(block: Block) -> Block:
    return tuple(_stmt(stmt) for stmt in block)


def _stmt(stmt: Stmt) -> Stmt:
    return map_blocks(map_operands(stmt, _changed), _block)


def _changed(expr: Expr) -> Expr:
    return map_expr(expr, _without_copies) if isinstance(expr, Call) and "copy" in expr.prims else expr


def _without_copies(expr: Expr) -> Expr:
    match expr:
        case Call(prim, args) if is_elementwise(prim) or prim in _REDUCTIONS:
            originals = tuple(_original(arg) for arg in args)
            return replace(expr, args=originals) if originals != args else expr
        case _:
            return expr


def _original(arg: Expr) -> Expr:
    match arg:
        case Call("copy", (source,)):
            return source
        case _:
            return arg
