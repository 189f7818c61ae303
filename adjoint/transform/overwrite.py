"""Places that are zeroed and then increased: one assignment says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from numba import types as nb

from adjoint.analysis.sharing import holds_memory, memory_classes
from adjoint.ir import Accum, Block, Call, Expr, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import (
    blocks,
    bound,
    map_blocks,
    names_in,
    operands,
    statements,
    statements_of,
    substitute,
    with_body,
)
from adjoint.rules.spelling import is_elementwise

_WHOLE: tuple[Expr, ...] = (Lit(...),)


def overwrite(func: Func) -> Func:
    """Return an imperative program with `x[i] = e` for `x[i] = 0.0` and the `x[i] += e` that is next to use `x`.

    What was read before the zero and is in `e` only is read there.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(y: float64, y_bar: float64[:]):
    ...     y_seed: float64 = y_bar[4]
    ...     y_bar[4] = 0.0
    ...     y_bar[4] += 2.0 * y * y_seed
    ...     return y_bar
    ... ''')
    >>> print(text(overwrite(func)), end="")
    def f(y, y_bar):
        y_bar[4] *= 2.0 * y
        return y_bar
    """
    return with_body(func, _Overwriter(func).block(func.body))


class _Overwriter:
    def __init__(self, func: Func) -> None:
        self.types = func.types
        self.classes = memory_classes(func)
        self.reads = Counter(n for stmt in statements_of(func) for e in operands(stmt) for n in names_in(e))

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        position = 0
        while position < len(stmts):
            user = self.increase(stmts, position)
            if user is None:
                position += 1
                continue
            stmts[user], seed = self.folded(stmts, position, user)
            del stmts[position]
            if seed is not None:
                del stmts[seed]
        return tuple(stmts)

    def increase(self, stmts: Sequence[Stmt], zero: int) -> int | None:
        """Return the position of the statement that increases a zeroed place, if it is the next to use the array."""
        match stmts[zero]:
            case Store(array, index, Lit(0.0 as value)) if not isinstance(value, bool):
                if any(map(self.may_repeat, index)):
                    return None
            case _:
                return None
        needed = {name for each in index for name in names_in(each)}
        for position in range(zero + 1, len(stmts)):
            stmt = stmts[position]
            if isinstance(stmt, Accum) and stmt.target == array and (stmt.index or _WHOLE) == index:
                return None if self.uses(stmt.value, array) else position
            if self.mentions(stmt, array) or needed & set(_bound_in(stmt)):
                return None
        return None

    def may_repeat(self, index: Expr) -> bool:
        """Whether an index may name an element twice, so that increases of it add up."""
        kind: Any = self.types.get(index.name) if isinstance(index, Var) else None
        return isinstance(kind, nb.Array) and cast("Any", kind).dtype != nb.boolean

    def mentions(self, stmt: Stmt, array: Var) -> bool:
        inner = (self.mentions(each, array) for block in blocks(stmt) for each in block)
        own = (self.uses(each, array) for each in (*bound(stmt), *operands(stmt)))
        return any(own) or any(inner)

    def uses(self, expr: Expr, array: Var) -> bool:
        own = self.classes.get(array.name, array.name)
        return any(self.classes.get(name, name) == own for name in names_in(expr))

    def folded(self, stmts: Sequence[Stmt], zero: int, user: int) -> tuple[Store, int | None]:
        """Return the assignment. It reads the place itself instead of what the statement before the zero has read."""
        cleared, added = stmts[zero], stmts[user]
        assert isinstance(cleared, Store)
        assert isinstance(added, Accum)
        stmt = replace(cleared, value=added.value, loc=added.loc)
        place: Expr = stmt.array if stmt.index == _WHOLE else Call("getitem", (stmt.array, *stmt.index))
        match stmts[zero - 1] if zero else None:
            case Let(seed, value) if value in (place, Call("copy", (place,))) and self.is_read_once(seed, stmt.value):
                scalar = not holds_memory(self.types.get(seed.name))
                if scalar or _elementwise_in(stmt.value, seed):
                    return replace(stmt, value=substitute(stmt.value, {seed.name: place})), zero - 1
            case _:
                pass
        return stmt, None

    def is_read_once(self, name: Var, expr: Expr) -> bool:
        """Whether a name is read in one place of the program, which is in an expression."""
        return self.reads[name.name] == 1 and name.name in names_in(expr)


def _bound_in(stmt: Stmt) -> list[str]:
    return [
        var.name for inner in (stmt, *(s for block in blocks(stmt) for s in statements(block))) for var in bound(inner)
    ]


def _elementwise_in(expr: Expr, name: Var) -> bool:
    """Whether an expression reads an array once, and each element for the element at the same place."""
    match expr:
        case Var():
            return expr == name
        case Call(prim, args, ()) if is_elementwise(prim):
            return any(_elementwise_in(arg, name) for arg in args)
        case _:
            return False
