"""Elements that nobody reads again are not set: those of an array that ends with the block it is made in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from adjoint.analysis.effects import is_pure
from adjoint.ir import Accum, Block, Expr, For, Func, If, Let, Store
from adjoint.ir.walk import map_blocks, mentioned, mentions_of, statements, with_blocks, with_body
from adjoint.lower.accesses import in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.slots import Slots
from adjoint.lower.uses import element_arrays


def drop_spent(func: Func, context: Context) -> Func:
    """Remove the last store into each element of an array, where the array is used no more after the loop around it.

    The backward sweep of `x[i] = ...` takes the cotangent of the element and sets it to zero, and puts back what was
    there before. The iterations that are to come have elements of their own: none of them reads it.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     y: float64[:] = empty(n)
    ...     for i in range(n):
    ...         y[i] = x[i] * x[i]
    ...     for i in range(n):
    ...         s += y[i] * x[i]
    ...         y[i] = 0.0
    ...     return s
    ... ''')
    >>> print(text(drop_spent(*expand(before))), end="")
    def f(x, n):
        s = 0.0
        y = np.empty(n)
        for i in range(n):
            y[i] = x[i] * x[i]
        for i_1 in range(n):
            s += y[i_1] * x[i_1]
        return s
    """
    arrays = frozenset(element_arrays(func, context.kinds))
    return with_body(func, _Stores(func, context, arrays).block(func.body)) if arrays else func


class _Stores:
    def __init__(self, func: Func, context: Context, arrays: frozenset[str]) -> None:
        self.context = context
        self.arrays = arrays
        self.accesses = context.accesses(func)
        self.total = mentions_of(func)

    def block(self, block: Block) -> Block:
        made = {stmt.target.name for stmt in block if isinstance(stmt, Let)} & self.arrays
        here = Counter(name for stmt in statements(block) for name in mentioned(stmt)) if made else self.total
        body = tuple(map_blocks(stmt, self.block) for stmt in block)
        own = sorted(name for name in made if here[name] == self.total[name])
        return self.without(body, own, ()) if own else body

    def without(self, block: Block, names: Sequence[str], loops: Sequence[For]) -> Block:
        """Return a block without the stores that come after all else that is done with each of some arrays in it."""
        slots = Slots(block)
        for name in names:
            for place, stmt in reversed([*slots.users(name)]):
                match stmt:
                    case Store() | Accum() if self.is_last(stmt, name, loops):
                        slots.put(place, None)
                        continue
                    case For(until=None, parallel=False):
                        slots.put(place, with_blocks(stmt, self.without(stmt.body, [name], (*loops, stmt))))
                    case If():
                        branches = (self.without(body, [name], loops) for body in (stmt.then, stmt.orelse))
                        slots.put(place, with_blocks(stmt, *branches))
                    case _:
                        pass
                break
        return slots.block()

    def is_last(self, stmt: Store | Accum, name: str, loops: Sequence[For]) -> bool:
        """Whether a store does nothing but set an element that other iterations of the loops around don't use."""
        target = stmt.array if isinstance(stmt, Store) else stmt.target
        if target.name != name or not all(map(is_pure, (*stmt.index, stmt.value))):
            return False
        return all(self.is_own(stmt.index, name, loop) for loop in loops)

    def is_own(self, index: tuple[Expr, ...], name: str, loop: For) -> bool:
        done = self.accesses.of(loop)
        uses = [access for access in done.accesses if access.name == name]
        return all(use.index is not None and self.differ(index, use.index, loop, done.binds) for use in uses)

    def differ(self, index: tuple[Expr, ...], other: tuple[Expr, ...], loop: For, moving: set[str]) -> bool:
        """Whether elements are never the same in two iterations."""
        both, natural = (loop.index, loop.index), self.context.is_natural
        return any(in_lockstep(a, b, both, moving, natural) for a, b in zip(index, other, strict=True))
