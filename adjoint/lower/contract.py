"""Arrays that live in one iteration of a loop become numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, bound, map_blocks, map_expr, map_operands, names_in, operands, statements
from adjoint.lower.elements import cast_to
from adjoint.lower.uses import element_arrays, mentions
from adjoint.rules.numba_types import Type
from adjoint.rules.typing import expr_type


def contract(func: Func, kinds: dict[str, Type]) -> Func:
    """Replace arrays by numbers where every read is of the element that was stored before in the same block.

    An array qualifies if it is made in the function, used by single elements only, all with the same subscript, and
    the first use in the one block that holds them all is a `Store`. `kinds` gets the types of the numbers.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:]):
    ...     z: float64[:] = empty(dim(x, 0))
    ...     s: float64 = 0.0
    ...     for i in range(dim(x, 0)):
    ...         z[i] = sin(x[i])
    ...         s += z[i] * z[i]
    ...     return s
    ... ''')
    >>> print(text(contract(before, dict(before.types))), end="")
    def f(x):
        s = 0.0
        for i in range(x.shape[0]):
            z = math.sin(x[i])
            s += z * z
        return s
    """
    for name, uses in element_arrays(func, kinds).items():
        if len(uses.indices) != 1 or uses.made is None:
            continue
        (index,) = uses.indices
        if _stored_first(func.body, name, index):
            kinds[name] = kinds[name].dtype
            func = replace(func, body=_Numbers(name, kinds).block(func.body), types=kinds)
    return func


def _stored_first(body: Block, name: str, index: tuple[Expr, ...]) -> bool:
    """Whether the innermost block with all uses starts them with a `Store` of its own, and nothing moves the index."""
    users = [stmt for stmt in body if mentions(stmt, name) and not _makes(stmt, name)]
    if not users:
        return False
    first = users[0]
    if isinstance(first, Store) and first.array.name == name:
        moving = {n for expr in index for n in names_in(expr)}
        place = body.index(first)
        return name not in names_in(first.value) and not _changes(body[place:], moving)
    if len(users) == 1 and isinstance(first, For | While | If):
        holders = [block for block in blocks(first) if any(mentions(s, name) for s in block)]
        return len(holders) == 1 and _stored_first(holders[0], name, index)
    return False


def _makes(stmt: Stmt, name: str) -> bool:
    return isinstance(stmt, Let) and stmt.target.name == name


def _changes(block: Block, names: set[str]) -> bool:
    """Whether statements bind names or write into arrays of these names."""
    for stmt in statements(block):
        written = stmt.array.name if isinstance(stmt, Store) else stmt.target.name if isinstance(stmt, Accum) else ""
        if written in names or any(var.name in names for var in bound(stmt)):
            return True
        if isinstance(stmt, Effect) and names.intersection(name for expr in operands(stmt) for name in names_in(expr)):
            return True
    return False


class _Numbers:
    """Writes a name where elements of the array of that name stood."""

    def __init__(self, name: str, kinds: Mapping[str, Type]) -> None:
        self.name = name
        self.kinds = kinds

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) for stmt in block if not _makes(stmt, self.name))

    def stmt(self, stmt: Stmt) -> Stmt:
        if not mentions(stmt, self.name):
            return stmt
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Store(Var(name), _, value) if name == self.name:
                return Let(Var(name), self.cast(value), stmt.loc)
            case Accum(Var(name), _, value) if name == self.name:
                return Accum(Var(name), (), value, stmt.loc)
            case _:
                return stmt

    def read(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name), *_)) if name == self.name:
                return Var(name)
            case _:
                return expr

    def cast(self, value: Expr) -> Expr:
        """Return a value as what the array would have made of it."""
        kind = self.kinds[self.name]
        try:
            own = expr_type(value, self.kinds)
        except AdjointError:
            own = None
        if own is None or own == kind:
            return value
        return cast_to(kind, value, own) if isinstance(value, Lit) or str(kind) != str(own) else value
