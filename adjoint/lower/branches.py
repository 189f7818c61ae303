"""Branches of the backward sweep on one condition become one, and compute what they need once."""

from __future__ import annotations

from dataclasses import replace

from adjoint.analysis.effects import is_pure
from adjoint.ir import Block, Comment, Func, If, Let, Stmt
from adjoint.ir.walk import map_blocks, names_in, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.reuse import reuse
from adjoint.rules.numba_types import is_number


def join_branches(func: Func) -> Func:
    """Return a program whose backward sweep makes values of one branch of the primal again in one branch.

    Requires the imperative dialect, before names are shared. Values that are made again, each in a branch of its own,
    are those of one branch of the user's; what several are made of is computed once, and stays known in later branches
    on the condition.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64, y: float64, test: bool_):
    ...     "backward: return a * b"
    ...     if test:
    ...         s: float64 = sin(x)
    ...         a: float64 = s * s
    ...     else:
    ...         a: float64 = x
    ...     c: float64 = y * y
    ...     if test:
    ...         s: float64 = sin(x)
    ...         b: float64 = s + 1.0
    ...     else:
    ...         b: float64 = y
    ...     return a * b + c
    ... ''')
    >>> print(text(join_branches(func)), end="")
    def f(x, y, test):
        # backward: return a * b
        if test:
            s = math.sin(x)
            a = s * s
            b = s + 1.0
        else:
            a = x
            b = y
        c = y * y
        return a * b + c
    """
    start = next((k for k, stmt in enumerate(func.body) if _is_backward(stmt)), len(func.body))
    if sum(isinstance(stmt, If) for stmt in statements(func.body[start:])) < 2:
        return func
    context = Context.of(func)
    joined = _Joiner(func, context).block(func.body[start:])
    return reuse(with_body(func, (*func.body[:start], *joined)), context, branches=True, names=False)


def _is_backward(stmt: Stmt) -> bool:
    return isinstance(stmt, Comment) and stmt.text.startswith("backward: ")


class _Joiner:
    def __init__(self, func: Func, context: Context) -> None:
        self.kinds = context.kinds
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            stmt = map_blocks(stmt, self.block)
            place = self.place(out, stmt) if isinstance(stmt, If) else None
            if place is None or not isinstance(stmt, If):
                out.append(stmt)
            else:
                first = out[place]
                assert isinstance(first, If)
                out[place] = replace(first, then=(*first.then, *stmt.then), orelse=(*first.orelse, *stmt.orelse))
        return tuple(out)

    def place(self, before: list[Stmt], stmt: If) -> int | None:
        """Return where the branch stands that another one can become part of."""
        if not self.is_made_again(stmt) or not is_pure(stmt.cond):
            return None
        names, own = set(names_in(stmt.cond)), self.accesses.of(stmt)
        if not all(is_number(self.kinds.get(name)) for name in names):
            return None
        for place in range(len(before) - 1, -1, -1):
            other = before[place]
            if isinstance(other, Comment) or self.accesses.of(other).binds & names:
                return None
            if isinstance(other, If) and other.cond == stmt.cond and self.is_made_again(other):
                return place
            if self.accesses.of(other).conflicts(own):
                return None
        return None

    def is_made_again(self, stmt: If) -> bool:
        """Whether branches bind numbers and do nothing else."""
        inner = statements((*stmt.then, *stmt.orelse))
        return all(isinstance(s, If) or isinstance(s, Let) and is_number(self.kinds.get(s.target.name)) for s in inner)
