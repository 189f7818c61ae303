"""Leave out stores of the backward sweep into elements that nothing reads afterwards.

The backward sweep undoes every `Store` of the primal, and what a replayed iteration stores, it stores again. `dce`
removes that, with the tape, for arrays that the backward sweep doesn't read at all. Here it is done element by element:
in a factorization in place each element of the result is read where it has its final value, so what it was before need
not come back; and what an iteration fills and hands on is not looked at any more once it is unmade.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.effects import is_pure
from adjoint.analysis.origins import MARKS, Origins, sweeps
from adjoint.ir import Block, Comment, Func, Stmt, Store
from adjoint.ir.walk import map_blocks, operands, statements_of, unshared, with_body
from adjoint.transform.dce import eliminate


def drop_stores(func: Func, origins: Origins | None = None) -> Func:
    """Return an imperative program without the stores of the backward sweep that no later read sees, and its marks.

    `origins` says what is known of the arrays that loops of the primal make.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> print(dump(drop_stores(parse('''
    ... def f(x: float64[:], n: int64):
    ...     y: float64[:] = copy(x)
    ...     tape: float64[:] = empty(n)
    ...     for i in range(1, n):
    ...         old: float64 = y[i]
    ...         tape[i] = old
    ...         y[i] = y[i - 1] * 2.0
    ...     "the backward sweep"
    ...     s: float64 = 0.0
    ...     for i in range(n - 1, 0, -1):
    ...         old = tape[i]
    ...         y[i] = old
    ...         s = s + y[i - 1]
    ...     return s
    ... '''))), end="")
    func f(x, n)
        y = copy(x)
        for i in range(1, n, 1)
            y[i] = mul(getitem(y, sub(i, 1)), 2.0)
        s = 0.0
        for i in range(sub(n, 1), 0, -1)
            s = add(s, getitem(y, sub(i, 1)))
        return s
    """
    seen: dict[int, tuple[Store, Stmt]] = {}
    while True:
        func = eliminate(func)
        single = unshared(func.body)
        func = replace(func, body=single, lean=single)
        there = set(map(id, statements_of(func)))
        # As long as what reads it is there, a store isn't dead.
        stores = [stmt for stmt in _stores(func) if id(stmt) not in seen or id(seen[id(stmt)][1]) not in there]
        if not stores:
            break
        seen |= (found := _seen(stores, func, origins))
        dead = {id(stmt) for stmt in stores} - found.keys()
        if not dead:
            break
        func = with_body(func, _without(func.body, dead))
    marks = {id(stmt) for stmt in statements_of(func) if isinstance(stmt, Comment) and stmt in MARKS}
    body = _without(func.body, marks)
    return replace(func, body=body, lean=body)


def _seen(stores: Sequence[Store], func: Func, origins: Origins | None) -> dict[int, tuple[Store, Stmt]]:
    """Return the stores that may be read later, by identity, with a statement that may do so; itself: the caller."""
    dependence, everything = Dependence(func, origins), statements_of(func)
    found: dict[int, tuple[Store, Stmt]] = {}
    for stmt in stores:
        reader = None if dependence.leaves(stmt) else dependence.reader(stmt)
        if reader is not None or dependence.leaves(stmt):
            found[id(stmt)] = stmt, stmt if reader is None else everything[reader.position - 1]
    return found


def _stores(func: Func) -> list[Store]:
    backward = statements_of(func)[sweeps(func).start :]
    return [stmt for stmt in backward if isinstance(stmt, Store) and all(map(is_pure, operands(stmt)))]


def _without(block: Block, dead: Collection[int]) -> Block:
    kept: list[Stmt] = [stmt for stmt in block if id(stmt) not in dead]
    return tuple(map_blocks(stmt, lambda inner: _without(inner, dead)) for stmt in kept)
