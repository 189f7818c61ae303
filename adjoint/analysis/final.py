"""Elements of arrays that keep their value from where they are read to the end of the program."""

from __future__ import annotations

from functools import cached_property

from numba import types as nb

from adjoint.analysis.access import Access
from adjoint.analysis.dependence import Dependence
from adjoint.analysis.memory import Memory, written_name
from adjoint.analysis.structure import Structure
from adjoint.ir import Call, Func, Let, Store, Var
from adjoint.ir.walk import statements


class Final:
    """Which elements an SSA program reads when they are written for the last time.

    >>> from adjoint.analysis.memory import memory
    >>> from adjoint.analysis.structure import structure
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(n: int64):
    ...     a: float64[:] = zeros(n)
    ...     for i in range(1, n):
    ...         s: float64 = a[i - 1]
    ...         t: float64 = a[i]
    ...         a[i] = s
    ...     return t
    ... ''')
    >>> final = Final(func, memory(func), structure(func))
    >>> [final.is_read_by(stmt) for stmt in func.body[1].body[:2]]
    [True, False]
    """

    def __init__(self, func: Func, memory: Memory, structure: Structure) -> None:
        self.func = func
        self.memory = memory
        self.structure = structure
        self.known: dict[int, bool] = {}

    @cached_property
    def dependence(self) -> Dependence:
        return Dependence(self.func)

    def is_read_by(self, stmt: Let) -> bool:
        """Whether a statement reads an element, of an array made outside of all loops, that no later one writes."""
        if id(stmt) not in self.known:
            self.known[id(stmt)] = self._is_read_by(stmt)
        return self.known[id(stmt)]

    def _is_read_by(self, stmt: Let) -> bool:
        match stmt.value:
            case Call("getitem", (Var(name), *_)) if isinstance(self.func.types.get(stmt.target.name), nb.Number):
                pass
            case _:
                return False
        return self._stays(self.dependence.uses.elements.get(id(stmt)), name)

    def is_written_by(self, stmt: Store) -> bool:
        """Whether what a statement writes into an array made outside of all loops stays there to the end."""
        return self._stays(self.dependence.uses.writes.get(id(stmt)), stmt.array.name)

    def _stays(self, place: Access | None, name: str) -> bool:
        if place is None or place.root is None or self.structure.of(place.root).place.loops:
            return False
        cls = self.memory.cls(name)
        for other in statements(self.func.body):
            changed = written_name(other)
            if changed is None or self.memory.cls(changed) != cls:
                continue
            write = self.dependence.uses.writes.get(id(other)) if isinstance(other, Store) else None
            if write is None or self.dependence.is_written_later(place, write):
                return False
        return True
