"""Leave out restoring what nothing reads afterwards.

The backward sweep undoes every `Store` of the primal. `dce` removes that, with the tape, for arrays that the backward
sweep doesn't read at all. Here it is done element by element: in a factorization in place each element of the result is
read where it has its final value, so what it was before need not come back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from adjoint.analysis.dependence import Dependence
from adjoint.ir import Block, Func, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, statements, unshared
from adjoint.transform.dce import eliminate


def drop_restores(func: Func, old: Collection[str]) -> Func:
    """Return an imperative program without the stores of `old` values that no later read sees.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> print(dump(drop_restores(parse('''
    ... def f(x: float64[:], n: int64):
    ...     y: float64[:] = copy(x)
    ...     tape: float64[:] = empty(n)
    ...     for i in range(1, n):
    ...         old: float64 = y[i]
    ...         tape[i] = old
    ...         y[i] = y[i - 1] * 2.0
    ...     s: float64 = 0.0
    ...     for i in range(n - 1, 0, -1):
    ...         old = tape[i]
    ...         y[i] = old
    ...         s = s + y[i - 1]
    ...     return s
    ... '''), ["old"])), end="")
    func f(x, n)
        y = copy(x)
        for i in range(1, n, 1)
            y[i] = mul(getitem(y, sub(i, 1)), 2.0)
        s = 0.0
        for i in range(sub(n, 1), 0, -1)
            s = add(s, getitem(y, sub(i, 1)))
        return s
    """
    restores = [s for s in statements(func.body) if isinstance(s, Store) and _is_restore(s, old)]
    if not restores:
        return func
    cleaned = eliminate(func)
    single = unshared(cleaned.body)
    cleaned = replace(cleaned, body=single, lean=single)
    dependence = Dependence(cleaned)
    dead = {
        id(s)
        for s in statements(cleaned.body)
        if isinstance(s, Store) and _is_restore(s, old) and not dependence.is_read_later(s)
    }
    return eliminate(replace(cleaned, body=_without(cleaned.body, dead))) if dead else cleaned


def _is_restore(stmt: Store, old: Collection[str]) -> bool:
    return isinstance(stmt.value, Var) and stmt.value.name in old


def _without(block: Block, dead: Collection[int]) -> Block:
    kept: list[Stmt] = [stmt for stmt in block if id(stmt) not in dead]
    return tuple(map_blocks(stmt, lambda inner: _without(inner, dead)) for stmt in kept)
