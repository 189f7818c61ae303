"""Copies of names that only some paths have bound are made where the names are bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adjoint.ir import Block, Call, Effect, For, Func, If, Let, Return, Stmt, Var, While
from adjoint.ir.walk import blocks, bound, map_blocks, mentioned_within, names_in, remembered


def into_branches(func: Func) -> Func:
    """Return an imperative program that copies no name which the path taken has not bound.

    Where branches meet, a name without a value on one of them stays without one; a copy of it would be an error in
    Python, though nothing reads the copy either.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64, test: bool_):
    ...     if test:
    ...         y: float64 = sin(x)
    ...     z: float64 = y
    ...     if not test:
    ...         z: float64 = 0.5
    ...     return z + (y if test else x)
    ... ''')
    >>> print(text(into_branches(func)), end="")
    def f(x, test):
        if test:
            y = math.sin(x)
            z = y
        if not test:
            z = 0.5
        return z + (y if test else x)
    """
    params = frozenset(param.name for param in func.params)
    body, _ = _block(func.body, params, params)
    return replace(func, body=body)


def _block(block: Block, sure: frozenset[str], maybe: frozenset[str]) -> tuple[Block, frozenset[str]]:
    """Return the block and the names bound after it; `sure` are bound before it and `maybe` on some path."""
    out: list[Stmt] = []
    start = maybe
    for stmt in block:
        match stmt:
            case Let(target, Var(source)) if source not in sure and source not in start:
                moved = _copied(out, source, target.name, stmt)
                if moved is not None:
                    out = moved
                    maybe |= {target.name}
                    continue
            case If():
                then, after_then = _block(stmt.then, sure, maybe)
                orelse, after_orelse = _block(stmt.orelse, sure, maybe)
                arms = iter((then, orelse))
                out.append(map_blocks(stmt, lambda _, arms=arms: next(arms)))
                sure = _met(stmt, after_then, after_orelse)
                maybe |= _bound_within(stmt)
                continue
            case For() | While():
                maybe |= _bound_within(stmt)
                inner = sure | {stmt.index.name} if isinstance(stmt, For) else sure
                body, _ = _block(stmt.body, inner, maybe)
                out.append(map_blocks(stmt, lambda _, body=body: body))
                continue
            case _:
                pass
        out.append(stmt)
        sure |= _bound_within(stmt)
        maybe |= _bound_within(stmt)
    return tuple(out), sure


def _met(stmt: If, then: frozenset[str], orelse: frozenset[str]) -> frozenset[str]:
    """Return what is bound after a branch; a path that is left does not count."""
    if _left(stmt.then):
        return orelse
    return then if _left(stmt.orelse) else then & orelse


def _left(block: Block) -> bool:
    match block[-1:]:
        case (Return(),) | (Effect(Call("raise")),):
            return True
        case _:
            return False


def _copied(block: Iterable[Stmt], source: str, target: str, copy: Stmt) -> list[Stmt] | None:
    """Return the statements of a block with a copy wherever they bind its source; None if that reads differently."""
    stmts, found = list(block), False
    for position in range(len(stmts) - 1, -1, -1):
        stmt = stmts[position]
        if target in mentioned_within(stmt):
            return None
        if source not in _bound_within(stmt):
            continue
        found = True
        if not isinstance(stmt, If):
            # A loop may bind it or not; what else binds it does so always.
            return None if blocks(stmt) else [*stmts[: position + 1], copy, *stmts[position + 1 :]]
        arms = [_copied(arm, source, target, copy) if _binds(arm, source) else list(arm) for arm in blocks(stmt)]
        if arms[0] is None or arms[1] is None:
            return None
        stmts[position] = replace(stmt, then=tuple(arms[0]), orelse=tuple(arms[1]))
    return stmts if found else None


def _binds(block: Block, name: str) -> bool:
    return any(name in _bound_within(stmt) for stmt in block)


@remembered
def _bound_within(stmt: Stmt) -> frozenset[str]:
    """Return the names that a statement and those nested in it bind."""
    match stmt:
        case Effect(Call("move", (targets, _))):
            own = frozenset(names_in(targets))
        case _:
            own = frozenset(var.name for var in bound(stmt))
    return own.union(*(_bound_within(each) for block in blocks(stmt) for each in block))
