"""Shadows made in the forward sweep, for memory whose sharing is only known when the program runs.

Where a branch chooses between buffers, or a loop hands one on under another name, no statement of the backward sweep
could say which shadow belongs to which array. So the primal carries its shadows along: every array of such a memory
class gets one when it is made, and every reference - view, merge, phi, element of a list - is doubled by the same
reference to the shadow. The shadows are ordinary values of the program then: the backward sweep gets them back as it
gets back any other.

    v = a if c else b            v = a if c else b;  v_bar = a_bar if c else b_bar
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from numba import types as nb

from adjoint.analysis.memory import is_memory, shows
from adjoint.ir import Block, Call, Carry, Effect, Expr, For, Func, If, Let, Merge, Stmt, Store, Var, While
from adjoint.transform.program import Program


def mirror(program: Program, classes: Collection[str]) -> tuple[Func, dict[str, str]]:
    """Return the SSA program with shadows for these memory classes, and the name of the shadow of each name."""
    mirrorer = _Mirror(program, frozenset(classes))
    func = program.func
    params = [p.name for p in func.params if mirrorer.has(p.name)]
    head = tuple(mirrorer.made(name) for name in params)
    body = (*head, *mirrorer.block(func.body))
    return replace(func, body=body, types=dict(program.types), hints=dict(program.hints)), mirrorer.shadows


@dataclass(eq=False)
class _Mirror:
    program: Program
    classes: frozenset[str]
    shadows: dict[str, str] = field(default_factory=dict[str, str])

    def has(self, name: str) -> bool:
        return is_memory(self.program.types.get(name)) and self.program.memory.cls(name) in self.classes

    def shadow(self, name: str) -> Var:
        if name not in self.shadows:
            label = f"{self.program.word(name, 'array')}_bar"
            self.shadows[name] = self.program.fresh(label, self.program.types[name]).name
        return Var(self.shadows[name])

    def of(self, expr: Expr | None) -> Expr | None:
        return self.shadow(expr.name) if isinstance(expr, Var) and self.has(expr.name) else None

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.stmt(stmt))

    def stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case Let(target) if self.has(target.name):
                return [stmt, self.let(stmt)]
            case Store(array, index, value) if self.has(array.name) and self.of(value) is not None:
                if not isinstance(self.program.types[array.name], nb.List):
                    return [stmt]
                return [stmt, Store(self.shadow(array.name), index, self.of(value) or value, stmt.loc)]
            case Effect(Call("append", (Var(name), value))) if self.has(name):
                return [stmt, Effect(Call("append", (self.shadow(name), self.of(value) or value), via="method"))]
            case For(carried=carried) | While(carried=carried):
                return [replace(stmt, body=self.block(stmt.body), carried=(*carried, *self.carried(carried)))]
            case If(then=then, orelse=orelse, merges=merges):
                more = tuple(
                    Merge(self.shadow(m.target.name), self.of(m.then), self.of(m.orelse))
                    for m in merges
                    if self.has(m.target.name)
                )
                return [replace(stmt, then=self.block(then), orelse=self.block(orelse), merges=(*merges, *more))]
            case _:
                return [stmt]

    def carried(self, carried: tuple[Carry, ...]) -> tuple[Carry, ...]:
        found: list[Carry] = []
        for carry in carried:
            if self.has(carry.phi.name):
                following = self.of(carry.next)
                assert following is not None
                found.append(Carry(self.shadow(carry.phi.name), self.of(carry.init), following))
        return tuple(found)

    def let(self, stmt: Let) -> Let:
        target = self.shadow(stmt.target.name)
        match stmt.value:
            case Var() as source:
                return Let(target, self.of(source) or source)
            case Call("list", args):
                return Let(target, Call("list", tuple(self.of(arg) or arg for arg in args)))
            case Call(prim, (Var(base), *rest)) as call if shows(stmt, self.program.func) or prim == "pop":
                return Let(target, replace(call, args=(self.shadow(base), *rest)))
            case _:
                return self.made(stmt.target.name)

    def made(self, name: str) -> Let:
        """Return the statement that makes the shadow of a new array."""
        return Let(self.shadow(name), self.program.zeros(name))
