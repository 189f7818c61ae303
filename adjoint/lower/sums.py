"""Elements that are read, added to and stored become sums: these may be added up in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adjoint.ir import Accum, Block, Call, Expr, Func, Let, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, mentioned, mentions_of, names_in, with_body
from adjoint.lower.context import Context
from adjoint.lower.uses import is_single
from adjoint.rules.numba_types import Type, is_array, types


def sums(func: Func, context: Context) -> Func:
    """Write `t = x[i]; u = t + e; x[i] = u` as `x[i] += e`, where nothing changes the element in between.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         t: float64 = x[0]
    ...         e: float64 = sin(y[i])
    ...         u: float64 = t + e
    ...         x[0] = u
    ... ''')
    >>> print(text(sums(func, Context.of(func))), end="")
    def f(x, y, n):
        for i in range(n):
            e = math.sin(y[i])
            x[0] += e
    """
    finder = _Finder(func, context)
    return with_body(func, finder.block(func.body))


@dataclass(frozen=True, slots=True)
class _Sum:
    """Where in a block an element is read and added to, and what is added."""

    read: int
    added: int
    term: Expr


class _Finder:
    def __init__(self, func: Func, context: Context) -> None:
        self.kinds: Mapping[str, Type] = context.kinds
        self.counts = mentions_of(func)
        self.accesses = context.accesses(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = [map_blocks(stmt, self.block) for stmt in block]
        position = 0
        while position < len(out):
            stmt = out[position]
            found = self.found(out, position, stmt) if isinstance(stmt, Store) else None
            if found is not None and isinstance(stmt, Store):
                out[position] = Accum(stmt.array, stmt.index, found.term, loc=stmt.loc)
                del out[found.added], out[found.read]
                position -= 2
            position += 1
        return tuple(out)

    def found(self, block: Sequence[Stmt], end: int, store: Store) -> _Sum | None:
        kind: Type = self.kinds.get(store.array.name)
        number = store.value
        if not isinstance(number, Var) or not is_array(kind) or not isinstance(kind.dtype, types.Float):
            return None
        if kind.ndim != len(store.index) or not all(map(is_single, store.index)):
            return None
        added = self.bound_at(block, end, number.name)
        addition = block[added] if added is not None else None
        if added is None or not isinstance(addition, Let):
            return None
        there = Call("getitem", (store.array, *store.index))
        for old, term in _terms(addition.value):
            read = self.bound_at(block, added, old)
            stmt = block[read] if read is not None else None
            if read is not None and isinstance(stmt, Let) and stmt.value == there:
                sum_ = _Sum(read, added, term)
                return sum_ if self.is_kept(block, sum_, end, store) else None
        return None

    def bound_at(self, block: Sequence[Stmt], end: int, name: str) -> int | None:
        """Return where a name is bound that is read once, after it, and nowhere else."""
        if self.counts[name] != 2:
            return None
        return next((k for k in range(end - 1, -1, -1) if name in mentioned(block[k])), None)

    def is_kept(self, block: Sequence[Stmt], found: _Sum, end: int, store: Store) -> bool:
        """Whether the element, its subscript and what is added to it stay what they are."""
        cls, place = self.accesses.class_of(store.array.name), {n for each in store.index for n in names_in(each)}
        for position in range(found.read + 1, end):
            done = self.accesses.of(block[position])
            fixed = place | set(names_in(found.term)) if position > found.added else place
            if done.effect or done.binds & {*fixed, store.array.name}:
                return False
            if any(access.writes and access.cls == cls for access in done.accesses):
                return False
        reads_elements = bool(self.accesses.of(block[found.added]).accesses)
        return not reads_elements or found.added == end - 1


def _terms(value: Expr) -> list[tuple[str, Expr]]:
    """Return the ways to see a value as a name and what is added to it."""
    match value:
        case Call("add", (Var(a) as first, Var(b) as second)):
            return [(a, second), (b, first)]
        case Call("add", (Var(name), term)) | Call("add", (term, Var(name))):
            return [(name, term)]
        case Call("sub", (Var(name), term)):
            return [(name, Call("neg", (term,)))]
        case _:
            return []
