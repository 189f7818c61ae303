"""An interpreter of the imperative IR on Python and NumPy values: the meaning that passes must keep."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adjoint.ir import Accum, Block, Call, Comment, Effect, Expr, For, Func, If, Let, Lit, Return, Store, Var, While

PRIMITIVES: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow, "matmul": operator.matmul,
    "neg": operator.neg, "pos": operator.pos, "not": operator.not_, "lt": operator.lt, "le": operator.le,
    "gt": operator.gt, "ge": operator.ge, "eq": operator.eq, "ne": operator.ne, "is": operator.is_,
    "is_not": operator.is_not, "and": lambda a, b: a and b, "or": lambda a, b: a or b,
    "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "exp": np.exp, "sqrt": np.sqrt, "abs": abs, "log": math.log,
    "maximum": np.maximum, "minimum": np.minimum, "where": np.where, "sum": np.sum, "dot": np.dot,
    "zeros": np.zeros, "ones": np.ones, "empty": np.zeros, "full": np.full, "zeros_like": np.zeros_like,
    "ones_like": np.ones_like, "empty_like": np.zeros_like, "full_like": np.full_like, "copy": np.copy,
    "transpose": np.transpose, "reshape": np.reshape, "ravel": np.ravel, "arange": np.arange,
    "dim": lambda x, k: x.shape[k], "shape": np.shape, "size": np.size, "ndim": np.ndim, "len": len,
    "tuple": lambda *items: items, "list": lambda *items: list(items), "item": operator.getitem, "slice": slice,
    "getitem": lambda x, *index: x[index if len(index) > 1 else index[0]],
    "append": list.append, "pop": list.pop, "cast.float64": float, "cast.int64": int, "print": print,
}  # fmt: skip


class _Returned(Exception):
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def run(func: Func, *args: object, prims: Mapping[str, Callable[..., Any]] | None = None, budget: int = 100_000) -> Any:
    """Run a program; arguments are changed in place as the program says. `prims` adds primitives."""
    names = dict(zip((p.name for p in func.params), args, strict=True))
    machine = _Machine(names, {**PRIMITIVES, **(prims or {})}, budget)
    try:
        machine.block(func.body)
    except _Returned as result:
        return result.value
    return None


class _Machine:
    def __init__(self, names: dict[str, Any], prims: Mapping[str, Callable[..., Any]], budget: int) -> None:
        self.names = names
        self.prims = prims
        self.budget = budget

    def value(self, expr: Expr) -> Any:
        match expr:
            case Var(name):
                return self.names[name]
            case Lit(value):
                return value
            case Call("select", (cond, then, orelse)):
                return self.value(then if self.value(cond) else orelse)
            case Call(prim, args, kwargs):
                return self.prims[prim](*map(self.value, args), **{name: self.value(arg) for name, arg in kwargs})

    def block(self, block: Block) -> None:
        for stmt in block:
            self.budget -= 1
            assert self.budget > 0, "the program runs too long"
            self.stmt(stmt)

    def stmt(self, stmt: object) -> None:
        match stmt:
            case Let(Var(name), value):
                self.names[name] = self.value(value)
            case Store(Var(name), index, value):
                self.names[name][self.index(index)] = self.value(value)
            case Accum(Var(name), (), value):
                self.names[name] += self.value(value)
            case Accum(Var(name), index, value):
                self.names[name][self.index(index)] += self.value(value)
            case Effect(Call("move", (Call(_, targets), Call(_, values)))):
                self.names.update(zip((t.name for t in targets), [self.value(v) for v in values], strict=True))
            case Effect(value):
                self.value(value)
            case For():
                self.loop(stmt)
            case While(cond, body, _, until):
                while self.value(cond):
                    self.block(body)
                    if until is not None and self.value(until):
                        break
            case If(cond, then, orelse):
                self.block(then if self.value(cond) else orelse)
            case Return(value):
                raise _Returned(self.value(value))
            case Comment():
                pass

    def loop(self, stmt: For) -> None:
        for i in range(*(self.value(bound) for bound in (stmt.start, stmt.stop, stmt.step))):
            self.names[stmt.index.name] = i
            self.block(stmt.body)
            if stmt.until is not None and self.value(stmt.until):
                break

    def index(self, index: tuple[Expr, ...]) -> Any:
        values = tuple(map(self.value, index))
        return values if len(values) > 1 else values[0]
