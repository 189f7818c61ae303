"""Adjoints of branches and loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from numba import types as nb

from adjoint.ir import (
    Block,
    Call,
    Carry,
    Effect,
    Expr,
    For,
    If,
    Let,
    Lit,
    Var,
    While,
)
from adjoint.ir.walk import bound, names_in, operands, statements
from adjoint.transform import aliasing
from adjoint.transform.cotangents import State
from adjoint.transform.forward_sweep import ForwardSweep
from adjoint.transform.reach import has_shadow_in, shadows_in, touched
from adjoint.transform.residuals import Frame

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse


def branch(reverse: Reverse, stmt: If) -> None:
    merges = [m for m in stmt.merges if m.target.name in reverse.active and m.target.name in reverse.bars.state]
    moved = [m for m in merges if not (reverse.bars.is_shadow(m.target.name) and reverse.bars.selects(stmt, m))]
    for name in shadows_in(reverse, stmt):
        reverse.bars.ensure_buffer(name)
    before = dict(reverse.bars.state)
    ends: list[tuple[Frame, State]] = []
    for slot, body in enumerate((stmt.then, stmt.orelse)):
        reverse.bars.state = dict(before)
        frame = reverse.open_body(stmt, slot, body)
        pass_to_branch(reverse, [(m.target.name, (m.then, m.orelse)[slot]) for m in moved])
        reverse.sweep(body)
        reverse.suspend(frame)
        ends.append((frame, reverse.bars.state))
    then, orelse = join_branches(reverse, stmt, ends)
    for merge in merges:
        reverse.bars.drop(merge.target.name)
    if then or orelse:
        reverse.residuals.ensure_all(stmt.cond)
        reverse.emit(If(stmt.cond, then, orelse))


def pass_to_branch(reverse: Reverse, moved: list[tuple[str, Expr | None]]) -> None:
    """The cotangent of a merged value is that of the value the branch gave it."""
    for target, value in moved:
        if isinstance(value, Var):
            bar = reverse.bars.bar(target)
            reverse.bars.contribute(value.name, reverse.bars.cast(bar, value.name), owned=reverse.bars.state[target])
    for target, _ in moved:
        reverse.bars.drop(target)


def join_branches(reverse: Reverse, stmt: If, ends: list[tuple[Frame, State]]) -> tuple[Block, Block]:
    """Give both branches the same cotangents: one that only the other branch made is zero."""
    inner = [frame.place for frame, _ in ends]
    first, second = (state for _, state in ends)
    outer = [
        n for n in sorted({*first, *second}) if not any(reverse.program.structure.of(n).place.inside(p) for p in inner)
    ]
    joined: list[Block] = []
    for frame, state in ends:
        reverse.bars.state = state
        reverse.resume(frame)
        for name in outer:
            if not reverse.bars.has(name):
                reverse.bars.ensure_buffer(name)
        reverse.suspend(frame)
        joined.append(frame.finish())
    reverse.bars.state = {n: first[n] and second[n] for n in outer}
    return joined[0], joined[1]


def loop(reverse: Reverse, stmt: For | While) -> None:
    active = [c for c in stmt.carried if c.phi.name in reverse.active]
    phis = [c for c in active if c.phi.name not in reverse.bars.mirrored]
    # A mirrored phi always has its shadow: what the body makes may be looked at after the loop under its name.
    enters = any(reverse.bars.has(c.phi.name) for c in active) or has_shadow_in(reverse, stmt)
    live = phis if enters else []
    for name in [c.phi.name for c in live] + list(touched(reverse, stmt) if enters else ()):
        reverse.bars.ensure_buffer(name)
    exchanged = [phi.name for phi, _ in aliasing.permutation(stmt, reverse.program)]
    if not aliasing.handed_on(stmt, exchanged, reverse.program):
        reverse.residuals.ensure_all(*map(Var, exchanged))
    body = loop_body(reverse, stmt, live)
    if body:
        emit_loop(reverse, stmt, body)
    for carry in live:
        if isinstance(carry.init, Var):
            name = carry.init.name
            bar = reverse.bars.cast(reverse.bars.bar(carry.phi.name), name)
            reverse.bars.contribute(name, bar, owned=reverse.bars.state[carry.phi.name])
    for carry in phis:
        reverse.bars.drop(carry.phi.name)


def loop_body(reverse: Reverse, stmt: For | While, live: Sequence[Carry]) -> Block:
    """Return the backward body; redone once if an array buffer turns out to be shared at its end."""
    start = dict(reverse.bars.state)
    body: Block = ()
    for _ in range(3):
        body = _loop_body(reverse, stmt, live)
        worse = [n for n, owned in start.items() if owned and not reverse.bars.state.get(n, True)]
        if not worse:
            break
        for name in worse:
            start[name] = False
        reverse.bars.state = dict(start)
    reverse.bars.state = {n: owned for n, owned in reverse.bars.state.items() if n in start}
    return body


def _loop_body(reverse: Reverse, stmt: For | While, live: Sequence[Carry]) -> Block:
    frame = reverse.open_body(stmt, 0, stmt.body)
    move_references(reverse, stmt, frame)
    replayed = id(stmt) in reverse.residuals.replayed
    if replayed:
        start_replay(reverse, stmt)
    move_cotangents(reverse, stmt, live)
    reverse.sweep(stmt.body)
    for carry in live:
        if not reverse.bars.has(carry.phi.name):
            reverse.bars.ensure_buffer(carry.phi.name)
    if replayed:
        frame.replay = ForwardSweep(
            reverse.residuals, reverse.trips, reverse.old, reverse.bars.shaped, replay=stmt
        ).block(stmt.body)
    return reverse.close(frame)


def start_replay(reverse: Reverse, stmt: For | While) -> None:
    """Provide what runs again of the body of a loop reads and doesn't bind."""
    part = reverse.residuals.replayed[id(stmt)]
    again = [inner for inner in statements(stmt.body) if part is None or id(inner) in part.stmts]
    inside = {var.name for inner in again for var in bound(inner)}
    evaluated = operands if part is None else part.operands
    read = {n: None for inner in again for expr in evaluated(inner) for n in names_in(expr)}
    for name in read:
        if name not in inside:
            reverse.residuals.ensure(name)


def move_references(reverse: Reverse, stmt: For | While, frame: Frame) -> None:
    """Undo the permutation of buffers that ends an iteration (`a, b = b, a`); the names are as after the loop."""
    pairs = aliasing.permutation(stmt, reverse.program)
    if pairs:
        targets = tuple(source for _, source in pairs)
        values = tuple(phi for phi, _ in pairs)
        frame.prologue.append(Effect(Call("move", (Call("tuple", targets), Call("tuple", values)))))
        frame.available.update((phi.name, "phi") for phi, _ in pairs)


def move_cotangents(reverse: Reverse, stmt: For | While, live: Sequence[Carry]) -> None:
    """The cotangent of a phi, after the loop or in the next iteration, is that of its next value in this one."""
    phis = {c.phi.name for c in live}
    into: dict[str, list[str]] = {}
    state = {c.phi.name: reverse.bars.state[c.phi.name] for c in live}
    for carry in live:
        reverse.bars.drop(carry.phi.name)
    for carry in live:
        if isinstance(carry.next, Var) and carry.next.name in phis:
            into.setdefault(carry.next.name, []).append(carry.phi.name)
        elif isinstance(carry.next, Var):
            name = carry.next.name
            reverse.bars.contribute(
                name, reverse.bars.cast(reverse.bars.bar(carry.phi.name), name), owned=state[carry.phi.name]
            )
    _move_among_phis(reverse, into, state)


def _move_among_phis(reverse: Reverse, into: dict[str, list[str]], state: State) -> None:
    moved = {target: sources for target, sources in into.items() if sources != [target]}
    if moved:
        targets = tuple(reverse.bars.bar(target) for target in moved)
        values = tuple(_sum(reverse, [reverse.bars.bar(source) for source in sources]) for sources in moved.values())
        reverse.emit(
            Let(targets[0], values[0])
            if len(targets) == 1
            else Effect(Call("move", (Call("tuple", targets), Call("tuple", values))))
        )
    for target, sources in into.items():
        reverse.bars.state[target] = state[sources[0]] if len(sources) == 1 else True


def _sum(reverse: Reverse, bars: list[Var]) -> Expr:
    total: Expr = bars[0]
    for bar in bars[1:]:
        total = Call("add", (total, bar))
    return total


def emit_loop(reverse: Reverse, stmt: For | While, body: Block) -> None:
    if isinstance(stmt, While) or stmt.until is not None:
        count: Expr = trip_count(reverse, stmt)
    else:
        count = Lit(None)
    if isinstance(stmt, While):
        index = reverse.program.fresh("trip", nb.int64)
        reverse.emit(For(index, Call("sub", (count, Lit(1))), Lit(-1), Lit(-1), body))
        return
    reverse.residuals.ensure_all(stmt.start, stmt.stop, stmt.step)
    start, stop, step = _backwards(stmt.start, stmt.stop, stmt.step, count)
    parallel = reverse.wanted.parallel and stmt.parallel and stmt.step == Lit(1)
    reverse.emit(For(stmt.index, start, stop, step, body, parallel=parallel))


def trip_count(reverse: Reverse, stmt: For | While) -> Var:
    if id(stmt) not in reverse.trips:
        var = reverse.program.fresh("trips", nb.int64)
        reverse.trips[id(stmt)] = var
        reverse.residuals.register(var.name, stmt, reverse.program.structure.home[id(stmt)])
    reverse.residuals.ensure(reverse.trips[id(stmt)].name)
    return reverse.trips[id(stmt)]


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
