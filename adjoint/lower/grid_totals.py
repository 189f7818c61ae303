"""Sums of kernels: added to where they belong at once, and fetched from the device only where the host needs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from adjoint.analysis.iterations import term
from adjoint.ir import Accum, Block, Call, For, Func, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import map_blocks, mentioned, mentioned_within, mentions_of, names_in, operands, statements
from adjoint.transform.renaming import rename_block


def direct_totals(func: Func) -> Func:
    """Let loops add to a number what they first add up from zero in one of its own.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     for k in range(n):
    ...         t: float64 = 0.0
    ...         for i in range(n):
    ...             t += x[i]
    ...         s += t
    ...     return s
    ... ''')
    >>> print(text(direct_totals(func)), end="")
    def f(x, n):
        s = 0.0
        for k in range(n):
            for i in range(n):
                s += x[i]
        return s
    """
    uses = mentions_of(func)
    return replace(func, body=_direct(func.body, uses))


def _direct(block: Block, uses: Counter[str]) -> Block:
    made = [map_blocks(stmt, lambda inner: _direct(inner, uses)) for stmt in block]
    for stmt in list(made):
        match stmt:
            case Let(Var(part), Lit(0.0)):
                made = _added_at_once(made, stmt, part, uses)
            case _:
                pass
    return tuple(made)


def _added_at_once(block: list[Stmt], start: Let, part: str, uses: Counter[str]) -> list[Stmt]:
    """Return statements in which a loop adds to a total what it added to a part, if there is nothing else with it."""
    places = [k for k, stmt in enumerate(block) if part in mentioned_within(stmt)]
    if len(places) != 3 or block[places[0]] is not start:
        return block
    _, at, end = places
    loop, last = block[at], block[end]
    match last:
        case Accum(Var(total), (), Var(name)) if name == part != total:
            pass
        case Let(Var(total), Call("add", (Var(same), Var(name)))) if name == part != total == same:
            pass
        case _:
            return block
    known = Counter(name for stmt in statements((start, loop, last)) for name in mentioned(stmt))[part]
    between = block[places[0] + 1 : end]
    if not isinstance(loop, For) or known != uses[part] or any(total in mentioned_within(stmt) for stmt in between):
        return block
    if not all(_adds(stmt, part) for stmt in statements((loop,))):
        return block
    (joint,) = rename_block((loop,), {part: total})
    return [joint if k == at else stmt for k, stmt in enumerate(block) if k not in (places[0], end)]


def _adds(stmt: Stmt, name: str) -> bool:
    """Whether a statement does nothing with a number but add to it."""
    return term(stmt, name) is not None or name not in mentioned(stmt)


def fetch_late(loop: For | While, parts: Mapping[str, str]) -> tuple[Block, Block, Block]:
    """Return what can be done before a loop of the host, its body, and what can be done after it.

    That is making the memory for sums of blocks, and adding these up, of numbers that nothing else in the loop is
    about. `parts` has the memory by the number.
    """
    before: list[Stmt] = []
    after: list[Stmt] = []
    body = loop.body
    for name, memory in parts.items():
        own = [stmt for stmt in statements(body) if name in mentioned(stmt)]
        fetched = [stmt for stmt in own if _fetches(stmt, memory)]
        made = [stmt for stmt in body if isinstance(stmt, Let) and stmt.target.name == memory]
        within = [stmt for stmt in statements(body) if isinstance(stmt, Let) and stmt.target.name == memory]
        outside = name in {n for e in operands(loop) for n in names_in(e)}
        if not made or len(own) > len(fetched) or len(within) > len(made) or outside:
            continue
        if any(stmt not in body for stmt in fetched):
            continue
        before.append(made[0])
        after.append(fetched[0])
        gone = {id(stmt) for stmt in (*made, *fetched)}
        body = tuple(stmt for stmt in body if id(stmt) not in gone)
    return tuple(before), body, tuple(after)


def _fetches(stmt: Stmt, memory: str) -> bool:
    match stmt:
        case Accum(_, (), Call(_, (Var(name),))) | Let(_, Call(_, (_, Call(_, (Var(name),))))):
            return name == memory
        case _:
            return False
