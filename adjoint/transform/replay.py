"""Which loops run their body again in the backward sweep, before its adjoint.

A value of an inner loop is recorded once per iteration of all loops around it. If instead an outer loop is *replayed*,
its backward iteration runs the forward body once more, from the loop-carried values recorded at its start, and the
inner loops record for the length of one iteration only: a short tape that stays in the cache. The same goes for arrays
made in an iteration. The body must be such that it can be run again: it writes no memory but what it made itself.
"""

from __future__ import annotations

from collections.abc import Container

from numba import types as nb

from adjoint.analysis.memory import is_memory
from adjoint.analysis.structure import Place
from adjoint.ir import Call, Effect, Expr, For, Func, Let, Stmt, Store, While
from adjoint.ir.walk import bound, names_in, operands, statements, subexpressions
from adjoint.rules import spelling
from adjoint.transform.aliasing import roots
from adjoint.transform.program import Program, is_fresh
from adjoint.transform.residuals import Residuals

# What a recorded number may cost to compute again, in additions: writing and reading it takes about as long.
MOST = 16
_COSTS = dict.fromkeys("div sqrt floordiv mod".split(), 4) | dict.fromkeys("sum prod mean max min".split(), 1)
_FREE = frozenset("dim size shape ndim item tuple slice copy".split())


def repeatable(program: Program) -> frozenset[int]:
    """Return the loops, by identity, whose body may be run again, and has an inner loop or makes arrays."""
    found = [stmt for stmt in statements(program.func.body) if isinstance(stmt, For | While)]
    return frozenset(id(loop) for loop in found if _has_more(loop, program) and may_repeat(loop, program))


def _has_more(loop: For | While, program: Program) -> bool:
    inner = list(statements(loop.body))
    return any(isinstance(s, For | While) for s in inner) or any(
        isinstance(s, Let) and is_memory(program.types.get(s.target.name)) and is_fresh(s.value) for s in inner
    )


def may_repeat(loop: For | While, program: Program, *, exchanged: bool = False) -> bool:
    """Whether the body of a loop may be run again; with `exchanged`, also one that exchanges arrays that it made."""
    place = program.structure.place(loop)
    for stmt in statements(loop.body):
        match stmt:
            case Effect():
                return False
            case Store(array):
                names = roots(array.name, program) if exchanged else {program.memory.root(array.name)}
                if not all(_is_own(name, place, program, exchanged) for name in names):
                    return False
            case _:
                pass
        if any(isinstance(program.types.get(var.name), nb.List) for var in bound(stmt)):
            return False
        if any(_is_singular(e) for top in operands(stmt) for e in subexpressions(top)):
            return False
    return True


def _is_own(name: str, place: Place, program: Program, exchanged: bool) -> bool:
    """Whether a name stands for an array made in a block, or for one of several, which are looked at themselves."""
    made = program.structure.of(name)
    if not made.place.inside(place):
        return False
    return _makes(made.stmt.value) if isinstance(made.stmt, Let) else exchanged and made.stmt is not None


def _makes(value: Expr) -> bool:
    """Whether evaluating an expression makes a new array each time."""
    return is_fresh(value) and isinstance(value, Call) and not value.prim.startswith("const:")


def _is_singular(expr: Expr) -> bool:
    """Whether an expression has an effect, or may be anything."""
    return isinstance(expr, Call) and (expr.prim.startswith(("random.", "ref:")) or spelling.mutates(expr.prim))


def worthwhile(residuals: Residuals, cleaned: Func, repeatable: Container[int]) -> frozenset[int]:
    """Return the loops that should be replayed, given a program made without, free of dead statements."""
    left = {stmt.target.name for stmt in statements(cleaned.body) if isinstance(stmt, Let)}
    wanted: dict[int, list[str]] = {}
    loops: dict[int, For | While] = {}
    for key, tape in residuals.tapes.items():
        name, when = key
        around = residuals.tape_places[key].loops
        whole = is_memory(residuals.program.types.get(name))
        # Of numbers the innermost loop keeps its tape; of arrays what the iteration itself made need not be kept.
        outer = around if whole and when != "phi" else around[:-1]
        loop = next((loop for loop in reversed(outer) if id(loop) in repeatable), None)
        if tape.var.name in left and loop is not None and (not whole or _is_made(residuals, name)):
            wanted.setdefault(id(loop), []).append(name)
            loops[id(loop)] = loop
    cost = _Cost(residuals.program)
    return frozenset(key for key, names in wanted.items() if cost.of(loops[key], names) <= MOST * len(names))


def _is_made(residuals: Residuals, name: str) -> bool:
    stmt = residuals.binding(name).stmt
    return isinstance(stmt, Let) and is_fresh(stmt.value)


class _Cost:
    """The work of computing values again, in additions per iteration or element."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def of(self, loop: For | While, names: list[str]) -> float:
        inside = {var.name: stmt for stmt in statements(loop.body) for var in bound(stmt)}
        written: dict[str, list[Stmt]] = {}
        for stmt in statements(loop.body):
            if isinstance(stmt, Store):
                written.setdefault(self.program.memory.root(stmt.array.name), []).append(stmt)
        total, seen, todo = 0.0, set[int](), list(names)
        while todo:
            name = todo.pop()
            for stmt in [*([inside[name]] if name in inside else []), *written.get(name, [])]:
                if id(stmt) not in seen:
                    seen.add(id(stmt))
                    total += sum(_cost(e) for top in operands(stmt) for e in subexpressions(top))
                    todo += [n for top in operands(stmt) for n in names_in(top)]
        return total


def _cost(expr: Expr) -> float:
    match expr:
        case Call(prim) if prim in _FREE or prim in ("zeros", "empty", "ones"):
            return 0
        case Call(prim) if prim.endswith("_like") or spelling.is_view(prim):
            return 0
        case Call(prim) if prim in _COSTS:
            return _COSTS[prim]
        case Call(prim) if prim in spelling.OPERATORS and prim not in ("matmul", "pow"):
            return 1
        case Call(prim) if spelling.is_elementwise(prim):
            return 12
        case Call():
            return 1000  # products of matrices, decompositions, sorting
        case _:
            return 0
