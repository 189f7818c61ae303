"""Tiles of shared memory that every iteration of a loop fills anew.

The backward sweep doesn't record and restore what each iteration overwrites: at its start it fills the tile again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adjoint.ir import Accum, Block, Call, Effect, Expr, For, If, Let, Stmt, Store, Var
from adjoint.ir.walk import names_in, operands, statements, subexpressions
from adjoint.rules.kernels import SHARED, is_barrier
from adjoint.transform.program import Program


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What to do again at the start of a backward iteration: `stores`, which stand in `statements`.

    `barrier`: there must be one after that, for none stands between the last read and the end of the iteration.
    """

    arrays: tuple[str, ...]
    stores: tuple[Store, ...]
    statements: Block
    barrier: bool


def replays(program: Program) -> dict[int, Replay]:
    """Return what to replay, by the identity of the body of the loop."""
    shared = [
        s.target.name
        for s in program.func.body
        if isinstance(s, Let) and isinstance(s.value, Call) and s.value.prim == SHARED
    ]
    shared = [name for name in shared if name not in program.memory.base.values()]
    found: dict[int, Replay] = {}
    for loop in statements(program.func.body):
        if isinstance(loop, For) and loop.until is None:
            tiles = [name for name in shared if _is_tile(name, loop, program)]
            if tiles:
                found[id(loop.body)] = _replay(tiles, loop)
    return found


def _replay(tiles: list[str], loop: For) -> Replay:
    stores = tuple(s for s in statements(loop.body) if isinstance(s, Store) and s.array.name in tiles)
    again = tuple(s for s in loop.body if any(inner in stores for inner in statements((s,))))
    reads = [
        k for k, s in enumerate(loop.body) if any(_reads(inner, name) for name in tiles for inner in statements((s,)))
    ]
    barriers = [k for k, s in enumerate(loop.body) if isinstance(s, Effect) and is_barrier(s.value)]
    return Replay(tuple(tiles), stores, again, not (reads and barriers and barriers[-1] > reads[-1]))


def _is_tile(name: str, loop: For, program: Program) -> bool:
    """Whether only this loop uses an array, and first fills in each iteration what it reads later."""
    everything = list(statements(program.func.body))
    inside = [inner for stmt in loop.body for inner in statements((stmt,))]
    uses = [s for s in everything if _stores(s, name) or _reads(s, name) or _adds(s, name)]
    if not uses or any(_adds(s, name) for s in uses) or len(uses) != sum(1 for s in inside if s in uses):
        return False
    filled = [k for k, s in enumerate(loop.body) if any(_stores(inner, name) for inner in statements((s,)))]
    read = [k for k, s in enumerate(loop.body) if any(_reads(inner, name) for inner in statements((s,)))]
    if not filled or (read and read[0] <= filled[-1]):
        return False
    return _fills_the_same(name, loop, program)


def _fills_the_same(name: str, loop: For, program: Program) -> bool:
    """Whether all iterations write the same elements, and each of them whatever the branches do."""
    always: list[tuple[Expr, ...]] = []
    body = program.structure.place(loop)
    for stmt in loop.body:
        for inner in _outside_loops(stmt):
            if not isinstance(inner, Store) or inner.array.name != name:
                continue
            if any(program.structure.of(n).place.inside(body) for i in inner.index for n in names_in(i)):
                return False
            if inner is stmt:
                always.append(inner.index)
            elif inner.index not in always:
                return False
    count = sum(1 for s in statements(loop.body) if _stores(s, name))
    return count == sum(1 for stmt in loop.body for s in _outside_loops(stmt) if _stores(s, name))


def _outside_loops(stmt: Stmt) -> Iterator[Stmt]:
    yield stmt
    if isinstance(stmt, If):
        for inner in (*stmt.then, *stmt.orelse):
            yield from _outside_loops(inner)


def _stores(stmt: Stmt, name: str) -> bool:
    return isinstance(stmt, Store) and stmt.array.name == name


def _adds(stmt: Stmt, name: str) -> bool:
    return isinstance(stmt, Accum) and stmt.target.name == name


def _reads(stmt: Stmt, name: str) -> bool:
    parts = (part for expr in operands(stmt) for part in subexpressions(expr))
    return any(isinstance(p, Call) and p.prim == "getitem" and p.args[0] == Var(name) for p in parts)
