"""Arrays of which each iteration of a loop has a part of its own need memory for one iteration only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Stmt, Store, Var
from adjoint.ir.walk import bound, items_of, map_blocks, map_expr, map_operands, names_in, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.filling import in_two_steps, is_zeros
from adjoint.lower.uses import Uses, element_arrays, mentions
from adjoint.rules.numba_types import Type, array


def shrink(func: Func, context: Context) -> Func:
    """Leave out the axes of arrays along which every access is at the index of a loop that has all accesses in it.

    In another iteration there would be other elements, which nobody looks at: the same ones do for it. The loops around
    that one have axes of their own that go, too: otherwise elements would be looked at again in their next iteration.
    Zeros are stored in each iteration.

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
                case Let(Var(name), Call("empty" | "zeros" as prim, (Call("tuple"),))) if name in self.uses:
                    if prim == "empty" or is_zeros(stmt, self.context):
                        block = self.without(block, stmt, self.axes(block, name))
                case _:
                    pass
        return tuple(map_blocks(stmt, self.block) for stmt in block)

    def axes(self, block: Block, name: str) -> dict[str, int]:
        """Return the axes that a block can do without, of an array that is made in it, by the loops along them."""
        made, indices = self.uses[name].made, self.uses[name].indices
        users = [stmt for stmt in block if mentions(stmt, name) and stmt is not made]
        outer, loops = tuple(users), list[str]()
        while len(users) == 1 and isinstance(users[0], For) and not users[0].parallel:
            loops.append(users[0].index.name)
            users = [stmt for stmt in users[0].body if mentions(stmt, name)]
        if made is None or not loops or not indices or _bound_inside(block, loops):
            return {}
        rank = len(next(iter(indices)))
        found: dict[str, int] = {}
        for loop in loops[: rank - 1]:  # one is left: what is no array any more is the business of `contract`
            axis = next((k for k in range(rank) if all(index[k] == Var(loop) for index in indices)), None)
            if axis is None:
                break
            found[loop] = axis
        changed = {var.name for stmt in statements(outer) for var in bound(stmt)}
        return found if changed.isdisjoint(names_in(made.value)) else {}

    def without(self, block: Block, made: Let, axes: Mapping[str, int]) -> Block:
        if not axes:
            return block
        name = made.target.name
        kind: Type = self.context.kinds[name]
        self.context.kinds[name] = array(kind.dtype, kind.ndim - len(axes))
        shape = self.context.made.get(name)
        if shape is not None:
            self.context.made[name] = tuple(size for k, size in enumerate(shape) if k not in axes.values())
        return _Axes(made, axes, self.context).block(block)


def _bound_inside(block: Block, loops: Sequence[str]) -> bool:
    """Whether one of the indices of loops is bound by more than one loop."""
    bound = [stmt.index.name for stmt in statements(block) if isinstance(stmt, For)]
    lets = {stmt.target.name for stmt in statements(block) if isinstance(stmt, Let)}
    return any(bound.count(name) > 1 or name in lets for name in loops)


class _Axes:
    """Leaves out axes of an array, wherever its elements are; zeros are stored in the innermost loop along them."""

    def __init__(self, made: Let, axes: Mapping[str, int], context: Context) -> None:
        self.name = made.target.name
        self.axes = frozenset(axes.values())
        self.loop = tuple(axes)[-1]
        value = made.value
        assert isinstance(value, Call)
        left = self.left(items_of(value.args[0]))
        made = replace(made, value=replace(value, args=(left[0] if len(left) == 1 else Call("tuple", left),)))
        self.made, self.fill = in_two_steps(made, context) if is_zeros(made, context) else (made, ())

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.changed(stmt))

    def changed(self, stmt: Stmt) -> Block:
        if not mentions(stmt, self.name):
            return (stmt,)
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Let(Var(name)) if name == self.name:
                return (self.made,)
            case Store(Var(name), index) | Accum(Var(name), index) if name == self.name:
                return (replace(stmt, index=self.left(index)),)
            case For(index) if index.name == self.loop:
                return (replace(stmt, body=(*self.fill, *stmt.body)),)
            case _:
                return (stmt,)

    def read(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name) as base, *index)) if name == self.name:
                return replace(expr, args=(base, *self.left(index)))
            case _:
                return expr

    def left(self, places: Sequence[Expr]) -> tuple[Expr, ...]:
        return tuple(place for k, place in enumerate(places) if k not in self.axes)
