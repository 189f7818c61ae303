"""Arrays made in every iteration of a loop, all of one shape, are made once, before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from adjoint.ir import Block, Call, Effect, Expr, For, Func, Let, Stmt, While
from adjoint.ir.walk import bound, map_blocks, names_in, statements, subexpressions, substitute, with_blocks, with_body
from adjoint.lower.context import Context
from adjoint.lower.filling import in_two_steps, is_zeros
from adjoint.lower.iteration import is_empty
from adjoint.lower.uses import element_arrays

_SIZES = frozenset("dim add sub maximum minimum tuple".split())


def hoist(func: Func, context: Context) -> Func:
    """Move `x = empty(n)` out of loops that don't change `n`, where `x` is used by its elements only.

    Zeros are stored in every iteration, into memory that is taken once.

    What is read of `x` has been written in the same iteration, so that one piece of memory serves all of them. A size
    to which the loop gives a name, the same in each iteration, is written out.

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
    return with_body(func, _block(func.body, movable, context)) if movable else func


def _is_movable(made: Let, context: Context) -> bool:
    return is_empty(made.value) or is_zeros(made, context)


def _block(block: Block, movable: set[str], context: Context) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        stmt = map_blocks(stmt, lambda inner: _block(inner, movable, context))
        if isinstance(stmt, For | While) and not (isinstance(stmt, For) and stmt.parallel):
            names = _bound_in(stmt)
            fixed = {id(each): made for each in _direct(stmt) if (made := _fixed(each, stmt, names))}
            moved = [each for each in _direct(stmt) if each.target.name in movable and id(each) in fixed]
            fills: dict[int, Block] = {id(each): () for each in moved}
            for each in moved:
                made = fixed[id(each)]
                if is_zeros(made, context):
                    made, fills[id(each)] = in_two_steps(made, context)
                out.append(made)
            stmt = with_blocks(stmt, tuple(s for each in stmt.body for s in fills.get(id(each), (each,))))
        out.append(stmt)
    return tuple(out)


def _direct(loop: For | While) -> list[Let]:
    return [stmt for stmt in loop.body if isinstance(stmt, Let)]


def _fixed(made: Let, loop: For | While, names: Counter[str]) -> Let | None:
    """Return how an array can be made before a loop; None if its size is made of what the loop binds."""
    sizes: dict[str, Expr] = {}
    for stmt in _direct(loop):
        if stmt is made:
            break
        value = substitute(stmt.value, sizes)
        if names[stmt.target.name] == 1 and _is_size(value) and names.keys().isdisjoint(names_in(value)):
            sizes[stmt.target.name] = value
    made = replace(made, value=substitute(made.value, sizes))
    return made if names.keys().isdisjoint(names_in(made.value)) else None


def _is_size(expr: Expr) -> bool:
    """Whether an expression may be written out where a size is wanted: it takes nothing, and can't fail."""
    return all(not isinstance(part, Call) or part.prim in _SIZES for part in subexpressions(expr))


def _bound_in(loop: For | While) -> Counter[str]:
    """Return the names that a loop binds, and how many of its statements do."""
    names: Counter[str] = Counter()
    for stmt in statements((loop,)):
        names.update(var.name for var in bound(stmt))
        match stmt:
            case Effect(Call("move", (targets, _))):
                names.update(names_in(targets))
            case _:
                pass
    return names
