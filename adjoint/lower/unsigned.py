"""Indices of innermost loops that are never negative are unsigned in subscripts, which spares the test for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Comment, Effect, Expr, For, Func, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, map_expr, map_operands, names_in, with_body
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, is_array, types


def unsigned(func: Func, context: Context) -> Func:
    """Use an unsigned copy of the index as subscript in loops that start at a name which isn't negative.

    Numba would count from the end where a subscript is negative. Where the loop starts at a number the test goes by
    itself, unless a loop around exchanges arrays (`u, new = new, u`): LLVM copies that for the branches in it before it
    looks at subscripts. Elsewhere the test stays, and keeps loops that write elements from being vectorised.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         for j in range(i + 1, n):
    ...             y[j] += x[i] * x[j]
    ... ''')
    >>> context = Context.of(func)
    >>> context.natural["i"] = True
    >>> print(text(unsigned(func, context)), end="")
    def f(x, y, n):
        for i in range(n):
            for j in range(i + 1, n):
                j_1 = np.uint64(j)
                y[j_1] += x[i] * x[j_1]
    """
    return with_body(func, _Changer(context).block(func.body))


class _Changer:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.exchanged = False

    def block(self, block: Block) -> Block:
        return tuple(map(self.stmt, block))

    def stmt(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, For) and stmt.parallel:
            return stmt  # which elements its iterations share is found out from subscripts as they are
        stmt = self.inside(stmt)
        if not isinstance(stmt, For) or stmt.until is not None or stmt.step != Lit(1):
            return stmt
        if isinstance(stmt.start, Lit) and not self.exchanged or not self.starts_natural(stmt.start):
            return stmt
        plain = all(isinstance(each, Let | Store | Accum | Comment) for each in stmt.body)
        bound = {each.target.name for each in stmt.body if isinstance(each, Let)}
        writes = any(isinstance(each, Store) or isinstance(each, Accum) and each.index for each in stmt.body)
        if not plain or not writes or stmt.index.name in bound:
            return stmt
        hint = self.context.hint(stmt.index.name)
        name = self.context.fresh("_" if hint is None else hint, types.uint64, hint)
        body = tuple(self.subscripted(each, stmt, name) for each in stmt.body)
        made = Let(name, Call("cast.uint64", (stmt.index,), via="np"))
        return stmt if body == stmt.body else replace(stmt, body=(made, *body))

    def inside(self, stmt: Stmt) -> Stmt:
        around = self.exchanged
        self.exchanged |= isinstance(stmt, For | While) and _exchanges(stmt, self.context.kinds)
        stmt = map_blocks(stmt, self.block)
        self.exchanged = around
        return stmt

    def starts_natural(self, start: Expr) -> bool:
        match start:
            case Call("maximum", (first, second)):
                return self.context.is_natural(first) or self.context.is_natural(second)
            case _:
                return self.context.is_natural(start)

    def subscript(self, item: Expr, loop: For, new: Var) -> Expr:
        """Return a subscript with an unsigned copy of the index, or a sum with the index made unsigned."""
        if item == loop.index:
            return new
        if isinstance(item, Call) and loop.index.name in names_in(item) and self.is_natural(item, loop):
            return Call("cast.uint64", (item,), via="np")
        return item

    def is_natural(self, item: Call, loop: For) -> bool:
        match item, loop.start:
            case Call("sub", (index, Lit(int(less)))), Lit(int(start)) if index == loop.index:
                return start >= less
            case _:
                return self.context.is_natural(item)

    def subscripted(self, stmt: Stmt, loop: For, new: Var) -> Stmt:
        """Write a statement with another name for an index where that is a subscript of its own."""

        def places(array: str, items: tuple[Expr, ...]) -> tuple[Expr, ...]:
            whole = is_array(self.context.kinds.get(array))
            return tuple(self.subscript(item, loop, new) if whole else item for item in items)

        def read(expr: Expr) -> Expr:
            match expr:
                case Call("getitem", (Var(name) as array, *items)):
                    return replace(expr, args=(array, *places(name, tuple(items))))
                case _:
                    return expr

        stmt = map_operands(stmt, lambda expr: map_expr(expr, read))
        match stmt:
            case Store(array, items) | Accum(array, items):
                return replace(stmt, index=places(array.name, items))
            case _:
                return stmt


def _exchanges(loop: For | While, kinds: Mapping[str, Type]) -> bool:
    """Whether an iteration ends or starts with arrays that go by names which others had."""
    pairs = [(target, value) for target, value in _moved(loop.body) if is_array(kinds.get(target.name))]
    return not {target for target, _ in pairs}.isdisjoint(value for _, value in pairs)


def _moved(block: Block) -> Iterator[tuple[Var, Var]]:
    """Yield the names that a block gives to what has another name."""
    for stmt in block:
        match stmt:
            case Let(target, Var() as value):
                yield target, value
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                yield from (
                    (t, v) for t, v in zip(targets, values, strict=True) if isinstance(t, Var) and isinstance(v, Var)
                )
            case _:
                pass
