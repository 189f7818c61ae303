"""Loops that hold several loops become several, so that each can have a thread for each point of its grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.effects import binds_of
from adjoint.analysis.iterations import exposed, map_loops
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.threads import Threads, threads
from adjoint.ir import Accum, Block, Comment, For, Func, If, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import map_blocks, mentioned, mentioned_within, names_in, statements, unshared
from adjoint.rules.numba_types import is_array
from adjoint.transform.renaming import rename_block

# Loops of so many iterations stay in their thread.
FEW = 16


def split_nests(func: Func) -> Func:
    """Give each loop directly in a loop of independent iterations an outer loop of its own.

    What iterations do is done in the same order within each; iterations of the outer loop share nothing but what they
    add to.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:, :], y: float64[:, :], n: int64):
    ...     for i in range(n):
    ...         for j in range(n):
    ...             x[i, j] = 1.0
    ...         for j in range(n):
    ...             y[i, j] = x[i, j]
    ... ''')
    >>> print(text(split_nests(func)), end="")
    def f(x, y, n):
        for i in range(n):
            for j in range(n):
                x[i, j] = 1.0
        for i in range(n):
            for j in range(n):
                y[i, j] = x[i, j]
    """
    func = replace(func, body=unshared(func.body))
    body = map_loops(func, _Splitter(func, Dependence(func)).change)
    return replace(func, body=unshared(body))


@dataclass(eq=False)
class _Splitter:
    func: Func
    uses: Dependence

    def change(self, loop: For, live: frozenset[str], depth: int) -> Sequence[Stmt] | None:
        found = threads(self.func, loop, depth, live, self.uses)
        return self.loop(loop, found) if isinstance(found, Threads) else None

    def loop(self, loop: For, found: Threads) -> Sequence[Stmt]:
        """Return the loops that a loop of independent iterations becomes."""
        pieces = self.pieces(loop.body, {name for name, _ in found.totals})
        again = {name for expr in (loop.start, loop.stop) for name in names_in(expr)}
        changed = {name for stmt in statements(loop.body) for name in binds_of(stmt, self.func)}
        if len(pieces) < 2 or not any(map(_is_long, loop.body)) or again & changed:
            return [loop]
        return [replace(loop, body=piece) for piece in pieces]

    def pieces(self, block: Block, totals: set[str]) -> list[Block]:
        """Return the parts of a block that no number is handed on between."""
        found: list[list[Stmt]] = []
        for stmt in block:
            alone = _is_long(stmt) or not found or _is_long(found[-1][-1])
            found += [[stmt]] if alone else []
            if not alone:
                found[-1].append(stmt)
        k = 0
        while k < len(found):
            bound = {name for s in statements(tuple(found[k])) for name in binds_of(s, self.func)} - totals
            later = [j for j in range(k + 1, len(found)) if bound & exposed(tuple(found[j]), (), self.func)[0]]
            if later:
                found[k : later[-1] + 1] = [[s for part in found[k : later[-1] + 1] for s in part]]
            else:
                k += 1
        parts = [tuple(part) for part in found]
        return [part for part in parts if not all(isinstance(s, Comment) for s in part)]


def _is_long(stmt: Stmt) -> bool:
    """Whether a statement is a loop that deserves threads of its own."""
    match stmt:
        case For(start=Lit(int() as start), stop=Lit(int() as stop)):
            return abs(stop - start) > FEW
        case For(until=until):
            return until is None
        case _:
            return False


def join_additions(func: Func) -> Func:
    """Make one of nests of loops, one after the other, that do nothing but add to arrays which none of them reads.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(n):
    ...         x[i] += y[i]
    ...     for j in range(n):
    ...         x[j + 1] += y[j]
    ... ''')
    >>> print(text(join_additions(func)), end="")
    def f(x, y, n):
        for i in range(n):
            x[i] += y[i]
            x[i + 1] += y[i]
    """
    return replace(func, body=_Joiner(func, memory_classes(func)).block(func.body))


@dataclass(eq=False)
class _Joiner:
    func: Func
    classes: Mapping[str, str]

    def memory(self, name: str) -> str:
        """Return what stands for all names of arrays that may share memory with one of this name."""
        return self.classes.get(name, name)

    def block(self, block: Block) -> Block:
        made: list[Stmt] = []
        for stmt in block:
            stmt = map_blocks(stmt, self.block) if isinstance(stmt, For | While | If) else stmt
            k = self.before(made, stmt)
            joint = None if k is None else self.joint(made[k], stmt)
            if joint is None or k is None:
                made.append(stmt)
            else:
                made[k] = joint
        return tuple(made)

    def before(self, block: Sequence[Stmt], stmt: Stmt) -> int | None:
        """Return the place of a statement next to which another may stand: those between are about other numbers."""
        used = mentioned_within(stmt)
        for k in reversed(range(len(block))):
            match block[k]:
                case Comment():
                    continue
                case Let(Var(name)) | Accum(Var(name), ()) if name not in used:
                    if not any(is_array(self.func.types.get(n)) for n in mentioned(block[k])):
                        continue
                case _:
                    pass
            return k
        return None

    def joint(self, first: Stmt, second: Stmt) -> For | None:
        if not isinstance(first, For) or not isinstance(second, For):
            return None
        one, other = _nest(first), _nest(second)
        if len(one) != len(other) or not all(map(self.only_adds, (one[-1].body, other[-1].body))):
            return None
        names = {b.index.name: a.index.name for a, b in zip(one, other, strict=True)}
        renamed = [rename_block((b,), names)[0] for b in other]
        if any(_bounds(a) != _bounds(b) for a, b in zip(one, renamed, strict=True) if isinstance(b, For)):
            return None
        bodies = one[-1].body, rename_block(other[-1].body, names)
        adds = [s for body in bodies for s in body if isinstance(s, Accum)]
        added = {self.memory(s.target.name) for s in adds}
        if added & {self.memory(n) for s in adds for e in (*s.index, s.value) for n in names_in(e)}:
            return None
        made: Block = (*bodies[0], *bodies[1])
        for loop in reversed(one):
            made = (replace(loop, body=made),)
        return made[0] if isinstance(made[0], For) else None

    def only_adds(self, block: Block) -> bool:
        return all(isinstance(s, Accum) and s.index or isinstance(s, Comment) for s in block)


def _nest(loop: For) -> list[For]:
    found = [loop]
    while len(found[-1].body) == 1 and isinstance(inner := found[-1].body[0], For):
        found.append(inner)
    return found


def _bounds(loop: For) -> tuple[object, ...]:
    return loop.start, loop.stop, loop.step, loop.until, loop.parallel
