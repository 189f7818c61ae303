"""Which numbers to record because that takes less than recording what they are made of.

    div = u[i + 1] - u[i] + v[j + 1] - v[j]

The backward sweep makes `div` again where it can, and for that restores `u` and `v`, which takes a tape for each. If it
reads them for nothing else, one tape of `div` does. What a program records, restores and makes again without such tapes
is a graph; the least to record is a cheapest cut of it. What is then restored for nobody goes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numba import types as nb

from adjoint.analysis.effects import observed
from adjoint.analysis.memory import is_memory
from adjoint.ir import Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, operands, statements
from adjoint.rules.numba_types import element_type
from adjoint.transform.cut import cheapest
from adjoint.transform.dce import eliminate
from adjoint.transform.extents import extents
from adjoint.transform.program import Program
from adjoint.transform.residuals import Residuals, When

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse

# How often a loop runs, and how long an axis is, where nobody says; it may be few.
MANY, FEW = 64, 3
# What is read from a tape into memory, and from there, takes more than what is read from a tape.
RESTORED = 1.25


def choice(program: Program, start: Callable[[frozenset[str]], Reverse]) -> Reverse:
    """Return the start on a program that records the numbers to record, given how to start on one that records some."""
    before = start(frozenset())
    if not _may_choose(program):
        return before
    cleaned = eliminate(before.built)
    names = chosen(before, cleaned)
    if not names:
        return before
    after = start(names)
    return after if takes_less(after, eliminate(after.built), before, cleaned) else before


def _may_choose(program: Program) -> bool:
    """Whether numbers are made of elements of memory that a loop around overwrites."""
    facts = program.memory
    for loop in statements(program.func.body):
        if not isinstance(loop, For | While):
            continue
        inside = list(statements(loop.body))
        written = {facts.cls(stmt.array.name) for stmt in inside if isinstance(stmt, Store)}
        if written and any(facts.cls(name) in written for stmt in inside for name in _elements_of(stmt)):
            return True
    return False


def _elements_of(stmt: Stmt) -> tuple[str, ...]:
    match stmt:
        case Let(_, Call("getitem", (Var(name), *_))):
            return (name,)
        case _:
            return ()


def chosen(reverse: Reverse, cleaned: Func) -> frozenset[str]:
    """Return the numbers to record, given a program made without, free of dead statements."""
    graph = _Graph(reverse, left_in(cleaned))
    for stmt in cleaned.body:
        loc = getattr(stmt, "loc", None)
        if loc is not None and loc.role == "backward":
            graph.note_restored(stmt)
            graph.add(stmt)
    return cheapest(graph.costs, graph.made_of, graph.wanted) & graph.choices


class _Graph:
    """What the backward sweep of a program wants, and what that is made of; restored memory goes by its class."""

    def __init__(self, reverse: Reverse, left: frozenset[str]) -> None:
        self.residuals = reverse.residuals
        self.program = reverse.program
        self.costs: dict[str, float] = {}
        self.made_of: dict[str, set[str]] = {}
        self.wanted: set[str] = set()
        self.choices: set[str] = set()
        # The memory that is restored, as far as the sweep has come; and by the name of what was overwritten.
        self.restored: dict[str, str] = {}
        self.old: dict[str, str] = {}
        self.tapes: set[str] = set()
        for (name, when), tape in self.residuals.tapes.items():
            if tape.var.name in left:
                self.tapes.add(tape.var.name)
                self.recorded(name, _volume_of(self.residuals, name, when).bytes())

    def recorded(self, name: str, cost: float) -> None:
        """Add what has a tape: the memory that is restored from it, or the value itself."""
        stmt = self.residuals.binding(name).stmt
        if name in self.residuals.extra and isinstance(stmt, Store):
            cls = self.old[name] = self.program.memory.cls(stmt.array.name)
            name = f"[{cls}]"
        self.costs[name] = self.costs.get(name, 0) + cost

    def note_restored(self, stmt: Stmt) -> None:
        for each in statements((stmt,)):
            if isinstance(each, Store) and (cls := self.old.get(_name(each.value) or "")) is not None:
                self.restored[cls] = f"[{cls}]"

    def add(self, stmt: Stmt, under: frozenset[str] = frozenset()) -> None:
        """Add a statement of the backward sweep; `under` are names that decide whether it is run."""
        match stmt:
            case Let(Var(name), value) if name in self.program.structure.bindings:
                self.bound(name, value, under)
            case Store(_, index, Var(old)) if old in self.old:
                self.wanted |= {part for expr in index for part in self.parts(expr)}
            case If(cond, then, orelse) if self.makes_again(stmt):
                inner = under.union(self.parts(cond))
                for each in (*then, *orelse):
                    self.add(each, inner)
            case _:
                self.wanted |= {part for expr in operands(stmt) for part in self.parts(expr)}
                for block in blocks(stmt):
                    for each in block:
                        self.add(each)

    def makes_again(self, stmt: If) -> bool:
        """Whether a branch does nothing but bind names of the primal."""
        known = self.program.structure.bindings
        inner = list(statements((*stmt.then, *stmt.orelse)))
        return all(isinstance(s, If) or isinstance(s, Let) and s.target.name in known for s in inner)

    def bound(self, name: str, value: Expr, under: frozenset[str]) -> None:
        if self.is_read(value):
            return
        binding = self.program.structure.of(name)
        loops = self.residuals.loops(name, binding.place, "let")
        parts = {*self.parts(value), *under}
        if not loops:
            self.wanted |= parts  # the primal runs again here, whatever is recorded
            return
        if not parts and name not in self.made_of:
            return
        self.made_of.setdefault(name, set()).update(parts)
        type_ = self.program.types.get(name)
        number = not is_memory(type_) and isinstance(type_, nb.Number | nb.Boolean)
        sizes = extents(self.program, loops) if number and isinstance(binding.stmt, Let | If) else None
        if sizes is not None:
            self.costs[name] = _volume(type_, sizes[0]).bytes()
            self.choices.add(name)

    def is_read(self, value: Expr) -> bool:
        return isinstance(value, Call) and value.args[:1] != () and _name(value.args[0]) in self.tapes

    def parts(self, expr: Expr) -> set[str]:
        """Return what an expression needs of what is recorded or made again."""
        names, inspected = observed(expr)
        classes = map(self.program.memory.cls, inspected)
        found = {self.restored[cls] for cls in classes if cls in self.restored}
        return found.union(name for name in names if name in self.costs or name in self.made_of)


def _name(expr: Expr) -> str | None:
    return expr.name if isinstance(expr, Var) else None


def left_in(cleaned: Func) -> frozenset[str]:
    return frozenset(stmt.target.name for stmt in statements(cleaned.body) if isinstance(stmt, Let))


def takes_less(first: Reverse, cleaned: Func, second: Reverse, other: Func) -> bool:
    """Whether a program records less than another one, whichever sizes are large and whichever are small."""
    mine, theirs = _volumes(first, cleaned), _volumes(second, other)
    unknown = dict.fromkeys(size for each in (*mine, *theirs) for size in each.sizes if not isinstance(size, int))
    guesses: list[dict[object, int]] = [{}, *({size: guess} for size in unknown for guess in (FEW, MANY * MANY))]
    return all(sum(v.bytes(g) for v in mine) < sum(v.bytes(g) for v in theirs) for g in guesses)


@dataclass(frozen=True, slots=True)
class _Volume:
    """What a tape takes: so many bytes times sizes, which are known when the program runs if they aren't numbers."""

    width: float
    sizes: tuple[object, ...]

    def bytes(self, guesses: Mapping[object, int] = MappingProxyType({})) -> float:
        return self.width * prod(s if isinstance(s, int) else guesses.get(s, MANY) for s in self.sizes)


def _volumes(reverse: Reverse, cleaned: Func) -> list[_Volume]:
    left, residuals = left_in(cleaned), reverse.residuals
    return [_volume_of(residuals, *key) for key, tape in residuals.tapes.items() if tape.var.name in left]


def _volume_of(residuals: Residuals, name: str, when: When) -> _Volume:
    loops = residuals.loops(name, residuals.tape_places[name, when], when)
    rectangle = extents(residuals.program, loops)
    sizes = tuple(map(_trips, loops)) if rectangle is None else rectangle[0]
    type_ = residuals.program.types.get(name)
    if isinstance(type_, nb.Array):
        sizes = (*sizes, *((name, axis) for axis in range(type_.ndim)))
    volume = _volume(type_, sizes)
    restores = name in residuals.extra and isinstance(residuals.binding(name).stmt, Store)
    return replace(volume, width=volume.width * RESTORED) if restores else volume


def _volume(type_: Any, sizes: Iterable[object]) -> _Volume:
    scalar = element_type(type_) if is_memory(type_) else type_
    width = 1 if isinstance(scalar, nb.Boolean) else int(getattr(scalar, "bitwidth", 64)) // 8
    return _Volume(width, tuple(_about(size) if isinstance(size, Lit | Var | Call) else size for size in sizes))


def _about(size: Expr) -> object:
    """Return a size but for what is next to nothing: `n` for `max(n - 1, 0)`."""
    match size:
        case Lit(value):
            return value
        case Call("add" | "sub" | "maximum" | "max", (inner, Lit())) | Call("add", (Lit(), inner)):
            return _about(inner)
        case _:
            return size


def _trips(loop: For | While) -> object:
    match loop:
        case For(start=Lit(int(start)), stop=Lit(int(stop)), step=Lit(int(step))) if step:
            return len(range(start, stop, step))
        case _:
            return id(loop), "loop"
