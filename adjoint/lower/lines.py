"""Arrays of strips start where a cache line does."""

from __future__ import annotations

from dataclasses import replace

from adjoint.ir import Block, Func, Let, Stmt
from adjoint.ir.walk import map_blocks, with_body
from adjoint.lower.context import Context
from adjoint.transform.at_line import at_line


def lines(func: Func, context: Context) -> Func:
    """Make the arrays of strips at the start of a cache line, see `at_line`.

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
    return with_body(func, _block(func.body, context))


def _block(block: Block, context: Context) -> Block:
    return tuple(map_blocks(_stmt(stmt, context), lambda inner: _block(inner, context)) for stmt in block)


def _stmt(stmt: Stmt, context: Context) -> Stmt:
    if not isinstance(stmt, Let) or stmt.target.name not in context.in_strips:
        return stmt
    # Numba's booleans have no width; vectors of them are masks anyway.
    bits = getattr(context.kinds[stmt.target.name].dtype, "bitwidth", None)
    return stmt if bits is None else replace(stmt, value=at_line(stmt.value, bits // 8))
