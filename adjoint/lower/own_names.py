"""Numbers that loops one after the other each bind for themselves, under one name, get names of their own."""

from __future__ import annotations

from collections.abc import Callable

from adjoint.ir import Accum, Block, For, Func, Let, Stmt, Var, While
from adjoint.ir.walk import map_blocks, mentioned_within, statements, with_body
from adjoint.lower.context import Context
from adjoint.rules.numba_types import is_number
from adjoint.transform.renaming import rename_block


def own_names(func: Func, context: Context) -> Func:
    """Rename numbers from the second loop in a block on, where no statement of the block reads what others bound.

    The forward sweep and a part of it that is done again bind the same names, so that neither seems to be alone.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         s: float64 = x[i]
    ...         y[i] = s * s
    ...     for i in range(n):
    ...         s = x[i]
    ...         x[i] = s + y[i]
    ... ''')
    >>> print(text(own_names(func, Context.of(func))), end="")
    def f(x, y, n):
        for i in range(n):
            s = x[i]
            y[i] = s * s
        for i in range(n):
            s_1 = x[i]
            x[i] = s_1 + y[i]
    """
    accesses = context.accesses(func)
    renewed: Callable[[str], Var] = context.renewed

    def visit(block: Block, shared: frozenset[str]) -> Block:
        shared = shared.union(*(accesses.of(stmt).exposed for stmt in block))
        seen: set[str] = set()
        out: list[Stmt] = []
        for stmt in block:
            done = map_blocks(stmt, lambda inner: visit(inner, shared))
            if isinstance(stmt, For):
                bound = dict.fromkeys(s.target.name for s in statements(stmt.body) if isinstance(s, Let | Accum))
                again = [n for n in bound if n in seen and n not in shared and is_number(context.kinds.get(n))]
                (done,) = rename_block((done,), {name: renewed(name).name for name in again})
            seen |= mentioned_within(stmt)
            out.append(done)
        return block if all(a is b for a, b in zip(out, block, strict=True)) else tuple(out)

    ending = (s.until.name for s in statements(func.body) if isinstance(s, For | While) and s.until is not None)
    return with_body(func, visit(func.body, frozenset((*ending, *(p.name for p in func.params)))))
