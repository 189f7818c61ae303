"""Read a value under one name: forward copies, and give a temporary the user's name it is copied to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from numba import types as nb

from adjoint.analysis.effects import binds_of
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    map_blocks,
    map_expr,
    map_operands,
    names_in,
    remembered,
    statements,
    statements_of,
    substitute,
    with_body,
)
from adjoint.transform.coalesce import adopt
from adjoint.transform.given_back import drop_given_back
from adjoint.transform.hints import all_hints, hint_of

_PLAIN = (Lit(0), Lit(1), Lit(0.0), Lit(1.0))
_SUMS = frozenset(("add", "sub"))
_LITERAL_TYPES: Mapping[type, object] = {bool: nb.boolean, int: nb.int64, float: nb.float64, complex: nb.complex128}

_S = TypeVar("_S", bound=Stmt)


@remembered
def propagate(func: Func) -> Func:
    """Return an imperative program that reads copies under the name of what they copy.

    After `x = y`, reads of `x` become reads of `y` until one of them is bound again; after `x = 1.0`, they become the
    literal. Where a temporary (a name without a hint) is copied to a user's name, the user's name wins: the temporary
    is computed into it, or else read from it. A user's name for a literal stays (`dt = 0.01`), unless the literal is a
    word or plain 0 or 1. Names of different types are kept apart. The copies themselves stay, for `dce` to remove.

    >>> from tests.ir_text import parse
    >>> from adjoint.ir.dump import dump
    >>> from adjoint.transform.dce import eliminate
    >>> before = parse('''
    ... def f(a: float64[:], n: int64):
    ...     b: float64[:] = a
    ...     _1: float64 = b[0] * 2.0
    ...     x: float64 = _1
    ...     seed: float64 = 1.0
    ...     return x + seed
    ... ''')
    >>> print(dump(eliminate(propagate(before))), end="")
    func f(a, n)
        x = mul(getitem(a, 0), 2.0)
        return add(x, 1.0)
    """
    func = adopt(drop_given_back(func))
    return with_body(func, _Propagator(func).block(func.body, _Copies()))


def _bind_counts(func: Func) -> Counter[str]:
    """Count the statements that bind each name; a parameter counts as bound."""
    params = [param.name for param in func.params]
    return Counter(params + [name for stmt in statements_of(func) for name in binds_of(stmt, func)])


@dataclass(eq=False)
class _Copies:
    """What is known at one point: `value[x]` is what `x` is a copy of, `holders[y]` are the copies of `y`."""

    value: dict[str, Expr] = field(default_factory=dict[str, Expr])
    holders: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def copy(self) -> _Copies:
        return _Copies(dict(self.value), dict(self.holders))

    def learn(self, name: str, value: Expr) -> None:
        """Record that `name` is a copy of a literal, or of a name that is itself no copy."""
        self.value[name] = value
        for read in names_in(value):
            self.holders[read] = (*self.holders.get(read, ()), name)

    def forget(self, name: str) -> None:
        """Drop what depends on a name that is bound again."""
        self.value.pop(name, None)
        for holder in self.holders.pop(name, ()):
            if name in names_in(self.value.get(holder)):
                del self.value[holder]

    def in_both(self, other: _Copies) -> _Copies:
        """Return what holds here and there."""
        common = _Copies()
        for name, value in self.value.items():
            if other.value.get(name) == value:
                common.learn(name, value)
        return common


class _Propagator:
    """The forward walk. What a loop's body binds is forgotten before the loop, so no fact crosses its back edge."""

    def __init__(self, func: Func) -> None:
        self.func = func
        self.hints = all_hints(func)
        self.counts = _bind_counts(func)

    def block(self, block: Block, known: _Copies) -> Block:
        """Rewrite a block, updating what is known."""
        return tuple(self.stmt(stmt, known) for stmt in block)

    def stmt(self, stmt: Stmt, known: _Copies) -> Stmt:
        match stmt:
            case For() | While():
                return self.loop(stmt, known)
            case If():
                stmt = self.reading(stmt, known)
                other = known.copy()
                facts = iter((known, other))
                stmt = map_blocks(stmt, lambda block: self.block(block, next(facts)))
                both = known.in_both(other)
                known.value, known.holders = both.value, both.holders
                return stmt
            case Effect(Call("move", (targets, values))):
                read = self.expr(values, known)
                done = stmt if read is values else replace(stmt, value=replace(stmt.value, args=(targets, read)))
                self.bind(done, known)
                return done
            case _:
                stmt = self.reading(stmt, known)
                self.bind(stmt, known)
                if isinstance(stmt, Let):
                    self.learn(stmt, known)
                return stmt

    def loop(self, stmt: For | While, known: _Copies) -> Stmt:
        if isinstance(stmt, For):  # its bounds are read once, before anything changes
            stmt = self.reading(stmt, known)
            known.forget(stmt.index.name)
        for inner in statements(stmt.body):
            self.bind(inner, known)
        if isinstance(stmt, While):
            stmt = self.reading(stmt, known)
        return map_blocks(stmt, lambda block: self.block(block, known.copy()))

    def bind(self, stmt: Stmt, known: _Copies) -> None:
        for name in binds_of(stmt, self.func):
            known.forget(name)

    def learn(self, stmt: Let, known: _Copies) -> None:
        name = stmt.target.name
        match stmt.value:
            case Lit() if self.may_inline(name, stmt.value):
                known.learn(name, stmt.value)
            case Var(source) if source != name and self.same_type(name, source):
                if self.is_temporary(source) and not self.is_temporary(name):
                    known.learn(source, stmt.target)
                else:
                    known.learn(name, stmt.value)
            case Call() if self.is_temporary(name) and self.is_position(name, stmt.value):
                known.learn(name, stmt.value)
            case _:
                pass

    def is_position(self, name: str, value: Call) -> bool:
        """Whether an expression is as good as a name: an index and a constant, or the length of an array."""
        if not isinstance(self.func.types.get(name), nb.Integer):
            return False
        match value:
            case Call("add" | "sub", (Var(base), Lit(int()))):
                return isinstance(self.func.types.get(base), nb.Integer)
            case Call("dim", (Var(), Lit())):
                return True
            case _:
                return False

    def is_temporary(self, name: str) -> bool:
        return hint_of(name, self.hints) is None

    def same_type(self, name: str, source: str) -> bool:
        """Say whether a copy and its source have the same type; a name bound only once has the type of its value."""
        kinds = (self.func.types.get(name), self.func.types.get(source))
        return kinds[0] == kinds[1] if None not in kinds else self.counts[name] == 1

    def may_inline(self, name: str, value: Lit) -> bool:
        """Say whether a literal may stand for a name: it has the name's type, and the name says no more than it."""
        if not self.is_temporary(name) and value not in _PLAIN and not isinstance(value.value, str | bool | None):
            return False
        kind = self.func.types.get(name)
        return self.counts[name] == 1 if kind is None else kind == _LITERAL_TYPES.get(type(value.value), kind)

    def reading(self, stmt: _S, known: _Copies) -> _S:
        """Replace what a statement itself reads; `until`, which is read later, stays."""
        done = map_operands(stmt, lambda expr: self.expr(expr, known))
        match done:
            case Store(array) if (base := self.reference(array, known)) is not array:
                done = replace(done, array=base)
            case Accum(target) if done.index or isinstance(self.func.types.get(target.name), nb.Array):
                base = self.reference(target, known)
                done = done if base is target else replace(done, target=base)
            case _:
                pass
        return cast(_S, done)

    def expr(self, expr: Expr, known: _Copies) -> Expr:
        if not known.value:
            return expr
        expr = substitute(expr, known.value)
        return map_expr(expr, self.folded) if isinstance(expr, Call) and not _SUMS.isdisjoint(expr.prims) else expr

    def folded(self, expr: Expr) -> Expr:
        """Add up the constants of an index: `i + 2 - 1` is `i + 1`."""
        match expr:
            case Call("add" | "sub" as outer, (Call("add" | "sub" as inner, (Var(base), Lit(int(a)))), Lit(int(b)))):
                if not isinstance(self.func.types.get(base), nb.Integer):
                    return expr
                total = (a if inner == "add" else -a) + (b if outer == "add" else -b)
                if total == 0:
                    return Var(base)
                return Call("add" if total > 0 else "sub", (Var(base), Lit(abs(total))))
            case _:
                return expr

    def reference(self, array: Var, known: _Copies) -> Var:
        value = known.value.get(array.name)
        return value if isinstance(value, Var) else array
