"""Functions defined by an equation: differentiated by one linear solve at the solution, whatever found it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numpy as np
from numba.core import types as nb
from numba.extending import overload

from adjoint.api import linear_solve
from adjoint.api.arguments import make_options
from adjoint.api.custom import Ruled, compiled
from adjoint.api.linear_solve import njit
from adjoint.api.seeds import DIFFERENTIABLE
from adjoint.api.sweeps import Form, function_from, name_of, sweep
from adjoint.backends.request import assumes
from adjoint.rules.rule import Rule

# The linear system of a derivative, A v = b with A = ∂residual/∂y or its transpose, at a point (y, args...).
_PRODUCT = """
def product(v, point):
    {point} = point
    return sweep({point} v){part}
"""
_EQUATION = """
def equation(v, {point} b):
    return product(v, ({point})) - b
"""
_DIVIDE = """
def {name}({point} b):
    return b / product(b * 0 + 1, ({point}))
"""
# Orthomin; where that is slow GMRES in cycles; elimination in a matrix made column by column if that is small, or if
# GMRES doesn't get there.
_TINY, _SMALL, _LARGE = 8, 32, 2000
_SOLVE = """
def {name}({point} b):
    flat, shape, size = b.ravel(), b.shape, b.size
    precision = {precision}
    if size > {tiny}:
        state, before = started(flat), norm(flat)
        near = is_near(state, flat, precision)
        while not near:
            for _ in range({stretch}):
                descend(state, product(state[1].reshape(shape), ({point})).ravel())
                near = is_near(state, flat, precision)
                if near:
                    break
            if not near and not state[4][2] < {factor} * before:
                break
            before = state[4][2]
        if near and is_met(state, product(state[0].reshape(shape), ({point})).ravel(), flat, precision):
            return state[0].reshape(shape)
    if size > {small}:
        w, rest, most = np.zeros_like(flat), flat.copy(), {short}
        while True:
            cycle = begin(rest, most)
            for used in range(size + 1):
                if is_complete(cycle, used, flat):
                    break
                extend(cycle, used, product(cycle[0][used].reshape(shape), ({point})).ravel())
            w = w + combined(cycle, used)
            image = product(w.reshape(shape), ({point})).ravel()
            if is_solution(cycle, w, image, flat, precision):
                return w.reshape(shape)
            before, rest = norm(rest), flat - image
            if not norm(rest) < 0.5 * before and most == {long}:
                break
            if not norm(rest) < 1e-3 * before:
                most = {long}
        if size > {large}:
            raise ValueError("{name}: the linear system of the derivative is too hard for GMRES")
    matrix, units = np.empty((size, size), b.dtype), np.zeros((size, size), b.dtype)
    for k in range(size):
        units[k, k] = 1.0
        matrix[:, k] = product(units[k].reshape(shape), ({point})).ravel()
    return eliminated(matrix, flat.copy()).reshape(shape)
"""
_ORTHOMIN = ("started", "descend", "is_near", "is_met")
_STEPS = (*_ORTHOMIN, "begin", "is_complete", "extend", "combined", "is_solution", "eliminated", "norm")
# How small a residual has to be: a root may be known to rounding, a fixed point is as its iteration ends by default.
_TO_ROUNDING, _TO_RTOL = "100.0 * np.finfo(b.dtype).eps", "np.finfo(b.dtype).eps ** 0.75"


class ImplicitRoot(Ruled):
    """A function that solves an equation; made by `implicit_root` and `fixed_point`."""

    kind = "implicit_root"

    def __init__(
        self,
        residual: Callable[..., Any],
        solve: Callable[..., Any],
        precision: str = _TO_ROUNDING,
        unused: int = 0,
    ) -> None:
        super().__init__(solve)
        self._precision = precision
        self._unused = unused
        if not callable(residual):
            raise TypeError(f"{self.kind} takes two functions, not {residual!r}")
        self.residual = residual
        self._solvers: dict[tuple[str, int, bool, bool], ImplicitRoot] = {}

    def parts(self) -> tuple[object, ...]:
        return self.residual, self._precision, self._unused

    def __adjoint_rule__(self, scope: Any) -> Rule:
        from adjoint.rules.implicit import ByResidual

        return ByResidual(self.__name__, self._sweep, self._solver, scope, self._unused)

    def _sweep(self, mode: Any, count: int, positions: tuple[int, ...]) -> Any:
        return sweep(mode, self.residual, Form(1 + count), positions, make_options())

    def _solver(self, mode: str, count: int, scalar: bool) -> object:
        """Return the function `(y, args..., b)` that solves the linear system: an implicit one, like this."""
        key = mode, count, scalar, assumes()
        if key not in self._solvers:
            self._solvers[key] = self._linear(mode, count, scalar)
        return self._solvers[key]

    def _linear(self, mode: str, count: int, scalar: bool) -> ImplicitRoot:
        parts = {
            "name": f"{self.__name__}_{'adjoint' if mode == 'pullback' else 'tangent'}",
            "point": "".join(f"{name}, " for name in ("y", *(f"x{k}" for k in range(count)))),
            "precision": self._precision,
            "tiny": str(_TINY),
            "stretch": str(linear_solve.STRETCH),
            "factor": str(linear_solve.FACTOR),
            "small": str(_SMALL),
            "large": str(_LARGE),
            "short": str(linear_solve.SHORT),
            "long": str(linear_solve.LONG),
            "part": "[0]" if mode == "pullback" else "",
        }
        product = self._defined(_PRODUCT, parts, "product", {"sweep": self._sweep(mode, count, (0,))})
        names: dict[str, Any] = {"product": compiled(product), "np": np}
        equation = self._defined(_EQUATION, parts, "equation", names)
        names |= {name: getattr(linear_solve, name) for name in _STEPS}
        solve = self._defined(_DIVIDE if scalar else _SOLVE, parts, parts["name"], names)
        return ImplicitRoot(equation, solve, self._precision)

    def _defined(self, text: str, parts: dict[str, str], name: str, names: dict[str, Any]) -> FunctionType:
        return function_from(self.fun, text.format(**parts), names, name)


def implicit_root(residual: Callable[..., Any], solve: Callable[..., Any]) -> ImplicitRoot:
    """Return `solve` as a function whose derivatives are those of the root of `residual`, in both modes and any order.

    `solve(*args)` returns the `y` at which `residual(y, *args)`, a value of the shape of `y`, is zero: a float or an
    array of floats. How it finds that is its own affair: nothing of it is recorded or differentiated. The derivative
    takes one linear solve with the Jacobian of `residual` at `y`, by products with it (Orthomin, then GMRES), or by
    elimination if it is small. It is as exact as `y` is.

    Both are Python functions that Numba can compile, or compiled by it; they must not write into their arguments.
    Arguments that `residual` does not depend on, such as a first guess, have the derivative zero.

    Raises, where a derivative is taken: LinAlgError if the Jacobian is singular, ValueError if GMRES does not converge.

    >>> from adjoint import grad
    >>> def bisect(a):
    ...     low, high = 0.0, 1.0 + a
    ...     while high - low > 1e-15 * high:
    ...         middle = 0.5 * (low + high)
    ...         if middle * middle > a:
    ...             high = middle
    ...         else:
    ...             low = middle
    ...     return high
    >>> square_root = implicit_root(lambda y, a: y * y - a, bisect)
    >>> round(grad(lambda a: square_root(a))(4.0), 12)
    0.25
    """
    return ImplicitRoot(residual, solve)


_ITERATION = """
def {name}({point}):
    {_}after = {_}step({point})
    if {_}settled({_}after, {first}, {_}rtol, {_}atol):
        return {_}after
    for {_}count in range({limit}):
        {_}before = {_}after
        {_}after = {_}step({_}before, {rest})
        if {_}settled({_}after, {_}before, {_}rtol, {_}atol):
            return {_}after
    raise RuntimeError("{name}: no fixed point after {limit} steps")
"""
_RESIDUAL = """
def {name}({_}after, {point}):
    return {_}step({_}after, {rest}) - {_}after
"""


def _sizes(after: Any, before: Any) -> Any:
    """Return the norms of a change and of what it led to, and the precision; only compiled code calls this."""
    raise NotImplementedError


@overload(_sizes, jit_options={"error_model": "numpy", "fastmath": {"reassoc", "contract"}})
def _(after: Any, before: Any) -> Any:
    scalar = str(cast("Any", after).dtype if isinstance(after, nb.Array) else after)
    limits = np.finfo(scalar if scalar in DIFFERENTIABLE else "float64")
    precision, largest = float(limits.eps), float(limits.max)

    def of_numbers(after: Any, before: Any) -> Any:
        return abs(after - before), abs(after), precision

    def of_arrays(after: Any, before: Any) -> Any:
        new, old = after.ravel(), before.ravel()
        if new.size != old.size:
            return largest, 0.0, precision
        moved = size = new.dtype.type(0.0)
        for k in range(new.size):
            moved += (new[k] - old[k]) * (new[k] - old[k])
            size += new[k] * new[k]
        return math.sqrt(moved), math.sqrt(size), precision

    return of_arrays if isinstance(after, nb.Array) else of_numbers


@njit
def _settled(after: Any, before: Any, rtol: Any, atol: Any) -> Any:
    change, size, precision = _sizes(after, before)
    enough = precision**0.75 if rtol is None else rtol
    if not math.isfinite(change):
        raise FloatingPointError("fixed_point: the iteration went to infinity or NaN")
    return change <= enough * size + atol


def fixed_point(
    step: Callable[..., Any], *, rtol: float | None = None, atol: float = 0.0, limit: int = 10_000
) -> ImplicitRoot:
    """Return the function `(guess, *args)` for the fixed point `y = step(y, *args)`, found by iteration from `guess`.

    `step` returns a value of the shape of its first argument: a float or an array of floats. The iteration ends when
    the norm of a change is at most `rtol` (by default `eps ** 0.75` of the precision) times that of `y`, plus `atol`.
    Derivatives are those of `implicit_root`: nothing is recorded, and the guess has the derivative zero. Their linear
    systems are solved to `eps ** 0.75`, whatever `rtol` is.

    Raises RuntimeError if there is no fixed point after `limit` steps, FloatingPointError if a value is not finite.

    >>> from math import cos
    >>> from adjoint import grad
    >>> dottie = fixed_point(lambda y, a: cos(a * y))
    >>> round(dottie(1.0, 1.0), 6), round(grad(dottie, "a")(1.0, 1.0), 6)
    (0.739085, -0.297474)
    """
    if not callable(step):
        raise TypeError(f"fixed_point takes a function, not {step!r}")
    names = _parameters(step)
    own = "_"
    while any(name.startswith(own) for name in names):
        own += "_"
    parts = {"name": name_of(step), "first": names[0], "point": ", ".join(names), "rest": ", ".join(names[1:])}
    text = _ITERATION.format(_=own, limit=int(limit), **parts)
    called = {"step": compiled(step), "settled": _settled, "rtol": rtol, "atol": float(atol)}
    solve = function_from(step, text, {own + name: value for name, value in called.items()})
    residual = function_from(step, _RESIDUAL.format(_=own, **parts), {f"{own}step": step})
    return ImplicitRoot(residual, compiled(solve), _TO_RTOL, unused=1)


def _parameters(step: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters of a step, which are given by position."""
    found = inspect.signature(getattr(step, "py_func", step)).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not found or any(each.kind not in positional for each in found):
        raise TypeError(f"fixed_point: {name_of(step)} takes its arguments by position: the value, then others")
    return tuple(each.name for each in found)
