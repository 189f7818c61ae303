"""Arrays that start where a cache line does."""

from __future__ import annotations

from functools import reduce

from adjoint.analysis.written import shifted
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import items_of

LINE = 64  # bytes


def at_line(made: Expr, itemsize: int) -> Expr:
    """Return `np.empty(shape)` or `np.zeros(shape)` as memory that starts at a cache line, if all rows then do.

    What Numba makes starts at a multiple of 32 bytes. Where a vector has 64 every second array would have each of its
    vectors in two lines, and to fetch one would take two accesses.
    """
    match made:
        case Call("empty" | "zeros" as how, (shape,), options):
            sizes, spare = items_of(shape), LINE // itemsize
        case _:
            return made
    match sizes[-1]:
        case Lit(int() as last) if last % spare == 0:
            count = reduce(lambda a, b: Call("mul", (a, b)), sizes)
            memory = Call("helper.from_line", (Call(how, (shifted(count, spare),), options),))
            return memory if len(sizes) == 1 else Call("reshape", (memory, shape))
        case _:
            return made
