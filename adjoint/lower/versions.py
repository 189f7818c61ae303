"""Arrays that share a name, one after the other in a block, get names of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from adjoint.ir import Block, Call, Effect, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, mentioned, mentions_of, names_in, statements, with_body
from adjoint.rules.numba_types import Type, is_array
from adjoint.transform.renaming import rename_block


def versions(func: Func, kinds: Mapping[str, Type], fresh: Callable[[str], Var]) -> Func:
    """Rename arrays from the second binding in a block on.

    Only names that are bound by `Let` in one block, and read only after that in the same block, or in blocks in it.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:]):
    ...     x_bar: float64[:] = x * 2.0
    ...     x_bar = x_bar * x
    ...     return x_bar
    ... ''')
    >>> print(dump(versions(before, before.types, lambda name: Var(f"{name}_2"))), end="")
    func f(x)
        x_bar = mul(x, 2.0)
        x_bar_2 = mul(x_bar, x)
        return x_bar_2
    """
    total: Counter[str] = mentions_of(func)
    splitter = _Splitter(kinds, fresh, total, frozenset(p.name for p in func.params))
    return with_body(func, splitter.block(func.body))


class _Splitter:
    def __init__(
        self, kinds: Mapping[str, Type], fresh: Callable[[str], Var], total: Counter[str], params: frozenset[str]
    ) -> None:
        self.kinds = kinds
        self.fresh = fresh
        self.total = total
        self.params = params

    def block(self, block: Block) -> Block:
        for name in self.candidates(block):
            block = self.renamed(block, name)
        return tuple(map_blocks(stmt, self.block) for stmt in block)

    def candidates(self, block: Block) -> list[str]:
        lets = Counter(stmt.target.name for stmt in block if isinstance(stmt, Let))
        often = [name for name, times in lets.items() if times > 1 and is_array(self.kinds.get(name))]
        return [name for name in often if name not in self.params and self.is_local(block, name, lets[name])]

    def is_local(self, block: Block, name: str, lets: int) -> bool:
        """Whether all that is done with a name is done in a block, after it has been bound there."""
        first = next(stmt for stmt in block if any(name in mentioned(inner) for inner in statements((stmt,))))
        everything = [each for stmt in statements(block) for each in mentioned(stmt)]
        bindings = sum(isinstance(s, Let) and s.target.name == name for s in statements(block))
        starts = isinstance(first, Let) and first.target.name == name and name not in names_in(first.value)
        moved = any(_moves(stmt, name) for stmt in statements(block))
        return starts and bindings == lets and everything.count(name) == self.total[name] and not moved

    def renamed(self, block: Block, name: str) -> Block:
        done: list[Stmt] = []
        current = name
        for stmt in block:
            new = rename_block((stmt,), {name: current})[0] if current != name else stmt
            if isinstance(stmt, Let) and stmt.target.name == name:
                assert isinstance(new, Let)
                current = self.fresh(name).name if self._seen(done, name) else name
                new = replace(new, target=Var(current))
            done.append(new)
        return tuple(done)

    def _seen(self, done: list[Stmt], name: str) -> bool:
        return any(isinstance(stmt, Let) and stmt.target.name == name for stmt in done)


def _moves(stmt: Stmt, name: str) -> bool:
    match stmt:
        case Effect(Call("move", (targets, _))):
            return name in names_in(targets)
        case _:
            return False
