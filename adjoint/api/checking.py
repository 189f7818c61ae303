"""Derivatives compared with differences of values, in both modes and to any order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Unpack, cast

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from adjoint.api.containers import leaves_of, parts_of, shaped
from adjoint.api.seeds import differentiable_positions, is_differentiable, kept
from adjoint.api.sweeps import Form, callee, function_from, name_of, parameters_of, sweep
from adjoint.api.transforms import TransformOptions, checked_options
from adjoint.backends.request import Options

MODES = ("fwd", "rev")
# By precision: step of the differences, relative to the argument, and the tolerances.
_STEP = {"float64": 1e-3, "float32": 2e-2}
_TOLERANCE = {"float64": 1e-6, "float32": 5e-3}
# Reverse mode is checked at this many entries of each argument.
_ENTRIES = 30
_STENCIL = ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0))


def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: str | Sequence[str] = MODES,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    **options: Unpack[TransformOptions],
) -> None:
    """Raise AssertionError, naming the worst entry, unless the derivatives of `fun` at `args` agree with differences.

    `args` is a tuple. Mode "fwd" compares the tangent in one direction with a difference of values in this direction,
    "rev" compares the cotangents, for one cotangent of the value, at up to 30 entries of each argument. For an order
    above 1 the derivatives in each mode are functions that are checked in the same way, in all modes.

    `atol` and `rtol` are tolerances (by default 1e-6, in single precision 5e-3), `eps` is the step of the differences
    relative to the size of the argument (1e-3, 2e-2). Values are those of `fun` as it is, run by Python or by Numba.

    Raises TypeError or ValueError for arguments that make no sense, and the errors of `vjp` and `jvp`.

    >>> check_grads(lambda x: x * x * x, (2.0,), order=2)
    """
    wanted = (modes,) if isinstance(modes, str) else tuple(modes)
    for mode in wanted:
        if mode not in MODES:
            raise ValueError(f"modes: {mode!r} is not one of 'fwd', 'rev'")
    if isinstance(order, bool) or not hasattr(order, "__index__") or order < 1:
        raise ValueError(f"order is a number from 1, not {order!r}")
    if not isinstance(args, tuple | list):
        raise TypeError(f"check_grads: args is a tuple with an entry for each argument, not {type(args).__name__}")
    chosen = checked_options("check_grads", options)
    settings = _Settings(wanted, atol, rtol, eps, chosen)
    point = tuple(cast("Sequence[Any]", args))
    if any(parts_of(arg) is not None for arg in point):
        fun, point = _of_leaves(fun, point)
    _Check(fun, point, settings, name_of(fun), "").run(order)


def _of_leaves(fun: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Return a function of the leaves of containers that calls `fun` with the containers, and the leaves."""
    names, values, known = list[str](), list[Any](), {"fun": fun}

    def written(value: Any, name: str) -> str:
        parts = parts_of(value)
        if parts is None:
            names.append(re.sub(r"\W+", "_", name).strip("_"))
            values.append(value)
            return names[-1]
        form, items = parts
        texts = [written(item, name + form.part(k)) for k, item in enumerate(items)]
        if form.cls is not None:
            known[f"cls_{len(known)}"] = form.cls
            named = (f"{key}={text}" for key, text in zip(form.keys, texts, strict=True))
            return f"cls_{len(known) - 1}({', '.join(named)})"
        if form.kind == "dict":
            return f"{{{', '.join(f'{key!r}: {text}' for key, text in zip(form.keys, texts, strict=True))}}}"
        return f"[{', '.join(texts)}]" if form.kind == "list" else f"({''.join(f'{text}, ' for text in texts)})"

    called = parameters_of(callee("check_grads", fun), Form(len(args)))
    call = f"fun({', '.join(written(value, name) for name, value in zip(called, args, strict=True))})"
    text = f"def {name_of(fun)}({', '.join(names)}):\n    return {call}\n"
    return function_from(fun, text, known), tuple(values)


@dataclass(frozen=True)
class _Settings:
    modes: tuple[str, ...]
    atol: float | None
    rtol: float | None
    eps: float | None
    options: Options


@dataclass(frozen=True)
class _Entry:
    """One number compared: how far it is off, in tolerances."""

    excess: float
    text: str


class _Check:
    """One function at one point; `path` says which derivative of the user's function it is."""

    def __init__(self, fun: Any, args: tuple[Any, ...], settings: _Settings, name: str, path: str) -> None:
        self.fun, self.settings, self.name, self.path = fun, settings, name, path
        self.args = kept(args)
        self.form = Form(len(args))
        self.names = parameters_of(callee("check_grads", fun), self.form)
        self.wrt = differentiable_positions("check_grads", name, self.names, args)
        self.rng = np.random.default_rng(0)
        single = any(np.asarray(args[k]).dtype.name in ("float32", "complex64") for k in self.wrt)
        precision = "float32" if single else "float64"
        self.noise = float(np.finfo(precision).eps)
        self.eps = settings.eps or _STEP[precision]
        self.atol = _TOLERANCE[precision] if settings.atol is None else settings.atol
        self.rtol = _TOLERANCE[precision] if settings.rtol is None else settings.rtol

    def run(self, order: int) -> None:
        value = self.value(self.args)
        if not any(map(is_differentiable, value)):
            raise TypeError(f"check_grads of {self.name}: its value is not a float or complex number or array of those")
        for mode in self.settings.modes:
            entries = self.forward() if mode == "fwd" else self.reverse(value)
            worst = max(entries, key=lambda entry: entry.excess, default=None)
            if worst is not None and not worst.excess <= 1.0:
                raise AssertionError(f"check_grads of {self.name}: {self.path}{worst.text}")
            if order > 1:
                fun, args = self.derivative(mode, value)
                path = f"{self.path}derivative in mode {mode!r}: "
                _Check(fun, args, self.settings, self.name, path).run(order - 1)

    # -- values and their differences ----------------------------------------------------------------------------

    def value(self, args: tuple[Any, ...]) -> list[Any]:
        return leaves_of(self.fun(*kept(args)))

    def difference(self, directions: Sequence[Any]) -> tuple[list[Any], float]:
        """Return the derivative of each leaf of the value in a direction, and the size of the error of rounding."""
        total: list[Any] = []
        size = 0.0
        for steps, weight in _STENCIL:
            moved = list(self.args)
            for k, direction in zip(self.wrt, directions, strict=True):
                moved[k] = _moved(self.args[k], steps * self.eps, direction)
            value = [np.asarray(leaf) if is_differentiable(leaf) else np.zeros(()) for leaf in self.value(tuple(moved))]
            terms = [weight * _wide(leaf) / (12.0 * self.eps) for leaf in value]
            total = [a + b for a, b in zip(total, terms, strict=True)] if total else terms
            size = max([size, *(float(np.max(np.abs(leaf), initial=0.0)) for leaf in value)])
        return total, 40.0 * self.noise * size / self.eps

    def compared(self, what: str, got: Any, want: Any, error: float) -> Iterator[_Entry]:
        computed, expected = np.asarray(got), np.asarray(want)
        scale = float(np.max(np.abs(expected), initial=0.0))
        allowed = self.atol + self.rtol * scale + error
        for index in np.ndindex(*expected.shape):
            a, b = computed[index], expected[index]
            excess = 0.0 if a == b or np.isnan(a) and np.isnan(b) else float(np.abs(a - b)) / allowed
            place = _place(index)
            text = f"{what}{place} is {a!s}, and differences give {b!s}; {allowed:.1e} is allowed"
            yield _Entry(np.inf if np.isnan(excess) else excess, text)

    # -- the two modes -------------------------------------------------------------------------------------------

    def forward(self) -> Iterator[_Entry]:
        tangents = [_like(self.args[k], self.rng) for k in self.wrt]
        push = sweep("jvp", self.fun, self.form, self.wrt, self.settings.options)
        found = leaves_of(push(*self.args, *tangents)[1])
        want, error = self.difference(tangents)
        for k, (got, each) in enumerate(zip(found, want, strict=True)):
            item = f" of item {k}" if len(want) > 1 else ""
            yield from self.compared(f"mode 'fwd': the tangent{item} of the value", got, each, error)

    def reverse(self, value: list[Any]) -> Iterator[_Entry]:
        seeds = self.seeds(value)
        pull = sweep("vjp", self.fun, self.form, self.wrt, self.settings.options)
        cotangents = pull(*self.args, self.structured(seeds))[1]
        for position, k in enumerate(self.wrt):
            yield from self.cotangent(k, cotangents[position], seeds)

    def cotangent(self, k: int, found: Any, seeds: list[Any]) -> Iterator[_Entry]:
        arg, size = self.args[k], np.size(self.args[k])
        chosen = range(size) if size <= _ENTRIES else np.sort(self.rng.choice(size, _ENTRIES, replace=False))
        for flat in chosen:
            index = tuple(map(int, np.unravel_index(flat, np.shape(arg))))
            want, error = self.slope(k, index, 1.0, seeds)
            if np.iscomplexobj(arg):
                turned, more = self.slope(k, index, 1j, seeds)
                want, error = want - 1j * turned, error + more
            what = f"mode 'rev': the cotangent of argument '{self.names[k]}'{_place(index)}"
            yield from self.compared(what, np.asarray(found)[index], want, error)

    def slope(self, k: int, index: tuple[int, ...], unit: complex, seeds: list[Any]) -> tuple[Any, float]:
        """Return the derivative of the value, multiplied by its cotangent, by one entry of an argument."""
        scale = float(_scale(self.args[k])[index])
        directions = [np.zeros_like(np.asarray(self.args[j])) for j in self.wrt]
        directions[self.wrt.index(k)][index] = unit * scale
        want, error = self.difference(directions)
        total = sum(np.sum(seed * each) for seed, each in zip(seeds, want, strict=True))
        weight = sum(float(np.sum(np.abs(seed))) for seed in seeds)
        return np.real(total) / scale, weight * error / scale

    def seeds(self, value: list[Any]) -> list[Any]:
        return [_like(leaf, self.rng, plain=True) if is_differentiable(leaf) else 0.0 for leaf in value]

    def structured(self, seeds: list[Any]) -> Any:
        return shaped(self.fun(*kept(self.args)), iter(seeds))

    def derivative(self, mode: str, value: list[Any]) -> tuple[Any, tuple[Any, ...]]:
        """Return the derivative as a function of the arguments and the seeds, and a point for it."""
        kind = "jvp" if mode == "fwd" else "vjp"
        inner = sweep(kind, self.fun, self.form, self.wrt, self.settings.options)
        seeds = [_like(self.args[k], self.rng) for k in self.wrt] if mode == "fwd" else self.seeds(value)
        names = [f"x{k}" for k in range(len(self.args))]
        added = [f"s{k}" for k in range(len(seeds))]
        packed = ", ".join(added) if mode == "fwd" else _text(self.structured(added))
        head = f"def {name_of(self.fun)}({', '.join([*names, *added])}):"
        text = f"{head}\n    return sweep({', '.join([*names, packed])})[1]\n"
        return function_from(self.fun, text, {"sweep": inner}), (*self.args, *seeds)


def _text(names: Any) -> str:
    return names if isinstance(names, str) else f"({''.join(f'{_text(name)}, ' for name in names)})"


def _place(index: tuple[int, ...]) -> str:
    return f" at {index if len(index) > 1 else sum(index)}" if index else ""


def _scale(arg: Any) -> NDArray[Any]:
    """Return the size of steps in each entry: that of the entry, if it isn't very small among the others."""
    size = np.abs(np.asarray(arg)).astype(np.float64)
    largest = float(np.max(size, initial=0.0)) or 1.0
    return np.maximum(size, 0.01 * largest)


def _like(arg: Any, rng: Generator, plain: bool = False) -> Any:
    """Return a random tangent of the type of an argument, in proportion to it; if `plain`, of size 1."""
    shape = np.shape(arg)
    values: Any = rng.uniform(0.5, 1.5, shape) * rng.choice((-1.0, 1.0), shape)
    if np.iscomplexobj(arg):
        values = values * np.exp(1j * rng.uniform(0.0, 6.0, shape))
    if not plain:
        values = values * _scale(arg)
    if isinstance(arg, np.ndarray):
        array = cast("NDArray[Any]", arg)
        return np.asarray(values, array.dtype, order="F" if array.flags.fnc else "C")
    return type(arg)(values)


def _moved(arg: Any, step: float, direction: Any) -> Any:
    if isinstance(arg, np.ndarray):
        moved = cast("Any", arg).copy(order="K")
        moved += np.asarray(step * np.asarray(direction), moved.dtype)
        return moved
    return type(arg)(arg + step * np.asarray(direction)[()])


def _wide(leaf: NDArray[Any]) -> NDArray[Any]:
    return leaf.astype(np.complex128 if leaf.dtype.kind == "c" else np.float64)
