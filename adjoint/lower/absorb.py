"""Arrays that are filled with outer products or constants, and next get a sum everywhere, are filled with the sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from adjoint.errors import AdjointError
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, substitute, with_body
from adjoint.lower.context import Context
from adjoint.lower.slots import Slots
from adjoint.lower.uses import MADE
from adjoint.rules.numba_types import Type, is_array
from adjoint.rules.typing import expr_type

_ARITHMETIC = frozenset("add sub mul neg".split())


def absorb(func: Func, context: Context) -> Func:
    """Turn `a[i, j] = x[i] * y[j]`, and `a[i, j] += e` as the next use of the array, into one loop with the sum.

    The elements are arithmetic on numbers and on arrays of fewer axes, which nothing changes until then: they are not
    written and read again where both loops can't be joined, because other loops in between need the ones before.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:], b: float64[:, :]):
    ...     a: float64[:, :] = outer(x, y)
    ...     s: float64 = sum(b)
    ...     a += s * b
    ...     return a
    ... '''))
    >>> print(text(absorb(func, context)), end="")
    def f(x, y, b):
        if b.shape[0] != x.shape[0] or b.shape[1] != y.shape[0]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        a = np.empty((b.shape[0], b.shape[1]))
        s = 0.0
        for i_1 in range(b.shape[0]):
            for j_1 in range(b.shape[1]):
                s += b[i_1, j_1]
        for i_2 in range(b.shape[0]):
            for j_2 in range(b.shape[1]):
                a[i_2, j_2] = x[i_2] * y[j_2] + s * b[i_2, j_2]
        return a
    """
    return with_body(func, _Absorber(func, context).block(func.body))


@dataclass(frozen=True, slots=True)
class _Whole:
    """Loops over all elements of an array that do nothing but store to each, or add to it."""

    loops: tuple[For, ...]
    stmt: Store | Accum

    @property
    def array(self) -> str:
        return self.stmt.array.name if isinstance(self.stmt, Store) else self.stmt.target.name

    def with_stmt(self, stmt: Stmt) -> Stmt:
        for loop in reversed(self.loops):
            stmt = replace(loop, body=(stmt,))
        return stmt


class _Absorber:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        slots = Slots([map_blocks(stmt, self.block) for stmt in block])
        for place, stmt in enumerate(slots.stmts):
            first = None if stmt is None else self.whole(stmt)
            if first is not None and isinstance(first.stmt, Store):
                self.absorb(slots, place, first)
        return slots.block()

    def absorb(self, slots: Slots, place: int, first: _Whole) -> None:
        """Put what an array is filled with where it is first added to, if that will do."""
        name = first.array
        if not self.is_made(slots, place, name) or not self.is_light(first):
            return
        user, stmt = next(slots.users(name, place + 1), (place, None))
        second = None if stmt is None else self.whole(stmt)
        if second is None or not isinstance(second.stmt, Accum) or name in names_in(second.stmt.value):
            return
        if not self.is_same_kind(first) or not self.is_same_kind(second):
            return
        names = set(names_in(first.stmt.value)) - {loop.index.name for loop in first.loops}
        if any(self.accesses.changes(stmt, names) for stmt in slots.between(place + 1, user)):
            return
        indices = {own.index.name: new.index for own, new in zip(first.loops, second.loops, strict=True)}
        value = Call("add", (substitute(first.stmt.value, indices), second.stmt.value))
        slots.put(user, second.with_stmt(Store(second.stmt.target, second.stmt.index, value, second.stmt.loc)))
        slots.put(place, None)

    def whole(self, stmt: Stmt) -> _Whole | None:
        loops: list[For] = []
        while isinstance(stmt, For) and len(stmt.body) == 1 and stmt.until is None and not stmt.parallel:
            loops.append(stmt)
            stmt = stmt.body[0]
        match stmt:
            case Store(Var(name), index) | Accum(Var(name), index):
                pass
            case _:
                return None
        there = index == tuple(loop.index for loop in loops)
        return _Whole(tuple(loops), stmt) if there and self.context.covers(loops, name) else None

    def is_made(self, slots: Slots, place: int, name: str) -> bool:
        """Whether an array is made in the same block, and nothing else is done with it before a place."""
        match [*islice(slots.users(name), 2)]:
            case [(_, Let(Var(own), Call(prim))), (second, _)]:
                return second == place and own == name and prim in MADE
            case _:
                return False

    def is_light(self, first: _Whole) -> bool:
        """Whether elements are arithmetic on numbers, and on arrays with fewer axes."""
        assert isinstance(first.stmt, Store)
        return self._is_light(first.stmt.value, len(first.loops), self.accesses.class_of(first.array))

    def _is_light(self, expr: Expr, rank: int, own: str) -> bool:
        match expr:
            case Call("getitem", (Var(name), *index)):
                kind: Type = self.context.kinds.get(name)
                simple = all(isinstance(each, Var | Lit) for each in index)
                return simple and is_array(kind) and kind.ndim < rank and self.accesses.class_of(name) != own
            case Call(prim, args, ()):
                return prim in _ARITHMETIC and all(self._is_light(arg, rank, own) for arg in args)
            case Var(name):
                return not is_array(self.context.kinds.get(name))
            case _:
                return True

    def is_same_kind(self, loops: _Whole) -> bool:
        """Whether elements are of the type that the array has: none is converted when it is written."""
        try:
            return bool(expr_type(loops.stmt.value, self.context.kinds) == self.context.kinds[loops.array].dtype)
        except AdjointError:
            return False
