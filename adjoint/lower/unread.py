"""Stores into elements that nobody reads before they get other values, or before the array ends, are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from adjoint.analysis.effects import is_pure
from adjoint.analysis.linear import symbol
from adjoint.ir import Block, Func, Let, Stmt, Store
from adjoint.ir.walk import map_blocks, mentioned, mentions_of, nested, statements, with_body
from adjoint.lower.context import Context
from adjoint.lower.places import Places, Use
from adjoint.lower.slots import Slots
from adjoint.lower.uses import Uses, element_arrays
from adjoint.lower.views import Shape

MOST = 12  # statements after a store that are looked at


def drop_unread_stores(func: Func, context: Context) -> Func:
    """Remove stores into elements that no statement of the block reads until others store to them, or to the end.

    The backward sweep of `y[1:] = ...` sets cotangents to zero. Often these are not looked at again: what follows reads
    other elements, and then the array has other values, each part from a statement of its own.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     y: float64[:] = empty(n)
    ...     for t in range(n):
    ...         for i in range(n):
    ...             y[i] = 0.0
    ...         y[0] = s
    ...         for i in range(1, n):
    ...             y[i] = x[i] * y[i - 1]
    ...         s = y[n - 1]
    ...     return s
    ... ''')
    >>> print(text(drop_unread_stores(*expand(before))), end="")
    def f(x, n):
        s = 0.0
        y = np.empty(n)
        for t in range(n):
            for i in range(n):
                pass
            y[0] = s
            for i_1 in range(1, n):
                y[i_1] = x[i_1] * y[i_1 - 1]
            s = y[n - 1]
        return s
    """
    arrays = element_arrays(func, context.kinds)
    stored = {stmt.array.name for stmt in statements(func.body) if isinstance(stmt, Store)}
    arrays = {name: uses for name, uses in arrays.items() if name in stored}
    return with_body(func, _Stores(func, context, arrays).block(func.body)) if arrays else func


class _Stores:
    def __init__(self, func: Func, context: Context, arrays: Mapping[str, Uses]) -> None:
        self.places = Places(func, context)
        self.accesses = context.accesses(func)
        self.total = mentions_of(func)
        self.shapes: dict[str, Shape] = {}
        for name, uses in arrays.items():
            shape = None if uses.made is None else self.places.shape(uses.made.value, name)
            if shape is not None:
                self.shapes[name] = shape

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        slots = Slots(stmts)
        made = {stmt.target.name for stmt in stmts if isinstance(stmt, Let)} & self.shapes.keys()
        near = statements(block) if made else ()
        here = Counter(name for stmt in near for name in mentioned(stmt) if name in made)
        own = {name for name in made if here[name] == self.total[name]}
        moving: set[str] = set()
        for place in range(len(stmts) - 1, -1, -1):
            moving |= self.accesses.of(stmts[place]).binds
            for store in [each for each in (stmts[place], *nested(stmts[place])) if isinstance(each, Store)]:
                name = store.array.name
                pure = name in self.shapes and all(map(is_pure, (*store.index, store.value)))
                users = [stmt for _, stmt in islice(slots.users(name, place), MOST + 1)] if pure else []
                if pure and len(users) <= MOST and self.is_unread(users, store, moving, name in own):
                    slots.put(place, next(iter(_without(users[0], store)), None))
        return slots.block()

    def is_unread(self, users: Sequence[Stmt], store: Store, moving: set[str], own: bool) -> bool:
        """Whether no element that is set somewhere in the first of an array's users is read before it is set again.

        They bind the names in `moving`. If the array is their `own`, nothing else comes after them.
        """
        name = store.array.name
        shape = self.shapes[name]
        first = self.places.uses(users[0], name, shape, moving) or []
        mine = [use for use in first if use.stmt is store and use.kind == "store"]
        if len(mine) != 1 or any(self.is_read(mine[0], use, (), shape) for use in first):
            return False
        later: list[Use] = []
        for user in users[1:]:
            found = self.places.uses(user, name, shape, moving)
            if found is None:
                return False
            new = [replace(use, order=use.order + len(first) + len(later)) for use in found]
            later += new
            if any(self.is_read(mine[0], use, later, shape) for use in new):
                return False
            if self.is_set(mine[0], later, shape):
                return True
        return own

    def is_read(self, mine: Use, use: Use, later: Sequence[Use], shape: Shape) -> bool:
        """Whether a use may be of an element that has been set, and not by later statements since."""
        return use.kind != "store" and self.places.meets(mine, use, shape, self.places.written(later, use))

    def is_set(self, mine: Use, later: Sequence[Use], shape: Shape) -> bool:
        """Whether later statements set all elements that a store sets."""
        boxes = [box for use in later if use.kind != "read" and (box := use.box(0)) is not None]
        point = mine.index or tuple(symbol(f"place {axis}") for axis in range(len(shape)))
        return not self.places.escapes(point, replace(mine, index=point).inside(shape), boxes)


def _without(stmt: Stmt, gone: Store) -> Block:
    def kept(block: Block) -> Block:
        return tuple(left for each in block for left in _without(each, gone))

    return () if stmt is gone else (map_blocks(stmt, kept),)
