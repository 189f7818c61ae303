"""Arrays of strips start where a cache line does."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from adjoint.analysis.written import shifted
from adjoint.ir import Block, Call, Func, Let, Lit, Stmt
from adjoint.ir.walk import items_of, map_blocks
from adjoint.lower.context import Context

LINE = 64  # bytes


def lines(func: Func, context: Context) -> Func:
    """Make the arrays of strips at the start of a cache line.

    What Numba makes starts at a multiple of 32 bytes. Where a vector has 64 every second array would have each of its
    vectors in two lines, and to fetch one would take two accesses.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(n: int64):
    ...     p_lanes: float64[::1] = empty(128)
    ...     y_strip: float64[:, ::1] = empty((n, 128))
    ...     own: float64[::1] = empty(128)
    ...     return own
    ... ''')
    >>> context = Context.of(func)
    >>> context.in_strips |= {"p_lanes", "y_strip"}
    >>> print(text(lines(func, context)), end="")
    def f(n):
        p_lanes = from_line(np.empty(136))
        y_strip = np.reshape(from_line(np.empty(n * 128 + 8)), (n, 128))
        own = np.empty(128)
        return own
    """
    if not context.in_strips:
        return func
    return replace(func, body=_block(func.body, context))


def _block(block: Block, context: Context) -> Block:
    return tuple(map_blocks(_stmt(stmt, context), lambda inner: _block(inner, context)) for stmt in block)


def _stmt(stmt: Stmt, context: Context) -> Stmt:
    match stmt:
        case Let(target, Call("empty" | "zeros" as made, (shape,), options)) if target.name in context.in_strips:
            pass
        case _:
            return stmt
    sizes, spare = items_of(shape), LINE * 8 // context.kinds[target.name].dtype.bitwidth
    match sizes[-1]:
        case Lit(int() as last) if last % spare == 0:
            count = reduce(lambda a, b: Call("mul", (a, b)), sizes)
            memory = Call("helper.from_line", (Call(made, (shifted(count, spare),), options),))
            return replace(stmt, value=memory if len(sizes) == 1 else Call("reshape", (memory, shape)))
        case _:
            return stmt
