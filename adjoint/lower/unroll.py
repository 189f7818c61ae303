"""Short loops over coordinates, in loops from point to point, are written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adjoint.analysis.iterations import exposed, read_after
from adjoint.analysis.ranges import turns_of
from adjoint.analysis.written import offset_from
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Store, While
from adjoint.ir.walk import map_blocks, map_expr, map_operands, names_in, operands, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.iteration import places
from adjoint.lower.uses import open_indices
from adjoint.transform.renaming import rename_block

TURNS = 4  # the most of a loop
LONGEST = 40  # statements that may stand for a loop


def unroll(func: Func, context: Context) -> Func:
    """Write out a loop of a few turns, a fixed number, over coordinates of the points that two loops around go along.

    LLVM does so as well, but then it is too late to add up in a number what goes into `x_bar[i, d]` for each `d`, or to
    read `x[i, d]` once for all points. Numbers that a turn makes for itself have a name in each.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:, :], n: int64):
    ...     s: float64 = 0.0
    ...     for i in range(n):
    ...         for j in range(n):
    ...             for d in range(2):
    ...                 t: float64 = x[i, d] - x[j, d]
    ...                 s += t * t
    ...     return s
    ... ''')
    >>> print(text(unroll(func, Context.of(func))), end="")
    def f(x, n):
        s = 0.0
        for i in range(n):
            for j in range(n):
                t = x[i, 0] - x[j, 0]
                s += t * t
                t_1 = x[i, 1] - x[j, 1]
                s += t_1 * t_1
        return s
    """
    if not any(isinstance(stmt, For) and turns_of(stmt) for stmt in statements(func.body)):
        return func
    unroller = _Unroller(func, context)
    body = unroller.block(func.body, frozenset(), ())
    return with_body(func, body) if unroller.found else func


class _Unroller:
    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.open = open_indices(func)
        self.found = False

    def block(self, block: Block, live: frozenset[str], around: tuple[For, ...]) -> Block:
        """Write out loops in a block; `live` are the names that are read after it."""
        out: list[Stmt] = []
        for stmt, after in zip(block, read_after(block, live, self.func), strict=True):
            if isinstance(stmt, For) and len(around) > 1 and self.is_short(stmt, around[-1]):
                self.found = True
                out += self.turns(stmt, after)
                continue
            inside = (*around, stmt) if isinstance(stmt, For) else around
            if isinstance(stmt, For | While):
                after |= exposed(stmt.body, (), self.func)[0]
            out.append(map_blocks(stmt, lambda inner, a=after, i=inside: self.block(inner, a, i)))
        return tuple(out)

    def is_short(self, loop: For, around: For) -> bool:
        """Whether a loop is short and goes along the coordinates of points that the loop around goes along."""
        turns, index = turns_of(loop), loop.index.name
        plain = all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loop.body)
        if not plain or not 0 < len(turns) <= TURNS or len(turns) * len(loop.body) > LONGEST:
            return False
        if loop.until is not None or loop.parallel or loop.carried or index in self.open or turns_of(around):
            return False
        if not any(isinstance(stmt, Let | Accum) for stmt in loop.body):
            return False
        found = [place for stmt in loop.body for place in places(stmt)]
        along = any(around.index.name in names_in(p[0]) and p[-1] == loop.index for p in found if len(p) > 1)
        # Everything else might depend on its being a number that isn't known.
        return along and all(_is_place(index, stmt) for stmt in loop.body)

    def turns(self, loop: For, live: frozenset[str]) -> Iterator[Stmt]:
        kept = live | exposed(loop.body, {loop.index.name}, self.func)[0]
        own = [stmt.target.name for stmt in loop.body if isinstance(stmt, Let) and stmt.target.name not in kept]
        for turn, value in enumerate(turns_of(loop)):
            names = {name: self.context.renewed(name).name for name in own if turn}
            yield from rename_block(tuple(_in_turn(stmt, loop.index.name, value) for stmt in loop.body), names)


def _is_place(index: str, stmt: Stmt) -> bool:
    """Whether a statement uses the index of a loop, or what is beyond it by a number, for nothing but subscripts."""
    uses = sum(names_in(expr).count(index) for expr in operands(stmt))
    subscripts = [place for each in places(stmt) for place in each]
    return uses == sum(offset_from(place, index) is not None for place in subscripts)


def _in_turn(stmt: Stmt, index: str, value: int) -> Stmt:
    """Return a statement with the value that the index has in a turn."""

    def place(expr: Expr) -> Expr:
        beyond = offset_from(expr, index)
        return expr if beyond is None else Lit(value + beyond)

    def element(expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (array, *subscripts)):
                return replace(expr, args=(array, *map(place, subscripts)))
            case _:
                return expr

    stmt = map_operands(stmt, lambda expr: map_expr(expr, element))
    return replace(stmt, index=tuple(map(place, stmt.index))) if isinstance(stmt, Store | Accum) else stmt
