"""Stretched arrays, `np.broadcast_to(a, shape)`: read-only views, of which no shadow can be a view."""

from __future__ import annotations

from dataclasses import replace

from adjoint.analysis.memory import Memory, memory
from adjoint.ir import Block, Call, Effect, For, Func, If, Let, Stmt, Var, While
from adjoint.ir.walk import map_blocks, names_in, operands, statements


def detach(func: Func) -> Func:
    """Return an SSA program in which a stretched array shows a copy, if what it shows is written, but not any more.

    A cotangent accumulates in a shadow, and one that is stretched can't be written. Of a value that is not written, a
    cotangent needs none.
    """
    facts = memory(func)
    stretched = [stmt for stmt in statements(func.body) if _is_stretched(stmt, facts)]
    found = {id(stmt) for stmt in stretched if _is_constant(stmt, func, facts)}
    if not found:
        return func
    types = dict(func.types)

    def block(old: Block) -> Block:
        new: list[Stmt] = []
        for stmt in old:
            if id(stmt) in found and isinstance(stmt, Let) and isinstance(stmt.value, Call):
                base = stmt.value.args[0]
                assert isinstance(base, Var)
                name = f"{base.name}_then"
                while name in types:
                    name += "_"
                types[name] = types[base.name]
                new.append(Let(Var(name), Call("copy", (base,), via="method"), stmt.loc))
                stmt = replace(stmt, value=replace(stmt.value, args=(Var(name), *stmt.value.args[1:])))
            new.append(map_blocks(stmt, block))
        return tuple(new)

    body = block(func.body)
    return replace(func, body=body, types=types)


def _is_stretched(stmt: Stmt, facts: Memory) -> bool:
    match stmt:
        case Let(_, Call("broadcast_to", (Var(base), *_))):
            return facts.is_written(base)
        case _:
            return False


def _is_constant(stmt: Stmt, func: Func, facts: Memory) -> bool:
    """Whether all that is read of a stretched array, and of views of it, is as it was when that was made."""
    assert isinstance(stmt, Let)
    cls = facts.cls(stmt.target.name)
    seen = {stmt.target.name}
    while more := {name for name, base in facts.base.items() if base in seen} - seen:
        seen |= more
    for reader in statements(func.body):
        if any(name in seen for operand in operands(reader) for name in names_in(operand)):
            if _is_renamed(reader, seen):
                return False
            if facts.before[id(reader)].get(cls) != facts.before[id(stmt)].get(cls):
                return False
    return True


def _is_renamed(reader: Stmt, seen: set[str]) -> bool:
    """Whether a statement may give what it reads another name."""
    match reader:
        case Let(target, Call(prim)):
            return target.name not in seen and (prim in ("tuple", "list") or prim.startswith("ref:"))
        case Let() | Effect() | For() | While() | If():
            return True
        case _:
            return False
