"""What has been computed in a block is not computed again: the backward sweep, once joined, finds it all there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from adjoint.analysis.effects import is_pure
from adjoint.ir import Block, Call, Expr, For, Func, If, Let, Stmt, Var, While
from adjoint.ir.walk import map_expr, map_operands, names_in, subexpressions, with_blocks, with_body
from adjoint.lower.accesses import Summary
from adjoint.lower.context import Context
from adjoint.rules.numba_types import is_number

MOST = 4  # conditions of which it is remembered what their branches have computed


def reuse(func: Func, context: Context, *, branches: bool = False, names: bool = True) -> Func:
    """Replace scalar expressions by names that hold their values already.

    A name stands for the expression it was bound to until it is bound again, or anything the expression reads changes.
    With `branches`, what a branch has computed is known in later branches on the same condition. Whoever doesn't look
    at conditions can't tell any more that it has been computed. Without `names`, expressions stay, but for those of
    names that hold them already.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], y: float64[:]):
    ...     for i in range(dim(x, 0)):
    ...         t: float64 = sin(x[i])
    ...         y[i] = t * t
    ...         t = sin(x[i])
    ...         u: float64 = sin(x[i])
    ...         x[i] = u * y[i]
    ...         y[i] = sin(x[i])
    ... ''')
    >>> print(text(reuse(before, Context.of(before))), end="")
    def f(x, y):
        for i in range(x.shape[0]):
            t = math.sin(x[i])
            y[i] = t * t
            u = t
            x[i] = t * y[i]
            y[i] = math.sin(x[i])
    """
    return with_body(func, _Reuser(func, context, branches, names).block(func.body, _Known()))


_S = TypeVar("_S", bound=Stmt)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A name that holds a value, what the value rests on (names, and memory classes), and when that was learnt."""

    name: str
    rests: frozenset[str | tuple[str]]
    time: int


@dataclass(slots=True)
class _Known:
    """Which name holds the value of an expression, and which names are copies of others.

    What is known holds until something that it rests on is changed: `changed` has when that was last. `branches` has
    what is known besides where a condition holds, and where it doesn't: what the branches have computed that it
    decided before.
    """

    facts: dict[Expr, _Fact] = field(default_factory=dict[Expr, _Fact])
    changed: dict[str | tuple[str], int] = field(default_factory=dict[str | tuple[str], int])
    time: int = 0
    branches: dict[Expr, tuple[_Known, _Known]] = field(default_factory=dict[Expr, "tuple[_Known, _Known]"])

    def learn(self, value: Expr, name: str, rests: frozenset[str | tuple[str]]) -> None:
        self.facts[value] = _Fact(name, rests, self.time)

    def name(self, value: Expr) -> str | None:
        """Return the name that holds a value."""
        fact = self.facts.get(value)
        return fact.name if fact is not None and self.holds(fact) else None

    def holds(self, fact: _Fact) -> bool:
        return all(self.changed.get(each, 0) <= fact.time for each in fact.rests)

    def forget(self, changed: Iterable[str | tuple[str]]) -> None:
        self.time += 1
        self.changed.update(dict.fromkeys(changed, self.time))

    def copy(self) -> _Known:
        branches = {cond: (then.copy(), orelse.copy()) for cond, (then, orelse) in self.branches.items()}
        return _Known(dict(self.facts), dict(self.changed), self.time, branches)

    def within(self, cond: Expr) -> tuple[_Known, _Known]:
        """Return what is known where a condition holds, and where it doesn't."""
        arms = self.copy(), self.copy()
        for arm, more in zip(arms, self.branches.get(cond, ()), strict=False):
            for value, fact in more.facts.items():
                if more.holds(fact) and arm.name(value) is None:
                    arm.learn(value, fact.name, fact.rests)
        return arms


class _Reuser:
    def __init__(self, func: Func, context: Context, branches: bool, names: bool) -> None:
        self.kinds = context.kinds
        self.branches = branches
        self.names = names
        self.accesses = context.accesses(func)

    def block(self, block: Block, known: _Known) -> Block:
        done = (self.stmt(stmt, known) for stmt in block)
        return tuple(stmt for stmt in done if stmt is not None)

    def stmt(self, stmt: Stmt, known: _Known) -> Stmt | None:
        summary = self.accesses.of(stmt)
        match stmt:
            case For() | While():
                if isinstance(stmt, For):
                    stmt = self.reading(stmt, known)
                self.forget(summary, known)
                return with_blocks(stmt, self.block(stmt.body, known.copy()))
            case If():
                stmt = self.reading(stmt, known)
                arms = known.within(stmt.cond)
                then, orelse = self.block(stmt.then, arms[0]), self.block(stmt.orelse, arms[1])
                self.forget(summary, known)
                if self.branches and self.is_lasting(stmt.cond, summary) and len(known.branches) < MOST:
                    known.branches[stmt.cond] = arms
                    arms[0].branches, arms[1].branches = {}, {}
                return with_blocks(stmt, then, orelse)
            case Let(target):
                new = self.reading(stmt, known)
                if self.holds(target, new.value, known):
                    return None
                self.forget(summary, known)
                self.learn(new, known)
                return new
            case _:
                new = self.reading(stmt, known)
                self.forget(summary, known)
                return new

    def holds(self, target: Var, value: Expr, known: _Known) -> bool:
        """Whether a name has a value already."""
        same = known.name(target)
        return value == target or known.name(value) == target.name or same is not None and value == Var(same)

    def is_lasting(self, cond: Expr, summary: Summary) -> bool:
        """Whether a condition on numbers is the same after the branches that it decides."""
        return all(map(self.is_number, names_in(cond))) and summary.binds.isdisjoint(names_in(cond)) and is_pure(cond)

    def learn(self, stmt: Let, known: _Known) -> None:
        name, value = stmt.target.name, stmt.value
        if not self.is_number(name) or name in names_in(value):
            return
        if isinstance(value, Var):
            known.learn(stmt.target, value.name, frozenset((name, value.name)))
        elif isinstance(value, Call) and self.is_repeatable(value):
            classes = ((self.accesses.class_of(n),) for n in value.names)
            known.learn(value, name, frozenset((name, *value.names, *classes)))

    def is_number(self, name: str) -> bool:
        kind = self.kinds.get(name)
        return kind is not None and is_number(kind)

    def is_repeatable(self, value: Call) -> bool:
        calls = (part for part in subexpressions(value) if isinstance(part, Call))
        return is_pure(value) and not any(call.prim.startswith(("ref:", "random.")) for call in calls)

    def reading(self, stmt: _S, known: _Known) -> _S:
        if not self.names:
            return stmt
        return cast(_S, map_operands(stmt, lambda expr: map_expr(expr, lambda node: self.known(node, known))))

    def known(self, expr: Expr, known: _Known) -> Expr:
        name = known.name(expr) if isinstance(expr, Var | Call) else None
        return expr if name is None else Var(name)

    def forget(self, summary: Summary, known: _Known) -> None:
        """Forget what names or elements that are changed had to do with."""
        bound = summary.binds
        known.forget(bound | {(access.cls,) for access in summary.accesses if access.writes})
        for cond in [cond for cond in known.branches if not bound.isdisjoint(names_in(cond))]:
            del known.branches[cond]
        for arms in known.branches.values():
            for arm in arms:
                self.forget(summary, arm)
