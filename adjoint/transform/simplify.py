"""Algebraic simplification: a table of what a person would not write, and what they would write instead."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeGuard

from numba import types as nb

from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Expr, Func, Lit, Stmt, Store, Var
from adjoint.ir.walk import integers_of, map_blocks, map_operands, mentioned, remembered, with_body
from adjoint.rules.spelling import is_elementwise, is_view
from adjoint.rules.typing import Type, expr_type, name_types

# `x` and `y` stand for any expression, `c` and `d` for literal numbers, `n` for a negative one.
# A row of the first kind keeps every bit, NaN, infinities and signed zeros included; so `0 * x` is no row.
EXACT = """
    x * 1         -> x
    1 * x         -> x
    x / 1         -> x
    x ** 1        -> x
    x - 0         -> x
    -(-x)         -> x
    x * -1        -> -x
    -1 * x        -> -x
    x / -1        -> -x
    x + -y        -> x - y
    -x + y        -> y - x
    x - -y        -> x + y
    -x * y        -> -(x * y)
    x * -y        -> -(x * y)
    -x / y        -> -(x / y)
    x / -y        -> -(x / y)
    -(c * x)      -> -c * x
    -(x * c)      -> x * -c
    -(c / x)      -> -c / x
    x + n * y     -> x - -n * y
    x - n * y     -> x + -n * y
    x + y * n     -> x - y * -n
    x - y * n     -> x + y * -n
    x + n         -> x - -n
    x - n         -> x + -n
"""

# Rows of the second kind may round differently, or turn -0.0 into 0.0.
ROUNDED = """
    x + 0         -> x
    0 + x         -> x
    0 - x         -> -x
    -(x - y)      -> y - x
    c * (d * x)   -> c * d * x
    c * (x * d)   -> c * d * x
    (c * x) * d   -> c * d * x
    (x * c) * d   -> x * (c * d)
    c * (x / d)   -> c / d * x
    (c * x) / d   -> c / d * x
    x / c * d     -> x * (d / c)
    c * (d / x)   -> c * d / x
"""

_OPERATORS: Mapping[type, str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.USub: "neg",
}
_FOLD: Mapping[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a, _: -a,
}
# Whole numbers beyond this overflow sooner or later.
_LARGEST = 2**53


def simplify(func: Func, *, strict: bool = False) -> Func:
    """Simplify the arithmetic of an imperative program.

    Works on expression trees, so it finds more after `renest`. A row applies only where it keeps the type, as far as
    that is known, and never turns a fresh array into another name for an old one. `strict` leaves out the rows that
    may round differently.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(a, b):
    ...     c = a * 1.0 + -b * 2.0
    ...     c += 2.0 * (a * -1.5)
    ...     return 2.0 * (0.5 * c)
    ... ''', default="float64")
    >>> print(text(simplify(func)), end="")
    def f(a, b):
        c = a - b * 2.0
        c -= 3.0 * a
        return c
    """
    simplifier = _Simplifier(func, strict)
    return with_body(func, simplifier.block(func.body))


@dataclass(frozen=True, slots=True)
class _Row:
    pattern: Call
    replacement: Expr

    @property
    def about_numbers(self) -> bool:
        """Whether the row takes away a literal, which may have decided on the type of the result."""
        return any(isinstance(e, Lit) or isinstance(e, Var) and e.name in "cdn" for e in _parts(self.pattern))


@cache
def _rows(table: str) -> tuple[_Row, ...]:
    rows: list[_Row] = []
    for line in table.strip().splitlines():
        pattern, replacement = (_read(ast.parse(side.strip(), mode="eval").body) for side in line.split("->"))
        assert isinstance(pattern, Call)
        rows.append(_Row(pattern, replacement))
    return tuple(rows)


def _read(node: ast.expr) -> Expr:
    match node:
        case ast.Name(id=name):
            return Var(name)
        case ast.Constant(value=int() as value):
            return Lit(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return Lit(-value)
        case ast.UnaryOp(op=op, operand=operand):
            return Call(_OPERATORS[type(op)], (_read(operand),))
        case ast.BinOp(left=left, op=op, right=right):
            return Call(_OPERATORS[type(op)], (_read(left), _read(right)))
        case _:
            raise ValueError(f"not a pattern: {ast.unparse(node)}")


def _parts(expr: Expr) -> Iterator[Expr]:
    yield expr
    if isinstance(expr, Call):
        for arg in expr.args:
            yield from _parts(arg)


class _Simplifier:
    def __init__(self, func: Func, strict: bool) -> None:
        self.types = name_types(func)
        self.strict = strict
        self.rows = _rows(EXACT) + (() if strict else _rows(ROUNDED))
        # Those that calls may match, by the calls' own primitives and those of their operands.
        self.fitting: dict[tuple[object, ...], list[_Row]] = {}

    def block(self, block: Block) -> Block:
        return tuple(map_blocks(self.stmt(stmt), self.block) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        # What is stored or added is copied, so it may be another array itself.
        copied = isinstance(stmt, Store | Accum)
        kinds, simple = tuple(map(self.types.get, mentioned(stmt))), _simple(stmt)
        if simple.get(self.strict) == kinds:
            return stmt
        done = map_operands(stmt, lambda expr: self.expr(expr, copied))
        if done is stmt:
            simple[self.strict] = kinds
        return done

    def expr(self, expr: Expr, copied: bool = False) -> Expr:
        """Simplify an expression; `copied` says that its value is only read, never kept."""
        if not isinstance(expr, Call):
            return expr
        inner = _is_fresh(expr)
        args = tuple(self.expr(arg, inner) for arg in expr.args)
        kwargs = tuple((key, self.expr(value)) for key, value in expr.kwargs)
        if args != expr.args or kwargs != expr.kwargs:
            expr = replace(expr, args=args, kwargs=kwargs)
        return self.rewritten(expr, copied)

    def rewritten(self, call: Call, copied: bool) -> Expr:
        folded = _folded(call)
        if folded is not call:
            return folded
        match call:
            case Call("sum", (Call("sum", (array,), (axis, ("keepdims", Lit(True)))),), (other,)) if (
                axis == other or axis[0] == other[0] and self.is_one_axis(axis[1], other[1], array)
            ):
                return self.expr(replace(call, args=(array,)))
            case _:
                pass
        for new in _without_filling(call):
            if self.keeps_type(call, new, copied):
                return self.expr(new, copied)
        for row in self.rows_for(call):
            found: dict[str, Expr] = {}
            if row.pattern.prims <= call.prims and _matches(row.pattern, call, found):
                new = _built(row.replacement, found)
                if new is not None and self.allowed(row, call, new, copied):
                    return self.expr(new, copied)
        return call

    def is_one_axis(self, first: Expr, second: Expr, array: Expr) -> bool:
        """Whether two options name one axis of an array, counted from either end."""
        kind, axes = self.type_of(array), (integers_of(first), integers_of(second))
        if not isinstance(kind, nb.Array) or axes[0] is None or axes[1] is None:
            return False
        return [axis % kind.ndim for axis in axes[0]] == [axis % kind.ndim for axis in axes[1]]

    def rows_for(self, call: Call) -> list[_Row]:
        """Return the rows that a call may match, as far as its primitive and its operands tell."""
        key = (call.prim, *map(_head, call.args))
        if key not in self.fitting:
            self.fitting[key] = [row for row in self.rows if _may_match(row.pattern, call)]
        return self.fitting[key]

    def allowed(self, row: _Row, old: Call, new: Expr, copied: bool) -> bool:
        if self.type_of(old) is None or self.type_of(new) is None:
            return not row.about_numbers and _is_fresh(new)
        return self.keeps_type(old, new, copied)

    def keeps_type(self, old: Call, new: Expr, copied: bool) -> bool:
        """Whether types are known and agree; a fresh array stays one, unless it is copied anyway."""
        before, after = self.type_of(old), self.type_of(new)
        if isinstance(before, nb.Array) and isinstance(after, nb.Array):
            return (_is_fresh(new) or copied) and _element(before) == _element(after)
        return before is not None and before == after

    def type_of(self, expr: Expr) -> Type | None:
        try:
            return expr_type(expr, self.types)
        except AdjointError:
            return None


@remembered
def _simple(stmt: Stmt) -> dict[bool, tuple[Type | None, ...]]:
    """Return the types of the names with which a statement, nested ones aside, has turned out to be simple already."""
    return {}


def _is_fresh(expr: Expr) -> bool:
    """Whether an expression computes its value element by element, so that an array is nobody else's."""
    return isinstance(expr, Call) and is_elementwise(expr.prim) and not is_view(expr.prim)


def _without_filling(call: Call) -> Iterator[Call]:
    """Yield `s * e` for `np.full_like(x, s) * e`, if `e` has the shape of `x` already."""
    match call:
        case Call("add" | "sub" | "mul" | "div", (Call("full_like", (like, number), ()), other)) if _covers(
            other, like
        ):
            yield replace(call, args=(number, other))
        case Call("add" | "sub" | "mul" | "div", (other, Call("full_like", (like, number), ()))) if _covers(
            other, like
        ):
            yield replace(call, args=(other, number))
        case _:
            pass


def _covers(expr: Expr, part: Expr) -> bool:
    """Whether a value is at least as large as one of its parts, in every dimension."""
    return expr == part or isinstance(expr, Call) and _is_fresh(expr) and any(_covers(arg, part) for arg in expr.args)


def _element(array: Any) -> tuple[object, int]:
    return array.dtype, array.ndim


def _head(expr: Expr) -> object:
    """Return what an expression begins with: its primitive, or its class."""
    return expr.prim if isinstance(expr, Call) else type(expr)


def _may_match(pattern: Call, call: Call) -> bool:
    if pattern.prim != call.prim or len(pattern.args) != len(call.args):
        return False
    return all(isinstance(p, Var) or _head(p) == _head(a) for p, a in zip(pattern.args, call.args, strict=True))


def _matches(pattern: Expr, expr: Expr, found: dict[str, Expr]) -> bool:
    """Match an expression with a pattern, and note what stands for its names."""
    if isinstance(pattern, Var):
        return _may_be(pattern.name, expr) and found.setdefault(pattern.name, expr) == expr
    if isinstance(pattern, Lit):
        if not isinstance(expr, Lit) or not _is_number(pattern.value) or not _is_number(expr.value):
            return False
        return _same(pattern.value, expr.value)
    if not isinstance(expr, Call) or pattern.prim != expr.prim or expr.kwargs or len(pattern.args) != len(expr.args):
        return False
    return all(_matches(part, arg, found) for part, arg in zip(pattern.args, expr.args, strict=True))


def _may_be(name: str, expr: Expr) -> bool:
    if name in "xy":
        return True
    if not isinstance(expr, Lit) or not _is_number(expr.value):
        return False
    return name != "n" or expr.value < 0


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(first: int | float, second: int | float) -> bool:
    return first == second and math.copysign(1.0, first) == math.copysign(1.0, second)


def _built(pattern: Expr, found: Mapping[str, Expr]) -> Expr | None:
    """Put expressions in the place of names, and fold; None if a number can't be worked out beforehand."""
    match pattern:
        case Var(name):
            return found[name]
        case Lit():
            return pattern
        case Call(prim, parts):
            args = [_built(part, found) for part in parts]
            if any(arg is None for arg in args):
                return None
            call = Call(prim, tuple(arg for arg in args if arg is not None))
            result = _folded(call)
            return None if result is call and all(isinstance(arg, Lit) for arg in args) else result


def _folded(call: Call) -> Expr:
    """Return the value of arithmetic on numbers if there is one that every machine agrees on; else the call."""
    numbers = [arg.value for arg in call.args if isinstance(arg, Lit) and _is_number(arg.value)]
    if call.prim not in _FOLD or call.kwargs or len(numbers) != len(call.args):
        return call
    try:
        value = _FOLD[call.prim](numbers[0], numbers[-1])
    except ArithmeticError:
        return call
    overflows = isinstance(value, int) and abs(value) > _LARGEST
    return call if overflows or not math.isfinite(value) else Lit(value)
