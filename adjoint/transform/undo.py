"""Undoing in the backward sweep what the primal wrote, and the adjoints of writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numba import types as nb

from adjoint.ir import (
    Call,
    Effect,
    Expr,
    Let,
    Stmt,
    Store,
    Var,
)
from adjoint.rules.numba_types import element_type
from adjoint.transform import stores
from adjoint.transform.cotangents import scalar_type
from adjoint.transform.program import part_of

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse


def store(reverse: Reverse, stmt: Store) -> None:
    reverse.residuals.ensure_all(stmt.array, *stmt.index)
    reverse.residuals.take_stored(stmt, reverse.stack[-1])
    _take_array(reverse, stmt)
    restore(reverse, stmt)
    reverse.stack[-1].versions = reverse.program.memory.before[id(stmt)]
    stores.write(reverse, stmt)


def _take_array(reverse: Reverse, stmt: Store) -> None:
    """Take an array that was stored in a part of another from there, where it stays: that spares a tape.

    Not where later iterations overwrite it: these would have to be undone first, which takes a tape as well.
    """
    program, residuals, frame = reverse.program, reverse.residuals, reverse.stack[-1]
    if not isinstance(stmt.value, Var) or stmt.value.name not in reverse.active or id(stmt) in reverse.increments:
        return
    name, read = stmt.value.name, part_of(stmt.array, stmt.index)
    type_, part = program.types.get(name), program.type_at(read, stmt.loc)
    if not isinstance(type_, nb.Array) or not isinstance(part, nb.Array) or not residuals.is_taped(name, frame):
        return
    alike = element_type(type_) == element_type(part) and type_.ndim == part.ndim
    if alike and residuals.final.is_written_by(stmt) and program.equal(
        stores.shape_of(reverse, stmt), program.shapes.of(stmt.value), stmt
    ):
        frame.available.add((name, "let"))
        reverse.emit(Let(stmt.value, Call("copy", (read,), via="method")))


def restore(reverse: Reverse, stmt: Store) -> None:
    """Put back what a `Store` overwrote."""
    read = part_of(stmt.array, stmt.index)
    type_ = reverse.program.type_at(read, stmt.loc)
    if id(stmt) not in reverse.old:
        label = reverse.program.word(stmt.array.name, "array")
        reverse.old[id(stmt)] = reverse.program.fresh(f"{label}_old", type_, hint=False)
        reverse.residuals.register(reverse.old[id(stmt)].name, stmt, reverse.program.structure.home[id(stmt)])
    old = reverse.old[id(stmt)]
    reverse.residuals.ensure(old.name)
    reverse.emit(Store(stmt.array, stmt.index, old))


def undo_append(reverse: Reverse, stmt: Stmt, name: str, value: Expr) -> None:
    reverse.residuals.ensure(name)
    reverse.emit(Effect(Call("pop", (Var(name),), via="method")))
    if name in reverse.active and name in reverse.bars.state:
        reverse.comment(stmt)
        element = reverse.program.fresh("_item_bar", scalar_type(reverse.program.types[name]), hint=False)
        reverse.emit(Let(element, Call("pop", (reverse.bars.bar(name),), via="method")))
        if isinstance(value, Var):
            reverse.bars.contribute(value.name, element, owned=True)


def undo_pop(reverse: Reverse, stmt: Let, target: str, name: str) -> None:
    reverse.residuals.ensure(name)
    reverse.residuals.ensure(target)
    put_back = Effect(Call("append", (Var(name), Var(target)), via="method"))
    if (
        name not in reverse.active
        or name in reverse.bars.mirrored
        or not (reverse.bars.has(name) or reverse.bars.has(target))
    ):
        reverse.emit(put_back)
        return
    reverse.comment(stmt)
    # A new list of cotangents is as long as the list is without the item.
    reverse.bars.ensure_buffer(name)
    reverse.emit(put_back)
    bar = reverse.bars.bar(target) if reverse.bars.has(target) else reverse.bars.zero(target)
    reverse.emit(Effect(Call("append", (reverse.bars.bar(name), bar), via="method")))
    reverse.bars.drop(target)
