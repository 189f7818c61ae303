"""Give names other names, everywhere in a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.ir import Accum, Block, Comment, Effect, For, If, Let, Return, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, map_operands, mentioned, substitute


def rename_block(block: Block, names: Mapping[str, str]) -> Block:
    """Return a block of an imperative program with names replaced where they are read, bound or stored to.

    Statements without any of the names are returned as they are.
    """
    values = {old: Var(new) for old, new in names.items() if old != new}
    return _block(block, values)


def _block(block: Block, values: Mapping[str, Var]) -> Block:
    return tuple(_stmt(stmt, values) for stmt in block)


def _stmt(stmt: Stmt, values: Mapping[str, Var]) -> Stmt:
    if not values.keys().isdisjoint(mentioned(stmt)):
        stmt = _own(map_operands(stmt, lambda expr: substitute(expr, values)), values)
    return map_blocks(stmt, lambda block: _block(block, values))


def _own(stmt: Stmt, values: Mapping[str, Var]) -> Stmt:
    """Replace the names that a statement binds or writes to itself, and the flag that it is left by."""
    match stmt:
        case Let(target, value, loc) if target.name in values:
            return Let(values[target.name], value, loc)
        case Accum(target) if target.name in values:
            return replace(stmt, target=values[target.name])
        case Store(array) if array.name in values:
            return replace(stmt, array=values[array.name])
        case For(index, until=until):
            return replace(stmt, index=values.get(index.name, index), until=_flag(until, values))
        case While(until=until):
            return replace(stmt, until=_flag(until, values))
        case Let() | Accum() | Store() | If() | Effect() | Return() | Comment():
            return stmt


def _flag(until: Var | None, values: Mapping[str, Var]) -> Var | None:
    return None if until is None else values.get(until.name, until)
