"""An adjoint kernel as a person would have written it: atomic where it must be, without barriers that guard nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from adjoint.analysis.effects import actions
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, names_in, operands, statements, subexpressions
from adjoint.rules.kernels import ATOMIC_ADD, FORGET, is_barrier


def atomic(func: Func, exclusive: Collection[str]) -> Func:
    """Make increments of elements atomic, those of the arrays in `exclusive` aside."""
    return replace(func, body=_atomic(func.body, exclusive))


def _atomic(block: Block, exclusive: Collection[str]) -> Block:
    return tuple(_atomic_stmt(stmt, exclusive) for stmt in block)


def _atomic_stmt(stmt: Stmt, exclusive: Collection[str]) -> Stmt:
    match stmt:
        case Accum(target, index, value) if index and target.name not in exclusive:
            where: Expr = index[0] if len(index) == 1 else Call("tuple", index)
            return Effect(Call(ATOMIC_ADD, (target, where, value)), stmt.loc)
        case _:
            return map_blocks(stmt, lambda inner: _atomic(inner, exclusive))


def stored(func: Func, names: Collection[str]) -> list[str]:
    """Return those of the named arrays that a program writes into."""
    found = {s.array.name for s in statements(func.body) if isinstance(s, Store)}
    found |= {s.target.name for s in statements(func.body) if isinstance(s, Accum)}
    found |= {_first(s.value) for s in statements(func.body) if isinstance(s, Effect) and s.value.prim == ATOMIC_ADD}
    return [name for name in names if name in found]


def _first(call: Call) -> str:
    first = call.args[0]
    return first.name if isinstance(first, Var) else ""


def without_forgets(func: Func) -> Func:
    """Drop what only says that contents don't matter."""
    return replace(func, body=_without_forgets(func.body))


def _without_forgets(block: Block) -> Block:
    kept = (s for s in block if not (isinstance(s, Effect) and s.value.prim == FORGET))
    return tuple(map_blocks(stmt, _without_forgets) for stmt in kept)


def without_unused(func: Func) -> Func:
    """Drop the parameters that a program doesn't read."""
    used: set[str] = set()
    for stmt in statements(func.body):
        if isinstance(stmt, Effect) and is_barrier(stmt.value):
            continue
        used |= {name for expr in operands(stmt) for name in names_in(expr)}
    return replace(func, params=tuple(p for p in func.params if p.name in used))


# -- barriers ------------------------------------------------------------------------------------------------


def fewer_barriers(func: Func) -> Func:
    """Remove barriers with nothing before them, or nothing since the last one, that another thread could meet."""
    watched = {
        n for s in statements(func.body) if isinstance(s, Effect) and is_barrier(s.value) for n in names_in(s.value)
    }
    body, _ = _Barriers(func, frozenset(watched)).block(func.body, fresh=True)
    return replace(func, body=body)


class _Barriers:
    """A forward walk; `fresh` says that since a barrier, or the start, nothing watched has been read or written."""

    def __init__(self, func: Func, watched: frozenset[str]) -> None:
        self.func = func
        self.watched = watched

    def block(self, block: Block, *, fresh: bool) -> tuple[Block, bool]:
        kept: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, Effect) and is_barrier(stmt.value):
                if not fresh:
                    kept.append(stmt)
                fresh = True
                continue
            new, fresh = self.stmt(stmt, fresh=fresh)
            kept += new
        return tuple(kept), fresh

    def stmt(self, stmt: Stmt, *, fresh: bool) -> tuple[list[Stmt], bool]:
        fresh = fresh and not self.meets(stmt)
        match stmt:
            case For() | While():
                # The next iteration starts where this one ends, so only what holds at both may be used.
                if self.is_quiet(stmt):
                    return self.quiet_loop(stmt, fresh=fresh)
                body, end = self.block(stmt.body, fresh=False)
                return [replace(stmt, body=body)], fresh and end
            case If():
                then, a = self.block(stmt.then, fresh=fresh)
                orelse, b = self.block(stmt.orelse, fresh=fresh)
                return [replace(stmt, then=then, orelse=orelse)], a and b
            case _:
                return [stmt], fresh

    def quiet_loop(self, stmt: For | While, *, fresh: bool) -> tuple[list[Stmt], bool]:
        """A loop that touches nothing watched has barriers for what is before and after it: one does."""
        barriers = [s for s in statements(stmt.body) if isinstance(s, Effect) and is_barrier(s.value)]
        body, _ = self.block(stmt.body, fresh=True)
        bare = replace(stmt, body=body)
        if fresh or not barriers:
            return [bare], fresh
        return [barriers[0], bare], True

    def is_quiet(self, stmt: For | While) -> bool:
        inside = (s for s in statements(stmt.body) if not (isinstance(s, Effect) and is_barrier(s.value)))
        return not any(map(self.meets, inside))

    def meets(self, stmt: Stmt) -> bool:
        """Whether a statement itself reads or writes what other threads do."""
        if isinstance(stmt, Effect) and stmt.value.prim.startswith("helper."):
            return True
        if any(self.watched.intersection(action.changes) for action in actions(stmt, self.func)):
            return True
        for expr in operands(stmt):
            for part in subexpressions(expr):
                if (
                    isinstance(part, Call)
                    and part.prim == "getitem"
                    and self.watched.intersection(names_in(part.args[0]))
                ):
                    return True
        return False
