"""Which names of a program in forward mode hold tangents: what depends on the seeds, by value and not by shape alone.

Names that may share memory are treated alike, and a name is one thing in the whole program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Accum, Block, Call, Effect, Expr, Func, Let, Lit, Return, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, statements
from adjoint.rules import spelling

# What these say of an array they say of its shape.
SHAPE_ONLY = frozenset("shape dim size ndim len zeros_like empty_like ones_like".split())


def directed_names(func: Func, seeds: Iterable[str]) -> frozenset[str]:
    """Return the names that hold tangents in an imperative program whose result is `(value, tangent)`.

    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64, x_dot: float64[:]):
    ...     y: float64[:] = zeros(n)
    ...     y_dot: float64[:] = zeros(n)
    ...     row: float64[:] = y_dot[1:]
    ...     row[0] = 2.0 * x_dot[0]
    ...     size: int64 = len(x_dot)
    ...     return (y, y_dot)
    ... ''')
    >>> sorted(directed_names(func, ["x_dot"]))
    ['row', 'x_dot', 'y_dot']
    """
    found = _Directed(func, seeds)
    while found.grow():
        pass
    return frozenset(found.names)


class _Directed:
    def __init__(self, func: Func, seeds: Iterable[str]) -> None:
        self.func = func
        self.names = set(seeds)
        classes = classes_of(func)
        self.members: dict[str, list[str]] = {}
        for name, representative in classes.items():
            self.members.setdefault(representative, []).append(name)
        self.classes = classes

    def grow(self) -> bool:
        """Add what depends on the names found so far; say whether there was any."""
        before = len(self.names)
        for stmt in statements(self.func.body):
            self.add(stmt)
        return len(self.names) > before

    def add(self, stmt: Stmt) -> None:
        match stmt:
            case Let(target, value) | Store(target, _, value) | Accum(target, _, value):
                if carries(value, self.names):
                    self.mark(target.name)
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                for target, value in zip(targets, values, strict=True):
                    if isinstance(target, Var) and carries(value, self.names):
                        self.mark(target.name)
            case Return(Call("tuple", (_, tangent))):
                for name in _names(tangent):
                    self.mark(name)
            case _:
                pass

    def mark(self, name: str) -> None:
        """A tuple has parts of both kinds: its class is that of its arrays, and it is no reason to mark them."""
        self.names.add(name)
        if isinstance(self.func.types.get(name), nb.Array):
            members = self.members.get(self.classes.get(name, name), [])
            self.names.update(other for other in members if isinstance(self.func.types.get(other), nb.Array))


def classes_of(func: Func) -> Mapping[str, str]:
    """Return the memory classes of a program, knowing that what helpers return is new."""

    def change(expr: Expr) -> Expr:
        return Call("empty", (Lit(0),)) if isinstance(expr, Call) and expr.prim.startswith("helper.") else expr

    def block(stmts: Block) -> Block:
        return tuple(map_blocks(map_operands(stmt, lambda e: map_expr(e, change)), block) for stmt in stmts)

    return memory_classes(replace(func, body=block(func.body)))


def shown(expr: Expr) -> tuple[str, ...]:
    """Return the names whose memory the value of an expression may be a view of."""
    match expr:
        case Var(name):
            return (name,)
        case Call(prim, args) if prim in ("tuple", "select", "item") or spelling.is_view(prim):
            return tuple(name for arg in args for name in shown(arg))
        case _:
            return ()


def _names(result: Expr) -> list[str]:
    """Return the names that are the tangent of a result, or of a part of it."""
    match result:
        case Var(name):
            return [name]
        case Call("tuple", parts):
            return [name for part in parts for name in _names(part)]
        case _:
            return []


def carries(expr: Expr, names: frozenset[str] | set[str]) -> bool:
    """Whether the value of an expression depends on names, and not by their shapes alone."""
    match expr:
        case Var(name):
            return name in names
        case Lit():
            return False
        case Call(prim, args, kwargs):
            if prim in SHAPE_ONLY:
                return False
            parts = args[1:] if prim == "full_like" else args
            return any(carries(part, names) for part in (*parts, *(value for _, value in kwargs)))
