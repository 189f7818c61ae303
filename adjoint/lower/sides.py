"""What the two sides of a branch have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adjoint.ir import Accum, Let, Stmt, Store
from adjoint.ir.walk import rename
from adjoint.lower.accesses import Accesses
from adjoint.lower.uses import mentions


@dataclass
class Sides:
    """The statements of both sides; those that are taken out of them leave.

    `live` are the names that are read after the branch.
    """

    then: list[Stmt]
    orelse: list[Stmt]
    accesses: Accesses
    live: frozenset[str]

    def first(self) -> list[Stmt]:
        """Take out what both sides do, where it may be done before anything else in them."""
        out: list[Stmt] = []
        position = 0
        while position < len(self.then):
            one = self.then[position]
            found = self.same(one) if self.may_pass(one, self.then[:position]) else None
            if found is None:
                position += 1
                continue
            other = self.orelse.pop(found)
            if isinstance(one, Let) and isinstance(other, Let):
                self.orelse = list(rename(tuple(self.orelse), {other.target.name: one.target.name}))
            out.append(self.then.pop(position))
        return out

    def last(self) -> list[tuple[Store | Accum, Store | Accum]]:
        """Take out pairs of statements that store into one place, or add to it, and may be done after all others."""
        out: list[tuple[Store | Accum, Store | Accum]] = []
        for one in list(self.then):
            if not isinstance(one, Store | Accum) or not self.may_wait(one, self.then):
                continue
            for other in self.orelse:
                if type(one) is type(other) and _place(one) == _place(other) and self.may_wait(other, self.orelse):
                    assert isinstance(other, Store | Accum)
                    self.then = [each for each in self.then if each is not one]
                    self.orelse = [each for each in self.orelse if each is not other]
                    out.append((one, other))
                    break
        return out

    def same(self, one: Stmt) -> int | None:
        """Return where the other side does the same as a statement of the first."""
        for k, other in enumerate(self.orelse):
            if self.is_same(one, other) and self.may_pass(other, self.orelse[:k]):
                return k
        return None

    def is_same(self, one: Stmt, other: Stmt) -> bool:
        match one, other:
            case Let(target, value), Let(twin, same):
                if target == twin or value != same:
                    return value == same
                kinds = self.accesses.kinds
                if kinds[target.name] != kinds[twin.name] or not self.live.isdisjoint((target.name, twin.name)):
                    return False
                return not any(mentions(stmt, target.name) for stmt in self.orelse)
            case Store() | Accum(), _:
                return one == other
            case _:
                return False

    def may_pass(self, stmt: Stmt, others: Sequence[Stmt]) -> bool:
        done = self.accesses.of(stmt)
        return not any(done.conflicts(self.accesses.of(other)) for other in others)

    def may_wait(self, stmt: Stmt, side: Sequence[Stmt]) -> bool:
        position = next(k for k, each in enumerate(side) if each is stmt)
        return self.may_pass(stmt, side[position + 1 :])


def _place(stmt: Stmt) -> object:
    match stmt:
        case Store(array, index) | Accum(array, index):
            return array, index
        case _:
            return None
