"""Which part of a loop's body runs again in the backward sweep, where all of it can't or takes too long.

    d = np.empty(3)
    for k in range(3):
        d[k] = x[i, k] - x[j, k]
    ...
    force[i, 0] += g * d[0]

Arrays that an iteration makes are kept on a list, and each has a place in memory of its own. It takes less to make a
small one again, from what the backward sweep has anyway, and with it the sums over its elements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from numba import types as nb

from adjoint.analysis.memory import is_memory, written_name
from adjoint.analysis.ranges import turns_of
from adjoint.analysis.structure import Place
from adjoint.ir import Call, For, If, Let, Stmt, Store, While
from adjoint.ir.walk import names_in, operands, statements, subexpressions
from adjoint.rules.spelling import is_elementwise
from adjoint.transform.counters import value_at
from adjoint.transform.localise import MADE
from adjoint.transform.program import Program, is_fresh
from adjoint.transform.residuals import Part, Residuals, Tape, When
from adjoint.transform.work import ANEW, MOST, Work, is_singular

Kept = Mapping[tuple[str, When], Tape]


def makes(loop: For | While, program: Program) -> bool:
    """Whether an iteration makes arrays, or numbers in a few turns of an inner loop."""
    return any(
        isinstance(stmt, Let) and _is_made(stmt, program) or isinstance(stmt, For) and stmt.carried and turns_of(stmt)
        for stmt in loop.body
    )


def parts(
    residuals: Residuals, kept: Kept, work: Work, loops: Collection[int], read: Collection[str]
) -> dict[int, Part | None]:
    """Return what to run again of loops, by their identity.

    `kept` are the tapes that are left without it, `read` the names whose values the backward sweep reads.
    """
    wanted: dict[int, list[tuple[str, When]]] = {}
    found: dict[int, For | While] = {}
    for name, when in kept:
        place = residuals.tape_places[name, when]
        loop = place.loops[-1]
        known = id(loop) in loops and place.owner is loop and when != "phi" and name not in residuals.extra
        if known and name in read and _is_small(name, residuals.program):
            found[id(loop)] = loop
            wanted.setdefault(id(loop), []).append((name, when))
    chosen = {key: _of_loop(residuals, kept, work, loop, wanted[key]) for key, loop in found.items()}
    return {key: part for key, part in chosen.items() if part is not None}


def _is_small(name: str, program: Program) -> bool:
    """Whether a value is a number, or an array whose elements are stored, or computed, one by one."""
    stmt = program.structure.of(name).stmt
    return not is_memory(program.types.get(name)) or isinstance(stmt, Let) and _is_made(stmt, program)


def _is_made(stmt: Let, program: Program) -> bool:
    made = isinstance(stmt.value, Call) and stmt.value.prim in MADE or _is_computed(stmt)
    return made and is_memory(program.types.get(stmt.target.name))


def _is_computed(stmt: Stmt | None) -> bool:
    """Whether a statement makes what it binds of other numbers, or of all elements of arrays."""
    return isinstance(stmt, Let) and isinstance(stmt.value, Call) and is_elementwise(stmt.value.prim)


def _of_loop(
    residuals: Residuals, kept: Kept, work: Work, loop: For | While, wanted: list[tuple[str, When]]
) -> Part | None:
    slices = _Slices(residuals, kept, loop)
    part = _Slice()
    # Numbers are often made of the arrays.
    for key in sorted(wanted, key=lambda key: not is_memory(residuals.program.types.get(key[0]))):
        more = slices.of(key[0], part)
        if more is None or not slices.is_restored(more, part, work, key):
            continue
        cost = work.total(loop, more.stmts.values()) - work.total(loop, part.stmts.values())
        whole = is_memory(residuals.program.types.get(key[0])) and _is_computed(residuals.binding(key[0]).stmt)
        if cost <= work.worth(loop, key, ANEW if whole else MOST):
            part = more
    return Part(frozenset(part.stmts), frozenset(part.names)) if part.names else None


@dataclass(slots=True)
class _Slice:
    """Statements of a loop's body, what they bind, and the memory classes they read that the body doesn't make."""

    stmts: dict[int, Stmt] = field(default_factory=dict[int, Stmt])
    names: dict[str, None] = field(default_factory=dict[str, None])
    reads: dict[str, None] = field(default_factory=dict[str, None])

    def copy(self) -> _Slice:
        return _Slice(dict(self.stmts), dict(self.names), dict(self.reads))


class _Unsound(Exception):
    """A value can't be made again: not from what is there at the end of an iteration."""


class _Slices:
    """What has to run again of a loop's body to make values of it."""

    def __init__(self, residuals: Residuals, kept: Kept, loop: For | While) -> None:
        self.residuals = residuals
        self.program: Program = residuals.program
        self.kept = kept
        self.loop = loop
        self.place: Place = self.program.structure.place(loop)
        # The stores into each array that the body makes, and the memory that it writes besides.
        self.own: dict[str, list[Store]] = {}
        self.foreign: set[str] = set()
        facts = self.program.memory
        for stmt in statements(loop.body):
            if isinstance(stmt, Store) and self.is_made(root := facts.root(stmt.array.name)):
                self.own.setdefault(root, []).append(stmt)
            elif (name := written_name(stmt)) is not None:
                self.foreign.add(facts.cls(name))

    def is_made(self, name: str) -> bool:
        """Whether the body makes an array anew."""
        made = self.program.structure.of(name)
        if not made.place.inside(self.place) or not isinstance(made.stmt, Let):
            return False
        value = made.stmt.value
        return is_fresh(value) and isinstance(value, Call) and not value.prim.startswith(("const:", "ref:"))

    def of(self, name: str, start: _Slice) -> _Slice | None:
        """Return a slice with what one more value is made of; None if it can't be made again."""
        found = start.copy()
        try:
            self.add_name(name, found)
        except _Unsound:
            return None
        return found

    def add_name(self, name: str, found: _Slice) -> None:
        todo = [name]
        while todo:
            name = todo.pop()
            if name in found.names:
                continue
            binding = self.program.structure.of(name)
            if is_memory(self.program.types.get(name)):
                todo += self.memory(name, found)
            if _holds_more(self.program.types.get(name)):
                raise _Unsound
            if not binding.place.inside(self.place):
                continue
            if binding.stmt is self.loop:
                self.carried(name)
                continue
            assert binding.stmt is not None
            found.names[name] = None
            self.add(binding.stmt, found)
            part = Part(frozenset(), frozenset((name,)))
            todo += [n for expr in part.operands(binding.stmt) for n in names_in(expr)]

    def memory(self, name: str, found: _Slice) -> list[str]:
        """Add what is stored in an array; what the body doesn't make has to be as it was."""
        facts = self.program.memory
        if (cls := facts.cls(name)) in self.foreign:
            raise _Unsound
        root = facts.root(name)
        if not self.is_made(root):
            found.reads[cls] = None
            return []
        names = [root]
        for store in self.own.get(root, ()):
            if id(store) not in found.stmts:
                self.add(store, found)
                names += [n for expr in operands(store) for n in names_in(expr)]
                names += self.around(store, found)
        return names

    def add(self, stmt: Stmt, found: _Slice) -> None:
        if isinstance(stmt, While) or isinstance(stmt, For) and (stmt.until is not None or stmt.parallel):
            raise _Unsound
        if any(is_singular(e) for top in operands(stmt) for e in subexpressions(top)):
            raise _Unsound
        merges = stmt.merges if isinstance(stmt, If) else ()
        if any(merge.target.name in found.names and None in (merge.then, merge.orelse) for merge in merges):
            raise _Unsound
        found.stmts[id(stmt)] = stmt

    def around(self, stmt: Stmt, found: _Slice) -> list[str]:
        """Add the loops and branches that a statement stands in; return what decides whether they run it."""
        names: list[str] = []
        place = self.program.structure.home[id(stmt)]
        while place is not self.place:
            owner = place.owner
            assert owner is not None
            assert place.parent is not None
            if id(owner) not in found.stmts:
                self.add(owner, found)
                none = Part(frozenset(), frozenset())
                names += [n for expr in none.operands(owner) for n in names_in(expr)]
            if isinstance(owner, For):
                found.names[owner.index.name] = None
            place = place.parent
        return names

    def carried(self, name: str) -> None:
        """Ask of what the loop carries, and an iteration starts with, whether it is there."""
        loop = self.loop
        if isinstance(loop, For) and name == loop.index.name or (name, "phi") in self.kept:
            return
        if not isinstance(loop, For) or value_at(self.program, loop, name, after=False) is None:
            raise _Unsound

    def is_restored(self, more: _Slice, part: _Slice, work: Work, key: tuple[str, When]) -> bool:
        """Whether the memory that a value is made of is as it was, or takes less to restore than to keep the value."""
        extra = self.residuals.extra
        old = [self.residuals.binding(n).stmt for n, _ in self.kept if n in extra]
        facts = self.program.memory
        known = {facts.cls(stmt.array.name) for stmt in old if isinstance(stmt, Store)}
        wanted = more.reads.keys() - part.reads.keys() - known
        taken = work.volume(self.residuals.tape_places[key].loops) * work.elements(key[0])
        return self.written(wanted, work) < taken

    def written(self, classes: Collection[str], work: Work) -> float:
        facts, structure = self.program.memory, self.program.structure
        stores = [s for s in statements(self.program.func.body) if isinstance(s, Store)]
        inside = [s for s in stores if structure.home[id(s)].loops and facts.cls(s.array.name) in classes]
        return sum(work.volume(structure.home[id(s)].loops) for s in inside)



def _holds_more(type_: object) -> bool:
    """Whether a value is a list, or a tuple in which there is memory."""
    items = getattr(type_, "types", ()) if isinstance(type_, nb.BaseTuple) else ()
    return isinstance(type_, nb.List) or any(is_memory(item) for item in items)
