"""Loops that run backwards run forwards, if their iterations may come in any order."""

from __future__ import annotations

from dataclasses import replace

from adjoint.analysis.iterations import term
from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.written import shifted
from adjoint.ir import Block, For, Func, If, Lit, Stmt, While
from adjoint.ir.walk import bound, names_in, operands, statements, with_blocks, with_body
from adjoint.lower.accesses import Access, in_lockstep
from adjoint.lower.context import Context


def ascend(func: Func, context: Context) -> Func:
    """Turn `for i in range(n - 1, -1, -1)` into `for i in range(n)` where only the order of sums changes.

    So the backward sweep of a loop whose iterations depend on each other by sums only can be joined with the forward
    sweep. Such a loop adds to names and elements, writes elements that are its own in each iteration, and leaves
    nothing behind in other names.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     for i in range(n - 1, -1, -1):
    ...         t: float64 = sin(x[i])
    ...         x[i] = t * t
    ...         s += t
    ...     return s
    ... '''))
    >>> print(text(ascend(func, context)), end="")
    def f(x, n):
        s = 0.0
        for i in range(n):
            t = math.sin(x[i])
            x[i] = t * t
            s += t
        return s
    """
    if not any(_descends(stmt) for stmt in statements(func.body)):
        return func
    turner = _Turner(func, context)
    return with_body(func, turner.block(turner.facts.sites))


def _descends(stmt: Stmt) -> bool:
    return isinstance(stmt, For) and stmt.step == Lit(-1) and stmt.until is None and not stmt.parallel


class _Turner:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.facts: Liveness = liveness(func, classes={})
        classes = memory_classes(func)
        # Arrays made in an iteration are nobody else's, unless they have other names.
        self.shared = {name for pair in classes.items() if pair[0] != pair[1] for name in pair}
        self.accesses = context.accesses(func)

    def block(self, sites: tuple[Site, ...]) -> Block:
        return tuple(map(self.stmt, sites))

    def stmt(self, site: Site) -> Stmt:
        stmt = site.stmt
        turned = isinstance(stmt, For) and _descends(stmt) and self.in_any_order(stmt, site)
        match stmt:
            case For():
                stmt = with_blocks(stmt, self.block(site.blocks[0]))
                return _forwards(stmt) if turned else stmt
            case While():
                return with_blocks(stmt, self.block(site.blocks[0]))
            case If():
                return with_blocks(stmt, *map(self.block, site.blocks))
            case _:
                return stmt

    def in_any_order(self, loop: For, site: Site) -> bool:
        done = self.accesses.within(loop)
        if done.effect or loop.index.name in self.facts.live_after(site):
            return False
        carried = done.binds & done.exposed
        sums = {name for name in carried if _is_sum(loop, name)}
        if carried - sums or (done.binds - sums) & self.facts.live_after(site):
            return False
        outer = [access for access in done.accesses if access.name not in done.binds or access.name in self.shared]
        pairs = [(x, y) for k, x in enumerate(outer) for y in outer[k:]]
        return all(self.in_order(x, y, loop, done.binds) for x, y in pairs)

    def in_order(self, x: Access, y: Access, loop: For, moving: set[str]) -> bool:
        """Whether two accesses may come in any order, in different iterations."""
        if x.cls != y.cls or not (x.writes or y.writes) or x.adds and y.adds:
            return True
        if x.name != y.name or x.index is None or y.index is None:
            return False
        both, natural = (loop.index, loop.index), self.context.is_natural
        return any(in_lockstep(a, b, both, moving, natural) for a, b in zip(x.index, y.index, strict=True))


def _is_sum(loop: For, name: str) -> bool:
    """Whether all that a loop does with a name is to add to it."""
    for stmt in statements(loop.body):
        if term(stmt, name) is not None:
            continue
        if any(var.name == name for var in bound(stmt)) or any(name in names_in(expr) for expr in operands(stmt)):
            return False
    return True


def _forwards(loop: For) -> For:
    return replace(loop, start=shifted(loop.stop, 1), stop=shifted(loop.start, 1), step=Lit(1))
