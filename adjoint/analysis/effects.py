"""What the statements of an imperative program read, bind and write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from adjoint.ir import Accum, Call, Comment, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, operands, remembered, subexpressions
from adjoint.rules import spelling
from adjoint.rules.kernels import ATOMIC_ADD, FORGET, is_barrier
from adjoint.rules.numba_types import is_array

_SHAPE_OF_FIRST = frozenset("dim shape size ndim zeros_like ones_like empty_like full_like".split())
_LIST_METHODS = frozenset("append pop clear extend insert remove reverse".split())
_WHOLE = (Lit(...),)


class Action(NamedTuple):
    """One indivisible effect of a statement. Only a `move` has several, and these happen at the same time.

    `inspects`, `changes` and `replaces` name arrays and lists (or anything else that may be one) whose contents are
    read, changed, or forgotten entirely; `copies` is the name that a plain copy `binds` another name to.
    An action that is `required` is made for more than what it binds and changes.
    """

    binds: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    inspects: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    copies: str | None = None
    required: bool = False


def actions(stmt: Stmt, func: Func) -> tuple[Action, ...]:
    """Return what a statement does; loops and branches: what evaluating their bounds or condition does."""
    if isinstance(stmt, Accum) and not stmt.index and not is_array(func.types.get(stmt.target.name)):
        name = stmt.target.name
        return (_evaluate(stmt.target, stmt.value, binds=(name,), changes=(name,)),)
    return _actions(stmt)


@remembered
def _actions(stmt: Stmt) -> tuple[Action, ...]:
    """Return what a statement does, an `Accum` to memory."""
    match stmt:
        case Let(target, value):
            return (_let(target.name, value),)
        case Store(array, index, value):
            replaces = (array.name,) if index == _WHOLE else ()
            return (_evaluate(*index, value, reads=(array.name,), changes=(array.name,), replaces=replaces),)
        case Accum(target, index, value):
            return (_evaluate(target, *index, value, changes=(target.name,)),)
        case Effect(Call("move", (Call(args=targets), Call(args=values)))):
            return tuple(_let(name, v) for t, v in zip(targets, values, strict=True) for name in names_in(t))
        case Effect(value):
            return (_effect(value),)
        case Return(value):
            return (Action(reads=(names := tuple(names_in(value))), inspects=names, required=True),)
        case For(start=start, stop=stop, step=step):
            return (_evaluate(start, stop, step),)
        case While(cond) | If(cond):
            return (_evaluate(cond),)
        case Comment():
            return ()


def observed(*exprs: Expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that expressions read, and those whose contents they may read too."""
    names = names_in(exprs[0]) if len(exprs) == 1 else tuple(chain.from_iterable(map(names_in, exprs)))
    if not any(isinstance(expr, Call) and _traits(expr.prims).sizes for expr in exprs):
        return names, names
    return names, tuple(name for expr in exprs for name in _inspected(expr))


class _Traits(NamedTuple):
    """Whether any of some primitives asks for sizes alone, draws a random number, or changes what it is given."""

    sizes: bool
    random: bool
    mutates: bool


@lru_cache(4096)
def _traits(prims: frozenset[str]) -> _Traits:
    random = any(prim.startswith("random.") for prim in prims)
    return _Traits(not _SHAPE_OF_FIRST.isdisjoint(prims), random, any(map(spelling.mutates, prims)))


def is_random(value: Expr) -> bool:
    """Say whether evaluating an expression advances a random generator."""
    return isinstance(value, Call) and _traits(value.prims).random


def is_pure(value: Expr) -> bool:
    """Say whether an expression changes nothing. Opaque calls count as pure when their value is used."""
    return not is_random(value) and not changed_by(value)


def changed_by(value: Expr) -> tuple[str, ...]:
    """Return the names of lists and arrays that evaluating an expression changes."""
    if not isinstance(value, Call) or not _traits(value.prims).mutates:
        return ()
    calls = (part for part in subexpressions(value) if isinstance(part, Call) and spelling.mutates(part.prim))
    return tuple(name for call in calls for arg in call.args[:1] for name in names_in(arg))


def _inspected(expr: Expr) -> Iterator[str]:
    if not isinstance(expr, Call) or _SHAPE_OF_FIRST.isdisjoint(expr.prims):
        yield from names_in(expr)
        return
    skip = 1 if expr.prim in _SHAPE_OF_FIRST and isinstance(expr.args[0], Var) else 0
    for arg in (*expr.args[skip:], *(value for _, value in expr.kwargs)):
        yield from _inspected(arg)


def _let(target: str, value: Expr) -> Action:
    if isinstance(value, Var):
        return Action((target,), reads=(value.name,), copies=value.name)
    return _evaluate(value, binds=(target,), replaces=(target,))


def _evaluate(
    *exprs: Expr,
    binds: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    changes: tuple[str, ...] = (),
    replaces: tuple[str, ...] = (),
) -> Action:
    names, inspects = observed(*exprs)
    required = any(map(is_random, exprs))
    for expr in exprs:
        changes += changed_by(expr)
    return Action(binds, reads + names, inspects, changes, replaces, required=required)


def _effect(value: Call) -> Action:
    everything = tuple(names_in(value))
    if value.prim == ATOMIC_ADD:
        return Action(reads=everything, inspects=everything, changes=everything[:1])
    if value.prim == FORGET:
        return Action(reads=everything, changes=everything, replaces=everything)
    if is_barrier(value):  # others write, it reads nothing
        return Action(changes=everything, required=True)
    if value.prim in _LIST_METHODS or spelling.mutates(value.prim):
        first = tuple(name for arg in value.args[:1] for name in names_in(arg))
        return Action(reads=everything, inspects=everything, changes=first, required=is_random(value))
    # Helpers are ours and do nothing but write into their arguments; all else may do anything.
    required = not value.prim.startswith("helper.")
    return Action(reads=everything, inspects=everything, changes=everything, required=required)


def reads_of(stmt: Stmt) -> Iterator[str]:
    """Yield the names that a statement itself reads, with repetitions; the targets of a `move` are not read."""
    if isinstance(stmt, Effect) and stmt.value.prim == "move":
        yield from names_in(stmt.value.args[1])
    else:
        for expr in operands(stmt):
            yield from names_in(expr)


def binds_of(stmt: Stmt, func: Func) -> tuple[str, ...]:
    """Return the names that a statement itself binds again, loop indices included."""
    if isinstance(stmt, For):
        return (stmt.index.name,)
    if isinstance(stmt, Let):
        return (stmt.target.name,)
    return tuple(name for action in actions(stmt, func) for name in action.binds)
