"""Arrays that are filled anew in every iteration of a loop are made in the iteration.

    y = np.empty(n)                           for i in range(m):
    for i in range(m):                            y = np.empty(n)
        for j in range(n):            ->          for j in range(n):
            y[j] = ...                                y[j] = ...

It makes no difference to the program, and shows that an iteration depends on none before it by way of `y`: what `y`
held is neither recorded nor put back, and its cotangent starts from zero. Compiled text makes such arrays once
(`lower.hoist`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from numba import types as nb

from adjoint.analysis.memory import is_memory, memory
from adjoint.analysis.shapes import Shapes, shapes
from adjoint.ir import Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    blocks,
    map_blocks,
    mentioned,
    mentioned_within,
    operands,
    statements,
    subexpressions,
    with_body,
)
from adjoint.rules import spelling

MADE = frozenset({"empty", "empty_like", "zeros", "zeros_like"})


def localise(func: Func) -> Func:
    """Return an SSA program with such arrays made in the innermost loop that fills them.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], m: int64, n: int64):
    ...     y: float64[:] = zeros(n)
    ...     for i in range(m):
    ...         for j in range(n):
    ...             a: float64 = x[j]
    ...             y[j] = a
    ...             b: float64 = y[j]
    ...             x[j] = b
    ... ''')
    >>> print(dump(localise(func)), end="")
    func f(x, m, n)
        for i in range(0, m, 1)
            y = empty(n)
            for j in range(0, n, 1)
                a = getitem(x, j)
                y[j] = a
                b = getitem(y, j)
                x[j] = b
    """
    facts, sizes = memory(func), shapes(func)
    classes = Counter(facts.cls(name) for name, type_ in func.types.items() if is_memory(type_))
    alone = {name for name, type_ in func.types.items() if is_memory(type_) and classes[facts.cls(name)] == 1}
    moved: dict[str, Let] = {}
    into: dict[int, list[Let]] = {}
    for block in [*(block for stmt in statements(func.body) for block in blocks(stmt)), func.body]:
        _search(block, func, alone, sizes, moved, into)
    return with_body(func, _placed(func.body, moved, into)) if moved else func


def _search(
    block: Block, func: Func, alone: Container[str], sizes: Shapes, moved: dict[str, Let], into: dict[int, list[Let]]
) -> None:
    """Add the arrays made in a block to those that move; `alone` are the names that share memory with no other."""
    for stmt in block:
        match stmt:
            case Let(Var(name), Call(prim)) if name in alone and prim in MADE:
                users = [other for other in statements(func.body) if other is not stmt and name in mentioned(other)]
                loop = _private_loop(block, users, _Filling(name, func, sizes))
                if loop is not None:
                    moved[name] = stmt
                    into.setdefault(id(loop), []).append(stmt)
            case _:
                pass


def _private_loop(block: Block, users: list[Stmt], filling: _Filling) -> For | None:
    """Return the innermost loop that holds all users of an array and fills it before it reads it."""
    loop = next((stmt for stmt in block if isinstance(stmt, For) and users and _holds(stmt, users)), None)
    if loop is None or loop.parallel:
        return None
    return _private_loop(loop.body, users, filling) or (loop if filling.is_private(loop) else None)


def _holds(loop: For, users: list[Stmt]) -> bool:
    inside = {id(stmt) for stmt in statements(loop.body)}
    return all(id(user) in inside for user in users)


def _placed(block: Block, moved: Mapping[str, Let], into: Mapping[int, list[Let]]) -> Block:
    gone = {id(let) for let in moved.values()}
    out: list[Stmt] = []
    for stmt in block:
        if id(stmt) in gone:
            continue
        new = map_blocks(stmt, lambda inner: _placed(inner, moved, into))
        if isinstance(new, For):
            for made in into.get(id(stmt), ()):
                new = replace(new, body=_with_array(new.body, made))
        out.append(new)
    return tuple(out)


def _with_array(body: Block, made: Let) -> Block:
    """Return a block that makes an array before its first use; of zeros only if that is what is stored in it first."""
    name = made.target.name
    first = next(k for k, stmt in enumerate(body) if name in mentioned_within(stmt))
    assert isinstance(made.value, Call)
    how = "empty" + made.value.prim.removeprefix("empty").removeprefix("zeros")
    rest = body[first:]
    match rest[0]:
        case Store(Var(array), index, Lit(value)) if array == name and value == 0 and _is_all(index):
            how, rest = how.replace("empty", "zeros"), rest[1:]
        case _:
            pass
    return (*body[:first], replace(made, value=replace(made.value, prim=how)), *rest)


@dataclass(frozen=True, slots=True)
class _Filled:
    """Whether all of an array is written, and the places that are, by subscripts."""

    full: bool = False
    places: frozenset[tuple[Expr, ...]] = frozenset()

    def has(self, index: tuple[Expr, ...]) -> bool:
        return self.full or any(index[: len(place)] == place for place in self.places)


class _Filling:
    """Whether each element of an array is written before it is read."""

    def __init__(self, name: str, func: Func, sizes: Shapes) -> None:
        self.name = name
        self.types = func.types
        self.sizes = sizes
        self.shape = sizes.of(Var(name)) or ()
        # Whether it counts that a single place is written.
        self.by_place = True

    def is_private(self, loop: For) -> bool:
        """Whether an iteration fills the array, at least before it reads what isn't stored there just before."""
        for self.by_place in (True, False):
            end = self.block(loop.body, _Filled())
            if end is not None and (end.full or not self.by_place):
                return True
        return False

    def block(self, block: Block, filled: _Filled) -> _Filled | None:
        """Return what is written at the end of a block; None if something is read that may not be."""
        for stmt in block:
            after = self.stmt(stmt, filled)
            if after is None:
                return None
            filled = after
        return filled

    def stmt(self, stmt: Stmt, filled: _Filled) -> _Filled | None:
        if any(self.reads(expr, filled) for expr in operands(stmt) if not self.is_target(stmt, expr)):
            return None
        match stmt:
            case Store(Var(name), index) if name == self.name:
                if _is_all(index):
                    return replace(filled, full=True)
                known = self.by_place and all(map(self.is_fixed, index))
                return replace(filled, places=filled.places | {index}) if known else filled
            case For() | While():
                if self.block(stmt.body, filled) is None:
                    return None
                return replace(filled, full=filled.full or isinstance(stmt, For) and self.fills(stmt, {}))
            case If(_, then, orelse):
                ends = self.block(then, filled), self.block(orelse, filled)
                if ends[0] is None or ends[1] is None:
                    return None
                return _Filled(ends[0].full and ends[1].full, ends[0].places & ends[1].places)
            case _:
                return filled

    def is_fixed(self, index: Expr) -> bool:
        """Whether a subscript is a number, which is the same as long as it has its name."""
        if isinstance(index, Var):
            return isinstance(self.types.get(index.name), nb.Integer)
        return isinstance(index, Lit) and type(index.value) is int

    def is_target(self, stmt: Stmt, expr: Expr) -> bool:
        return isinstance(stmt, Store) and expr == stmt.array

    def reads(self, expr: Expr, filled: _Filled) -> bool:
        """Whether an expression reads what may not be written."""
        if isinstance(expr, Var):
            return expr.name == self.name and not filled.full
        calls = [part for part in subexpressions(expr) if isinstance(part, Call) and part.prim not in spelling.SIZES]
        return any(Var(self.name) in call.args and not self.is_written(call, filled) for call in calls)

    def is_written(self, call: Call, filled: _Filled) -> bool:
        return filled.full or call.prim == "getitem" and call.args[0] == Var(self.name) and filled.has(call.args[1:])

    def fills(self, loop: For, around: Mapping[str, object]) -> bool:
        """Whether a nest of loops stores every element: once for each, over all the places of all axes."""
        axis = self.axis(loop)
        if axis is None:
            return False
        around = {**around, loop.index.name: axis}
        for stmt in loop.body:
            match stmt:
                case Store(Var(name), index) if name == self.name and self.covers(index, around):
                    return True
                case For() if self.fills(stmt, around):
                    return True
                case _:
                    pass
        return False

    def covers(self, index: tuple[Expr, ...], around: Mapping[str, object]) -> bool:
        if len(index) > len(self.shape) or Lit(None) in index or Lit(...) in index:
            return False
        seen = [each.name for each in index if isinstance(each, Var)]
        # A loop around that is not one over an axis may not run at all.
        return len(set(seen)) == len(seen) == len(around) and all(
            _is_everything(each) or isinstance(each, Var) and self.spans(each.name, k, around)
            for k, each in enumerate(index)
        )

    def spans(self, name: str, axis: int, around: Mapping[str, object]) -> bool:
        return name in around and self.shape[axis] == around[name]

    def axis(self, loop: For) -> object | None:
        """Return the number of iterations of a loop over a whole axis, as sizes are written."""
        if loop.start != Lit(0) or loop.step != Lit(1) or loop.until is not None:
            return None
        match loop.stop:
            case Lit(int(number)):
                return number
            case Var(name):
                return self.sizes.canonical(self.sizes.symbol.get(name, name))
            case _:
                return None


def _is_all(index: tuple[Expr, ...]) -> bool:
    return bool(index) and all(map(_is_everything, index))


def _is_everything(index: Expr) -> bool:
    return index == Lit(...) or index == Call("slice", (Lit(None), Lit(None), Lit(None)))
