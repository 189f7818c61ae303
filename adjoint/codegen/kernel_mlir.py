"""What numba-cuda-mlir 0.6.0 gets wrong in kernels, spelt so that it gets it right."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from adjoint.ir import Accum, Block, Call, Effect, Expr, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import items_of, map_blocks, map_operands, statements
from adjoint.rules import kernels


def from_start(func: Func) -> Func:
    """Count places of atomic additions from the start: numba-cuda-mlir takes a negative one for a place before it."""
    counts = Counter(s.target.name for s in statements(func.body) if isinstance(s, Let))
    lets = [s for s in statements(func.body) if isinstance(s, Let) and counts[s.target.name] == 1]
    positive = {s.target.name for s in lets if isinstance(s.value, Call) and kernels.is_index(s.value.prim)}

    def place(target: Expr, axis: int, index: Expr) -> Expr:
        if isinstance(index, Lit) or (isinstance(index, Var) and index.name in positive):
            return index
        size = Call("dim", (target, Lit(axis)))
        return Call("select", (Call("lt", (index, Lit(0))), Call("add", (index, size)), index))

    def stmt(old: Stmt) -> Stmt:
        match old:
            case Effect(Call(kernels.ATOMIC_ADD, (target, where, value)) as call):
                index = tuple(place(target, k, i) for k, i in enumerate(items_of(where) or (where,)))
                new = index[0] if len(index) == 1 else Call("tuple", index)
                return replace(old, value=replace(call, args=(target, new, value)))
            case _:
                return map_blocks(old, lambda body: tuple(map(stmt, body)))

    return replace(func, body=tuple(map(stmt, func.body)))


def choices_first(func: Func) -> Func:
    """Bind `a if c else b` to names before statements that use them.

    The compiler takes a shared array that waits for such a value for one in global memory: `cuda.atomic.add(s, i if c
    else k, v)` and `s[t] += v if c else 0.0` write to addresses that are no addresses of this memory.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], i: int64, a: float64):
    ...     x[i] = a + (a if i > 0 else 0.0)
    ... ''')
    >>> print(text(choices_first(func)), end="")
    def f(x, i, a):
        chosen = a if i > 0 else 0.0
        x[i] = a + chosen
    """
    return replace(func, body=_Chooser(func).block(func.body))


class _Chooser:
    def __init__(self, func: Func) -> None:
        self.taken = {*func.types, *(p.name for p in func.params)}
        self.first: list[Stmt] = []

    def block(self, block: Block) -> Block:
        made: list[Stmt] = []
        for stmt in block:
            new = map_blocks(stmt, self.block)
            if isinstance(new, Let | Store | Accum | Effect):
                self.first = []
                whole = isinstance(new, Let) and _is_choice(new.value)
                new = new if whole else map_operands(new, self.expr)
                made += self.first
            made.append(new)
        return tuple(made)

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Call("select"):
                var = self.fresh()
                self.first.append(Let(var, expr))
                return var
            case Call("and" | "or"):
                return expr  # what stands second may be out of reach unless the first holds
            case Call():
                return replace(expr, args=tuple(map(self.expr, expr.args)))
            case _:
                return expr

    def fresh(self) -> Var:
        name, number = "chosen", 0
        while name in self.taken:
            number += 1
            name = f"chosen_{number}"
        self.taken.add(name)
        return Var(name)


def _is_choice(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.prim == "select"
