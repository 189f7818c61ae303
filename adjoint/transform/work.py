"""The work of computing values again, against that of keeping them."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from adjoint.analysis.memory import is_memory
from adjoint.analysis.ranges import turns_of
from adjoint.ir import Call, Expr, For, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import bound, names_in, operands, statements, subexpressions
from adjoint.rules import spelling
from adjoint.transform.choose import MANY
from adjoint.transform.residuals import Residuals, When

# What a recorded number may cost to compute again, in additions: writing and reading it takes about as long.
MOST = 16
# What an element of an array may, that one statement makes of others: they are read from one memory or the other.
ANEW = 4
# What it takes besides to make an array that stays on a list: as much as to record so many numbers.
LISTED = 4
_COSTS = (
    dict.fromkeys("div sqrt floordiv mod".split(), 4)
    | dict.fromkeys("sum prod mean max min maximum minimum abs fabs where select floor ceil round rint".split(), 1)
    | dict.fromkeys("dim size shape ndim item tuple slice copy zeros empty ones".split(), 0)
)


class Work:
    """What statements in a loop cost in one iteration of it, in additions."""

    def __init__(self, residuals: Residuals) -> None:
        self.residuals = residuals
        self.program = residuals.program

    def of(self, loop: For | While, names: list[str]) -> list[Stmt]:
        """Return the statements of a loop's body that values are made by, and all that they are made of there."""
        inside = {var.name: stmt for stmt in statements(loop.body) for var in bound(stmt)}
        written: dict[str, list[Stmt]] = {}
        for stmt in statements(loop.body):
            if isinstance(stmt, Store):
                written.setdefault(self.program.memory.root(stmt.array.name), []).append(stmt)
        seen, todo = dict[int, Stmt](), [self._named(name) for name in names]
        while todo:
            name = todo.pop()
            for stmt in [*([inside[name]] if name in inside else []), *written.get(name, [])]:
                if id(stmt) not in seen:
                    seen[id(stmt)] = stmt
                    todo += [n for top in operands(stmt) for n in names_in(top)]
        return list(seen.values())

    def _named(self, name: str) -> str:
        """Return the name that a value has in the program; for what was overwritten that of the array."""
        stmt = self.residuals.binding(name).stmt
        return self.program.memory.root(stmt.array.name) if isinstance(stmt, Store) else name

    def each(self, stmts: Iterable[Stmt]) -> float:
        """Return what statements cost if each is run once, for one element."""
        return sum(_cost(e) for stmt in stmts for top in operands(stmt) for e in subexpressions(top))

    def total(self, loop: For | While, stmts: Iterable[Stmt]) -> float:
        return sum(self.once(stmt) * self.turns(loop, stmt) for stmt in stmts)

    def once(self, stmt: Stmt) -> float:
        """Return what a statement costs itself, for as many elements as it makes or adds up."""
        cost = self.each((stmt,))
        return cost * max(map(self.elements, self.operated(stmt)), default=1) if cost else cost

    def operated(self, stmt: Stmt) -> list[str]:
        """Return the name that a statement binds, and those of the arrays that it computes with all of."""
        if not isinstance(stmt, Let):
            return []
        parts = [part for part in subexpressions(stmt.value) if isinstance(part, Call) and _cost(part)]
        whole = [part for part in parts if part.prim != "getitem"]
        return [stmt.target.name, *(arg.name for part in whole for arg in part.args if isinstance(arg, Var))]

    def turns(self, loop: For | While, stmt: Stmt) -> int:
        """Return how often a statement is run in an iteration of a loop around it."""
        around = self.program.structure.home[id(stmt)].loops
        return self.volume(around[around.index(loop) + 1 :])

    def volume(self, loops: Iterable[For | While]) -> int:
        """Return how many iterations of nested loops there are."""
        return prod(map(_turns, loops))

    def elements(self, name: str) -> int:
        """Return how many numbers there are in a value."""
        if not is_memory(self.program.types.get(name)):
            return 1
        sizes = self.program.shapes.of(Var(name))
        return MANY if sizes is None else prod(size if isinstance(size, int) else MANY for size in sizes)

    def worth(self, loop: For | While, key: tuple[str, When], most: int = MOST) -> float:
        """Return what a value may cost to compute again, rather than to keep, in an iteration of a loop."""
        around = self.residuals.tape_places[key].loops
        listed = LISTED if is_memory(self.program.types.get(key[0])) else 0
        return most * self.volume(around[around.index(loop) + 1 :]) * (self.elements(key[0]) + listed)


def is_singular(expr: Expr) -> bool:
    """Whether an expression has an effect, or may be anything."""
    return isinstance(expr, Call) and (expr.prim.startswith(("random.", "ref:")) or spelling.mutates(expr.prim))


def _turns(loop: For | While) -> int:
    return len(turns_of(loop)) or MANY if isinstance(loop, For) else MANY


def _cost(expr: Expr) -> float:
    match expr:
        case Call("pow", (_, Lit(int(power)))) if 0 <= power <= 4:
            return 2
        case Call(prim) if prim in _COSTS:
            return _COSTS[prim]
        case Call(prim) if prim.endswith("_like") or prim.startswith(("const:", "cast.")) or spelling.is_view(prim):
            return 0
        case Call(prim) if prim in spelling.OPERATORS and prim not in ("matmul", "pow"):
            return 1
        case Call(prim) if spelling.is_elementwise(prim):
            return 12
        case Call():
            return 1000  # products of matrices, decompositions, sorting
        case _:
            return 0
