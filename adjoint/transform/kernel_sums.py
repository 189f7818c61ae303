"""Several increments of one element are one: it costs a single atomic addition, or a single read and write."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adjoint.analysis.effects import actions
from adjoint.ir import Accum, Block, Call, Comment, Effect, Expr, Func, Let, Stmt, Var
from adjoint.ir.walk import blocks, map_blocks, names_in, statements
from adjoint.rules.kernels import is_barrier


def merge_sums(func: Func) -> Func:
    """Return an imperative program in which increments of one element in one block are made at the last of them.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x_bar: float64[:], i: int64, a: float64, b: float64):
    ...     x_bar[i] += a
    ...     a = a * b
    ...     x_bar[i] += a
    ...     return None
    ... ''')
    >>> print(dump(merge_sums(func)), end="")
    func f(x_bar, i, a, b)
        part = a
        a = mul(a, b)
        x_bar[i] += add(part, a)
        return None
    """
    merger = _Merger(func)
    return replace(func, body=merger.block(func.body), types=merger.types)


@dataclass(slots=True)
class _Open:
    """An increment that may still be joined with a later one; it stands at `position` of the new block."""

    position: int
    stmt: Accum


class _Merger:
    def __init__(self, func: Func) -> None:
        self.func = func
        self.types = dict(func.types)
        self.taken = set(func.types) | {p.name for p in func.params}

    def block(self, block: Block) -> Block:
        kept: list[Stmt] = []
        open_: list[_Open] = []
        for stmt in block:
            if isinstance(stmt, Accum) and stmt.index:
                stmt = self.joined(stmt, open_, kept)
                open_ = [each for each in open_ if not self.disturbs(stmt, each)]
                open_.append(_Open(len(kept), stmt))
            else:
                open_ = [each for each in open_ if not self.disturbs(stmt, each)]
            kept.append(map_blocks(stmt, self.block))
        return tuple(kept)

    def joined(self, stmt: Accum, open_: list[_Open], kept: list[Stmt]) -> Accum:
        for each in open_:
            if (each.stmt.target, each.stmt.index) == (stmt.target, stmt.index):
                part = self.fresh(stmt)
                kept[each.position] = Let(part, each.stmt.value, each.stmt.loc)
                open_.remove(each)
                return replace(stmt, value=Call("add", (part, stmt.value)))
        return stmt

    def fresh(self, stmt: Accum) -> Var:
        name, number = "part", 0
        while name in self.taken:
            number += 1
            name = f"part_{number}"
        self.taken.add(name)
        self.types[name] = getattr(self.func.types.get(stmt.target.name), "dtype", None)
        return Var(name)

    def disturbs(self, stmt: Stmt, earlier: _Open) -> bool:
        """Whether an increment can't be made after a statement as well as before it."""
        if isinstance(stmt, Comment):
            return False
        array = earlier.stmt.target.name
        names: set[str] = {name for i in earlier.stmt.index for name in names_in(i)}
        for inner in statements((stmt,)):
            if isinstance(inner, Effect) and is_barrier(inner.value):
                return True
            if isinstance(inner, Accum) and inner.target.name == array and not self.reads(inner, array):
                continue
            for action in actions(inner, self.func):
                if names & set(action.binds) or array in action.inspects or array in action.changes:
                    return True
        return any(name in names for block in blocks(stmt) for inner in statements(block) for name in _indices(inner))

    def reads(self, stmt: Accum, array: str) -> bool:
        return any(array in names_in(expr) for expr in (*stmt.index, stmt.value))


def _indices(stmt: Stmt) -> list[str]:
    index: Expr | None = getattr(stmt, "index", None)
    return [index.name] if isinstance(index, Var) else []
