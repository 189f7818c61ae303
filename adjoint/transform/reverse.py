"""Reverse mode: from an SSA program to one that also computes the cotangents of its inputs.

The result runs the primal (the forward sweep), then the adjoint of every statement in the opposite order (the
backward sweep). What the adjoint statements need of the primal is provided by `residuals`, the cotangents they
read and add to are kept by `cotangents`. Every `Store` of the primal is undone in the backward sweep, so that
memory always has the contents it had at the same point of the primal; what nobody reads afterwards is removed by
`dce`, with its tape. This is to-be-recorded analysis by dead-store elimination.
"""

from __future__ import annotations

from collections.abc import Sequence

from numba import types as nb

from adjoint.analysis.activity import active as active_names
from adjoint.analysis.activity import tuples_in_the_way
from adjoint.analysis.memory import is_memory, shows, written_name
from adjoint.analysis.structure import Place
from adjoint.errors import AdjointError, MissingRuleError
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Carry,
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
from adjoint.ir.walk import names_in, statements
from adjoint.rules.find import find
from adjoint.rules.rule import Rule
from adjoint.transform import aliasing, stores
from adjoint.transform.cotangents import Cotangents, State, scalar_type
from adjoint.transform.forward_sweep import ForwardSweep
from adjoint.transform.program import Program, part_of
from adjoint.transform.residuals import Frame, Residuals


def reverse(
    func: Func,
    wrt: Sequence[str],
    *,
    name: str,
    seed: str | None = None,
    result: str = "value_and_grad",
    single: bool = False,
    has_aux: bool = False,
) -> Func:
    """Return the function that computes the value of `func` and its gradient with respect to `wrt`.

    Args:
        func: an SSA program; it returns a float scalar, with `has_aux` a tuple (scalar, aux), and with `seed` anything.
        wrt: names of parameters with a differentiable type.
        name: the name of the new function.
        seed: name of an added last parameter, the cotangent of the result; None means 1.
        result: "value_and_grad", "grad" (the gradient alone) or "vjp" (value and a tuple of cotangents).
        single: return one gradient, not a tuple.

    Raises:
        MissingRuleError: a primitive on the way has no derivative rule.
        AliasError: memory that is written is shared in a way that can't be followed.
    """
    func = aliasing.own_written_arguments(func)
    program = Program.of(func)
    aliasing.check(program)
    refuse_tuples(program, wrt)
    return Reverse(program, wrt, seed, has_aux).build(name, result, single)


def refuse_tuples(program: Program, wrt: Sequence[str]) -> None:
    """Refuse derivatives through a function with several results, and arrays of tuples."""
    for stmt in tuples_in_the_way(program.func, program.memory, wrt):
        prim = stmt.value.prim if isinstance(stmt.value, Call) else "tuple"
        raise MissingRuleError(
            f"no derivative rule for `{prim}`, which returns a tuple", stmt.loc, help="write it with others"
        )


class Reverse:
    def __init__(self, program: Program, wrt: Sequence[str], seed: str | None, has_aux: bool) -> None:
        self.program = program
        self.wrt = tuple(wrt)
        self.has_aux = has_aux
        self.active = active_names(program.func, program.memory, self.wrt)
        self.residuals = Residuals(program)
        self.stack: list[Frame] = []
        self.bars = Cotangents(program, self.active, self.emit, self.residuals.ensure_all)
        self.seed = None if seed is None else program.fresh(seed)
        self.trips: dict[int, Var] = {}
        self.old: dict[int, Var] = {}
        self.touched_in: dict[int, tuple[str, ...]] = {}
        self.increments = stores.increments(program.func, program)
        self.skipped = {each for increment in self.increments.values() for each in increment.lets}
        self.masked: set[str] = set()
        self.line = ""

    # -- the whole function ------------------------------------------------------------------------------------

    def build(self, name: str, result: str, single: bool) -> Func:
        func, program = self.program.func, self.program
        exit_ = func.body[-1]
        assert isinstance(exit_, Return)
        root = program.structure.root
        frame = self.open(root, program.memory.after[id(exit_)])
        self.seed_result(exit_)
        self.sweep(func.body[:-1])
        grads = [self.gradient(p) for p in self.wrt]
        backward = self.close(frame)
        forward = ForwardSweep(self.residuals, self.trips, self.old).block(func.body[:-1])
        value = self.value(exit_)
        gradient: Expr = grads[0] if single else Call("tuple", tuple(grads))
        returned = Call("tuple", (value[1], gradient))
        if result == "grad":
            returned = Call("tuple", (gradient, _parts(value[1])[1])) if self.has_aux else gradient
        params = (*func.params, *((Param(self.seed.name),) if self.seed is not None else ()))
        return program.finished(name, params, (*forward, *value[0], *backward, Return(returned)), func.refs)

    def seed_result(self, exit_: Return) -> None:
        values = _parts(exit_.value)
        if self.seed is None:
            values = values[:1] if self.has_aux else values
            for value in values:
                if isinstance(value, Var):
                    self.comment(exit_)
                    self.bars.contribute(value.name, Lit(1.0), owned=True)
            return
        seeds: list[Expr] = [self.seed]
        if isinstance(exit_.value, Call):
            seeds = [Call("item", (self.seed, Lit(k))) for k in range(len(values))]
        for value, seed in zip(values, seeds, strict=True):
            if isinstance(value, Var) and value.name in self.active:
                self.comment(exit_)
                self.bars.contribute(value.name, seed, owned=False)

    def value(self, exit_: Return) -> tuple[Block, Expr]:
        """Return statements that keep the result, and the result: the backward sweep may undo what it is made of."""
        moves: list[Stmt] = []
        parts: list[Expr] = []
        for part in _parts(exit_.value):
            if not isinstance(part, Var):
                parts.append(part)
                continue
            type_ = self.program.types.get(part.name)
            kept = self.program.fresh("value", type_)
            shared = is_memory(type_) and self.program.memory.is_written(part.name)
            moves.append(Let(kept, Call("copy", (part,), via="method") if shared else part, exit_.loc))
            parts.append(kept)
        return tuple(moves), parts[0] if not isinstance(exit_.value, Call) else Call("tuple", tuple(parts))

    def gradient(self, name: str) -> Expr:
        if name not in self.active or not self.bars.has(name):
            return self.bars.zero(name)
        type_ = self.program.types[name]
        bar = self.bars.bar(name)
        if not is_memory(type_):
            return self.bars.cast(bar, name) if type_ != nb.float64 else bar
        if not self.bars.state[name]:
            # The buffer may be the caller's seed or belong to another result.
            self.bars.ensure_buffer(name)
        return bar

    # -- frames ------------------------------------------------------------------------------------------------

    def emit(self, stmt: Stmt) -> None:
        self.stack[-1].out.append(stmt)

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
            self.stack[-1].versions = self.program.memory.after[id(stmt)]
            if id(stmt) not in self.skipped:
                self.statement(stmt)
            self.stack[-1].versions = self.program.memory.before[id(stmt)]

    def statement(self, stmt: Stmt) -> None:
        match stmt:
            case Let(target, Call("pop", (Var(name),))):
                self.undo_pop(stmt, target.name, name)
            case Let(target, value):
                self.let(stmt, target.name, value)
            case Store():
                self.store(stmt)
            case Effect(Call("append", (Var(name), value))):
                self.undo_append(stmt, name, value)
            case For() | While():
                self.loop(stmt)
            case If():
                self.branch(stmt)
            case Effect() | Comment():
                pass
            case Accum() | Return():
                raise AssertionError(f"not a primal statement: {stmt}")

    def let(self, stmt: Let, name: str, value: Expr) -> None:
        if name not in self.active or not self.bars.has(name):
            return
        if self.bars.is_shadow(name) and shows(stmt, self.program.func):
            self.bars.drop(name)
            return
        # The operands of the adjoint are those of the primal statement: memory is as before it.
        self.stack[-1].versions = self.program.memory.before[id(stmt)]
        self.comment(stmt)
        self.pullback(stmt, name, value)
        self.bars.drop(name)

    def pullback(self, stmt: Let, name: str, value: Expr) -> None:
        bar = self.bars.bar(name)
        match value:
            case Var(source):
                self.bars.contribute(source, bar, owned=False)
            case Call("getitem", (Var(source), *index)):
                stores.read(self, source, tuple(index), name)
            case Call("list", args):
                for k, arg in enumerate(args):
                    if isinstance(arg, Var) and arg.name in self.active:
                        self.bars.contribute(arg.name, Call("getitem", (bar, Lit(k))), owned=False)
            case Call("array" | "asarray", (Var(source),)) if isinstance(self.program.types.get(source), nb.List):
                stores.spread(self, source, bar)
            case Call():
                self.refuse_lists(stmt, value)
                self.apply_rule(stmt, name, value, bar)
            case Lit():
                pass

    def refuse_lists(self, stmt: Let, call: Call) -> None:
        for arg in call.args:
            if isinstance(arg, Var) and isinstance(self.program.types.get(arg.name), nb.List):
                raise MissingRuleError(
                    f"no derivative rule for `{call.prim}` of a list",
                    stmt.loc,
                    help="make it an array: `np.array(...)`",
                )

    def apply_rule(self, stmt: Let, name: str, call: Call, bar: Var) -> None:
        rule = find(call.prim)
        if rule is None:
            raise MissingRuleError(
                f"no derivative rule for `{call.prim}`",
                stmt.loc,
                help="write it with functions that have one, or take it out of the differentiated path",
            )
        parts = self.parts(stmt, rule, name, call, bar)
        receivers = [pair for arg, part in zip(call.args, parts, strict=True) for pair in _receivers(arg, part)]
        receivers = [(arg, part) for arg, part in receivers if arg.name in self.active]
        # A lone receiver takes over the buffer of the cotangent.
        sole = self.bars.state[name] if len(receivers) == 1 else False
        masking = call.prim in ("where", "select") or (name in self.masked and rule.elementwise)
        for arg, part in receivers:
            if name in self.masked and rule.elementwise and call.prim not in _TOTAL and part != bar:
                part = self.masked_part(part, bar)
            self.residuals.ensure_all(part)
            adapted = self.bars.adapt(part, Var(name), arg.name) if rule.elementwise else self.bars.cast(part, arg.name)
            self.bars.contribute(arg.name, adapted, owned=sole if adapted == bar else None)
            if masking:
                self.masked.add(arg.name)

    def parts(self, stmt: Let, rule: Rule, name: str, call: Call, bar: Var) -> tuple[Expr | None, ...]:
        try:
            return rule.pullback(call, Var(name), bar, self.program.type_of)
        except AdjointError as error:
            if error.loc is not None:
                raise
            raise type(error)(str(error.msg), stmt.loc, help=error.help) from None

    def masked_part(self, part: Expr, bar: Var) -> Expr:
        """A value that `where` did not select has cotangent zero, whatever its partials are: 0, not 0 * inf."""
        prim = "where" if isinstance(self.program.types.get(bar.name), nb.Array) else "select"
        return Call(prim, (Call("ne", (bar, Lit(0.0))), part, Lit(0.0)))

    # -- memory ------------------------------------------------------------------------------------------------

    def store(self, stmt: Store) -> None:
        self.residuals.ensure_all(stmt.array, *stmt.index)
        self.restore(stmt)
        self.stack[-1].versions = self.program.memory.before[id(stmt)]
        stores.write(self, stmt)

    def restore(self, stmt: Store) -> None:
        """Put back what a `Store` overwrote."""
        read = part_of(stmt.array, stmt.index)
        type_ = self.program.type_at(read, stmt.loc)
        if id(stmt) not in self.old:
            label = self.program.word(stmt.array.name, "array")
            self.old[id(stmt)] = self.program.fresh(f"{label}_old", type_, hint=False)
            self.residuals.register(self.old[id(stmt)].name, stmt, self.program.structure.home[id(stmt)])
        old = self.old[id(stmt)]
        self.residuals.ensure(old.name)
        self.emit(Store(stmt.array, stmt.index, old, stmt.loc))

    def undo_append(self, stmt: Stmt, name: str, value: Expr) -> None:
        self.residuals.ensure(name)
        self.emit(Effect(Call("pop", (Var(name),), via="method")))
        if name in self.active and self.bars.has(name):
            self.comment(stmt)
            element = self.program.fresh("_item_bar", scalar_type(self.program.types[name]), hint=False)
            self.emit(Let(element, Call("pop", (self.bars.bar(name),), via="method")))
            if isinstance(value, Var):
                self.bars.contribute(value.name, element, owned=True)

    def undo_pop(self, stmt: Let, target: str, name: str) -> None:
        self.residuals.ensure(name)
        self.residuals.ensure(target)
        self.emit(Effect(Call("append", (Var(name), Var(target)), via="method")))
        if name in self.active and (self.bars.has(name) or self.bars.has(target)):
            self.comment(stmt)
            self.bars.ensure_buffer(name)
            bar = self.bars.bar(target) if self.bars.has(target) else self.bars.zero(target)
            self.emit(Effect(Call("append", (self.bars.bar(name), bar), via="method")))
            self.bars.drop(target)

    # -- branches ----------------------------------------------------------------------------------------------

    def branch(self, stmt: If) -> None:
        merges = [m for m in stmt.merges if m.target.name in self.active and self.bars.has(m.target.name)]
        moved = [m for m in merges if not (self.bars.is_shadow(m.target.name) and self.bars.selects(stmt, m))]
        for name in self.shadows_in(stmt):
            self.bars.ensure_buffer(name)
        before = dict(self.bars.state)
        ends: list[tuple[Frame, State]] = []
        for slot, body in enumerate((stmt.then, stmt.orelse)):
            self.bars.state = dict(before)
            frame = self.open_body(stmt, slot, body)
            self.pass_to_branch([(m.target.name, (m.then, m.orelse)[slot]) for m in moved])
            self.sweep(body)
            self.suspend(frame)
            ends.append((frame, self.bars.state))
        then, orelse = self.join_branches(stmt, ends)
        for merge in merges:
            self.bars.drop(merge.target.name)
        if then or orelse:
            self.residuals.ensure_all(stmt.cond)
            self.emit(If(stmt.cond, then, orelse, loc=stmt.loc))

    def pass_to_branch(self, moved: list[tuple[str, Expr | None]]) -> None:
        """The cotangent of a merged value is that of the value the branch gave it."""
        for target, value in moved:
            if isinstance(value, Var):
                bar = self.bars.bar(target)
                self.bars.contribute(value.name, self.bars.cast(bar, value.name), owned=self.bars.state[target])
        for target, _ in moved:
            self.bars.drop(target)

    def join_branches(self, stmt: If, ends: list[tuple[Frame, State]]) -> tuple[Block, Block]:
        """Give both branches the same cotangents: one that only the other branch made is zero."""
        inner = [frame.place for frame, _ in ends]
        first, second = (state for _, state in ends)
        outer = [
            n for n in sorted({*first, *second}) if not any(self.program.structure.of(n).place.inside(p) for p in inner)
        ]
        joined: list[Block] = []
        for frame, state in ends:
            self.bars.state = state
            self.resume(frame)
            for name in outer:
                if not self.bars.has(name):
                    self.bars.ensure_buffer(name)
            self.suspend(frame)
            joined.append(frame.finish())
        self.bars.state = {n: first[n] and second[n] for n in outer}
        return joined[0], joined[1]

    # -- loops -------------------------------------------------------------------------------------------------

    def loop(self, stmt: For | While) -> None:
        phis = [c for c in stmt.carried if c.phi.name in self.active]
        enters = any(self.bars.has(c.phi.name) for c in phis) or self.has_shadow_in(stmt)
        live = phis if enters else []
        for name in [c.phi.name for c in live] + list(self.touched(stmt) if enters else ()):
            self.bars.ensure_buffer(name)
        body = self.loop_body(stmt, live)
        if body:
            self.emit_loop(stmt, body)
        for carry in live:
            if isinstance(carry.init, Var):
                name = carry.init.name
                bar = self.bars.cast(self.bars.bar(carry.phi.name), name)
                self.bars.contribute(name, bar, owned=self.bars.state[carry.phi.name])
        for carry in phis:
            self.bars.drop(carry.phi.name)

    def loop_body(self, stmt: For | While, live: Sequence[Carry]) -> Block:
        """Return the backward body; redone once if an array buffer turns out to be shared at its end."""
        start = dict(self.bars.state)
        for _ in range(3):
            body = self._loop_body(stmt, live)
            worse = [n for n, owned in start.items() if owned and not self.bars.state.get(n, True)]
            if not worse:
                break
            for name in worse:
                start[name] = False
            self.bars.state = dict(start)
        self.bars.state = {n: owned for n, owned in self.bars.state.items() if n in start}
        return body

    def _loop_body(self, stmt: For | While, live: Sequence[Carry]) -> Block:
        frame = self.open_body(stmt, 0, stmt.body)
        self.move_references(stmt, frame)
        self.move_cotangents(stmt, live)
        self.sweep(stmt.body)
        for carry in live:
            self.bars.has(carry.phi.name) or self.bars.ensure_buffer(carry.phi.name)
        return self.close(frame)

    def move_references(self, stmt: For | While, frame: Frame) -> None:
        """Undo the permutation of buffers that ends an iteration (`a, b = b, a`)."""
        pairs = aliasing.permutation(stmt, self.program)
        if pairs:
            targets = tuple(source for _, source in pairs)
            values = tuple(phi for phi, _ in pairs)
            frame.prologue.append(Effect(Call("move", (Call("tuple", targets), Call("tuple", values)))))
            frame.available.update((phi.name, "phi") for phi, _ in pairs)

    def move_cotangents(self, stmt: For | While, live: Sequence[Carry]) -> None:
        """The cotangent of a phi, after the loop or in the next iteration, is that of its next value in this one."""
        phis = {c.phi.name for c in live}
        into: dict[str, list[str]] = {}
        state = {c.phi.name: self.bars.state[c.phi.name] for c in live}
        for carry in live:
            self.bars.drop(carry.phi.name)
        for carry in live:
            if isinstance(carry.next, Var) and carry.next.name in phis:
                into.setdefault(carry.next.name, []).append(carry.phi.name)
            elif isinstance(carry.next, Var):
                name = carry.next.name
                self.bars.contribute(
                    name, self.bars.cast(self.bars.bar(carry.phi.name), name), owned=state[carry.phi.name]
                )
        self._move_among_phis(into, state)

    def _move_among_phis(self, into: dict[str, list[str]], state: State) -> None:
        moved = {target: sources for target, sources in into.items() if sources != [target]}
        if moved:
            targets = tuple(self.bars.bar(target) for target in moved)
            values = tuple(self._sum([self.bars.bar(source) for source in sources]) for sources in moved.values())
            self.emit(
                Let(targets[0], values[0])
                if len(targets) == 1
                else Effect(Call("move", (Call("tuple", targets), Call("tuple", values))))
            )
        for target, sources in into.items():
            self.bars.state[target] = state[sources[0]] if len(sources) == 1 else True

    def _sum(self, bars: list[Var]) -> Expr:
        total: Expr = bars[0]
        for bar in bars[1:]:
            total = Call("add", (total, bar))
        return total

    def emit_loop(self, stmt: For | While, body: Block) -> None:
        if isinstance(stmt, While) or stmt.until is not None:
            count: Expr = self.trip_count(stmt)
        else:
            count = Lit(None)
        if isinstance(stmt, While):
            index = self.program.fresh("trip", nb.int64)
            self.emit(For(index, Call("sub", (count, Lit(1))), Lit(-1), Lit(-1), body, loc=stmt.loc))
            return
        self.residuals.ensure_all(stmt.start, stmt.stop, stmt.step)
        start, stop, step = _backwards(stmt.start, stmt.stop, stmt.step, count)
        self.emit(For(stmt.index, start, stop, step, body, parallel=False, loc=stmt.loc))

    def trip_count(self, stmt: For | While) -> Var:
        if id(stmt) not in self.trips:
            var = self.program.fresh("trips", nb.int64)
            self.trips[id(stmt)] = var
            self.residuals.register(var.name, stmt, self.program.structure.home[id(stmt)])
        self.residuals.ensure(self.trips[id(stmt)].name)
        return self.trips[id(stmt)]

    # -- what nested statements contribute to ------------------------------------------------------------------

    def touched(self, stmt: For | While) -> tuple[str, ...]:
        """Return the names bound outside a loop whose cotangents its body may add to, in order of appearance."""
        if id(stmt) not in self.touched_in:
            place = self.program.structure.place(stmt)
            found: dict[str, None] = {}
            for inner in statements(stmt.body):
                for name in self._receivers(inner):
                    for each in self._with_bases(name):
                        found[each] = None
            for carry in stmt.carried:
                if isinstance(carry.next, Var):
                    found[carry.next.name] = None
            outside = [n for n in found if n in self.active and not self.program.structure.of(n).place.inside(place)]
            self.touched_in[id(stmt)] = tuple(outside)
        return self.touched_in[id(stmt)]

    def _receivers(self, stmt: Stmt) -> list[str]:
        match stmt:
            case Let(target, Call(_, args)) if target.name in self.active:
                return [name for arg in args for name in names_in(arg)]
            case Let(target, Var(name)) if target.name in self.active:
                return [name]
            case Let(_, Call("pop", (Var(name),))):
                return [name]
            case Store(array, _, Var(name)) if array.name in self.active:
                return [name]
            case Effect(Call("append", (Var(array), Var(name)))) if array in self.active:
                return [name]
            case For(carried=carried) | While(carried=carried):
                return [e.name for c in carried for e in (c.init, c.next) if isinstance(e, Var)]
            case If(merges=merges):
                return [e.name for m in merges for e in (m.then, m.orelse) if isinstance(e, Var)]
            case _:
                return []

    def _with_bases(self, name: str) -> list[str]:
        return [name, *self.bars.links(name)]

    def has_shadow_in(self, *body: Stmt) -> bool:
        """Whether statements write memory whose cotangent exists, so that cotangents enter them that way."""
        facts = self.program.memory
        present = {facts.cls(name) for name in self.bars.state if self.bars.is_shadow(name)}
        written = {facts.cls(name) for stmt in statements(body) if (name := written_name(stmt)) is not None}
        return bool(present & written)

    def shadows_in(self, stmt: If) -> list[str]:
        """Return the written arrays bound outside a branch whose shadows its adjoint uses in place."""
        if not self.has_shadow_in(*stmt.then, *stmt.orelse) and not any(
            self.bars.has(m.target.name) for m in stmt.merges
        ):
            return []
        structure = self.program.structure
        inner = [structure.place(stmt, slot) for slot in (0, 1)]
        found: dict[str, None] = {}
        receivers = [n for each in statements((*stmt.then, *stmt.orelse)) for n in self._receivers(each)]
        for name in receivers + [v.name for m in stmt.merges for v in (m.then, m.orelse) if isinstance(v, Var)]:
            for link in self._with_bases(name):
                if self.bars.is_shadow(link) and link in self.active:
                    found[link] = None
        return [n for n in found if not any(structure.of(n).place.inside(place) for place in inner)]


# Element-wise primitives whose partials are finite whatever the operands are.
_TOTAL = frozenset({"add", "sub", "neg", "pos", "where", "select", "abs", "maximum", "minimum"})


def _receivers(arg: Expr, part: Expr | None) -> list[tuple[Var, Expr]]:
    """Pair the names in an operand with their contributions; an operand may be a tuple of values."""
    match arg, part:
        case Var(), Var() | Call() | Lit():
            return [(arg, part)]
        case Call("tuple" | "list", args), Call("tuple" | "list", parts):
            return [pair for a, p in zip(args, parts, strict=True) if p != Lit(None) for pair in _receivers(a, p)]
        case _:
            return []


def _parts(value: Expr) -> tuple[Expr, ...]:
    return value.args if isinstance(value, Call) and value.prim == "tuple" else (value,)


def _backwards(start: Expr, stop: Expr, step: Expr, count: Expr) -> tuple[Expr, Expr, Expr]:
    """Return the range that runs over the same values in the opposite order; `count` is the trip count or None."""
    if count == Lit(None) and step == Lit(1):
        return _minus(stop, Lit(1)), _minus(start, Lit(1)), Lit(-1)
    if count == Lit(None) and step == Lit(-1):
        return _plus(stop, Lit(1)), _plus(start, Lit(1)), Lit(1)
    if count == Lit(None):
        count = Call("len", (Call("range", (start, stop, step)),))
    last = _plus(start, Call("mul", (_minus(count, Lit(1)), step)) if step != Lit(1) else _minus(count, Lit(1)))
    back = Lit(-step.value) if isinstance(step, Lit) and isinstance(step.value, int) else Call("neg", (step,))
    return last, _minus(start, step), back


def _minus(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Lit) and isinstance(b, Lit) and isinstance(a.value, int) and isinstance(b.value, int):
        return Lit(a.value - b.value)
    return Call("sub", (a, b))


def _plus(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Lit) and isinstance(b, Lit) and isinstance(a.value, int) and isinstance(b.value, int):
        return Lit(a.value + b.value)
    if a == Lit(0):
        return b
    return Call("add", (a, b))
