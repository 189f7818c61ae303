"""Copies of names that only some paths have bound are made where the names are bound, or of names with some value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Return, Stmt, Var, While
from adjoint.ir.walk import (
    blocks,
    bound,
    mentioned_within,
    names_in,
    remembered,
    subexpressions,
    with_blocks,
    with_body,
)
from adjoint.transform.unbound import placeholder


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

    If that can't be told from the text, the name gets some value at the start.
    """
    params = frozenset(param.name for param in func.params)
    unbound = dict[str, None]()
    body, _ = _block(func.body, params, params, {}, unbound)
    return with_body(func, _with_values(body, unbound, func))


def _with_values(body: Block, unbound: Iterable[str], func: Func) -> Block:
    """Give names some value before the first statement that mentions them."""
    left, out = list(unbound), list[Stmt]()
    for stmt in body:
        here = [name for name in left if name in mentioned_within(stmt)]
        out += [Let(Var(name), placeholder(func.types[name])) for name in here]
        left = [name for name in left if name not in here]
        out.append(stmt)
    return tuple(out)


# The names that are bound where a condition holds or doesn't.
_Given: TypeAlias = "dict[tuple[Expr, bool], frozenset[str]]"


def _block(
    block: Block, sure: frozenset[str], maybe: frozenset[str], given: _Given, unbound: dict[str, None]
) -> tuple[Block, frozenset[str]]:
    """Return the block and the names bound after it; `sure` are bound before it and `maybe` on some path.

    `unbound` collects the names that may be copied without a value all the same.
    """
    out: list[Stmt] = []
    start = maybe
    for stmt in block:
        match stmt:
            case Let(target, Var(source)) if source not in sure:
                moved = None if source in start else _copied(out, source, target.name, stmt)
                if moved is not None:
                    out = moved
                    maybe |= {target.name}
                    continue
                unbound[source] = None
            case Let(_, Call() as value):
                unbound.update(dict.fromkeys(name for name in _measured(value) if name in maybe - sure))
            case If():
                made, ends = _branch(stmt, sure, maybe, given, unbound)
                out.append(made)
                given = _still(given, stmt) | _where(stmt, ends)
                sure = _met(stmt, *ends)
                maybe |= _bound_within(stmt)
                continue
            case For() | While():
                maybe |= _bound_within(stmt)
                given = _still(given, stmt)
                inner = sure | {stmt.index.name} if isinstance(stmt, For) else sure
                body, after = _block(stmt.body, inner, maybe, given, unbound)
                out.append(with_blocks(stmt, body))
                sure |= after  # of a loop that doesn't run, the function itself can't read these
                continue
            case _:
                pass
        out.append(stmt)
        given = _still(given, stmt)
        sure |= _bound_within(stmt)
        maybe |= _bound_within(stmt)
    return tuple(out), sure


def _measured(value: Call) -> Iterator[str]:
    """Yield the names of lists whose lengths a value takes, as that of a list of as many zeros does."""
    for part in subexpressions(value):
        if isinstance(part, Call) and part.prim == "len" and isinstance(part.args[0], Var):
            yield part.args[0].name


def _branch(
    stmt: If, sure: frozenset[str], maybe: frozenset[str], given: _Given, unbound: dict[str, None]
) -> tuple[If, tuple[frozenset[str], frozenset[str]]]:
    known = [sure | given.get(_condition(stmt.cond, holds=holds), frozenset()) for holds in (True, False)]
    then, after_then = _block(stmt.then, known[0], maybe, given, unbound)
    orelse, after_orelse = _block(stmt.orelse, known[1], maybe, given, unbound)
    return with_blocks(stmt, then, orelse), (after_then, after_orelse)


def _where(stmt: If, ends: tuple[frozenset[str], frozenset[str]]) -> _Given:
    """Return what is bound after a branch where its condition holds or doesn't, if that is a name that stays."""
    keys = [_condition(stmt.cond, holds=holds) for holds in (True, False)]
    if not isinstance(keys[0][0], Var) or _changes(stmt, stmt.cond):
        return {}
    return dict(zip(keys, ends, strict=True))


def _condition(cond: Expr, *, holds: bool) -> tuple[Expr, bool]:
    match cond:
        case Call("not", (inner,)):
            return _condition(inner, holds=not holds)
        case _:
            return cond, holds


def _changes(stmt: Stmt, cond: Expr) -> bool:
    return not _bound_within(stmt).isdisjoint(names_in(cond))


def _still(given: _Given, stmt: Stmt) -> _Given:
    """Return what a statement leaves of what is known where conditions hold: not those whose names it binds."""
    return {key: names for key, names in given.items() if not _changes(stmt, key[0])}


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
