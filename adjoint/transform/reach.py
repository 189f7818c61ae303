"""What the adjoint of a nested statement adds to, and what may bring a cotangent into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adjoint.analysis.memory import written_name
from adjoint.ir import (
    Accum,
    Call,
    Effect,
    For,
    If,
    Let,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import names_in, statements

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse


def touched(reverse: Reverse, stmt: For | While) -> tuple[str, ...]:
    """Return the names bound outside a loop whose cotangents its body may add to, in order of appearance."""
    if id(stmt) not in reverse.touched_in:
        place = reverse.program.structure.place(stmt)
        found: dict[str, None] = {}
        for inner in statements(stmt.body):
            for name in receivers(reverse, inner):
                for each in with_bases(reverse, name):
                    found[each] = None
        for carry in stmt.carried:
            if isinstance(carry.next, Var):
                found[carry.next.name] = None
        outside = [n for n in found if n in reverse.active and not reverse.program.structure.of(n).place.inside(place)]
        reverse.touched_in[id(stmt)] = tuple(outside)
    return reverse.touched_in[id(stmt)]


def receivers(reverse: Reverse, stmt: Stmt) -> list[str]:
    match stmt:
        case Let(target, Call(_, args)) if target.name in reverse.active:
            return [name for arg in args for name in names_in(arg)]
        case Let(target, Var(name)) if target.name in reverse.active:
            return [name]
        case Let(_, Call("pop", (Var(name),))):
            return [name]
        case Store(array, _, Var(name)) | Accum(array, _, Var(name)) if array.name in reverse.active:
            return [name]
        case Effect(Call("append", (Var(array), Var(name)))) if array in reverse.active:
            return [name]
        case For(carried=carried) | While(carried=carried):
            return [e.name for c in carried for e in (c.init, c.next) if isinstance(e, Var)]
        case If(merges=merges):
            return [e.name for m in merges for e in (m.then, m.orelse) if isinstance(e, Var)]
        case _:
            return []


def with_bases(reverse: Reverse, name: str) -> list[str]:
    return [name, *reverse.bars.links(name)]


def has_shadow_in(reverse: Reverse, *body: Stmt) -> bool:
    """Whether statements write memory whose cotangent exists, so that cotangents enter them that way."""
    facts = reverse.program.memory
    present = {facts.cls(name) for name in reverse.bars.state if reverse.bars.is_shadow(name)}
    present |= {facts.cls(name) for name in reverse.bars.mirrored}
    written = {facts.cls(name) for stmt in statements(body) if (name := written_name(stmt)) is not None}
    return bool(present & written)


def shadows_in(reverse: Reverse, stmt: If) -> list[str]:
    """Return the written arrays bound outside a branch whose shadows its adjoint uses in place."""
    if not has_shadow_in(reverse, *stmt.then, *stmt.orelse) and not any(
        reverse.bars.has(m.target.name) for m in stmt.merges
    ):
        return []
    structure = reverse.program.structure
    inner = [structure.place(stmt, slot) for slot in (0, 1)]
    found: dict[str, None] = {}
    reached = [n for each in statements((*stmt.then, *stmt.orelse)) for n in receivers(reverse, each)]
    for name in reached + [v.name for m in stmt.merges for v in (m.then, m.orelse) if isinstance(v, Var)]:
        for link in with_bases(reverse, name):
            if reverse.bars.is_shadow(link) and link in reverse.active:
                found[link] = None
    return [n for n in found if not any(structure.of(n).place.inside(place) for place in inner)]
