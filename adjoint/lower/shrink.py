"""Arrays of which each iteration of a loop has a part of its own need memory for one iteration only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.uses import Uses, element_arrays, mentions
from adjoint.rules.numba_types import Type, array


def shrink(func: Func, context: Context) -> Func:
    """Leave out the axes of arrays along which every access is at the index of a loop that has all accesses in it.

    In another iteration there would be other elements, which nobody looks at: the same ones do for it.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:, :], s: float64[:]):
    ...     t: float64[:, :] = empty((dim(x, 0), dim(x, 1)))
    ...     for i in range(dim(x, 0)):
    ...         for j in range(dim(x, 1)):
    ...             t[i, j] = sin(x[i, j])
    ...         for j in range(1, dim(x, 1)):
    ...             s[j] += t[i, j] * t[i, j - 1]
    ... ''')
    >>> print(text(shrink(before, Context.of(before))), end="")
    def f(x, s):
        t = np.empty(x.shape[1])
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                t[j] = math.sin(x[i, j])
            for j in range(1, x.shape[1]):
                s[j] += t[j] * t[j - 1]
    """
    return with_body(func, _Shrinker(element_arrays(func, context.kinds), context).block(func.body))


class _Shrinker:
    def __init__(self, uses: Mapping[str, Uses], context: Context) -> None:
        self.uses = uses
        self.context = context

    def block(self, block: Block) -> Block:
        for stmt in block:
            match stmt:
                case Let(Var(name), Call("empty", (Call("tuple"),))) if name in self.uses:
                    axes = self.axes(block, name)
                    if axes:
                        block = self.without(block, name, axes)
                case _:
                    pass
        return tuple(map_blocks(stmt, self.block) for stmt in block)

    def axes(self, block: Block, name: str) -> tuple[int, ...]:
        """Return the axes that a block can do without, of an array that is made in it."""
        indices = self.uses[name].indices
        users = [stmt for stmt in block if mentions(stmt, name) and stmt is not self.uses[name].made]
        loops: list[str] = []
        while len(users) == 1 and isinstance(users[0], For) and not users[0].parallel:
            loops.append(users[0].index.name)
            users = [stmt for stmt in users[0].body if mentions(stmt, name)]
        if not loops or not indices or _bound_inside(block, loops):
            return ()
        rank = len(next(iter(indices)))
        found: list[int] = []
        for axis in range(rank):
            places = {index[axis] for index in indices}
            place = places.pop()
            if not places and isinstance(place, Var) and place.name in loops:
                found.append(axis)
                loops.remove(place.name)
        # One is left: what is no array any more is the business of `contract`.
        return tuple(found[: rank - 1])

    def without(self, block: Block, name: str, axes: Sequence[int]) -> Block:
        kind: Type = self.context.kinds[name]
        self.context.kinds[name] = array(kind.dtype, kind.ndim - len(axes))
        shape = self.context.made.get(name)
        if shape is not None:
            self.context.made[name] = tuple(size for k, size in enumerate(shape) if k not in axes)
        return _Axes(name, axes).block(block)


def _bound_inside(block: Block, loops: Sequence[str]) -> bool:
    """Whether one of the indices of loops is bound by more than one loop."""
    bound = [stmt.index.name for stmt in statements(block) if isinstance(stmt, For)]
    lets = {stmt.target.name for stmt in statements(block) if isinstance(stmt, Let)}
    return any(bound.count(name) > 1 or name in lets for name in loops)


class _Axes:
    """Leaves out axes of an array, wherever its elements are."""

    def __init__(self, name: str, axes: Sequence[int]) -> None:
        self.name = name
        self.axes = axes

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) if mentions(stmt, self.name) else stmt for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Let(Var(name), Call("empty", (Call("tuple", sizes),)) as value) if name == self.name:
                left = self.left(sizes)
                return replace(stmt, value=replace(value, args=(left[0] if len(left) == 1 else Call("tuple", left),)))
            case Store(Var(name), index) if name == self.name:
                return replace(stmt, index=self.left(index))
            case Accum(Var(name), index) if name == self.name:
                return replace(stmt, index=self.left(index))
            case _:
                return stmt

    def read(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name) as base, *index)) if name == self.name:
                return replace(expr, args=(base, *self.left(index)))
            case _:
                return expr

    def left(self, places: Sequence[Expr]) -> tuple[Expr, ...]:
        return tuple(place for k, place in enumerate(places) if k not in self.axes)
