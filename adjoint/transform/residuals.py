"""Residuals: primal values that the backward sweep needs, recomputed where that is cheap, recorded where not.

A value bound outside all loops is simply still there. A value bound in a loop has a new value in every iteration;
the backward iteration gets it back

- by evaluating its definition again, if that is a scalar primitive (or a view) of values that are available, and
  the memory it reads is in the state it was in then;
- from a tape otherwise, written in the forward sweep right after the value was bound. A tape is an array indexed
  by the loop counters where the trip counts are known before the outermost loop, and a list used as a stack elsewhere:
  of arrays with a place for each iteration of the inner loops whose trip counts are known before these, or of values.

Contents of arrays are not kept here: the backward sweep undoes every `Store` (see `reverse`), so at any of its
points memory is in the state of the primal at the same point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from numba import types as nb

from adjoint.analysis.final import Final
from adjoint.analysis.memory import is_memory, shows, written_name
from adjoint.analysis.origins import REPLAY, REPLAYED
from adjoint.analysis.structure import Binding, Place
from adjoint.ir import Block, Call, Effect, Expr, For, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, operands, statements
from adjoint.rules import spelling
from adjoint.rules.find import kind
from adjoint.rules.numba_types import of_dtype
from adjoint.transform.counters import value_at
from adjoint.transform.extents import rectangle_of
from adjoint.transform.program import Program, is_fresh, part_of

# A phi has one value in each iteration, "phi", and one after the loop, "final".
When = Literal["let", "phi", "final", "index"]


@dataclass(eq=False)
class Frame:
    """A block of the backward sweep under construction, for one block of the primal."""

    place: Place
    versions: dict[str, int]
    prologue: list[Stmt] = field(default_factory=list[Stmt])
    replay: Block = ()
    out: list[Stmt] = field(default_factory=list[Stmt])
    available: set[tuple[str, When]] = field(default_factory=set[tuple[str, When]])

    def finish(self) -> tuple[Stmt, ...]:
        replay = (REPLAY, *self.replay, REPLAYED) if self.replay else ()
        return (*self.prologue, *replay, *self.out)


@dataclass(frozen=True, slots=True)
class Tape:
    """Storage of one recorded value: an array indexed by loop counters, or a list used as a stack.

    With a `stack`, a list, there is a new array on it for each time that `loop` is reached, an inner one.
    """

    var: Var
    index: tuple[Expr, ...]
    allocation: Let
    stack: Var | None = None
    loop: For | While | None = None

    def made(self, outermost: For | While) -> list[tuple[For | While, Stmt]]:
        """Return the statements that make the storage, each with the loop before which it stands."""
        if self.stack is None or self.loop is None:
            return [(outermost, self.allocation)]
        push = Effect(Call("append", (self.stack, self.var), via="method"))
        return [(outermost, Let(self.stack, Call("list"))), (self.loop, self.allocation), (self.loop, push)]

    def write(self, value: Expr) -> Stmt:
        if self.index:
            return Store(self.var, self.index, value)
        return Effect(Call("append", (self.var, value), via="method"))

    def read(self) -> Expr:
        return Call("getitem", (self.var, *self.index)) if self.index else Call("pop", (self.var,), via="method")


@dataclass(frozen=True, slots=True)
class Part:
    """What of the body of a loop runs again: statements, by identity, and the names that they bind."""

    stmts: frozenset[int]
    names: frozenset[str]

    def operands(self, stmt: Stmt) -> tuple[Expr, ...]:
        """Return what a statement evaluates itself for the sake of these names."""
        match stmt:
            case For(start=start, stop=stop, step=step, carried=carried):
                own = [carry for carry in carried if carry.phi.name in self.names]
                return (start, stop, step, *(e for c in own for e in (c.init, c.next) if e is not None))
            case If(cond, merges=merges):
                merged = [merge for merge in merges if merge.target.name in self.names]
                return (cond, *(e for m in merged for e in (m.then, m.orelse) if e is not None))
            case _:
                return operands(stmt)


class Residuals:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.frames: dict[Place, Frame] = {}
        self.tapes: dict[tuple[str, When], Tape] = {}
        self.tape_places: dict[tuple[str, When], Place] = {}
        self.extra: dict[str, Binding] = {}
        self.final = Final(program.func, program.memory, program.structure)
        # Loops, by identity, of whose body all or a part runs again before its adjoint, see `replay`.
        self.replayed: Mapping[int, Part | None] = {}
        # Numbers that are recorded though they could be computed again, see `choose`.
        self.chosen: frozenset[str] = frozenset()

    @cached_property
    def written(self) -> frozenset[str]:
        """The classes of memory that statements of the primal write."""
        names = map(written_name, statements(self.program.func.body))
        return frozenset(self.program.memory.cls(name) for name in names if name is not None)

    # -- names -------------------------------------------------------------------------------------------------

    def binding(self, name: str) -> Binding:
        return self.extra.get(name) or self.program.structure.of(name)

    def locate(self, name: str) -> tuple[Place, When] | None:
        """Return the block whose execution gives a name one value, as seen from the frames now open."""
        if name not in self.extra and name not in self.program.structure.bindings:
            return None
        binding = self.binding(name)
        if isinstance(binding.stmt, For | While) and name not in self.extra:
            if isinstance(binding.stmt, For) and binding.stmt.index.name == name:
                return binding.place, "index"
            if binding.place in self.frames:
                return binding.place, "phi"
            assert binding.place.parent is not None
            return binding.place.parent, "final"
        return binding.place, "let"

    def loops(self, name: str, place: Place, when: When) -> tuple[For | While, ...]:
        """Return the loops around a value that the sweep which computes it has behind it when it is wanted."""
        return place.loops[self._depth(name, place, when) :]

    def sweep_of(self, name: str, place: Place, when: When) -> For | While | None:
        """Return the loop whose replay computes a value for its adjoints; None for the forward sweep itself."""
        depth = self._depth(name, place, when)
        return place.loops[depth - 1] if depth else None

    def _depth(self, name: str, place: Place, when: When) -> int:
        # What a replayed loop carries is what its replay starts from.
        around = place.loops[:-1] if when == "phi" else place.loops
        return max((depth for depth, loop in enumerate(around, 1) if self._runs_again(loop, name)), default=0)

    def _runs_again(self, loop: For | While, name: str) -> bool:
        """Whether the replay of a loop computes a value."""
        if (part := self.replayed.get(id(loop))) is None:
            return id(loop) in self.replayed
        return id(self.extra[name].stmt) in part.stmts if name in self.extra else name in part.names

    def ensure_all(self, *exprs: Expr) -> None:
        for expr in exprs:
            for name in names_in(expr):
                self.ensure(name)

    def ensure(self, name: str) -> None:
        """Make the primal value of a name available at the current point of the backward sweep."""
        located = self.locate(name)
        if located is None:
            return
        place, when = located
        if not self.loops(name, place, when):
            return
        frame = self.frames[place]
        if (name, when) in frame.available or when == "index":
            return
        frame.available.add((name, when))
        stmt = self.binding(name).stmt
        if when == "let" and stmt is not None and name not in self.extra and self.recomputable(stmt, name, frame):
            self.recompute(stmt, name, frame)
        elif (counted := self.counted(name, when, place)) is not None:
            self.ensure_all(counted)
            # What an iteration starts with, a replay of it starts with too.
            (frame.prologue if when == "phi" else frame.out).append(Let(Var(name), counted))
        else:
            tape = self.tape(name, when, place)
            self.take_row(tape)
            self.ensure_all(*tape.index)
            frame.prologue.append(Let(Var(name), tape.read()))

    def take_row(self, tape: Tape) -> None:
        """Take the array for the iterations of inner loops from its stack, in the block with these loops."""
        if tape.stack is None or tape.loop is None:
            return
        frame = self.frames[self.program.structure.home[id(tape.loop)]]
        if (tape.var.name, "let") not in frame.available:
            frame.available.add((tape.var.name, "let"))
            frame.prologue.append(Let(tape.var, Call("pop", (tape.stack,), via="method")))

    # -- recomputing -------------------------------------------------------------------------------------------

    def recomputable(self, stmt: Stmt, name: str, frame: Frame) -> bool:
        if name in self.chosen:
            return False
        match stmt:
            case Let(_, Var()):
                return True
            case Let(_, Call() as call):
                return self.cheap(stmt, call) and self.unchanged(stmt, call, frame)
            case If(_, then, orelse, merges):
                inner = [*statements(then), *statements(orelse)]
                wanted = next(m for m in merges if m.target.name == name)
                return (
                    not is_memory(self.program.types.get(name))
                    and all(isinstance(s, Let) and self.recomputable(s, s.target.name, frame) for s in inner)
                    and wanted.then is not None
                    and wanted.orelse is not None
                )
            case _:
                return False

    def cheap(self, stmt: Let, call: Call) -> bool:
        """Whether a primitive costs little: scalars from scalars, reads of an element, views, sizes, counts."""
        types = self.program.types
        if call.prim in ("pop", "append") or call.prim.startswith(("ref:", "random.")):
            return False
        if call.prim == "tuple" or call.prim == "item":
            return True
        if is_memory(types.get(stmt.target.name)):
            return shows(stmt, self.program.func)
        if call.prim in ("dim", "size", "ndim", "shape", "getitem", "len") or call.prim.startswith("const:"):
            return True
        scalars = all(not is_memory(types.get(n)) for arg in call.args for n in names_in(arg))
        known = (
            kind(call.prim) in ("elementwise", "zero") or call.prim.startswith("cast.") or spelling.is_view(call.prim)
        )
        return scalars and (known or call.prim in _PURE)

    def unchanged(self, stmt: Let, call: Call, frame: Frame) -> bool:
        """Whether the memory a definition reads now holds what it held then."""
        facts, types = self.program.memory, self.program.types
        if call.prim in ("dim", "size", "ndim", "shape") or is_memory(types.get(stmt.target.name)):
            # Shapes of arrays don't change, and a view is a reference.
            return not any(isinstance(types.get(n), nb.List) for arg in call.args for n in names_in(arg))
        then = facts.before[id(stmt)]
        classes = {facts.cls(n) for arg in call.args for n in names_in(arg) if is_memory(types.get(n))}
        return all(then.get(c) == frame.versions.get(c) for c in classes) or self.final.is_read_by(stmt)

    def recompute(self, stmt: Stmt, name: str, frame: Frame) -> None:
        match stmt:
            case Let():
                self.ensure_all(stmt.value)
                frame.out.append(Let(stmt.target, stmt.value, stmt.loc))
            case If(cond, then, orelse, merges):
                self.ensure_all(cond)
                merge = next(m for m in merges if m.target.name == name)
                branches = tuple(
                    self._branch(stmt, slot, body, merge.target, value, frame)
                    for slot, (body, value) in enumerate(((then, merge.then), (orelse, merge.orelse)))
                )
                frame.out.append(If(cond, branches[0], branches[1], loc=stmt.loc))
            case _:
                raise AssertionError(f"not recomputable: {stmt}")

    def take_stored(self, stmt: Store, frame: Frame) -> None:
        """Take the value that a `Store` wrote from there, before it is undone.

        Only where computing the value again would need what was overwritten, or isn't possible: `L[i, j] /= L[j, j]`.
        """
        if not isinstance(stmt.value, Var):
            return
        name = stmt.value.name
        type_ = self.program.types.get(name)
        if name in self.chosen or (name, "let") in frame.available:
            return
        if is_memory(type_) or self.locate(name) != (frame.place, "let") or not self.loops(name, frame.place, "let"):
            return
        read = part_of(stmt.array, stmt.index)
        if self.program.type_at(read, stmt.loc) == type_ and self._relies_on(name, stmt.array.name, frame):
            frame.available.add((name, "let"))
            frame.out.append(Let(Var(name), read))

    def is_taped(self, name: str, frame: Frame) -> bool:
        """Whether a tape would bring back an array that a block makes, and nobody writes."""
        stmt = self.binding(name).stmt
        return (
            (name, "let") not in frame.available
            and self.locate(name) == (frame.place, "let")
            and bool(self.loops(name, frame.place, "let"))
            and isinstance(stmt, Let)
            and is_fresh(stmt.value)
            and not self.recomputable(stmt, name, frame)
            and self.program.memory.cls(name) not in self.written
        )

    def _relies_on(self, name: str, array: str, frame: Frame) -> bool:
        """Whether a value can't be computed again without reading memory that an array shares."""
        cls, types = self.program.memory.cls, self.program.types
        seen, todo = {name}, [name]
        while todo:
            at = todo.pop()
            if is_memory(types.get(at)):
                if cls(at) == cls(array):
                    return True
                continue
            stmt = self.binding(at).stmt if self.locate(at) == (frame.place, "let") and at not in self.extra else None
            if not isinstance(stmt, Let):
                continue
            if isinstance(stmt.value, Call) and not self.cheap(stmt, stmt.value):
                return True
            todo += [other for other in dict.fromkeys(names_in(stmt.value)) if other not in seen]
            seen.update(todo)
        return False

    def _branch(self, owner: If, slot: int, body: Block, target: Var, value: Expr | None, frame: Frame) -> Block:
        assert value is not None
        place = self.program.structure.place(owner, slot)
        inner = Frame(place, frame.versions)
        outer = self.frames.get(place)
        self.frames[place] = inner
        self.ensure_all(value)
        del self.frames[place]
        if outer is not None:
            self.frames[place] = outer
        return (*inner.finish(), Let(target, value))

    def counted(self, name: str, when: When, place: Place) -> Expr | None:
        """Return a whole number that grows by the same amount in each iteration, as an expression of the loop index."""
        stmt = self.binding(name).stmt
        if when not in ("phi", "final") or not isinstance(stmt, For) or name in self.extra:
            return None
        return value_at(self.program, stmt, name, after=when == "final")

    # -- recording ---------------------------------------------------------------------------------------------

    def register(self, name: str, stmt: Stmt, place: Place) -> None:
        """Add a name that the forward sweep will bind beside `stmt` (an old value, a trip count)."""
        self.extra[name] = Binding(stmt, place)

    def tape(self, name: str, when: When, place: Place) -> Tape:
        if (name, when) not in self.tapes:
            self.tapes[name, when] = self._new_tape(name, self.loops(name, place, when))
            self.tape_places[name, when] = place
        return self.tapes[name, when]

    def _word(self, name: str) -> str:
        """Return the user's name for a value, or for the array that it is an element of."""
        word = self.program.word(name, "")
        stmt = self.binding(name).stmt
        match stmt:
            case Let(_, Call("getitem", (Var(array), *_))) if not word:
                return self.program.word(array, "")
            case _:
                return word

    def _new_tape(self, name: str, loops: tuple[For | While, ...]) -> Tape:
        type_ = self.program.types.get(name)
        word = self._word(name) or name.strip("_0123456789") or "value"
        is_scalar = not is_memory(type_) and isinstance(type_, nb.Number | nb.Boolean)
        depth, rectangle = rectangle_of(self.program, loops) if is_scalar else (0, None)
        if rectangle is None:
            var = self.program.fresh(f"{word}_tape", nb.List(type_))
            return Tape(var, (), Let(var, Call("list", ())))
        sizes, index = rectangle
        kind = nb.Array(type_, len(sizes), "C")
        stack = self.program.fresh(f"{word}_tape", nb.List(kind)) if depth else None
        var = self.program.fresh(f"{word}_row" if depth else f"{word}_tape", kind)
        shape = sizes[0] if len(sizes) == 1 else Call("tuple", sizes)
        made = Let(var, Call("empty", (shape,), of_dtype(type_), via="np"))
        return Tape(var, index, made, stack, loops[depth] if depth else None)


_PURE = frozenset(
    {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "is", "is_not", "floordiv", "mod", "bitand", "bitor"}
    | {"bitxor", "lshift", "rshift", "invert", "add", "sub", "mul", "neg", "pos", "div", "pow", "select", "maximum"}
    | {"minimum", "abs"}
)
