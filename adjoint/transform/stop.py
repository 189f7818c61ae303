"""Backward loops end where a selection has made zero what all that is left would be multiples of.

The adjoint of a loop with `nearest = min(nearest, distance)` hands one cotangent on from iteration to iteration. Before
the iteration that found the least value there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from numba import types as nb

from adjoint.analysis.effects import is_pure
from adjoint.analysis.liveness import Site
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import bound, mentioned, names_in, statements, subexpressions, with_blocks
from adjoint.transform.skip import ALWAYS, MOST, NEVER, Skipper, has_zero, is_zero


def stop(func: Func) -> Func:
    """Return an imperative program in which such loops are left early.

    The test is that of the selection, as in `skip`. A loop qualifies if it does nothing but add multiples of a number
    that it carries, and that one iteration after the other multiplies or selects; after the loop nothing else of it is
    read.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], least: float64[:], x_bar: float64[:], b: float64):
    ...     for i in range(dim(x, 0) - 1, -1, -1):
    ...         y: float64 = least[i]
    ...         t: float64 = x[i]
    ...         x_bar[i] += select(t < y, b, 0.0)
    ...         b = select(y < t, b, 0.0)
    ...     return x_bar
    ... ''')
    >>> print(text(stop(func)), end="")
    def f(x, least, x_bar, b):
        for i in range(x.shape[0] - 1, -1, -1):
            y = least[i]
            t = x[i]
            x_bar[i] += b if t < y else 0.0
            b = b if y < t else 0.0
            if not y < t:
                break
        return x_bar
    """
    if not any(isinstance(s, Let) and has_zero(s.value) for s in statements(func.body)):
        return func
    stopper = _Stopper(func)
    body = stopper.all(stopper.facts.sites)
    if not stopper.flags:
        return func
    return replace(func, body=body, types={**func.types, **dict.fromkeys(stopper.flags, nb.boolean)})


class _Stopper(Skipper):
    def __init__(self, func: Func) -> None:
        super().__init__(func)
        self.taken = {*func.types, *(p.name for p in func.params), func.name}
        self.taken |= {name for stmt in statements(func.body) for name in mentioned(stmt)}
        self.flags: list[str] = []

    def all(self, sites: Sequence[Site]) -> Block:
        return tuple(stmt for site in sites for stmt in self.changed(site))

    def changed(self, site: Site) -> list[Stmt]:
        stmt = site.stmt
        match stmt:
            case For():
                unless = self.carried_unless(stmt, site)
                body = self.all(site.blocks[0])
                if unless is None:
                    return [with_blocks(stmt, body)]
                flag = self.fresh()
                end = Let(flag, Call("not", (unless,)))
                return [Let(flag, Lit(False)), replace(stmt, body=(*body, end), until=flag)]
            case While():
                return [with_blocks(stmt, self.all(site.blocks[0]))]
            case If():
                return [with_blocks(stmt, *map(self.all, site.blocks))]
            case _:
                return [stmt]

    def fresh(self) -> Var:
        number = len(self.flags)
        while (name := f"done_{number}" if number else "done") in self.taken:
            number += 1
        self.taken.add(name)
        self.flags.append(name)
        return Var(name)

    def carried_unless(self, loop: For, site: Site) -> Expr | None:
        """Return the condition without which no iteration after this one has anything to do."""
        if loop.until is not None or loop.parallel:
            return None
        for place, stmt in enumerate(loop.body):
            if not isinstance(stmt, Let) or not isinstance(self.types.get(stmt.target.name), nb.Float):
                continue
            name, unless = stmt.target.name, self.unless(stmt.value, {})
            if unless in (ALWAYS, NEVER) or len(list(subexpressions(unless))) > MOST or self.memory_of(unless):
                continue
            # What is selected must be what the iteration leaves, and the condition must be what it was by then.
            later = {var.name for each in statements(loop.body[place + 1 :]) for var in _changed(each)}
            kept = name not in names_in(unless) and later.isdisjoint((name, *names_in(unless)))
            if kept and self.ends_with(name, loop, site):
                return unless
        return None

    def ends_with(self, name: str, loop: For, site: Site) -> bool:
        """Whether a loop only adds multiples of what it finds in a name, in which it leaves one."""
        inner = list(statements(loop.body))
        live = self.facts.live_after(site) - {name}
        if not self.facts.start[site.position] >> self.facts.names[name] & 1 or loop.index.name in live:
            return False
        values: dict[str, list[Expr]] = {}
        for stmt in inner:
            match stmt:
                case Let(Var(own), value) if is_pure(value) and own not in live:
                    values.setdefault(own, []).append(value)
                case For(Var(own)) if own not in live:
                    pass
                case Accum(Var(own)) if own != name:
                    pass
                case If() | Comment():
                    pass
                case _:
                    return False
        start = self.facts.start[site.position]
        zero = {own for own in values if not start >> self.facts.names[own] & 1} | {name}
        while wrong := {own for own in zero if not all(is_zero(value, zero) for value in values[own])}:
            zero -= wrong
        return name in zero and all(is_zero(s.value, zero) for s in inner if isinstance(s, Accum))


def _changed(stmt: Stmt) -> tuple[Var, ...]:
    return (*bound(stmt), stmt.target) if isinstance(stmt, Accum) else bound(stmt)
