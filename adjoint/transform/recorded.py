"""What reverse mode records, why, and how much memory that takes: facts for `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from numba import types as nb

from adjoint.analysis.memory import is_memory, shows
from adjoint.errors import Loc
from adjoint.ir import Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, items_of, map_expr, names_in, operands, statements
from adjoint.rules.numba_types import element_type
from adjoint.rules.spelling import is_elementwise
from adjoint.transform import aliasing
from adjoint.transform.reverse import Reverse


@dataclass(frozen=True, slots=True)
class Need:
    """A line whose adjoint reads a recorded value; `restores`: it puts back what the line overwrote."""

    loc: Loc
    restores: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """A tape. It takes `width` bytes times the product of `sizes`; a place is the trip count of the loop there.

    `width` is 0 for references to arrays that are there anyway.
    """

    label: str
    type: object
    width: int
    sizes: tuple[Expr | Loc, ...]
    loops: tuple[Loc, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """Names of the user's whose shadows the program carries along, because it depends on the run what they share."""

    labels: tuple[str, ...]
    because: str
    loc: Loc | None


def recorded(reverse: Reverse, cleaned: Func) -> tuple[Recorded, ...]:
    """Return the tapes that are left in a generated program without dead statements and before names are shared."""
    found: list[Recorded] = []
    left = {stmt.target.name for stmt in statements(cleaned.body) if isinstance(stmt, Let)}
    for (name, when), tape in reverse.residuals.tapes.items():
        if tape.var.name not in left:
            continue
        around = reverse.residuals.loops(name, reverse.residuals.tape_places[name, when], when)
        type_ = reverse.program.types.get(name)
        loops = tuple(loop.loc for loop in around if loop.loc is not None)
        speller = _Speller(reverse)
        # An array has an axis for each of the inner loops; on a list there is one for each iteration of the outer ones.
        depth = len(around) - len(tape.index)
        sizes = tuple(size for loop in around[depth:] if (size := speller.trips(loop)) is not None)
        if any(isinstance(size, Loc) for size in sizes):
            sizes = speller.allocated(tape.allocation, sizes)
        sizes = (*(size for loop in around[:depth] if (size := speller.trips(loop)) is not None), *sizes)
        is_reference = _is_view(reverse, name)
        if is_memory(type_) and not is_reference:
            sizes = (*sizes, speller.spelled(Call("size", (_contents(reverse, name),))))
        needs = {(n.loc.file, n.loc.line, n.restores): n for n in _needs(cleaned.body, tape.var.name)}
        width = 0 if is_reference else _width(type_)
        found.append(Recorded(_label(reverse, name), type_, width, sizes, loops, tuple(needs.values())))
    return tuple(found)


def carried(reverse: Reverse) -> tuple[Carried, ...]:
    """Return the memory classes whose shadows the program carries."""
    program = reverse.program
    mirrored = reverse.bars.mirrored
    groups: dict[str, list[str]] = {}
    for name in mirrored:
        label = program.word(name, "")
        group = groups.setdefault(program.memory.cls(name), [])
        if label and label not in group:
            group.append(label)
    reasons = aliasing.tangled(program)
    return tuple(
        Carried(tuple(labels), str(reasons[cls].msg) if cls in reasons else "", getattr(reasons.get(cls), "loc", None))
        for cls, labels in groups.items()
    )


def _is_view(reverse: Reverse, name: str) -> bool:
    stmt = reverse.residuals.binding(name).stmt
    return isinstance(stmt, Let) and name not in reverse.residuals.extra and shows(stmt, reverse.program.func)


def _width(type_: Any) -> int:
    scalar = element_type(type_) if is_memory(type_) else type_
    return 1 if isinstance(scalar, nb.Boolean) else int(getattr(scalar, "bitwidth", 64)) // 8


def _label(reverse: Reverse, name: str) -> str:
    """Return what to call a recorded value: the user's name for it, or what it is."""
    for primal, shadow in reverse.bars.mirrored.items():
        if shadow == name:
            return f"shadow of {_label(reverse, primal)}"
    match reverse.residuals.binding(name).stmt:
        case Store(array) if name in reverse.residuals.extra:
            return f"{reverse.program.word(array.name, 'array')}, before it is overwritten"
        case For() | While() if name in reverse.residuals.extra:
            return "number of iterations"
        case stmt:
            loc = getattr(stmt, "loc", None)
            return reverse.program.word(name, loc.fragment if isinstance(stmt, Let) and loc is not None else "value")


def _contents(reverse: Reverse, name: str) -> Expr:
    """Return the expression for what a tape of arrays keeps."""
    for primal, shadow in reverse.bars.mirrored.items():
        if shadow == name:
            return _contents(reverse, primal)
    match reverse.residuals.binding(name).stmt:
        case Store(array, index) if name in reverse.residuals.extra and index != (Lit(...),):
            return Call("getitem", (array, *index))
        case Store(array) if name in reverse.residuals.extra:
            return array
        case Let(_, Call(prim, args)) if is_elementwise(prim):
            same = (a.name for a in args if isinstance(a, Var) and reverse.program.shapes.same(a, Var(name)))
            operand = next(same, None)
            return Var(name) if operand is None else _contents(reverse, operand)
        case _:
            return Var(name)


@dataclass(frozen=True)
class _Speller:
    """Writes expressions in the user's names; temporaries are replaced by what they are."""

    reverse: Reverse

    def trips(self, loop: For | While) -> Expr | Loc | None:
        """Return how often a loop runs; its place where no expression outside of all loops says so."""
        if not isinstance(loop, For) or loop.until is not None or loop.step != Lit(1):
            return loop.loc
        most = self.most(loop)
        count = self.resolved(loop.stop if loop.start == Lit(0) else Call("sub", (loop.stop, loop.start)))
        count = count if most is None else most
        bindings = self.reverse.program.structure.bindings
        inside = any(bindings[name].place.loops for name in names_in(count) if name in bindings)
        return loop.loc if inside else self.labelled(count)

    def most(self, loop: For) -> Expr | None:
        """Return the number of iterations of a loop over a segment, `range(a, min(a + n, b))`, that is not the last."""
        match self.value(loop.stop):
            case Call("minimum", (end, _)):
                match self.value(end):
                    case Call("add", (start, count)) if start == loop.start:
                        return count
                    case _:
                        return None
            case _:
                return None

    def value(self, expr: Expr) -> Expr:
        """Return what a name is bound to by a `Let`."""
        binding = self.reverse.program.structure.bindings.get(expr.name) if isinstance(expr, Var) else None
        return binding.stmt.value if binding is not None and isinstance(binding.stmt, Let) else expr

    def allocated(self, allocation: Let, counted: tuple[Expr | Loc, ...]) -> tuple[Expr | Loc, ...]:
        """Return the sizes of a tape that has places for more iterations than there may be."""
        assert isinstance(allocation.value, Call)
        shape = allocation.value.args[0]
        sizes = items_of(shape)
        bindings = self.reverse.program.structure.bindings
        written = [self.resolved(size) for size in sizes]
        if any(bindings[name].place.loops for size in written for name in names_in(size) if name in bindings):
            return counted
        return tuple(map(self.labelled, written))

    def spelled(self, expr: Expr) -> Expr:
        return self.labelled(self.resolved(expr))

    def resolved(self, expr: Expr, depth: int = 6) -> Expr:
        """Replace temporaries by what they are."""
        return map_expr(expr, lambda part: self.definition(part.name, depth) if isinstance(part, Var) else part)

    def definition(self, name: str, depth: int) -> Expr:
        binding = self.reverse.program.structure.bindings.get(name)
        if self.reverse.program.word(name, "") or not depth or binding is None or not isinstance(binding.stmt, Let):
            return Var(name)
        return self.resolved(binding.stmt.value, depth - 1)

    def labelled(self, expr: Expr) -> Expr:
        label = self.reverse.program.label
        return map_expr(expr, lambda part: Var(label(part.name)) if isinstance(part, Var) else part)


def _needs(body: Block, tape: str) -> Iterator[Need]:
    """Yield the lines whose adjoints read what is taken from a tape, directly or through values made of it again."""
    for position, stmt in enumerate(body):
        if isinstance(stmt, Let) and _takes(stmt.value, tape):
            yield from _readers(body[position + 1 :], {stmt.target.name})
        for block in blocks(stmt):
            yield from _needs(block, tape)


def _takes(value: Expr, tape: str) -> bool:
    return isinstance(value, Call) and value.prim in ("getitem", "pop") and value.args[0] == Var(tape)


def _readers(body: Block, names: set[str]) -> Iterator[Need]:
    for stmt in body:
        if names.intersection(name for expr in operands(stmt) for name in names_in(expr)):
            yield from _reader(stmt, names)
        for block in blocks(stmt):
            yield from _readers(block, names)


def _reader(stmt: Stmt, names: set[str]) -> Iterator[Need]:
    loc = cast("Loc | None", getattr(stmt, "loc", None))
    if isinstance(stmt, Let) and (loc is None or loc.role != "backward"):
        names.add(stmt.target.name)  # made again for the sake of what reads it
    elif loc is not None:
        restores = isinstance(stmt, Store) and isinstance(stmt.value, Var) and stmt.value.name in names
        yield Need(loc, restores)
    elif isinstance(stmt, If | For | While):
        yield from ()
