"""Arrays that live in one iteration of a loop become numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    blocks,
    bound,
    map_blocks,
    map_expr,
    map_operands,
    mentioned_within,
    names_in,
    operands,
    statements,
)
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
    arrays = element_arrays(func, kinds)
    wanted = {name: next(iter(uses.indices)) for name, uses in arrays.items() if uses.made and len(uses.indices) == 1}
    names = _stored_first(func.body, wanted)
    if not names:
        return func
    kinds.update({name: kinds[name].dtype for name in wanted if name in names})
    return replace(func, body=_Numbers(names, kinds).block(func.body), types=kinds)


def _stored_first(body: Block, wanted: Mapping[str, tuple[Expr, ...]]) -> frozenset[str]:
    """Return the arrays whose uses, in the innermost block with all of them, start with a `Store` of its own.

    And nothing after it moves the one index.
    """
    users: dict[str, list[int]] = {}
    for place, stmt in enumerate(body):
        for name in wanted.keys() & mentioned_within(stmt):
            if not _makes(stmt, name):
                users.setdefault(name, []).append(place)
    found: set[str] = set()
    inside: dict[int, dict[str, tuple[Expr, ...]]] = {}
    for name, places in users.items():
        match body[places[0]]:
            case Store(array, _, value) if array.name == name:
                moving = {n for expr in wanted[name] for n in names_in(expr)}
                if name not in names_in(value) and not _changes(body[places[0] :], moving):
                    found.add(name)
            case If() as branch if len(places) > 1 and _both_store(branch, name):
                moving = {n for expr in wanted[name] for n in names_in(expr)}
                if not _changes(body[places[0] :], moving):
                    found.add(name)
            case For() | While() | If() if len(places) == 1:
                inside.setdefault(places[0], {})[name] = wanted[name]
            case _:
                pass
    for place, names in inside.items():
        inner = blocks(body[place])
        once = {n: index for n, index in names.items() if sum(_holds(block, n) for block in inner) == 1}
        found.update(*(_stored_first(block, once) for block in inner))
    return frozenset(found)


def _both_store(branch: If, name: str) -> bool:
    """Whether the first that both sides of a branch do with an array is to store its element."""
    firsts = [next((stmt for stmt in side if mentions(stmt, name)), None) for side in (branch.then, branch.orelse)]
    if name in names_in(branch.cond):
        return False
    return all(
        isinstance(first, Store) and first.array.name == name and name not in names_in(first.value)
        or isinstance(first, If) and _both_store(first, name)
        for first in firsts
    )


def _holds(block: Block, name: str) -> bool:
    return any(mentions(stmt, name) for stmt in block)


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
    """Writes names where elements of the arrays of these names stood."""

    def __init__(self, names: frozenset[str], kinds: Mapping[str, Type]) -> None:
        self.names = names
        self.kinds = kinds

    def block(self, block: Block) -> Block:
        kept = (stmt for stmt in block if not (isinstance(stmt, Let) and stmt.target.name in self.names))
        return tuple(map(self.stmt, kept))

    def stmt(self, stmt: Stmt) -> Stmt:
        if self.names.isdisjoint(mentioned_within(stmt)):
            return stmt
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Store(Var(name), _, value) if name in self.names:
                return Let(Var(name), self.cast(name, value), stmt.loc)
            case Accum(Var(name), _, value) if name in self.names:
                return Accum(Var(name), (), value, stmt.loc)
            case _:
                return stmt

    def read(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name), *_)) if name in self.names:
                return Var(name)
            case _:
                return expr

    def cast(self, name: str, value: Expr) -> Expr:
        """Return a value as what the array would have made of it."""
        kind = self.kinds[name]
        try:
            own = expr_type(value, self.kinds)
        except AdjointError:
            own = None
        if own is None or own == kind:
            return value
        return cast_to(kind, value, own) if isinstance(value, Lit) or str(kind) != str(own) else value
