"""Arrays made in every iteration of a loop, all of one shape, are made once, before it."""

from __future__ import annotations

from dataclasses import replace

from adjoint.ir import Block, Call, Effect, For, Func, Let, Stmt, While
from adjoint.ir.walk import bound, map_blocks, names_in, statements
from adjoint.lower.context import Context
from adjoint.lower.filling import in_two_steps, is_zeros
from adjoint.lower.iteration import is_empty
from adjoint.lower.uses import element_arrays


def hoist(func: Func, context: Context) -> Func:
    """Move `x = empty(n)` out of loops that don't change `n`, where `x` is used by its elements only.

    Zeros are stored in every iteration, into memory that is taken once.

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
    >>> print(dump(hoist(before, Context.of(before))), end="")
    func f(y, n)
        x = empty(dim(y, 0))
        for t in range(0, n, 1)
            for i in range(0, dim(y, 0), 1)
                x[i] = getitem(y, i)
            for i in range(0, dim(y, 0), 1)
                y[i] = getitem(x, 0)
    """
    arrays = element_arrays(func, context.kinds)
    movable = {n for n, uses in arrays.items() if uses.made and _is_movable(uses.made, context)}
    return replace(func, body=_block(func.body, movable, context)) if movable else func


def _is_movable(made: Let, context: Context) -> bool:
    return is_empty(made.value) or is_zeros(made, context)


def _block(block: Block, movable: set[str], context: Context) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        stmt = map_blocks(stmt, lambda inner: _block(inner, movable, context))
        if isinstance(stmt, For | While) and not (isinstance(stmt, For) and stmt.parallel):
            moved = [each for each in _direct(stmt) if each.target.name in movable and _fixed(each, stmt)]
            fills: dict[int, Block] = {id(each): () for each in moved}
            for each in moved:
                made, fills[id(each)] = in_two_steps(each, context) if is_zeros(each, context) else (each, ())
                out.append(made)
            stmt = replace(stmt, body=tuple(s for each in stmt.body for s in fills.get(id(each), (each,))))
        out.append(stmt)
    return tuple(out)


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
