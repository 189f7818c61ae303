"""Arrays that are filled anew in every iteration of a loop are made in the iteration.

    y = np.empty(n)                           for i in range(m):
    for i in range(m):                            y = np.empty(n)
        for j in range(n):            ->          for j in range(n):
            y[j] = ...                                y[j] = ...

It makes no difference to the program, and shows that an iteration depends on none before it by way of `y`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import replace

from adjoint.analysis.memory import is_memory, memory
from adjoint.analysis.shapes import Shapes, shapes
from adjoint.ir import Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, map_blocks, mentioned, operands, statements, subexpressions
from adjoint.rules import spelling


def localise(func: Func) -> tuple[Func, frozenset[str]]:
    """Return an SSA program with such arrays made in the loop, and their names."""
    facts, sizes = memory(func), shapes(func)
    classes = Counter(facts.cls(name) for name, type_ in func.types.items() if is_memory(type_))
    alone = {name for name, type_ in func.types.items() if is_memory(type_) and classes[facts.cls(name)] == 1}
    moved: dict[str, Let] = {}
    into: dict[int, list[Let]] = {}
    for block in [*(block for stmt in statements(func.body) for block in blocks(stmt)), func.body]:
        _search(block, func, alone, sizes, moved, into)
    return (replace(func, body=_placed(func.body, moved, into)), frozenset(moved)) if moved else (func, frozenset())


def _search(
    block: Block, func: Func, alone: Container[str], sizes: Shapes, moved: dict[str, Let], into: dict[int, list[Let]]
) -> None:
    """Add the arrays made in a block to those that move; `alone` are the names that share memory with no other."""
    for stmt in block:
        match stmt:
            case Let(Var(name), Call("empty" | "zeros")) if name in alone:
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
        if id(stmt) in into and isinstance(new, For):
            new = replace(new, body=(*into[id(stmt)], *new.body))
        out.append(new)
    return tuple(out)


class _Filling:
    """Whether each element of an array is written before any is read."""

    def __init__(self, name: str, func: Func, sizes: Shapes) -> None:
        self.name = name
        self.sizes = sizes
        self.shape = sizes.of(Var(name)) or ()

    def is_private(self, loop: For) -> bool:
        return self.block(loop.body, full=False) is not None

    def block(self, block: Block, *, full: bool) -> bool | None:
        """Say whether the array is full at the end of a block; None if something is read that may not be written."""
        for stmt in block:
            after = self.stmt(stmt, full)
            if after is None:
                return None
            full = after
        return full

    def stmt(self, stmt: Stmt, full: bool) -> bool | None:
        if not full and any(self.reads(expr) for expr in operands(stmt) if not self.is_target(stmt, expr)):
            return None
        match stmt:
            case Store(Var(name), index) if name == self.name:
                return full or bool(index) and all(map(_is_everything, index))
            case For() | While():
                if self.block(stmt.body, full=full) is None:
                    return None
                return full or isinstance(stmt, For) and self.fills(stmt, {})
            case If(_, then, orelse):
                ends = self.block(then, full=full), self.block(orelse, full=full)
                return None if None in ends else all(ends)
            case _:
                return full

    def is_target(self, stmt: Stmt, expr: Expr) -> bool:
        return isinstance(stmt, Store) and expr == stmt.array

    def reads(self, expr: Expr) -> bool:
        if isinstance(expr, Var):
            return expr.name == self.name
        calls = [part for part in subexpressions(expr) if isinstance(part, Call) and part.prim not in spelling.SIZES]
        return any(Var(self.name) in call.args for call in calls)

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


def _is_everything(index: Expr) -> bool:
    return index == Lit(...) or index == Call("slice", (Lit(None), Lit(None), Lit(None)))
