"""The reader of rule tables: text rows to expressions, each row parsed when it is first asked for.

A row is `prim(params) | column | column ...`; it goes on in lines that are indented more. It may hold for several
primitives, written before the parameters. Options are `name=name`, or `name=...` where any value, and none, will do.
Expressions are Python's: operators and functions are canonical primitives, `p if c else q` is `select(c, p, q)`.
Whole numbers mean floats, except in exponents, indices and keywords.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import names_in

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "bitand", ast.BitOr: "bitor",
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "neg", ast.Not: "not", ast.Invert: "invert"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its primal taken apart and the other columns as text."""

    prim: str
    params: tuple[str, ...]
    keywords: tuple[str, ...]
    optional: tuple[str, ...]
    columns: tuple[str, ...]
    text: str

    def expressions(self, column: int, extra: Iterable[str] = ("y",)) -> tuple[Expr | None, ...]:
        """Return a column's expressions, separated by semicolons; None for `-`."""
        known = {*self.params, *self.keywords, *extra}
        parts = tuple(None if part.strip() == "-" else parse(part) for part in self.columns[column].split(";"))
        stray = sorted({name for part in parts for name in names_in(part)} - known)
        if stray:
            raise ValueError(f"{self.prim}: the row mentions {stray}")
        return parts


class Table(Mapping[str, tuple[Row, ...]]):
    """Rows by primitive, in the order of the text; a primitive may have several."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, list[str]] = {}
        for line in _joined(text):
            names, rest = line.split("(", 1)
            for name in names.split():
                self._lines.setdefault(name, []).append(f"{name}({rest}")
        self._rows: dict[str, tuple[Row, ...]] = {}

    def __getitem__(self, prim: str) -> tuple[Row, ...]:
        if prim not in self._rows:
            self._rows[prim] = tuple(map(_row, self._lines[prim]))
        return self._rows[prim]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def _joined(text: str) -> list[str]:
    """Return the rows; a line that is indented more than the first row goes on with the one before."""
    rows: list[str] = []
    margin = 0
    for line in text.splitlines():
        row = line.strip()
        if not row or row.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        margin = margin or indent
        if indent > margin:
            rows[-1] += " " + row
        else:
            rows.append(row)
    return rows


def _row(line: str) -> Row:
    primal, *columns = (column.strip() for column in line.split("|"))
    tree = ast.parse(primal, mode="eval").body
    assert isinstance(tree, ast.Call), line
    params = tuple(ast.unparse(arg) for arg in tree.args)
    names: dict[bool, list[str]] = {True: [], False: []}
    for keyword in tree.keywords:
        names[isinstance(keyword.value, ast.Constant)].append(str(keyword.arg))
    return Row(ast.unparse(tree.func), params, tuple(names[False]), tuple(names[True]), tuple(columns), line)


@cache
def parse(text: str) -> Expr:
    """Return the expression a piece of a row stands for."""
    return _expr(ast.parse(text.strip(), mode="eval").body)


def _expr(tree: ast.expr, exact: bool = False) -> Expr:
    match tree:
        case ast.Name(name):
            return Var(name)
        case ast.Constant(value):
            return Lit(float(value) if type(value) is int and not exact else value)
        case ast.BinOp(left, ast.Pow(), right):
            return Call("pow", (_expr(left, exact), _expr(right, True)))
        case ast.BinOp(left, op, right):
            return Call(_BINARY[type(op)], (_expr(left, exact), _expr(right, exact)))
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return Lit(-value if exact else -float(value))
        case ast.UnaryOp(op, operand):
            return Call(_UNARY[type(op)], (_expr(operand, exact),))
        case ast.Compare(left, [op], [right]):
            return Call(_COMPARE[type(op)], (_expr(left, exact), _expr(right, exact)))
        case ast.IfExp(test, body, orelse):
            return Call("select", (_expr(test), _expr(body), _expr(orelse)))
        case ast.Tuple(items):
            return Call("tuple", tuple(_expr(item, True) for item in items))
        case ast.Subscript(array, index):
            return Call("getitem", (_expr(array), *_index(index)))
        case ast.Call():
            return _call(tree)
        case _:
            raise ValueError(f"not an expression of rule tables: {ast.unparse(tree)}")


def _call(tree: ast.Call) -> Call:
    prim = ast.unparse(tree.func)
    exact = prim in _EXACT_CALLS or prim.startswith("helper.")
    named = tuple((str(keyword.arg), _expr(keyword.value, True)) for keyword in tree.keywords)
    return Call(prim, tuple(_expr(arg, exact) for arg in tree.args), named)


_EXACT_CALLS = frozenset({"dim", "expand_dims", "item"})


def _index(tree: ast.expr) -> tuple[Expr, ...]:
    items = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return tuple(_subscript(item) for item in items)


def _subscript(tree: ast.expr) -> Expr:
    match tree:
        case ast.Slice(lower, upper, step):
            bounds = (Lit(None) if part is None else _expr(part, True) for part in (lower, upper, step))
            return Call("slice", tuple(bounds))
        case _:
            return _expr(tree, True)
