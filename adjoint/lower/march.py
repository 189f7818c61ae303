"""Time loops around whole arrays become loops over elements, each of which marches through time on its own."""

from __future__ import annotations

from collections.abc import Collection

from adjoint.ir import For, Func
from adjoint.ir.walk import statements_of
from adjoint.lower.context import Context
from adjoint.lower.fuse import fuse
from adjoint.lower.interchange import interchanged
from adjoint.lower.shrink import shrink
from adjoint.lower.uses import element_arrays


def march(func: Func, context: Context) -> Func:
    """Let loops change places where others can then be joined with them.

    Loops over columns, paths or cells that the statements before and after a time loop are made of, and those that the
    time loop has inside, become one loop with time inside: both sweeps of an element follow each other, and what is
    recorded for it is a vector.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.contract import contract
    >>> from adjoint.lower.expand import expand
    >>> from adjoint.lower.fuse import fuse
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:, :]):
    ...     for k in range(1, dim(x, 1)):
    ...         x[:, k] = x[:, k] * x[:, k - 1]
    ...     s: float64 = sum(x)
    ...     return s
    ... '''))
    >>> print(text(march(contract(fuse(func, context), context.kinds), context)), end="")
    def f(x):
        s = 0.0
        for i_1 in range(x.shape[0]):
            for k in range(1, x.shape[1]):
                _2 = x[i_1, k] * x[i_1, k - 1]
                _1 = _2
                x[i_1, k] = _1
            for j in range(x.shape[1]):
                s += x[i_1, j]
        return s
    """
    own = element_arrays(func, context.kinds)
    for free in (own, ()):
        changed, found = columns_first(func, context, free) if free else interchanged(func, context)
        joined = fuse(changed, context) if found else func
        if _loops(joined) < _loops(func) and (not free or _are_vectors(joined, context, free)):
            return joined
    return func


def columns_first(func: Func, context: Context, own: Collection[str]) -> tuple[Func, bool]:
    """Make the loops inner along which memory that others made is contiguous, and those that go with them.

    `own` are the arrays made here, which may lie in memory otherwise. Return also whether there are such loops.
    """
    if not interchanged(func, context, own)[1]:
        return func, False
    return interchanged(func, context, own, ties=True)


def _are_vectors(func: Func, context: Context, names: Collection[str]) -> bool:
    """Whether an iteration of the outermost loops needs no more of some arrays than a vector, side by side."""
    tried = context.copy()
    shrink(func, tried)
    return all(tried.kinds[name].ndim <= 1 for name in names)


def _loops(func: Func) -> int:
    return sum(isinstance(stmt, For) for stmt in statements_of(func))
