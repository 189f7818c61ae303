"""Arrays of which nothing but elements is used become rows of a larger one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Expr, Let, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands

# The array that has the rows, and the subscripts that come before those of an element in its row.
Row = tuple[Var, *tuple[Expr, ...]]


def in_rows(block: Block, rows: Mapping[str, Row]) -> Block:
    """Write elements of rows where elements of arrays were; what makes the arrays goes.

    >>> from adjoint.codegen.emit import text
    >>> from dataclasses import replace
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:, :], k: int64):
    ...     y: float64[:] = empty(3)
    ...     y[0] = 1.0
    ...     y[1] += y[0]
    ... ''')
    >>> print(text(replace(func, body=in_rows(func.body, {"y": (Var("x"), Var("k"))}))), end="")
    def f(x, k):
        x[k, 0] = 1.0
        x[k, 1] += x[k, 0]
    """

    def read(expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name), *index)) if name in rows:
                return replace(expr, args=(*rows[name], *index))
            case _:
                return expr

    def change(stmt: Stmt) -> Stmt:
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, read)), lambda inner: in_rows(inner, rows))
        match stmt:
            case Store(Var(name), index) if name in rows:
                tape, *row = rows[name]
                return replace(stmt, array=tape, index=(*row, *index))
            case Accum(Var(name), index) if name in rows:
                tape, *row = rows[name]
                return replace(stmt, target=tape, index=(*row, *index))
            case _:
                return stmt

    return tuple(change(stmt) for stmt in block if not (isinstance(stmt, Let) and stmt.target.name in rows))
