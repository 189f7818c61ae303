"""Whether iterations of a loop may run at the same time: what they share, and how near each other they are then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from numba import types as nb

from adjoint.analysis.access import Access
from adjoint.analysis.dependence import Dependence
from adjoint.analysis.effects import actions, binds_of
from adjoint.analysis.segments import Segment, segment_of, segments
from adjoint.errors import TypingError
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, map_blocks, names_in, operands, statements
from adjoint.rules.typing import expr_type

# Iterations that are further apart than this and still meet are taken to meet at any distance.
FURTHEST = 8


@dataclass(frozen=True, slots=True)
class Shared:
    """What the iterations of a loop share.

    No two iterations with numbers further apart than `distance` use the same element of an array, one of them writing
    it, but for the arrays in `sums`, which they only add to. `totals` are numbers that they only add to. All this holds
    if the ends of each of `segments` aren't negative and rise from iteration to iteration.
    """

    distance: int
    sums: tuple[str, ...]
    totals: tuple[str, ...]
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Apart:
    """Why iterations can't run at the same time. `carried`: one needs a number of the one before."""

    why: str
    carried: bool = False


def shared(func: Func, loop: For, depth: int, live: Iterable[str], uses: Dependence) -> Shared | Apart:
    """Return what iterations share, or why they can't run at the same time.

    Args:
        func: an imperative program.
        loop: one of its loops, with a step of 1 or -1.
        depth: the number of loops around it.
        live: names that are read after the loop, before they are written.
        uses: the uses of arrays in `func`.
    """
    totals = _totals(func, loop, frozenset(live))
    if isinstance(totals, Apart):
        return totals
    private = {s.target.name for s in statements(loop.body) if isinstance(s, Let)}
    if (name := opaque(func, loop, uses, private, totals)) is not None:
        in_turn = not isinstance(func.types.get(name), nb.Array)  # a list that grows, for example
        return Apart(f"`{name}` is changed in a way that isn't followed", in_turn)
    roots = shared_arrays(loop, depth, uses, private)
    furthest, sums = 0, list[str]()
    apart: dict[str, Segment] = {}
    known: Mapping[str, Segment] | None = None
    for root, (writes, others, only_added) in roots.items():
        distance = _distance(writes, [*writes, *others], depth, uses)
        if distance is not None:
            furthest = max(furthest, distance)
        elif only_added:
            known = segments(func, loop) if known is None else known
            segment = segment_of(root, loop, known, len(writes))
            if segment is None:
                sums.append(root)
            else:
                apart[root] = segment
        else:
            return Apart(f"iterations may use the same element of `{root}`")
    if furthest:
        return Shared(furthest, (*sums, *apart), totals)
    return Shared(furthest, tuple(sums), totals, tuple(dict.fromkeys(apart.values())))


# -- numbers -------------------------------------------------------------------------------------------------


def map_loops(func: Func, change: Callable[[For, frozenset[str], int], Sequence[Stmt] | None]) -> Block:
    """Return the body of a program with what `change(loop, live, depth)` puts in the place of loops.

    `live` are the names that are read after the loop, `depth` is how many loops are around it. Where `change` returns
    None, the loop stays, and those in it are asked for.
    """

    def block(stmts: Block, live: frozenset[str], depth: int) -> Block:
        made: list[Stmt] = []
        for stmt, after in zip(stmts, read_after(stmts, live, func), strict=True):
            new = change(stmt, after, depth) if isinstance(stmt, For) else None
            if new is not None:
                made += new
                continue
            if isinstance(stmt, For | While):
                after |= exposed(stmt.body, (), func)[0]
            deeper = depth + isinstance(stmt, For | While)
            made.append(map_blocks(stmt, lambda inner, a=after, d=deeper: block(inner, a, d)))
        return tuple(made)

    return block(func.body, frozenset(), 0)


def read_after(block: Block, live: frozenset[str], func: Func) -> list[frozenset[str]]:
    """Return for each statement of a block the names that are read after it; `live` are those read after the block."""
    out: list[frozenset[str]] = []
    for stmt in reversed(block):
        out.append(live)
        found, known = exposed((stmt,), (), func)
        live = (live - known) | found
    return out[::-1]


def exposed(block: Block, defined: Iterable[str], func: Func) -> tuple[set[str], set[str]]:
    """Return the names that a block may read before it binds them, and those that it has bound when it ends."""
    known, found = set(defined), set[str]()
    for stmt in block:
        for expr in operands(stmt):
            found |= set(names_in(expr)) - known
        if isinstance(stmt, Accum) and not stmt.index:
            found |= {stmt.target.name} - known
        inside = {*known, stmt.index.name} if isinstance(stmt, For) else known
        inner = [exposed(body, inside, func) for body in blocks(stmt)]
        for names, _ in inner:
            found |= names
        if isinstance(stmt, If):
            known |= inner[0][1] & inner[1][1]
        elif not isinstance(stmt, For | While):
            known |= set(binds_of(stmt, func))
    return found, known


def _totals(func: Func, loop: For, live: frozenset[str]) -> tuple[str, ...] | Apart:
    bound = {name for stmt in statements(loop.body) for name in binds_of(stmt, func)}
    early, _ = exposed(loop.body, {loop.index.name}, func)
    totals: list[str] = []
    for name in sorted(bound & (early | live) - {loop.index.name}):
        if not isinstance(func.types.get(name), nb.Float) or not _is_total(name, loop):
            return Apart(f"`{name}` is carried from one iteration to the next", carried=True)
        totals.append(name)
    return tuple(totals)


def _is_total(name: str, loop: For) -> bool:
    """Whether iterations do nothing with a number but add to it."""
    for stmt in statements(loop.body):
        if term(stmt, name) is not None:
            continue
        if any(name in names_in(expr) for expr in operands(stmt)) or isinstance(stmt, Let) and stmt.target.name == name:
            return False
        if isinstance(stmt, Effect) and stmt.value.prim == "move" and name in names_in(stmt.value):
            return False
    return True


def term(stmt: Stmt, name: str) -> Expr | None:
    """Return what a statement adds to a number, or takes from it, if it does that."""
    match stmt:
        case Accum(Var(target), (), value) if target == name and name not in names_in(value):
            return value
        case Let(Var(target), Call("add" | "sub", (Var(first), value))) if (
            target == first == name and name not in names_in(value)
        ):
            return value
        case _:
            return None


# -- arrays --------------------------------------------------------------------------------------------------


def opaque(func: Func, loop: For, uses: Dependence, private: set[str], totals: Collection[str]) -> str | None:
    """Return the name of something whose elements are changed in a way that isn't followed."""
    for stmt in statements(loop.body):
        if isinstance(stmt, Store | Accum) and id(stmt) in uses.uses.writes:
            if uses.uses.writes[id(stmt)].root is None:
                return stmt.array.name if isinstance(stmt, Store) else stmt.target.name
            continue
        for action in actions(stmt, func):
            for name in action.changes:
                if name not in totals and not (name in private and not isinstance(func.types.get(name), nb.Array)):
                    return name
    return None


Found = tuple[list[Access], list[Access], bool]


def shared_arrays(loop: For, depth: int, uses: Dependence, private: set[str]) -> dict[str, Found]:
    """Return for each array that iterations share, and that one of them writes, what is written and what is read."""
    writes: dict[str, list[Access]] = {}
    plain: set[str] = set()
    added: set[int] = set()
    for stmt in statements(loop.body):
        access = uses.uses.writes.get(id(stmt))
        if access is None or access.root is None or access.root in private:
            continue
        writes.setdefault(access.root, []).append(access)
        if isinstance(stmt, Accum) and all(_is_place(i, uses.func) for i in stmt.index):
            added.add(id(access))
        else:
            plain.add(access.root)
    if not writes:
        return {}
    around = next(iter(writes.values()))[0].rounds[: depth + 1]
    reads = [read for read in uses.uses.reads if read.rounds[: depth + 1] == around and id(read) not in added]
    found: dict[str, Found] = {}
    for root, stores in writes.items():
        others = [read for read in reads if read.root == root or uses.is_unknown(read, stores[0])]
        found[root] = stores, others, root not in plain and not others
    return found


def _is_place(index: Expr, func: Func) -> bool:
    """Whether an index is a whole number or a slice, and no array of indices."""
    if isinstance(index, Call) and index.prim == "slice":
        return True
    try:
        return isinstance(expr_type(index, func.types, func.refs), nb.Integer | nb.IntegerLiteral)
    except TypingError:
        return False


def _distance(writes: Sequence[Access], others: Sequence[Access], depth: int, uses: Dependence) -> int | None:
    """Return how far apart iterations are at most that use the same element; None if that has no bound."""
    distance = 0
    for first, second in pairs(writes, others):
        while uses.meet_apart(first, second, depth, distance):
            distance += 1
            if distance > FURTHEST:
                return None
    return distance


def pairs(writes: Sequence[Access], others: Sequence[Access]) -> Iterator[tuple[Access, Access]]:
    """Yield the pairs that may meet, the one that comes first in time first, each way round."""
    seen: set[tuple[object, ...]] = set()
    for write in writes:
        for other in others:
            for pair in ((write, other), (other, write)):
                key = tuple((a.root, a.index, a.rounds, a.facts) for a in pair)
                if key not in seen:
                    seen.add(key)
                    yield pair
