"""Where every name of an SSA program is bound: the tree of blocks, and the loops around each."""

from __future__ import annotations

from dataclasses import dataclass, field

from adjoint.ir import Block, For, Func, If, Stmt, While
from adjoint.ir.walk import blocks, bound


@dataclass(frozen=True, eq=False)
class Place:
    """A block: the body of the function (no owner), of a loop, or one branch of an `If`."""

    parent: Place | None = None
    owner: Stmt | None = None
    slot: int = 0

    @property
    def loops(self) -> tuple[For | While, ...]:
        """The loops around this block, outermost first."""
        outer = self.parent.loops if self.parent is not None else ()
        return (*outer, self.owner) if isinstance(self.owner, For | While) else outer

    def inside(self, other: Place) -> bool:
        """Whether this block is `other` or nested in it."""
        place: Place | None = self
        while place is not None:
            if place is other:
                return True
            place = place.parent
        return False


@dataclass(frozen=True, slots=True)
class Binding:
    """The statement that binds a name, and the block in which the name has one value."""

    stmt: Stmt | None
    place: Place


@dataclass(eq=False)
class Structure:
    root: Place = field(default_factory=Place)
    bindings: dict[str, Binding] = field(default_factory=dict[str, Binding])
    places: dict[tuple[int, int], Place] = field(default_factory=dict[tuple[int, int], Place])
    home: dict[int, Place] = field(default_factory=dict[int, Place])

    def place(self, owner: Stmt, slot: int = 0) -> Place:
        """Return the block of a loop (slot 0) or a branch (0 or 1) of an `If`."""
        return self.places[id(owner), slot]

    def of(self, name: str) -> Binding:
        return self.bindings[name]


def structure(func: Func) -> Structure:
    """Return the block tree and the bindings of an SSA program. Statements are told apart by identity."""
    found = Structure()
    for param in func.params:
        found.bindings[param.name] = Binding(None, found.root)
    _visit(func.body, found.root, found)
    return found


def _visit(block: Block, place: Place, found: Structure) -> None:
    for stmt in block:
        assert id(stmt) not in found.home, "a statement stands twice in a program"
        found.home[id(stmt)] = place
        inner = [Place(place, stmt, slot) for slot in range(len(blocks(stmt)))]
        for slot, nested in enumerate(inner):
            found.places[id(stmt), slot] = nested
        home = place if isinstance(stmt, If) or not inner else inner[0]
        for var in bound(stmt):
            found.bindings[var.name] = Binding(stmt, home)
        for nested, body in zip(inner, blocks(stmt), strict=True):
            _visit(body, nested, found)
