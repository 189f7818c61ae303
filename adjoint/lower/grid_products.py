"""Products of two matrices as loops: on a GPU each element has a thread, and there is no BLAS to call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks
from adjoint.rules.numba_types import element_type, is_array, types
from adjoint.rules.typing import name_types

_PRODUCTS = ("matmul", "dot")


def product_loops(func: Func) -> Func:
    """Write out products of matrices, transposed or not, that are bound to a name or added to an array.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(a: float64[:, :], b: float64[:, :]):
    ...     c: float64[:, :] = transpose(a) @ b
    ...     return c
    ... ''')
    >>> print(text(product_loops(func)), end="")
    def f(a, b):
        if a.shape[0] != b.shape[0]:
            raise ValueError("the operands of a product do not fit together")
        c = np.empty((a.shape[1], b.shape[1]))
        for row in range(a.shape[1]):
            for column in range(b.shape[1]):
                element = 0.0
                for k in range(a.shape[0]):
                    element += a[k, row] * b[k, column]
                c[row, column] = element
        return c
    """
    maker = _Maker(replace(func, types=name_types(func)))
    body = maker.block(func.body)
    return replace(func, body=body, types=maker.types)


class _Maker:
    def __init__(self, func: Func) -> None:
        self.types = dict(func.types)

    def fresh(self, word: str, kind: object) -> Var:
        name, number = word, 0
        while name in self.types:
            number += 1
            name = f"{word}_{number}"
        self.types[name] = kind
        return Var(name)

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.stmt(map_blocks(stmt, self.block)))

    def stmt(self, stmt: Stmt) -> Iterator[Stmt]:
        match stmt:
            case Let(target, Call(prim, (left, right), ())) | Accum(target, (), Call(prim, (left, right), ())) if (
                prim in _PRODUCTS and self.is_matrix(left) and self.is_matrix(right)
            ):
                yield from self.product(stmt, target, left, right)
            case _:
                yield stmt

    def is_matrix(self, expr: Expr) -> bool:
        match expr:
            case Var(name):
                kind: Any = self.types.get(name)
                return is_array(kind) and kind.ndim == 2 and isinstance(element_type(kind), types.Float)
            case Call("transpose", (Var() as inner,), ()):
                return self.is_matrix(inner)
            case _:
                return False

    def product(self, stmt: Let | Accum, target: Var, left: Expr, right: Expr) -> Iterator[Stmt]:
        rows, columns, inner = _dim(left, 0), _dim(right, 1), _dim(left, 1)
        apart = Call("ne", (inner, _dim(right, 0)))
        message = Lit("ValueError('the operands of a product do not fit together')")
        if stmt.loc is None or not stmt.loc.role:  # sizes of products of the backward sweep follow from these
            yield If(apart, (Effect(Call("raise", (message,))),), (), loc=stmt.loc)
        kind = self.types.get(target.name)
        if isinstance(stmt, Let):
            dtype = str(element_type(kind)) if is_array(kind) else "float64"
            options: tuple[tuple[str, Expr], ...] = () if dtype == "float64" else (("dtype", Lit(dtype)),)
            yield Let(target, Call("empty", (Call("tuple", (rows, columns)),), options), stmt.loc)
        row, column, k = (self.fresh(word, types.int64) for word in ("row", "column", "k"))
        element = self.fresh("element", types.float64)
        term = Call("mul", (_element(left, row, k), _element(right, k, column)))
        along = For(k, Lit(0), inner, Lit(1), (Accum(element, (), term),), loc=stmt.loc)
        place: Stmt = Store(target, (row, column), element, stmt.loc)
        if isinstance(stmt, Accum):
            place = Accum(target, (row, column), element, stmt.loc)
        one = (Let(element, Lit(0.0)), along, place)
        yield For(row, Lit(0), rows, Lit(1), (For(column, Lit(0), columns, Lit(1), one, loc=stmt.loc),), loc=stmt.loc)


def _dim(matrix: Expr, axis: int) -> Expr:
    match matrix:
        case Call("transpose", (inner,), ()):
            return Call("dim", (inner, Lit(1 - axis)))
        case _:
            return Call("dim", (matrix, Lit(axis)))


def _element(matrix: Expr, row: Expr, column: Expr) -> Expr:
    match matrix:
        case Call("transpose", (inner,), ()):
            return Call("getitem", (inner, column, row))
        case _:
            return Call("getitem", (matrix, row, column))
