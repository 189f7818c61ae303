"""Memory that nobody needs any more takes the place of new zeros to which it would be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.analysis.linear import whole
from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import mentioned, names_in, operands, statements, with_body
from adjoint.lower.context import Context, Span
from adjoint.rules import spelling
from adjoint.rules.numba_types import is_array


def adopt(func: Func, context: Context) -> Func:
    """Turn `x = zeros(n)`, sums into `x`, and `x[i] += y[i]` for all elements, into `x = y` and the sums.

    The array `y` was made in the function, isn't used after that, and neither is any other name for its memory.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(t: float64[:]):
    ...     y_bar: float64[:] = 2.0 * t
    ...     x_bar: float64[:] = zeros_like(t)
    ...     x_bar[1:] += t[:-1]
    ...     x_bar += y_bar
    ...     return x_bar
    ... '''))
    >>> print(text(adopt(func, context)), end="")
    def f(t):
        y_bar = np.empty(t.shape[0])
        for i in range(t.shape[0]):
            y_bar[i] = 2.0 * t[i]
        x_bar = y_bar
        for i_1 in range(t.shape[0] - 1):
            x_bar[i_1 + 1] += t[i_1]
        return x_bar
    """
    if not any(_zeros(stmt) for stmt in statements(func.body)):
        return func
    adopter = _Adopter(func, context)
    return with_body(func, adopter.block(adopter.facts.sites))


def _zeros(stmt: Stmt) -> str | None:
    match stmt:
        case Let(Var(name), Call("zeros")):
            return name
        case _:
            return None


class _Adopter:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.facts: Liveness = liveness(func, classes={})
        self.classes = memory_classes(func)
        self.owned = _owned(func, self.classes)

    def block(self, sites: tuple[Site, ...]) -> Block:
        gone: set[int] = set()
        source: dict[int, str] = {}
        for place, site in enumerate(sites):
            name = _zeros(site.stmt)
            found = None if name is None else self.added(sites[place + 1 :], name)
            if found is not None:
                source[site.position] = found[1]
                gone.add(found[0].position)
        return tuple(self.stmt(site, source) for site in sites if site.position not in gone)

    def stmt(self, site: Site, source: Mapping[int, str]) -> Stmt:
        match site.stmt:
            case Let() as stmt if site.position in source:
                return replace(stmt, value=Var(source[site.position]))
            case For() | While() as stmt:
                return replace(stmt, body=self.block(site.blocks[0]))
            case If() as stmt:
                return replace(stmt, then=self.block(site.blocks[0]), orelse=self.block(site.blocks[1]))
            case stmt:
                return stmt

    def added(self, sites: tuple[Site, ...], name: str) -> tuple[Site, str] | None:
        """Return the loop that adds a whole array to the zeros called `name`, and that array, if it may be adopted."""
        passed: list[Stmt] = []
        for site in sites:
            other = self.whole_sum(site.stmt, name)
            if other is not None:
                return (site, other) if self.may_adopt(name, other, site, passed) else None
            if not _only_adds(site.stmt, name):
                return None
            passed.append(site.stmt)
        return None

    def whole_sum(self, stmt: Stmt, name: str) -> str | None:
        """Return the array that a loop adds to all of another, element by element."""
        shape = self.context.made.get(name)
        indices: list[Expr] = []
        while isinstance(stmt, For) and shape is not None and len(indices) < len(shape):
            if len(stmt.body) != 1 or stmt.until is not None or stmt.parallel:
                return None
            if self.context.spans.get(stmt.index.name) != Span(whole(0), shape[len(indices)]):
                return None
            indices.append(stmt.index)
            stmt = stmt.body[0]
        match stmt:
            case Accum(Var(target), index, Call("getitem", (Var(other), *place))) if target == name != other:
                return other if list(index) == indices == place else None
            case _:
                return None

    def may_adopt(self, name: str, other: str, site: Site, passed: list[Stmt]) -> bool:
        cls = self.classes.get(other, other)
        members = {n for n, c in self.classes.items() if c == cls} | {other}
        # The zeros may be of the same class; by that name nobody finds the old memory any more.
        rivals = members - {name}
        mine, its = self.context.kinds.get(name), self.context.kinds.get(other)
        if cls not in self.owned or not is_array(mine) or not is_array(its) or mine != its:
            return False
        if rivals & self.facts.live_after(site):
            return False
        return not any(rivals.intersection(mentioned(inner)) for inner in statements(tuple(passed)))


def _only_adds(stmt: Stmt, name: str) -> bool:
    """Whether all that a statement does with an array is to add to elements of it."""
    for inner in statements((stmt,)):
        exprs = operands(inner)
        if isinstance(inner, Accum) and inner.target.name == name and inner.index:
            exprs = exprs[1:]
        elif isinstance(inner, Let | Store | Accum | Effect) and name in mentioned(inner):
            return False
        if any(name in names_in(expr) for expr in exprs):
            return False
    return True


def _owned(func: Func, classes: Mapping[str, str]) -> frozenset[str]:
    """Return the memory classes of which all memory is made in the function, and held by nothing but names."""
    foreign = {classes[p.name] for p in func.params if p.name in classes}
    for stmt in statements(func.body):
        match stmt:
            case Let(Var(name), value) if name in classes and not _is_own(value):
                foreign.add(classes[name])
            case Effect(Call("move")):
                pass
            case Effect(value):
                foreign |= {classes[name] for name in names_in(value) if name in classes}
            case _:
                pass
    return frozenset(classes.values()) - foreign


def _is_own(value: Expr) -> bool:
    if isinstance(value, Var):
        return True
    if not isinstance(value, Call) or value.prim in ("getitem", "item", "select", "pop", "tuple", "list"):
        return False
    return not spelling.is_view(value.prim) and not value.prim.startswith(("ref:", "helper.", "const:"))
