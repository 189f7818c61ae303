"""One branch where the two sweeps have one each: `if i < n:` is asked once, and both sweeps stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.analysis.effects import actions, observed
from adjoint.ir import Block, Call, Comment, Func, If, Let, Lit, Stmt
from adjoint.ir.walk import map_blocks, names_in, operands, statements


def merge_branches(func: Func) -> Func:
    """Return an imperative program with branches on one condition joined, and constants of `else` bound before.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(c: bool, x: float64):
    ...     if c:
    ...         u = sin(x)
    ...     if c:
    ...         v = u * x
    ...     else:
    ...         v = 0.0
    ...     return v
    ... ''')
    >>> print(text(merge_branches(func)), end="")
    def f(c, x):
        v = 0.0
        if c:
            u = math.sin(x)
            v = u * x
        return v
    """
    return replace(func, body=_Merger(func).block(func.body))


class _Merger:
    def __init__(self, func: Func) -> None:
        self.func = func

    def block(self, block: Block) -> Block:
        kept: list[Stmt] = []
        for stmt in block:
            stmt = self.positive(stmt)
            place = len(kept) - 1
            while place >= 0 and isinstance(kept[place], Comment):
                place -= 1
            before = kept[place] if place >= 0 else None
            if isinstance(stmt, If) and isinstance(before, If) and self.joins(before, stmt):
                comments = tuple(kept[place + 1 :])
                del kept[place:]
                stmt = replace(
                    before, then=(*before.then, *comments, *stmt.then), orelse=(*before.orelse, *stmt.orelse)
                )
            kept.append(stmt)
        return tuple(new for stmt in kept for new in self.inside(stmt))

    def positive(self, stmt: Stmt) -> Stmt:
        """Ask `i < n` where only the `else` of `i >= n` does something."""
        match stmt:
            case If(cond, (), orelse) if orelse:
                return replace(stmt, cond=Call("not", (cond,)), then=orelse, orelse=())
            case _:
                return stmt

    def joins(self, first: If, second: If) -> bool:
        """Whether the condition of the second is still that of the first."""
        if first.cond != second.cond:
            return False
        names, inspected = observed(first.cond)
        for stmt in statements((*first.then, *first.orelse)):
            for action in actions(stmt, self.func):
                if set(names) & set(action.binds) or set(inspected) & set(action.changes):
                    return False
        return True

    def inside(self, stmt: Stmt) -> list[Stmt]:
        stmt = map_blocks(stmt, self.block)
        if not isinstance(stmt, If) or not stmt.orelse or not stmt.then:
            return [stmt]
        constants = [s for s in stmt.orelse if isinstance(s, Let) and isinstance(s.value, Lit)]
        if len(constants) < sum(not isinstance(s, Comment) for s in stmt.orelse):
            return [stmt]
        if not all(_is_bound_first(s.target.name, stmt) for s in constants):
            return [stmt]
        return [*constants, replace(stmt, orelse=())]


def _is_bound_first(name: str, stmt: If) -> bool:
    """Whether neither the condition nor the branch reads what a name was before the branch."""
    return name not in names_in(stmt.cond) and _starts_with_binding(name, stmt.then)


def _starts_with_binding(name: str, block: Sequence[Stmt]) -> bool:
    for stmt in block:
        mentioned = any(name in names_in(expr) for inner in statements((stmt,)) for expr in operands(inner))
        if isinstance(stmt, Let) and stmt.target.name == name:
            return not mentioned
        if mentioned:
            return False
        if any(isinstance(inner, Let) and inner.target.name == name for inner in statements((stmt,))):
            return False
    return False
