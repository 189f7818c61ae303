"""A block whose statements change one by one: each keeps its place, and who mentions a name is looked up."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from adjoint.ir import Block, Stmt
from adjoint.ir.walk import mentioned_within


class Slots:
    """The statements of a block by their places. A place is empty, None, once its statement is gone.

    >>> from tests.ir_text import parse
    >>> slots = Slots(parse('''
    ... def f(x: float64):
    ...     y: float64 = x * x
    ...     z: float64 = sin(y)
    ...     return y + z
    ... ''').body)
    >>> [place for place, _ in slots.users("y")]
    [0, 1, 2]
    >>> slots.put(1, None)
    >>> [place for place, _ in slots.users("y", 1)], len(slots.block())
    ([2], 2)
    """

    def __init__(self, block: Iterable[Stmt]) -> None:
        self.stmts: list[Stmt | None] = list(block)
        # A place stays listed when its statement mentions a name no more.
        self._places: dict[str, list[int]] = {}
        for place, stmt in enumerate(block):
            for name in mentioned_within(stmt):
                self._places.setdefault(name, []).append(place)

    def users(self, name: str, start: int = 0) -> Iterator[tuple[int, Stmt]]:
        """Yield the statements from a place on that mention a name, or have one inside that does, with their places."""
        places = self._places.get(name, [])
        for place in places[bisect_left(places, start) :]:
            stmt = self.stmts[place]
            if stmt is not None and name in mentioned_within(stmt):
                yield place, stmt

    def put(self, place: int, stmt: Stmt | None) -> None:
        """Let a statement take the place of another; None if it goes."""
        self.stmts[place] = stmt
        for name in mentioned_within(stmt) if stmt is not None else ():
            places = self._places.setdefault(name, [])
            at = bisect_left(places, place)
            if at == len(places) or places[at] != place:
                insort(places, place)

    def between(self, start: int, stop: int) -> Iterator[Stmt]:
        """Yield the statements that are left from one place up to another."""
        return (stmt for stmt in self.stmts[start:stop] if stmt is not None)

    def block(self) -> Block:
        """Return the statements that are left."""
        return tuple(self.between(0, len(self.stmts)))
