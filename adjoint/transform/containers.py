"""Tuple arguments: their items become values of their own, so that each has its cotangent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.errors import UnsupportedError
from adjoint.ir import Block, Call, Expr, Func, Let, Lit, Stmt, Var
from adjoint.ir.walk import map_blocks, names_in, operands, rename, statements
from adjoint.rules.numba_types import item_types


def unpack(func: Func, wrt: Sequence[str]) -> tuple[Func, dict[str, tuple[str, ...]]]:
    """Return the SSA program with the tuples in `wrt` taken apart at its start, and the names of their items.

    Raises:
        UnsupportedError: a tuple is used as a whole, or indexed by a value.
    """
    leaves: dict[str, tuple[str, ...]] = {}
    for name in wrt:
        if isinstance(func.types.get(name), nb.BaseTuple):
            func = _unpack_one(func, name, leaves)
    return func, leaves


def _unpack_one(func: Func, name: str, leaves: dict[str, tuple[str, ...]]) -> Func:
    types, hints = dict(func.types), dict(func.hints)
    type_ = types[name]
    assert isinstance(type_, nb.BaseTuple)
    items: list[str] = []
    head: list[Stmt] = []
    for position, kind in enumerate(item_types(type_)):
        new = f"{name}_{position}"
        while new in types:
            new += "_"
        types[new], hints[new] = kind, new
        items.append(new)
        head.append(Let(Var(new), Call("item", (Var(name), Lit(position))), func.loc))
    known = {
        stmt.target.name: items[position]
        for stmt in statements(func.body)
        if isinstance(stmt, Let) and (position := _position(stmt.value, name)) is not None
    }
    body = rename(_without(func.body, known), known)
    for stmt in statements(body):
        if any(read == name for expr in operands(stmt) for read in names_in(expr)):
            raise UnsupportedError(
                f"the tuple `{name}` is used as a whole", getattr(stmt, "loc", None), help="index it with constants"
            )
    leaves[name] = tuple(items)
    inner = replace(func, body=(*head, *body), types=types, hints=hints)
    for item in items:
        if isinstance(types[item], nb.BaseTuple):
            inner = _unpack_one(inner, item, leaves)
    return inner


def _position(value: Expr, name: str) -> int | None:
    match value:
        case Call("item", (Var(source), Lit(int(position)))) if source == name:
            return position
        case _:
            return None


def _without(block: Block, known: dict[str, str]) -> Block:
    kept = (s for s in block if not (isinstance(s, Let) and s.target.name in known))
    return tuple(map_blocks(stmt, lambda inner: _without(inner, known)) for stmt in kept)


def flattened(names: Sequence[str], leaves: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Replace the names of tuples by those of their items."""
    return tuple(leaf for name in names for leaf in (flattened(leaves[name], leaves) if name in leaves else (name,)))
