"""Run a plain Python function on complex numbers, for the complex step.

`holomorphic(fun)` is `fun` with the functions it can reach exchanged for analytic ones: `abs` is `±x` and not the
modulus, `maximum` compares real parts, `zeros` makes complex arrays, `math.sin` takes complex numbers. Nothing of
`adjoint` is used, so agreement between the two means something. What can't be exchanged raises, and the caller falls
back on differences.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

Function = Callable[..., Any]
FLOATS = (None, float, np.float64, np.float32, "float64", "float32", np.dtype(np.float64), np.dtype(np.float32))


def _piece(step: Function) -> Function:
    """A piecewise constant function: the derivative is zero."""
    return lambda x: step(np.real(x))


def _allocate(make: Function, dtype_at: int) -> Function:
    """A maker of arrays whose element type is complex wherever the user's would be float."""

    def made(*args: Any, **kwargs: Any) -> Any:
        position = list(args)
        if len(position) > dtype_at:
            kwargs["dtype"] = position.pop(dtype_at)
        if any(kwargs.get("dtype") is kind or kwargs.get("dtype") == kind for kind in FLOATS):
            kwargs["dtype"] = np.complex128
        return make(*position, **kwargs)

    return made


def _like(make: Function) -> Function:
    def made(x: Any, *args: Any, **kwargs: Any) -> Any:
        if np.asarray(x).dtype.kind in "fc" and not args:
            kwargs["dtype"] = np.complex128
        return make(x, *args, **kwargs)

    return made


def _absolute(x: Any) -> Any:
    return np.where(np.real(x) < 0.0, -np.asarray(x), x)[()]


def _atan2(y: Any, x: Any) -> Any:
    u, v = np.real(y), np.real(x)
    return np.arctan2(u, v) + 1j * (v * np.imag(y) - u * np.imag(x)) / (u * u + v * v)


def _copysign(x: Any, y: Any) -> Any:
    return _absolute(x) * np.copysign(1.0, np.real(y))


def _mod(x: Any, y: Any) -> Any:
    return x - y * np.floor(np.real(x) / np.real(y))


def _fmod(x: Any, y: Any) -> Any:
    return x - y * np.trunc(np.real(x) / np.real(y))


def _norm(x: Any, *args: Any, **kwargs: Any) -> Any:
    if args or kwargs:
        raise TypeError("only the plain norm")
    return np.sqrt(np.sum(x * x))


def _vdot(x: Any, y: Any) -> Any:
    return np.dot(np.ravel(x), np.ravel(y))


def _variance(x: Any, **kwargs: Any) -> Any:
    centred = x - np.mean(x, axis=kwargs.get("axis"), keepdims=True)
    return np.mean(centred * centred, **kwargs)


def _erf(x: Any) -> Any:
    r = float(np.real(x))
    return np.complex128(math.erf(r) + 1j * float(np.imag(x)) * 2.0 / math.sqrt(math.pi) * math.exp(-r * r))


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _arange(*args: Any, **kwargs: Any) -> Any:
    of_real_numbers = np.arange(*map(np.real, args), **kwargs)
    start, step = (args[0] if len(args) > 1 else 0), (args[2] if len(args) > 2 else 1)
    if not np.iscomplexobj(start) and not np.iscomplexobj(step):
        return of_real_numbers
    return start + step * np.arange(len(of_real_numbers))


def _to_float(x: Any = 0.0) -> Any:
    return x if isinstance(x, complex) else float(x)


def _to_int(x: Any = 0) -> int:
    return int(np.real(x))


# Exchanged by identity, wherever the user's function finds them.
EXCHANGED: tuple[tuple[Any, Function], ...] = (
    (builtins.abs, _absolute), (builtins.float, _to_float), (builtins.int, _to_int), (builtins.round, _piece(round)),
    (np.abs, _absolute), (np.fabs, _absolute), (np.sign, _piece(np.sign)), (np.floor, _piece(np.floor)),
    (np.ceil, _piece(np.ceil)), (np.trunc, _piece(np.trunc)), (np.rint, _piece(np.rint)), (np.round, _piece(np.round)),
    (np.hypot, lambda x, y: np.sqrt(x * x + y * y)), (np.arctan2, _atan2), (np.copysign, _copysign),
    (np.exp2, lambda x: np.exp(x * math.log(2.0))), (np.cbrt, lambda x: _copysign(_absolute(x) ** (1.0 / 3.0), x)),
    (np.logaddexp, lambda x, y: np.log(np.exp(x) + np.exp(y))), (np.mod, _mod), (np.fmod, _fmod), (np.clip, _clip),
    (np.arange, _arange),
    (np.linalg.norm, _norm), (np.vdot, _vdot), (np.var, _variance), (np.std, lambda x, **k: np.sqrt(_variance(x, **k))),
    (np.zeros, _allocate(np.zeros, 1)), (np.empty, _allocate(np.zeros, 1)), (np.ones, _allocate(np.ones, 1)),
    (np.full, _allocate(np.full, 2)), (np.eye, _allocate(np.eye, 3)), (np.zeros_like, _like(np.zeros_like)),
    (np.empty_like, _like(np.zeros_like)), (np.ones_like, _like(np.ones_like)), (np.full_like, _like(np.full_like)),
    (math.erf, _erf), (math.erfc, lambda x: 1.0 - _erf(x)), (math.fabs, _absolute), (math.floor, _piece(math.floor)),
    (math.ceil, _piece(math.ceil)), (math.trunc, _piece(math.trunc)), (math.hypot, lambda x, y: np.sqrt(x * x + y * y)),
    (math.atan2, _atan2), (math.pow, lambda x, y: np.complex128(x) ** y), (math.copysign, _copysign),
    (math.fmod, _fmod),
)  # fmt: skip
MATH_AS_NUMPY = {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
MATH_PLAIN = (
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", *MATH_AS_NUMPY
)  # fmt: skip


def _of_numpy(name: str) -> Function:
    function = getattr(np, MATH_AS_NUMPY.get(name, name))
    return lambda x: function(np.complex128(x))


_BY_IDENTITY: dict[int, Any] = {id(old): new for old, new in EXCHANGED}
_BY_IDENTITY |= {id(getattr(math, name)): _of_numpy(name) for name in MATH_PLAIN}


class _Module:
    """A module whose members are exchanged on the way out."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _exchange(getattr(self._module, name), {})


def _exchange(value: Any, memo: dict[int, Any]) -> Any:
    if id(value) in _BY_IDENTITY:
        return _BY_IDENTITY[id(value)]
    if value in (np, math, np.linalg) if isinstance(value, ModuleType) else False:
        return _Module(value)
    value = getattr(value, "py_func", value)
    if isinstance(value, FunctionType) and not value.__module__.startswith("numpy"):
        return _rebuild(value, memo)
    return value


def _rebuild(fun: FunctionType, memo: dict[int, Any]) -> FunctionType:
    if id(fun) in memo:
        return memo[id(fun)]
    # The builtins come in by name; the user's own names go over them.
    names: dict[str, Any] = {n: _BY_IDENTITY[id(getattr(builtins, n))] for n in ("abs", "float", "int", "round")}
    cells = tuple(CellType() for _ in fun.__closure__ or ())
    built = FunctionType(fun.__code__, names, fun.__name__, fun.__defaults__, cells)
    built.__kwdefaults__ = fun.__kwdefaults__
    memo[id(fun)] = built
    for name, value in list(fun.__globals__.items()):
        # Other test cases of the same module are of no interest: only what the code can name.
        names[name] = _exchange(value, memo) if name in _reachable(fun) else value
    for cell, old in zip(cells, fun.__closure__ or (), strict=True):
        cell.cell_contents = _exchange(old.cell_contents, memo)
    return built


def _reachable(fun: FunctionType) -> set[str]:
    names: set[str] = set()
    codes = [fun.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes.extend(constant for constant in code.co_consts if isinstance(constant, type(code)))
    return names


def holomorphic(fun: Function) -> Function:
    """`fun`, on complex arguments, as an analytic function; see the module."""
    return _exchange(fun, {})
