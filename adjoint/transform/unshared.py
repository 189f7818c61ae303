"""What a branch only shows gets memory of its own, where nobody could tell: its cotangent need not be looked for."""

from __future__ import annotations

from dataclasses import replace

from adjoint.analysis.effects import actions
from adjoint.analysis.memory import is_memory
from adjoint.ir import Block, Call, Func, If, Let, Merge, Stmt, Var
from adjoint.ir.walk import map_blocks, statements
from adjoint.transform.aliasing import is_new, roots
from adjoint.transform.program import Program


def unshared(program: Program) -> Func:
    """Copy what one side of a branch shows and the other one makes, if it is nothing but read until it is gone.

        rhs = T[:, j]                       rhs = T[:, j]
        if j > 0:                           if j > 0:
            rhs = rhs + up * d[:, j - 1]        rhs = rhs + up * d[:, j - 1]
                                            else:
                                                rhs = rhs.copy()

    Until the iteration ends that the branch stands in, no statement writes memory of this class, and the next iteration
    doesn't get it. So the copy can't be told from the original.
    """
    copier = _Copier(program)
    body = copier.block(program.func.body)
    return replace(program.func, body=body, types={**program.types, **copier.types})


class _Copier:
    def __init__(self, program: Program) -> None:
        self.program = program
        # The types of names that no longer show parts of others; in the program itself they still do.
        self.types: dict[str, object] = {}

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(map_blocks(stmt, self.block), stmt) for stmt in block)

    def stmt(self, stmt: Stmt, before: Stmt) -> Stmt:
        if not isinstance(stmt, If) or not isinstance(before, If):
            return stmt
        for position, merge in enumerate(stmt.merges):
            if self.program.is_array(merge.target.name) and self.is_read_only(before, merge):
                stmt = self.copied(stmt, before, position, merge)
        return stmt

    def is_read_only(self, stmt: If, merge: Merge) -> bool:
        """Whether what a branch gives a name to is only read, and is gone when the iteration ends."""
        program = self.program
        around = program.structure.home[id(stmt)].loops
        cls = program.memory.cls(merge.target.name)
        if not around or merge.then is None or merge.orelse is None or not program.memory.is_written(cls):
            return False
        done = (action for inner in statements(around[-1].body) for action in actions(inner, program.func))
        changed = (name for action in done for name in action.changes)
        if any(program.memory.cls(name) == cls for name in changed):
            return False
        nexts = [carry.next.name for carry in around[-1].carried if isinstance(carry.next, Var)]
        memory = [name for name in nexts if is_memory(program.types.get(name)) and program.memory.cls(name) == cls]
        return all(program.is_array(name) and merge.target.name not in roots(name, program) for name in memory)

    def copied(self, stmt: If, before: If, position: int, merge: Merge) -> If:
        """Return a branch on whose sides an array is made where it was shown, unless both sides do the one or other."""
        places = [self.program.structure.place(before, slot) for slot in (0, 1)]
        values = [merge.then, merge.orelse]
        new = [isinstance(v, Var) and is_new(v.name, p, self.program) for v, p in zip(values, places, strict=True)]
        if new[0] == new[1]:
            return stmt
        side = new.index(False)
        value = values[side]
        if not isinstance(value, Var):
            return stmt
        copy = Call("copy", (value,), via="method")
        own = self.program.fresh(self.program.word(value.name, "part"), self.program.type_at(copy, stmt.loc))
        other = values[1 - side]
        type_ = {**self.program.types, **self.types}.get(other.name) if isinstance(other, Var) else None
        if type_ == self.program.types[own.name]:
            self.types[merge.target.name] = self.program.types[own.name]
        merges = list(stmt.merges)
        merges[position] = replace(merge, **{("then", "orelse")[side]: own})
        made = Let(own, copy, stmt.loc)
        if side:
            return replace(stmt, orelse=(*stmt.orelse, made), merges=tuple(merges))
        return replace(stmt, then=(*stmt.then, made), merges=tuple(merges))
