"""Which statements share a loop in the compiled program, and which are no loop: facts for `explain`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from adjoint.errors import Loc
from adjoint.ir import Block, Call, Comment, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Var, While
from adjoint.ir.walk import blocks, operands, statements, subexpressions, substitute
from adjoint.lower.guards import is_guard
from adjoint.rules import spelling
from adjoint.rules.numba_types import is_array


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over elements, made of array statements of the user's and their adjoints, at `places`.

    `count` is how often it runs. `apart` says why it is not one with the loop before, if there is one in the same
    block.
    """

    count: Expr | None
    places: tuple[Loc, ...]
    apart: str = ""


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop the user wrote, or its adjoint, and what is in it."""

    loc: Loc | None
    inside: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A function of arrays that stays a call."""

    prim: str
    loc: Loc | None


Fact = Loop | Nest | Kept


def loops(func: Func, own: Collection[Loc]) -> tuple[Fact, ...]:
    """Return the loops over arrays of a program that `lower` made, in its order, and the calls that are left.

    `own` are the places of the user's loops.
    """
    return tuple(_Finder(func, frozenset(own), _definitions(func)).facts(func.body))


@dataclass(frozen=True, slots=True)
class _Finder:
    func: Func
    own: frozenset[Loc]
    definitions: Mapping[str, Expr]

    def facts(self, block: Block) -> Iterator[Fact]:
        last: Loop | None = None
        for stmt in block:
            match stmt:
                case For() | While() if self.is_own(stmt):
                    yield Nest(stmt.loc, tuple(self.facts(stmt.body)))
                    last = None
                case For() | While():
                    last = self.loop(stmt, last)
                    yield last
                case If() if not is_guard(stmt):
                    yield from (fact for inner in blocks(stmt) for fact in self.facts(inner))
                case _:
                    yield from _kept(stmt, self.func)

    def is_own(self, loop: For | While) -> bool:
        return loop.loc is not None and replace(loop.loc, role="") in self.own

    def loop(self, stmt: For | While, last: Loop | None) -> Loop:
        found = (cast("Loc | None", getattr(inner, "loc", None)) for inner in statements((stmt,)))
        places = dict.fromkeys(loc for loc in found if loc is not None)
        count = None
        if isinstance(stmt, For) and stmt.start == Lit(0) and stmt.step == Lit(1):
            count = substitute(stmt.stop, self.definitions)
        apart = ""
        if last is not None:
            same = last.count is not None and last.count == count
            apart = "it needs all of that, or changes what that reads" if same else "it runs over another size"
        return Loop(count, tuple(places), apart)


def _definitions(func: Func) -> dict[str, Expr]:
    """Return what the names of lengths stand for."""
    found: dict[str, Expr] = {}
    for stmt in statements(func.body):
        match stmt:
            case Let(Var(name), Call("dim", (Var(), Lit())) as value) if name not in func.hints:
                found[name] = value
            case _:
                pass
    return found


def _kept(stmt: Stmt, func: Func) -> Iterator[Kept]:
    if isinstance(stmt, Comment | Return | Effect):
        return
    parts = [part for top in operands(stmt) for part in subexpressions(top)]
    prims = [part.prim for part in parts if isinstance(part, Call) and _works_on_arrays(part, func)]
    for prim in dict.fromkeys(prims):
        yield Kept(prim, getattr(stmt, "loc", None))


def _works_on_arrays(call: Call, func: Func) -> bool:
    if call.prim in _NO_WORK or spelling.is_view(call.prim) or spelling.allocates(call.prim):
        return False
    return any(isinstance(arg, Var) and is_array(func.types.get(arg.name)) for arg in call.args)


_NO_WORK = frozenset("dim shape size ndim len copy tuple list getitem item".split())
