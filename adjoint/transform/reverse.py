"""Reverse mode: from an SSA program to one that also computes the cotangents of its inputs.

The result runs the primal (the forward sweep), then the adjoint of every statement in the opposite order (the
backward sweep). What the adjoint statements need of the primal is provided by `residuals`, the cotangents they
read and add to are kept by `cotangents`. Every `Store` of the primal is undone in the backward sweep, so that
memory always has the contents it had at the same point of the primal; what nobody reads afterwards is removed by
`dce`, with its tape. This is to-be-recorded analysis by dead-store elimination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from numba import types as nb

from adjoint.analysis.activity import active as active_names
from adjoint.analysis.memory import is_memory, shows
from adjoint.analysis.origins import BACKWARD, Origins, origins
from adjoint.analysis.structure import Place
from adjoint.errors import AliasError, Loc
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Param,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import items_of, located, statements
from adjoint.rules.numba_types import element_type
from adjoint.transform import aliasing, checkpoint, choose, control, pullbacks, replay, stores, stretched, undo
from adjoint.transform.cotangents import Cotangents
from adjoint.transform.dce import eliminate
from adjoint.transform.fits import drop_made
from adjoint.transform.forward_sweep import ForwardSweep, check_sizes
from adjoint.transform.localise import localise
from adjoint.transform.mirror import mirror
from adjoint.transform.program import Program
from adjoint.transform.residuals import Frame, Part, Residuals
from adjoint.transform.restores import drop_stores
from adjoint.transform.routine_calls import bar_type
from adjoint.transform.unshared import unshared


@dataclass(frozen=True)
class Wanted:
    """What reverse mode is to make of a program: the function `name`.

    `wrt` names parameters with a differentiable type. `seed` is the name of an added last parameter, the cotangent of
    the result; None means 1. `result` is "value_and_grad", "grad" (the gradient alone), "vjp" (value and a tuple of
    cotangents) or "pullback" (the cotangents alone, for a seed of the type of the result), `single` asks for one
    gradient, not a tuple. With `has_aux` the program returns a tuple (scalar, aux). `parallel` marks the adjoints of
    parallel loops as such, for `parallel.parallelise`.
    """

    name: str
    wrt: tuple[str, ...]
    seed: str | None = None
    result: str = "value_and_grad"
    single: bool = False
    has_aux: bool = False
    parallel: bool = False


def reverse(func: Func, wanted: Wanted, *, assume: bool = False) -> Func:
    """Return the function that computes the value of `func` and its gradient.

    Args:
        func: an SSA program; it returns a float scalar, with `has_aux` a tuple (scalar, aux), and with `seed` anything.
        wanted: what the function takes and returns.
        assume: take for granted that element-wise operands of one rank have one shape, and raise where they don't.

    Raises:
        MissingRuleError: a primitive on the way has no derivative rule.
        AliasError: memory that is written is shared in a way that can't be followed.
    """
    return prepare(func, wanted, assume=assume).built


def prepare(func: Func, wanted: Wanted, *, assume: bool = False, segments: bool = False) -> Reverse:
    """Return reverse mode of a function, which knows what is recorded once the result is `built`.

    With `segments`, loops that record run in segments and keep the tape of one at a time, see `checkpoint`.
    """
    func = localise(stretched.detach(aliasing.own_written_arguments(func)))
    return _in_segments(func, wanted, assume) if segments else _prepared(func, wanted, assume)


def _prepared(func: Func, wanted: Wanted, assume: bool, forced: frozenset[int] = frozenset()) -> Reverse:
    program, shadows = with_shadows(Program.of(func, assume=assume), wanted.wrt)
    active = active_names(program.func, program.memory, wanted.wrt)

    def fresh(replayed: Mapping[int, Part | None], chosen: frozenset[str] = frozenset()) -> Reverse:
        again = program.again()
        again.taken.add(wanted.name)
        state = Reverse(again, wanted, shadows, active)
        state.residuals.replayed, state.residuals.chosen = replayed, chosen
        return state

    replayed: Mapping[int, Part | None] = dict.fromkeys(forced)
    if shadows:
        return fresh(replayed)
    if loops := replay.repeatable(program):
        # What would be recorded shows which loops are better replayed.
        state = fresh(replayed)
        replayed = {**replayed, **replay.worthwhile(state.residuals, eliminate(state.built), loops)}
    return choose.choice(program, lambda names: fresh(replayed, names))


def _in_segments(func: Func, wanted: Wanted, assume: bool) -> Reverse:
    """Return reverse mode with the outermost loops that record in segments."""
    state = _prepared(func, wanted, assume)
    made = eliminate(state.built)
    left = {stmt.target.name for stmt in statements(made.body) if isinstance(stmt, Let)}
    recording = {
        id(loop): loop
        for key, tape in state.residuals.tapes.items()
        if tape.var.name in left
        for loop in state.residuals.tape_places[key].loops[:1]
    }
    if not recording:
        return state
    loops = list(recording.values())
    if state.bars.mirrored:
        raise checkpoint.refused("a loop in which it depends on the run what shares memory", loops[0].loc)
    func, over = checkpoint.in_segments(func, loops, assume)
    again = Program.of(func, assume=assume)
    for loop in over:
        if not replay.may_repeat(loop, again, exchanged=True):
            raise checkpoint.refused("a loop with effects, lists or random draws", loop.loc)
    return _prepared(func, wanted, assume, frozenset(map(id, over)))


def with_shadows(program: Program, wrt: Sequence[str]) -> tuple[Program, dict[str, str]]:
    """Let the program carry the shadows of active memory whose sharing depends on the run."""
    classes = _tangled(program, wrt)
    if classes:
        # Copies that can't be told from what they are made of may spare shadows.
        other = Program.of(unshared(program), assume=program.assume)
        less = _tangled(other, wrt)
        program, classes = (other, less) if len(less) < len(classes) else (program, classes)
    if not classes:
        return program, {}
    for name, type_ in program.types.items():
        if isinstance(type_, nb.List) and not is_memory(element_type(type_)) and program.memory.cls(name) in classes:
            raise _of_lists(classes[program.memory.cls(name)])
    func, shadows = mirror(program, classes)
    return Program.of(func, assume=program.assume), shadows


def _tangled(program: Program, wrt: Sequence[str]) -> dict[str, AliasError]:
    active = {program.memory.cls(name) for name in active_names(program.func, program.memory, wrt)}
    return {cls: error for cls, error in aliasing.tangled(program).items() if cls in active}


def _of_lists(error: AliasError) -> AliasError:
    """Return an error about arrays for lists, which have no `.copy()` here."""
    text = str(error.msg).replace("array", "list")
    return AliasError(text, error.loc, help="make a list of its own: `[item for item in items]`")


class Reverse:
    def __init__(
        self, program: Program, wanted: Wanted, shadows: Mapping[str, str], active: frozenset[str] | None = None
    ) -> None:
        self.program = program
        self.wanted = wanted
        self.active = active_names(program.func, program.memory, wanted.wrt) if active is None else active
        self.residuals = Residuals(program)
        self.stack: list[Frame] = []
        self.bars = Cotangents(program, self.active, self.emit, self.residuals.ensure_all)
        self.bars.mirrored = shadows
        self.seed = None if wanted.seed is None else program.fresh(wanted.seed)
        self.trips: dict[int, Var] = {}
        self.old: dict[int, Var] = {}
        self.touched_in: dict[int, tuple[str, ...]] = {}
        self.increments = stores.increments(program.func, program)
        self.skipped = {each for increment in self.increments.values() for each in increment.lets}
        self.masked: set[str] = set()
        self.items: dict[str, dict[int, Var]] = {}
        self.line = ""
        self.here: Loc | None = None

    # -- the whole function ------------------------------------------------------------------------------------

    @cached_property
    def built(self) -> Func:
        """The function that is wanted."""
        func, program, wanted = self.program.func, self.program, self.wanted
        exit_ = func.body[-1]
        assert isinstance(exit_, Return)
        self.here = in_backward(exit_.loc)
        if self.seed is not None:
            program.types[self.seed.name] = bar_type(program.type_of(exit_.value))
        root = program.structure.root
        frame = self.open(root, program.memory.after[id(exit_)])
        self.seed_result(exit_)
        self.sweep(func.body[:-1])
        grads = [self.gradient(p) for p in wanted.wrt]
        backward = self.close(frame)
        self.bars.close()
        forward = ForwardSweep(self.residuals, self.trips, self.old, self.bars.shaped).block(func.body[:-1])
        value = self.value(exit_)
        gradient: Expr = grads[0] if wanted.single else Call("tuple", tuple(grads))
        returned = gradient if wanted.result == "pullback" else Call("tuple", (value[1], gradient))
        if wanted.result == "grad":
            returned = Call("tuple", (gradient, items_of(value[1])[1])) if wanted.has_aux else gradient
        params = (*func.params, *((Param(self.seed.name),) if self.seed is not None else ()))
        body = (*check_sizes(program), *forward, *value[0], BACKWARD, *backward, Return(returned))
        return drop_made(drop_stores(program.finished(wanted.name, params, body, func.refs), self.origins()))

    def origins(self) -> Origins:
        """Return where the arrays of the primal are made; what is known of them doesn't hold for cotangents."""
        program, tapes = self.program, frozenset(tape.var.name for tape in self.residuals.tapes.values())
        found = origins(program.func, program.memory, program.structure, tapes)
        shadows = {program.memory.cls(name) for name in self.bars.mirrored.values()}
        return found.without({name for name in found.arrays if program.memory.cls(name) in shadows})

    def seed_result(self, exit_: Return) -> None:
        values = items_of(exit_.value)
        if self.seed is None:
            values = values[:1] if self.wanted.has_aux else values
            for value in values:
                if isinstance(value, Var):
                    self.comment(exit_)
                    self.bars.contribute(value.name, Lit(1.0), owned=True)
            return
        for name, seed in _seeds(exit_.value, self.seed):
            if name in self.active:
                self.comment(exit_)
                self.bars.contribute(name, seed, owned=False)

    def value(self, exit_: Return) -> tuple[Block, Expr]:
        """Return statements that keep the result, and the result: the backward sweep may undo what it is made of."""
        moves: list[Stmt] = []
        value = self.keep(exit_.value, exit_.loc, moves)
        return tuple(moves), value

    def keep(self, part: Expr, loc: Loc | None, moves: list[Stmt]) -> Expr:
        match part:
            case Var(name):
                type_ = self.program.types.get(name)
                kept = self.program.fresh("value", type_)
                facts, params = self.program.memory, self.program.func.params
                callers = self.wanted.has_aux and facts.cls(name) in {facts.cls(p.name) for p in params}
                shared = is_memory(type_) and (facts.is_written(name) or callers)
                moves.append(Let(kept, Call("copy", (part,), via="method") if shared else part, loc))
                return kept
            case Call("tuple", parts):
                return Call("tuple", tuple(self.keep(each, loc, moves) for each in parts))
            case _:
                return part

    def gradient(self, name: str) -> Expr:
        if name not in self.active or not self.bars.has(name):
            return self.bars.zero(name)
        type_ = self.program.types[name]
        bar = self.bars.bar(name)
        if not is_memory(type_):
            # Literals are double: a single-precision scalar gets its type back here.
            return bar if type_ in (nb.float64, nb.complex128) else Call(f"cast.{type_}", (bar,))
        if not self.bars.owned(name):
            # The buffer may be the caller's seed or belong to another result.
            self.bars.ensure_buffer(name)
        return bar

    # -- frames ------------------------------------------------------------------------------------------------

    def emit(self, stmt: Stmt) -> None:
        self.stack[-1].out.append(located(stmt, self.here))

    def open(self, place: Place, versions: dict[str, int]) -> Frame:
        frame = Frame(place, versions)
        self.resume(frame)
        self.line = ""
        return frame

    def open_body(self, owner: Stmt, slot: int, body: Block) -> Frame:
        """Open the frame of a nested block, at its end."""
        facts = self.program.memory
        last = facts.after[id(body[-1])] if body else facts.before[id(owner)]
        return self.open(self.program.structure.place(owner, slot), last)

    def suspend(self, frame: Frame) -> None:
        assert self.stack.pop() is frame
        del self.residuals.frames[frame.place]
        self.line = ""

    def resume(self, frame: Frame) -> None:
        self.stack.append(frame)
        self.residuals.frames[frame.place] = frame

    def close(self, frame: Frame) -> Block:
        self.suspend(frame)
        return frame.finish()

    def comment(self, stmt: Stmt) -> None:
        loc = getattr(stmt, "loc", None)
        text = loc.text if loc is not None else ""
        if text and text != self.line:
            self.line = text
            self.emit(Comment(f"backward: {text}"))

    # -- statements --------------------------------------------------------------------------------------------

    def sweep(self, body: Block) -> None:
        for stmt in reversed(body):
            outer, self.here = self.here, in_backward(getattr(stmt, "loc", None))
            self.stack[-1].versions = self.program.memory.after[id(stmt)]
            if id(stmt) not in self.skipped:
                self.statement(stmt)
            self.stack[-1].versions = self.program.memory.before[id(stmt)]
            self.here = outer

    def statement(self, stmt: Stmt) -> None:
        match stmt:
            case Let(target, Call("pop", (Var(name),))):
                undo.undo_pop(self, stmt, target.name, name)
            case Let(target, value):
                self.let(stmt, target.name, value)
            case Store():
                undo.store(self, stmt)
            case Effect(Call("append", (Var(name), value))):
                undo.undo_append(self, stmt, name, value)
            case For() | While():
                control.loop(self, stmt)
            case If():
                control.branch(self, stmt)
            case Effect() | Comment():
                pass
            case Accum() | Return():
                raise AssertionError(f"not a primal statement: {stmt}")

    def let(self, stmt: Let, name: str, value: Expr) -> None:
        if name in self.items:
            assert isinstance(value, Call)
            self.comment(stmt)
            pullbacks.apply_tuple_rule(self, stmt, name, value)
            return
        if name not in self.active or not self.bars.has(name):
            return
        listed = name in self.bars.mirrored and isinstance(value, Call) and value.prim == "list"
        if listed or (self.bars.is_shadow(name) or name in self.bars.mirrored) and shows(stmt, self.program.func):
            self.bars.drop(name)
            return
        # The operands of the adjoint are those of the primal statement: memory is as before it.
        self.stack[-1].versions = self.program.memory.before[id(stmt)]
        self.comment(stmt)
        pullbacks.pullback(self, stmt, name, value)
        self.bars.drop(name)


def in_backward(loc: Loc | None) -> Loc | None:
    """Return the place of the adjoint of what stands somewhere."""
    return None if loc is None else replace(loc, role="backward")


def _seeds(value: Expr, seed: Expr) -> list[tuple[str, Expr]]:
    """Pair the names in a result with their part of the seed, which is a tuple where the result is one."""
    match value:
        case Var(name):
            return [(name, seed)]
        case Call("tuple", parts):
            return [pair for k, part in enumerate(parts) for pair in _seeds(part, Call("item", (seed, Lit(k))))]
        case _:
            return []
