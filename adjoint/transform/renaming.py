"""Give names other names, everywhere in a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.ir import Accum, Block, Comment, Effect, For, If, Let, Return, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, map_operands, substitute


def rename_block(block: Block, names: Mapping[str, str]) -> Block:
    """Return a block of an imperative program with names replaced where they are read, bound or stored to."""
    values = {old: Var(new) for old, new in names.items()}
    return _block(block, values)


def _block(block: Block, values: Mapping[str, Var]) -> Block:
    return tuple(_stmt(stmt, values) for stmt in block)


def _stmt(stmt: Stmt, values: Mapping[str, Var]) -> Stmt:
    stmt = map_operands(stmt, lambda expr: substitute(expr, values))
    match stmt:
        case Let(target) | Accum(target):
            return replace(stmt, target=values.get(target.name, target))
        case Store(array):
            return replace(stmt, array=values.get(array.name, array))
        case For(index, until=until):
            stmt = replace(stmt, index=values.get(index.name, index), until=_flag(until, values))
        case While(until=until):
            stmt = replace(stmt, until=_flag(until, values))
        case If() | Effect() | Return() | Comment():
            pass
    return map_blocks(stmt, lambda block: _block(block, values))


def _flag(until: Var | None, values: Mapping[str, Var]) -> Var | None:
    return None if until is None else values.get(until.name, until)
