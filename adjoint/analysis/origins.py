"""Where the arrays of an SSA program are made, and for how long the backward sweep may look at one.

The adjoint of a statement reads only what there was when the statement ran. So once the backward sweep is past the
place where an iteration made an array, nothing reads that array any more: names that are bound before it, those that
a loop around it carries among them, show arrays that are older.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from numba import types as nb

from adjoint.analysis.memory import Memory
from adjoint.analysis.structure import Structure
from adjoint.ir import Block, Call, Comment, For, Func, If, Let, Stmt, Var, While
from adjoint.ir.walk import blocks, names_in, nested, remembered, statements
from adjoint.rules.numba_types import is_array
from adjoint.rules.spelling import makes_array

# They stand before the backward sweep, and before and after what an iteration of it runs of the primal once more.
BACKWARD, REPLAY, REPLAYED = (Comment(text) for text in ("the backward sweep", "the primal again", "the adjoint"))
MARKS = frozenset((BACKWARD, REPLAY, REPLAYED))


@dataclass(frozen=True, slots=True)
class Origin:
    """An array that each iteration of `depth` loops makes anew.

    `shown` are the names that may show it, or a part of it, while those iterations last.
    """

    depth: int
    shown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Origins:
    """The arrays that are made in loops, by the name that is bound to them first.

    `names` are all names of the SSA program, the others being of those that a transform has added. `tapes` are the
    lists among these from which names are bound again to what they showed.
    """

    arrays: dict[str, Origin] = field(default_factory=dict[str, Origin])
    names: frozenset[str] = frozenset()
    tapes: frozenset[str] = frozenset()

    def without(self, names: Collection[str]) -> Origins:
        return replace(self, arrays={name: origin for name, origin in self.arrays.items() if name not in names})


@dataclass(frozen=True, slots=True)
class Replay:
    """Statements of the primal in the backward sweep, by their numbers, in so many loops of that."""

    first: int
    last: int
    depth: int


@dataclass(frozen=True, slots=True)
class Sweeps:
    """The number of the statement before the backward sweep, and what is replayed in it."""

    start: int
    replays: tuple[Replay, ...]

    def is_undone(self, position: int, origin: Origin) -> bool:
        """Whether a statement is run where the iterations in which an array is made are in the opposite order."""
        if position <= self.start:
            return False
        return all(origin.depth <= r.depth for r in self.replays if r.first < position < r.last)


@remembered
def _has_marks(stmt: Stmt) -> bool:
    return any(isinstance(inner, Comment) and inner in MARKS for inner in nested(stmt))


@remembered
def sweeps(func: Func) -> Sweeps:
    """Return where the marks of an imperative program are."""
    found: list[tuple[Stmt, int, int]] = []

    def walk(block: Block, position: int, depth: int) -> int:
        for stmt in block:
            position += 1
            if isinstance(stmt, Comment) and stmt in MARKS:
                found.append((stmt, position, depth))
            if not isinstance(stmt, For | While | If):
                continue
            if not _has_marks(stmt):
                position += len(nested(stmt))
                continue
            for inner in blocks(stmt):
                position = walk(inner, position, depth + isinstance(stmt, For | While))
        return position

    end = walk(func.body, 0, 0)
    starts = [position for stmt, position, _ in found if stmt == BACKWARD]
    replays: list[Replay] = []
    for (stmt, first, depth), (_, last, _) in pairwise(found):
        if stmt == REPLAY:
            replays.append(Replay(first, last, depth))
    return Sweeps(starts[0] if starts else end, tuple(replays))


def origins(func: Func, memory: Memory, structure: Structure, tapes: frozenset[str] = frozenset()) -> Origins:
    """Return the arrays that loops of an SSA program make.

    >>> from adjoint.analysis.memory import memory
    >>> from adjoint.analysis.structure import structure
    >>> from adjoint.ir import Carry, Lit
    >>> new = Let(Var("new"), Call("zeros_like", (Var("u"),)))
    >>> loop = For(Var("i"), Lit(0), Lit(3), Lit(1), (new,), (Carry(Var("u"), Var("x"), Var("new")),))
    >>> func = Func("f", (), (loop,), types=dict.fromkeys(("x", "u", "new"), nb.float64[:]))
    >>> origins(func, memory(func), structure(func)).arrays
    {'new': Origin(depth=1, shown=frozenset({'new'}))}
    """
    flows = list(_flows(func))
    # What a list or a tuple holds isn't followed.
    followed: dict[str, bool] = {}
    for name in structure.bindings:
        cls = memory.cls(name)
        followed[cls] = followed.get(cls, True) and isinstance(func.types.get(name), nb.Array)
    found: dict[str, Origin] = {}
    for stmt in statements(func.body):
        if isinstance(stmt, Let) and _is_made(stmt, func) and followed.get(memory.cls(stmt.target.name)):
            loops = structure.of(stmt.target.name).place.loops
            carried = {carry.phi.name for loop in loops for carry in loop.carried}
            if loops:
                found[stmt.target.name] = Origin(len(loops), _reached(stmt.target.name, flows, carried))
    return Origins(found, frozenset(structure.bindings), tapes)


def _is_made(stmt: Stmt, func: Func) -> bool:
    match stmt:
        case Let(Var(name), Call(prim)):
            return makes_array(prim) and is_array(func.types.get(name))
        case _:
            return False


def _flows(func: Func) -> Iterator[tuple[str, str]]:
    """Yield the pairs of names of which the second may show what the first shows."""
    for stmt in statements(func.body):
        match stmt:
            case Let(target, value):
                if not _is_made(stmt, func):
                    yield from ((name, target.name) for name in names_in(value))
            case For(carried=carried) | While(carried=carried):
                for carry in carried:
                    yield from ((name, carry.phi.name) for e in (carry.init, carry.next) for name in names_in(e))
            case If(merges=merges):
                for merge in merges:
                    yield from ((name, merge.target.name) for e in (merge.then, merge.orelse) for name in names_in(e))
            case _:
                pass


def _reached(start: str, flows: list[tuple[str, str]], beyond: set[str]) -> frozenset[str]:
    """Return the names that something flows to from a name, but not through those `beyond`."""
    found, more = set[str](), {start}
    while more:
        found |= more
        more = {target for source, target in flows if source in more} - found - beyond
    return frozenset(found)
