"""Expressions of rules, evaluated in plain Python and NumPy."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numba
import numpy as np

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules import helpers
from adjoint.rules.spelling import python_callable

Env = Mapping[str, Any]


def evaluate(expr: Expr, env: Env) -> Any:
    """Return the value of an expression; `select` of scalars evaluates only the branch it takes."""
    match expr:
        case Var(name):
            return env[name]
        case Lit(value):
            return value
        case Call("select", (cond, then, orelse)):
            test = evaluate(cond, env)
            if np.ndim(test) == 0:
                return evaluate(then if test else orelse, env)
            with np.errstate(all="ignore"):
                return np.where(test, evaluate(then, env), evaluate(orelse, env))
        case Call(prim, args, kwargs):
            values = [evaluate(arg, env) for arg in args]
            return apply(prim, values, {name: evaluate(value, env) for name, value in kwargs})


def apply(prim: str, values: list[Any], options: dict[str, Any]) -> Any:
    """Apply a primitive to values."""
    scalar = not any(isinstance(value, (tuple, list)) or np.ndim(value) for value in values)
    if prim.startswith("helper."):
        return helper(prim.removeprefix("helper."))(*values, **options)
    if prim.startswith(("cast.", "astype.")):
        kind, name = prim.split(".")
        return np.asarray(values[0]).astype(name) if kind == "astype" else getattr(np, name)(values[0])
    if prim in _OWN:
        return _OWN[prim](*values, **options)
    if scalar and prim in _SCALAR and all(isinstance(value, float) for value in values):
        return _SCALAR[prim](*values)
    return python_callable(prim, "np", scalar)(*values, **options)  # type: ignore[operator]


@cache
def helper(name: str) -> Callable[..., Any]:
    """Return a helper as a plain Python function."""
    return _namespace(name)[name]


@cache
def compiled_helper(name: str) -> Callable[..., Any]:
    """Return a helper as Numba compiles it."""
    space: dict[str, Any] = {"np": np, "math": math}
    for part in (*helpers.needs(name), name):
        exec(helpers.source(part), space)
        space[part] = numba.njit(error_model="numpy")(space[part])
    return space[name]


def _namespace(name: str) -> dict[str, Any]:
    space: dict[str, Any] = {"np": np, "math": math}
    for part in (*helpers.needs(name), name):
        exec(helpers.source(part), space)
    return space


def types_in(env: Env) -> Callable[[Expr], Any]:
    """Return a `type_of` for expressions over the values of `env`."""

    def type_of(expr: Expr) -> Any:
        match expr:
            case Call("tuple" | "list", items):
                return numba.types.Tuple([type_of(item) for item in items])
            case _:
                return numba.typeof(evaluate(expr, env))

    return type_of


def _getitem(array: Any, *index: Any) -> Any:
    return array[index if len(index) > 1 else index[0]]


def _select(cond: Any, then: Any, orelse: Any) -> Any:
    return np.where(cond, then, orelse)


_OWN: dict[str, Callable[..., Any]] = {
    "getitem": _getitem,
    "slice": slice,
    "tuple": lambda *items: items,
    "list": lambda *items: list(items),
    "item": lambda items, k: items[k],
    "dim": lambda x, k: x.shape[k],
    "shape": np.shape,
    "size": np.size,
    "ndim": np.ndim,
    "where": np.where,
    "flatten": lambda x: x.flatten(),
    "complex": complex,
    "np_append": np.append,
    "np_select": np.select,
    "polar": cmath.polar,
    "rect": cmath.rect,
    "divmod": divmod,
    "broadcast_arrays": lambda *arrays: list(np.broadcast_arrays(*arrays)),
    "stop_gradient": lambda x: x,
    "squeeze": np.squeeze,
}

_SCALAR: dict[str, Callable[..., Any]] = {
    "erf": math.erf,
    "erfc": math.erfc,
    "gamma": math.gamma,
    "lgamma": math.lgamma,
    "ieee_remainder": math.remainder,
    "hypot": math.hypot,
}
