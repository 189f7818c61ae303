"""Runs SSA programs in plain Python, statement by statement: the meaning of the IR, written down once more.

It is strict. A name bound twice in one iteration, a merge or carry that reads an unbound name where the program
goes on to use it, and a loop that doesn't honour `until` all fail here.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import types

from adjoint.ir import Block, Call, Comment, Effect, Expr, For, Func, If, Let, Lit, Return, Store, Var, While
from adjoint.rules.spelling import python_callable


class Stopped(Exception):
    """The program raised."""


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


_UNBOUND = object()


def run(func: Func, args: Mapping[str, Any]) -> Any:
    """Return what a program returns for these arguments, by parameter name."""
    machine = _Machine(func)
    for name, tree in func.inputs or [(param.name, param.name) for param in func.params]:
        if name in args:
            machine.take_apart(args[name], tree)
    try:
        machine.block(func.body)
    except _Returned as returned:
        return returned.value
    raise AssertionError("the program has no return")


class _Machine:
    def __init__(self, func: Func) -> None:
        self.func = func
        self.env: dict[str, Any] = {}

    def take_apart(self, value: Any, tree: Any) -> None:
        """Bind the leaves of an argument."""
        if isinstance(tree, str):
            self.env[tree] = value
        for part, inner in zip(value, tree, strict=True) if isinstance(tree, tuple) else ():
            self.take_apart(part, inner)

    def block(self, block: Block) -> None:
        for stmt in block:
            self.stmt(stmt)

    def stmt(self, stmt: Any) -> None:
        match stmt:
            case Let(target, value):
                self.bind(target, self.value(value))
            case Store(array, index, value):
                place = self.index(index)
                self.env[array.name][place] = self.value(value)
            case For():
                self.loop(stmt)
            case While():
                self.endless(stmt)
            case If(cond, then, orelse, merges):
                taken = bool(self.value(cond))
                self.block(then if taken else orelse)
                merged = [self.optional(m.then if taken else m.orelse) for m in merges]
                for merge, value in zip(merges, merged, strict=True):
                    self.bind(merge.target, value)
            case Effect(value):
                self.effect(value)
            case Return(value):
                raise _Returned(self.value(value))
            case Comment():
                pass
            case _:
                raise AssertionError(f"not a statement of SSA programs: {stmt}")

    def bind(self, target: Var, value: Any) -> None:
        assert target.name in self.func.types, f"{target.name} has no type"
        if value is not _UNBOUND:
            check_type(target.name, value, self.func.types[target.name])
        self.env[target.name] = value

    def loop(self, stmt: For) -> None:
        start, stop, step = (self.value(e) for e in (stmt.start, stmt.stop, stmt.step))
        self.enter(stmt.carried)
        for k in range(start, stop, step):
            self.env[stmt.index.name] = k
            if self.iteration(stmt):
                break

    def endless(self, stmt: While) -> None:
        self.enter(stmt.carried)
        while self.value(stmt.cond):
            if self.iteration(stmt):
                break

    def enter(self, carried: Any) -> None:
        inits = [self.optional(c.init) for c in carried]
        for carry, value in zip(carried, inits, strict=True):
            self.bind(carry.phi, value)

    def iteration(self, stmt: For | While) -> bool:
        before = set(self.env)
        self.block(stmt.body)
        leave = stmt.until is not None and bool(self.value(stmt.until))
        following = [self.value(c.next, strict=False) for c in stmt.carried]
        for name in set(self.env) - before:
            del self.env[name]
        for carry, value in zip(stmt.carried, following, strict=True):
            self.bind(carry.phi, value)
        return leave

    def optional(self, expr: Expr | None) -> Any:
        return _UNBOUND if expr is None else self.value(expr, strict=False)

    def value(self, expr: Expr, *, strict: bool = True) -> Any:
        match expr:
            case Lit(value):
                return value
            case Var(name):
                found = self.env[name]
                assert found is not _UNBOUND or not strict, f"{name} is unbound"
                return found
            case Call():
                return self.call(expr)

    def index(self, index: tuple[Expr, ...]) -> Any:
        parts = tuple(self.value(i) for i in index)
        return parts[0] if len(parts) == 1 else parts

    def effect(self, call: Call) -> None:
        match call:
            case Call("append", (target, item)):
                self.value(target).append(self.value(item))
            case Call("raise", (Lit(str() as text),)):
                raise Stopped(text)
            case Call("assert", (cond, message)):
                if not self.value(cond):
                    raise Stopped(f"AssertionError({self.value(message)!r})")
            case Call("print", args):
                builtins.print(*(self.value(a) for a in args))
            case _:
                raise AssertionError(f"not an effect: {call}")

    def call(self, call: Call) -> Any:
        args = [self.value(a) for a in call.args]
        kwargs = {name: self.value(value) for name, value in call.kwargs}
        if call.prim in self.func.refs:
            obj: Any = self.func.refs[call.prim]
            return obj if call.prim.startswith("const:") else obj(*args)
        if call.prim in _OWN:
            return _OWN[call.prim](*args, **kwargs)
        if call.prim.startswith("astype."):
            return args[0].astype(call.prim.removeprefix("astype."))
        scalar = not any(isinstance(a, np.ndarray | tuple | list) for a in args)
        function: Any = python_callable(call.prim, call.via if call.via in ("math", "np", "cmath") else "", scalar)
        return function(*args, **kwargs)


_OWN: dict[str, Any] = {
    "getitem": lambda x, *index: x[index[0] if len(index) == 1 else index],
    "slice": slice,
    "tuple": lambda *items: tuple(items),
    "list": lambda *items: list(items),
    "item": lambda t, k: t[k],
    "dim": lambda x, k: x.shape[k],
    "shape": lambda x: x.shape,
    "size": lambda x: x.size,
    "len": len,
    "pop": lambda items: items.pop(),
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    "in": lambda a, b: a in b,
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "flatten": lambda x: x.flatten(),
}


def check_type(name: str, value: Any, kind: Any) -> None:
    """Fail if a value can't be of the type that the frontend gave its name."""
    match kind:
        case types.Boolean():
            assert isinstance(value, bool | np.bool_), (name, value, kind)
        case types.Integer():
            assert isinstance(value, int | np.integer) and not isinstance(value, float), (name, value, kind)
        case types.Float():
            assert isinstance(value, float | np.floating), (name, value, kind)
        case types.Complex():
            assert isinstance(value, complex | np.complexfloating), (name, value, kind)
        case types.Array():
            assert isinstance(value, np.ndarray), (name, value, kind)
            assert (value.ndim, value.dtype) == (kind.ndim, np.dtype(str(kind.dtype))), (
                name,
                value.dtype,
                kind,
            )
        case types.BaseTuple():
            assert isinstance(value, tuple) and len(value) == len(kind), (name, value, kind)
        case types.List():
            assert isinstance(value, list), (name, value, kind)
        case _:
            pass
