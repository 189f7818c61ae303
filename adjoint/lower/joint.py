"""Two loops that compute the same, but for what one of them stores, appends or counts besides, as one loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adjoint.ir import Accum, Block, Call, Comment, Effect, For, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import nested, remembered
from adjoint.transform.renaming import rename_block


@dataclass(slots=True)
class Joint:
    """Two blocks as one: statements that only one of them has, the second's being stores."""

    only_first: list[Stmt] = field(default_factory=list[Stmt])
    stores: list[Store] = field(default_factory=list[Store])
    # Lists that only the second of two `while` loops appends to, and numbers that only it counts.
    lists: set[str] = field(default_factory=set[str])
    counts: set[str] = field(default_factory=set[str])
    # Loop indices of the second whose place is taken by those of the first.
    indices: list[str] = field(default_factory=list[str])


def merged(first: Stmt, second: Stmt, joint: Joint) -> Stmt | None:
    """Return a statement that does what two do, if they differ in nothing that could change what both compute."""
    if first == second:
        return first
    match first, second:
        case For(), For() if may_be_one(first, second):
            joint.indices.append(second.index.name)
            body = _joined(first.body, second.body, joint, {second.index.name: first.index.name})
            return None if body is None else replace(first, body=body)
        case If(), If() if first.cond == second.cond and not first.merges and not second.merges:
            then, orelse = _joined(first.then, second.then, joint, {}), _joined(first.orelse, second.orelse, joint, {})
            return None if then is None or orelse is None else replace(first, then=then, orelse=orelse)
        case While(), While() if replace(first, body=()) == replace(second, body=()):
            body = _joined(first.body, second.body, joint, {})
            return None if body is None else replace(first, body=body)
        case _:
            return None


def may_be_one(first: For, second: For) -> bool:
    return _bounds(first) == _bounds(second) and set(lets(second)) <= set(lets(first))


def _bounds(loop: For) -> tuple[object, ...]:
    return loop.start, loop.stop, loop.step, loop.carried, loop.until, loop.parallel


@remembered
def lets(loop: Stmt) -> tuple[str, ...]:
    """Return the names that statements in a loop bind: none of the second loop's are its own."""
    return tuple(dict.fromkeys(stmt.target.name for stmt in nested(loop) if isinstance(stmt, Let)))


@remembered
def sums(loop: Stmt) -> tuple[str, ...]:
    """Return the names that statements in a loop add to."""
    return tuple(dict.fromkeys(stmt.target.name for stmt in nested(loop) if isinstance(stmt, Accum)))


@remembered
def stored(loop: Stmt) -> tuple[str, ...]:
    """Return the arrays that statements in a loop store elements of."""
    return tuple(dict.fromkeys(stmt.array.name for stmt in nested(loop) if isinstance(stmt, Store)))


def _joined(first: Block, second: Block, joint: Joint, names: Mapping[str, str]) -> Block | None:
    """Return a block that does what two do, with names of the second one replaced; None if there is none."""
    out: list[Stmt] = []
    start = 0
    for (stmt,) in (rename_block((each,), names) for each in second):
        found = _counterpart(first, start, stmt)
        if found is not None:
            place, both, inner = found
            out += [*first[start:place], both]
            joint.only_first += [*first[start:place], *inner.only_first]
            joint.stores += inner.stores
            joint.lists |= inner.lists
            joint.counts |= inner.counts
            joint.indices += inner.indices
            start = place + 1
        elif isinstance(stmt, Store):
            out.append(stmt)
            joint.stores.append(stmt)
        elif _notes(stmt, joint):
            out.append(stmt)
        elif not isinstance(stmt, Comment):
            return None
    joint.only_first += first[start:]
    return (*out, *first[start:])


def _notes(stmt: Stmt, joint: Joint) -> bool:
    """Note what a statement appends to, or counts, if it does nothing else; say whether it does."""
    match stmt:
        case Effect(Call("append", (Var(name), _))):
            joint.lists.add(name)
        case Let(Var(name), Call("add", (Var(counted), Lit(int())))) if name == counted:
            joint.counts.add(name)
        case _:
            return False
    return True


def _counterpart(first: Block, start: int, stmt: Stmt) -> tuple[int, Stmt, Joint] | None:
    for place in range(start, len(first)):
        inner = Joint()
        both = merged(first[place], stmt, inner)
        if both is not None:
            return place, both, inner
    return None
