"""What a kernel computes or reads twice, it computes or reads once: indices, comparisons, elements it never writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.memory import Memory, memory
from adjoint.ir import Block, Call, Expr, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, map_operands, names_in, substitute
from adjoint.rules.numba_types import is_array

_WHOLE = frozenset("add sub mul floordiv mod neg lshift rshift dim lt le gt ge eq ne and or not".split())


def share(func: Func) -> Func:
    """Return an SSA program in which such values have one name.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], i: int64):
    ...     a: int64 = i + 1
    ...     b: float64 = x[a]
    ...     c: int64 = i + 1
    ...     d: float64 = x[c]
    ...     y[i] = b * d
    ...     return None
    ... ''')
    >>> print(dump(share(func)), end="")
    func f(x, y, i)
        a = add(i, 1)
        b = getitem(x, a)
        y[i] = mul(b, b)
        return None
    """
    sharer = _Sharer(func, memory(func))
    body = sharer.block(func.body, {})
    return replace(func, body=body, hints=sharer.hints)


class _Sharer:
    def __init__(self, func: Func, facts: Memory) -> None:
        self.func = func
        self.facts = facts
        self.names: dict[str, Expr] = {}
        self.hints = dict(func.hints)

    def block(self, block: Block, known: Mapping[Call, Var]) -> Block:
        """Rewrite a block; `known` are the values of the blocks around, computed before."""
        here = dict(known)
        kept: list[Stmt] = []
        for stmt in block:
            stmt = map_operands(stmt, lambda expr: substitute(expr, self.names))
            match stmt:
                case Let(target, Call() as call) if self.is_lasting(target, call):
                    if call in here:
                        self.take(target, here[call])
                        continue
                    here[call] = target
                case _:
                    pass
            kept.append(map_blocks(stmt, lambda inner: self.block(inner, here)))
        return tuple(kept)

    def take(self, target: Var, known: Var) -> None:
        self.names[target.name] = known
        if target.name in self.hints:
            self.hints.setdefault(known.name, self.hints[target.name])

    def is_lasting(self, target: Var, call: Call) -> bool:
        """Whether a value is the same wherever it is computed: no memory is read that the kernel writes."""
        kind = self.func.types.get(target.name)
        if is_array(kind):
            return False
        if call.prim == "getitem":
            base = call.args[0]
            return isinstance(base, Var) and not self.facts.is_written(base.name) and self.is_outside(base.name)
        whole = isinstance(kind, nb.Integer | nb.Boolean)
        return whole and call.prim in _WHOLE and not any(is_array(self.func.types.get(n)) for n in self.elements(call))

    def is_outside(self, name: str) -> bool:
        return any(param.name == self.facts.root(name) for param in self.func.params)

    def elements(self, call: Call) -> list[str]:
        return [] if call.prim == "dim" else list(names_in(call))
