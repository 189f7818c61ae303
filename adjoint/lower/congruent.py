"""Numbers that have the same value in all iterations of a loop are computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from adjoint.analysis.effects import is_pure
from adjoint.ir import Block, Call, Expr, For, Func, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import bound, map_blocks, names_in, statements, with_blocks, with_body
from adjoint.lower.accesses import Accesses
from adjoint.lower.context import Context
from adjoint.rules.numba_types import is_number


def congruent(func: Func, context: Context) -> Func:
    """Let loops hand on a number once that they hand on under two names.

    A loop that has been joined with its repetition has two of everything it adds up. They start with the same value,
    and if they have the same at the start of an iteration they have at its end: then the second one takes the value of
    the first. What it was computed from is dead; `reuse` and `eliminate` do the rest.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:]):
    ...     s: float64 = 0.0
    ...     r: float64 = 0.0
    ...     for i in range(dim(x, 0)):
    ...         t: float64 = s + x[i]
    ...         s = t * t
    ...         u: float64 = r + x[i]
    ...         r = u * u
    ...     return s * r
    ... ''')
    >>> print(text(congruent(func, Context.of(func))), end="")
    def f(x):
        s = 0.0
        r = 0.0
        for i in range(x.shape[0]):
            t = s + x[i]
            s = t * t
            u = r + x[i]
            r = s
        r = s
        return s * r
    """
    finder = _Finder(context.accesses(func))
    body = finder.block(func.body, _Values())
    return with_body(func, body)


@dataclass(slots=True)
class _Values:
    """Numbers for the values that names and memory have: equal ones are the same value, others may be."""

    names: dict[str, int] = field(default_factory=dict[str, int])
    memory: dict[str, int] = field(default_factory=dict[str, int])

    def copy(self) -> _Values:
        return _Values(dict(self.names), dict(self.memory))


class _Finder:
    def __init__(self, accesses: Accesses) -> None:
        self.accesses = accesses
        self.fresh: Iterator[int] = count()
        self.table: dict[Hashable, int] = {}

    def block(self, block: Block, values: _Values) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            same: dict[str, str] = {}
            if isinstance(stmt, For | While):
                same = self.same_in(stmt, values)
                stmt = with_blocks(stmt, _with_copies(stmt.body, same))
                self.change(stmt, values)
                stmt = with_blocks(stmt, self.block(stmt.body, values.copy()))
            else:
                stmt = map_blocks(stmt, lambda inner: self.block(inner, values.copy()))
                self.follow(stmt, values)
            out.append(stmt)
            for name, first in same.items():
                out.append(Let(Var(name), Var(first)))
                self.follow(out[-1], values)
        return tuple(out)

    def same_in(self, loop: For | While, values: _Values) -> dict[str, str]:
        """Return names that have the value of another one at the start of each iteration, and after the loop."""
        times = Counter(var.name for stmt in statements(loop.body) for var in bound(stmt))
        own = [stmt.target.name for stmt in loop.body if isinstance(stmt, Let)]
        own = [n for n in own if times[n] == 1 and n in values.names and is_number(self.accesses.kinds.get(n))]
        starts = {name: (values.names[name], str(self.accesses.kinds[name])) for name in own}
        parts: dict[Hashable, list[str]] = _groups(starts)
        while parts:
            inside = values.copy()
            self.change(loop, inside)
            for names in parts.values():
                inside.names |= dict.fromkeys(names, next(self.fresh))
            for stmt in loop.body:
                self.follow(stmt, inside)
            ends: dict[str, Hashable] = {n: (key, inside.names[n]) for key, names in parts.items() for n in names}
            finer = _groups(ends)
            if sum(map(len, finer.values())) == sum(map(len, parts.values())) and len(finer) == len(parts):
                return {name: names[0] for names in parts.values() for name in names[1:]}
            parts = finer
        return {}

    def follow(self, stmt: Stmt, values: _Values) -> None:
        """Note what a statement does to values."""
        value: int | None = None
        match stmt:
            # Arrays that are made alike are not the same memory.
            case Let(Var(name), value_of) if is_number(self.accesses.kinds.get(name)) or isinstance(value_of, Var):
                value = self.number(value_of, values)
            case _:
                pass
        self.change(stmt, values)
        if isinstance(stmt, Let) and value is not None:
            values.names[stmt.target.name] = value

    def change(self, stmt: Stmt, values: _Values) -> None:
        """Give new values to all that a statement may change."""
        done = self.accesses.of(stmt)
        values.names |= {name: next(self.fresh) for name in done.binds}
        values.memory |= {access.cls: next(self.fresh) for access in done.accesses if access.writes}

    def number(self, expr: Expr, values: _Values) -> int:
        match expr:
            case Var(name):
                if name not in values.names:
                    values.names[name] = next(self.fresh)
                return values.names[name]
            case Lit(value):
                key: Hashable = (type(value), repr(value))
            case Call(prim, args, kwargs, via) if is_pure(expr) and not prim.startswith(("ref:", "random.")):
                options = tuple((name, self.number(each, values)) for name, each in kwargs)
                read = {self.accesses.class_of(n) for n in names_in(expr) if not is_number(self.accesses.kinds.get(n))}
                memory = tuple((cls, values.memory.get(cls, -1)) for cls in sorted(read))
                key = (prim, via, tuple(self.number(each, values) for each in args), options, memory)
            case _:
                return next(self.fresh)
        return self.table.setdefault(key, next(self.fresh))


def _groups(keys: Mapping[str, Hashable]) -> dict[Hashable, list[str]]:
    """Return the names that have the same key, if there are two."""
    found: dict[Hashable, list[str]] = {}
    for name, key in keys.items():
        found.setdefault(key, []).append(name)
    return {key: names for key, names in found.items() if len(names) > 1}


def _with_copies(body: Block, same: Mapping[str, str]) -> Block:
    return tuple(
        replace(stmt, value=Var(same[stmt.target.name])) if isinstance(stmt, Let) and stmt.target.name in same else stmt
        for stmt in body
    )
