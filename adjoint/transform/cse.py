"""Compute the same scalar function of the same values only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from adjoint.analysis.effects import binds_of, is_pure
from adjoint.analysis.sharing import holds_memory
from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Stmt, Var, While
from adjoint.ir.walk import map_expr, map_operands, names_in, statements, subexpressions

# Worth a name of their own; the rest costs less than the reader's attention, and LLVM shares it anyway.
COSTLY = frozenset("""
    div pow sqrt cbrt hypot exp exp2 expm1 log log2 log10 log1p logaddexp
    sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc gamma lgamma
""".split())


def share(func: Func) -> Func:
    """Return an imperative program that reads a scalar again instead of computing it again.

    Only costly primitives of typed scalars are shared, from the statement `t = f(x, …)` to those it dominates, as long
    as neither `t` nor `x` is bound again.

    >>> from tests.ir_text import parse
    >>> from adjoint.ir.dump import dump
    >>> before = parse('''
    ... def f(x, y_bar):
    ...     y = exp(x)
    ...     x_bar = exp(x) * y_bar
    ...     return x_bar + y
    ... ''', default="float64")
    >>> print(dump(share(before)), end="")
    func f(x, y_bar)
        y = exp(x)
        x_bar = mul(y, y_bar)
        return add(x_bar, y)
    """
    return replace(func, body=_Sharer(func).block(func.body, _Known()))

_S = TypeVar("_S", bound=Stmt)


@dataclass(eq=False)
class _Known:
    """What has been computed so far: `name[e]` holds the value of `e`, `users[x]` are the `e` with `x` in them."""

    name: dict[Call, str] = field(default_factory=dict[Call, str])
    users: dict[str, tuple[Call, ...]] = field(default_factory=dict[str, tuple[Call, ...]])

    def copy(self) -> _Known:
        return _Known(dict(self.name), dict(self.users))

    def learn(self, name: str, value: Call) -> None:
        self.name[value] = name
        for involved in dict.fromkeys((name, *names_in(value))):
            self.users[involved] = (*self.users.get(involved, ()), value)

    def forget(self, name: str) -> None:
        for value in self.users.pop(name, ()):
            self.name.pop(value, None)


class _Sharer:
    def __init__(self, func: Func) -> None:
        self.func = func

    def block(self, block: Block, known: _Known) -> Block:
        return tuple(self.stmt(stmt, known) for stmt in block)

    def stmt(self, stmt: Stmt, known: _Known) -> Stmt:
        match stmt:
            case For() | While():
                stmt = self.reading(stmt, known) if isinstance(stmt, For) else stmt
                self.forget(stmt, known)
                return replace(stmt, body=self.block(stmt.body, known.copy()))
            case If():
                stmt = self.reading(stmt, known)
                done = replace(
                    stmt, then=self.block(stmt.then, known.copy()), orelse=self.block(stmt.orelse, known.copy())
                )
                self.forget(stmt, known)
                return done
            case Effect(Call("move")):
                self.forget(stmt, known)
                return stmt
            case _:
                stmt = self.reading(stmt, known)
                self.forget(stmt, known)
                if isinstance(stmt, Let) and isinstance(stmt.value, Call) and self.is_shared(stmt, stmt.value):
                    known.learn(stmt.target.name, stmt.value)
                return stmt

    def forget(self, stmt: Stmt, known: _Known) -> None:
        for inner in statements((stmt,)):
            for name in binds_of(inner, self.func):
                known.forget(name)

    def is_shared(self, stmt: Let, value: Call) -> bool:
        names = (stmt.target.name, *names_in(value))
        if value.prim not in COSTLY or stmt.target.name in names[1:] or not is_pure(value):
            return False
        if any(isinstance(part, Call) and part.prim.startswith(("ref:", "helper.")) for part in subexpressions(value)):
            return False
        return all(self.is_scalar(name) for name in names)

    def is_scalar(self, name: str) -> bool:
        return name in self.func.types and not holds_memory(self.func.types[name])

    def reading(self, stmt: _S, known: _Known) -> _S:
        done = map_operands(stmt, lambda expr: _reuse(expr, known.name)) if known.name else stmt
        return cast(_S, done)


def _reuse(expr: Expr, known: Mapping[Call, str]) -> Expr:
    return map_expr(expr, lambda node: Var(known[node]) if isinstance(node, Call) and node in known else node)
