"""Arrays made in every iteration of a loop, all of one shape, are made once, before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from adjoint.ir import Block, Call, Effect, Expr, For, Func, Let, Stmt, While
from adjoint.ir.walk import bound, map_blocks, names_in, statements
from adjoint.lower.uses import element_arrays
from adjoint.rules.numba_types import Type


def hoist(func: Func, kinds: Mapping[str, Type]) -> Func:
    """Move `x = empty(n)` out of loops that don't change `n`, where `x` is used by its elements only.

    What is read of `x` has been written in the same iteration, so that one piece of memory serves all of them.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(y: float64[:], n: int64):
    ...     for t in range(n):
    ...         x: float64[:] = empty(dim(y, 0))
    ...         for i in range(dim(y, 0)):
    ...             x[i] = y[i]
    ...         for i in range(dim(y, 0)):
    ...             y[i] = x[0]
    ... ''')
    >>> print(dump(hoist(before, before.types)), end="")
    func f(y, n)
        x = empty(dim(y, 0))
        for t in range(0, n, 1)
            for i in range(0, dim(y, 0), 1)
                x[i] = getitem(y, i)
            for i in range(0, dim(y, 0), 1)
                y[i] = getitem(x, 0)
    """
    movable = {n for n, uses in element_arrays(func, kinds).items() if uses.made and _is_empty(uses.made.value)}
    return replace(func, body=_block(func.body, movable)) if movable else func


def _is_empty(value: Expr) -> bool:
    return isinstance(value, Call) and value.prim == "empty"


def _block(block: Block, movable: set[str]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        stmt = map_blocks(stmt, partial(_block, movable=movable))
        if isinstance(stmt, For | While) and not (isinstance(stmt, For) and stmt.parallel):
            moved = [each for each in _direct(stmt) if each.target.name in movable and _fixed(each, stmt)]
            out += moved
            stmt = map_blocks(stmt, partial(_without, moved=moved))
        out.append(stmt)
    return tuple(out)


def _without(block: Block, moved: list[Let]) -> Block:
    return tuple(stmt for stmt in block if not any(stmt is each for each in moved))


def _direct(loop: For | While) -> list[Let]:
    return [stmt for stmt in loop.body if isinstance(stmt, Let)]


def _fixed(made: Let, loop: For | While) -> bool:
    """Whether the loop binds nothing that the size is made of."""
    needs = set(names_in(made.value))
    for stmt in statements((loop,)):
        names = {var.name for var in bound(stmt)}
        match stmt:
            case Effect(Call("move", (targets, _))):
                names |= set(names_in(targets))
            case _:
                pass
        if needs & names:
            return False
    return True
