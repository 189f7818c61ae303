"""Sums that don't start at zero are added up on their own where that lets their loop join an earlier one."""

from __future__ import annotations

from adjoint.ir import Accum, Block, For, Func, Let, Lit, Stmt, Var
from adjoint.ir.walk import map_blocks, mentioned_within, mentions_of, names_in, with_body
from adjoint.lower.context import Context
from adjoint.lower.interchange import only_added
from adjoint.lower.outward import with_sums
from adjoint.rules.numba_types import Type, types
from adjoint.transform.renaming import rename_block


def detach(func: Func, context: Context) -> Func:
    """Add up `s += e` from zero in a loop, and add the sum to `s` behind it, where `s` starts from an earlier loop.

    What comes out of the forward sweep may be where a cotangent starts to which the backward sweep adds. Only the sum
    has to wait for it, not the loop.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:]):
    ...     s: float64 = sum(x)
    ...     r: float64 = s * s
    ...     t: float64 = sum(y + x)
    ...     r += t
    ...     for i in range(dim(x, 0)):
    ...         r += x[i] * y[i]
    ...     return r
    ... '''))
    >>> print(text(detach(func, context)), end="")
    def f(x, y):
        if y.shape[0] != x.shape[0]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        s = 0.0
        for i_1 in range(y.shape[0]):
            s += x[i_1]
        r = s * s
        t = 0.0
        for i_2 in range(y.shape[0]):
            t += y[i_2] + x[i_2]
        r += t
        r_1 = 0.0
        for i in range(y.shape[0]):
            r_1 += x[i] * y[i]
        r += r_1
        return r
    """
    if sum(isinstance(stmt, For) for stmt in func.body) < 2:
        return func
    return with_body(func, _block(with_sums(func.body, mentions_of(func)), context))


def _block(block: Block, context: Context) -> Block:
    block = tuple(map_blocks(stmt, lambda inner: _block(inner, context)) for stmt in block)
    out: list[Stmt] = []
    # By the range of a loop, the sums of the first loop over it and of later ones, and what is made of them.
    given: dict[object, set[str]] = {}
    for stmt in block:
        totals = _totals(stmt, context) if isinstance(stmt, For) else set[str]()
        span = context.spans.get(stmt.index.name) if isinstance(stmt, For) else None
        new = {name: context.renewed(name) for name in sorted(totals & given.get(span, set()))}
        out += [Let(total, Lit(0.0)) for total in new.values()]
        out += rename_block((stmt,), {name: total.name for name, total in new.items()})
        out += [Accum(Var(name), (), total) for name, total in new.items()]
        if span is not None:
            given.setdefault(span, set())
        for names in given.values():
            names |= totals
            if isinstance(stmt, Let | Accum) and not names.isdisjoint(mentioned_within(stmt)):
                names.add(stmt.target.name)
    return tuple(out)


def _totals(loop: For, context: Context) -> set[str]:
    """Return the real numbers that a loop does nothing with but add to them."""
    kinds: dict[str, Type] = context.kinds
    bounds = {name for bound in (loop.start, loop.stop) for name in names_in(bound)}
    found = only_added(loop.body) - bounds
    return {name for name in found if isinstance(kinds.get(name), types.Float)}
