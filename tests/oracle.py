"""Derivatives found without the compiler, and the check that every test of a gradient goes through.

`reference_gradient` runs the *undecorated* function in plain Python: complex step where the function can be continued
analytically, and always central differences (Ridders' extrapolation, which knows its own error). Where the two disagree
the differences win. `check_gradient` holds a gradient of `adjoint` against it, entry by entry, together with the
promises that surround a gradient: arguments untouched, the same bits twice, the primal's value, interpreted equal to
compiled.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.holomorphic import holomorphic

Function = Callable[..., Any]
Path = tuple[Any, ...]
COMPLEX_STEP = 1e-40
COMPLEX_RTOL = 1e-9
SAME_PROGRAM_RTOL = 1e-12


class WrongGradient(AssertionError):
    """A gradient, a value or an argument is not what it should be."""


# --- values: numbers, arrays and containers of these --------------------------------------------------------------


def clone(value: Any) -> Any:
    """A deep copy with the same memory layout, strides included."""
    match value:
        case np.ndarray():
            return _clone_array(value)
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*map(clone, value))
        case tuple() | list():
            return type(value)(map(clone, value))
        case dict():
            return {key: clone(item) for key, item in value.items()}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.replace(
                value, **{f.name: clone(getattr(value, f.name)) for f in dataclasses.fields(value)}
            )
        case _:
            return value


def _clone_array(array: np.ndarray) -> np.ndarray:
    if array.flags.c_contiguous or array.flags.f_contiguous:
        return array.copy(order="K")
    memory = _memory(array)
    offset = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    return np.ndarray(
        array.shape, array.dtype, buffer=memory.ravel(order="K").copy(), offset=offset, strides=array.strides
    )


def _memory(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory, so that a check also sees what lies between the strides."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every number and array in `value`, with the way to it."""
    match value:
        case tuple() | list():
            for k, item in enumerate(value):
                yield from leaves(item, (*path, k))
        case dict():
            for key, item in value.items():
                yield from leaves(item, (*path, key))
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for f in dataclasses.fields(value):
                yield from leaves(getattr(value, f.name), (*path, f.name))
        case _:
            yield path, value


def fingerprint(args: Any) -> list[bytes]:
    return [
        _memory(leaf).tobytes("A") if isinstance(leaf, np.ndarray) else repr(leaf).encode() for _, leaf in leaves(args)
    ]


def map_leaves(function: Function, value: Any, path: Path = ()) -> Any:
    match value:
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(map_leaves(function, item, (*path, k)) for k, item in enumerate(value)))
        case tuple() | list():
            return type(value)(map_leaves(function, item, (*path, k)) for k, item in enumerate(value))
        case dict():
            return {key: map_leaves(function, item, (*path, key)) for key, item in value.items()}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [f.name for f in dataclasses.fields(value)]
            return type(value)(**{n: map_leaves(function, getattr(value, n), (*path, n)) for n in names})
        case _:
            return function(path, value)


def _is_float(leaf: Any) -> bool:
    kind = (
        leaf.dtype.kind
        if isinstance(leaf, np.ndarray | np.generic)
        else {float: "f", complex: "c"}.get(type(leaf), "O")
    )
    return kind in "fc"


def float_paths(args: tuple[Any, ...], wanted: tuple[int, ...]) -> list[Path]:
    return [path for path, leaf in leaves(args) if path[0] in wanted and _is_float(leaf)]


def widen(leaf: Any) -> Any:
    """float32 in double precision, where differences have digits to spare."""
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype in (np.float32, np.complex64):
        return leaf.astype(np.float64 if leaf.dtype == np.float32 else np.complex128)
    return leaf


# --- derivatives --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """`entries[path][index]` is a derivative; `error` is the largest error that the oracle, `method`, admits to."""

    entries: dict[Path, np.ndarray]
    error: float
    method: str

    @property
    def scale(self) -> float:
        return _largest(np.abs(e) for e in self.entries.values())


def _largest(arrays: Iterable[np.ndarray]) -> float:
    """The largest element; NaN if there is one, which `max` would pass over."""
    return float(np.max([np.max(array) for array in arrays if array.size], initial=0.0))


def ridders(
    line: Callable[[float], float], step: float = 0.02, shrink: float = 1.6, rows: int = 9
) -> tuple[float, float]:
    """Derivative of `line` at 0 and an estimate of its error, by central differences extrapolated to step zero."""
    best, error = float("nan"), float("inf")
    table: list[list[float]] = []
    for _ in range(rows):
        row = [(line(step) - line(-step)) / (2.0 * step)]
        factor = shrink * shrink
        for above in table[-1] if table else ():
            row.append((row[-1] * factor - above) / (factor - 1.0))
            factor *= shrink * shrink
            gap = max(abs(row[-1] - row[-2]), abs(row[-1] - above))
            if gap <= error:
                best, error = row[-1], gap
        if table and not abs(row[-1] - table[-1][-1]) < 4.0 * error:
            break
        table.append(row)
        step /= shrink
    return best, error


def _value(fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    value = fun(*args, **kwargs)
    return value[0] if isinstance(value, tuple) else value


def differences(
    fun: Function, args: tuple[Any, ...], paths: list[Path], kwargs: dict[str, Any], step: float = 0.02
) -> Reference:
    """Along every entry; a complex entry's derivative is df/dx - i df/dy, as in JAX."""
    worst = 0.0

    def entry(path: Path, index: tuple[int, ...], unit: complex, size: float) -> float:
        nonlocal worst
        line = lambda t: float(_value(fun, shifted(args, path, index, t * unit), kwargs))  # noqa: E731
        derivative, error = ridders(line, step * max(1.0, size))
        worst = max(worst, error)
        return derivative

    entries: dict[Path, np.ndarray] = {}
    for path, leaf in leaves(args):
        if path in paths:
            array = np.asarray(leaf)
            out = np.zeros(array.shape, np.complex128 if array.dtype.kind == "c" else np.float64)
            for index in np.ndindex(array.shape):
                size = float(abs(array[index]))
                out[index] = entry(path, index, 1.0, size)
                if array.dtype.kind == "c":
                    out[index] -= 1j * entry(path, index, 1j, size)
            entries[path] = out
    return Reference(entries, worst, "central differences")


def central(fun: Function, args: tuple[Any, ...], position: int = 0) -> np.ndarray:
    """Return the gradient by one array or number, by central differences of one step."""
    arg = np.array(args[position], float)
    found = np.zeros_like(arg)
    for place in np.ndindex(arg.shape):
        values = []
        for step in (1e-6, -1e-6):
            moved = arg.copy()
            moved[place] += step
            values.append(fun(*args[:position], moved[()], *args[position + 1 :]))
        found[place] = (values[0] - values[1]) / 2e-6
    return found


def shifted(args: tuple[Any, ...], path: Path, index: tuple[int, ...], delta: complex) -> tuple[Any, ...]:
    """A copy of `args` with one entry moved."""

    def move(at: Path, leaf: Any) -> Any:
        if at != path:
            return clone(leaf)
        if not isinstance(leaf, np.ndarray):
            return leaf + delta
        moved = clone(leaf)
        moved[index] += delta
        return moved

    return map_leaves(move, args)


def complex_step(fun: Function, args: tuple[Any, ...], paths: list[Path], kwargs: dict[str, Any]) -> Reference | None:
    """None where the function can't be run on complex numbers."""

    def lift(_: Path, leaf: Any) -> Any:
        if not _is_float(leaf):
            return clone(leaf)
        return leaf.astype(np.complex128) if isinstance(leaf, np.ndarray) else np.complex128(leaf)

    entries: dict[Path, np.ndarray] = {}
    analytic = holomorphic(fun)
    try:
        for path, leaf in leaves(args):
            if path in paths:
                array = np.asarray(leaf)
                out = np.zeros(array.shape)
                for index in np.ndindex(array.shape):
                    moved = shifted(map_leaves(lift, args), path, index, 1j * COMPLEX_STEP)
                    out[index] = np.imag(_value(analytic, moved, kwargs)) / COMPLEX_STEP
                entries[path] = out
    except (TypeError, ValueError, AttributeError, Warning, np.linalg.LinAlgError):
        return None
    return Reference(entries, 0.0, "complex step")


def reference_gradient(
    fun: Function, args: tuple[Any, ...], argnums: int | tuple[int, ...] = 0, kwargs: dict[str, Any] | None = None
) -> Reference:
    """The derivative of `fun` (of its first result, if several) in the float leaves of the arguments `argnums`."""
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    wide = map_leaves(lambda _, leaf: widen(clone(leaf)), args)
    paths = float_paths(wide, wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        measured = differences(fun, wide, paths, kwargs or {})
        exact = None
        if not any(np.asarray(leaf).dtype.kind == "c" for path, leaf in leaves(wide) if path in paths):
            exact = complex_step(fun, wide, paths, kwargs or {})
    if exact is None or not distance(exact, measured) <= 1e-5 + 10.0 * measured.error / max(measured.scale, 1e-30):
        return measured
    return exact


def distance(a: Reference, b: Reference) -> float:
    scale = max(a.scale, b.scale, 1e-30)
    return _largest(np.abs(a.entries[p] - b.entries[p]) / scale for p in a.entries)


# --- the check ----------------------------------------------------------------------------------------------------


def _fail(fun: Function, text: str) -> None:
    raise WrongGradient(f"{getattr(fun, '__name__', fun)}: {text}")


def compare(fun: Function, reference: Reference, gradient: dict[Path, Any], rtol: float | None = None) -> None:
    """Raise `WrongGradient` naming the worst entry, if any entry is further off than the oracle can be."""
    own = COMPLEX_RTOL if reference.method == "complex step" else 1e-7
    rtol = own if rtol is None else rtol
    # Errors are counted against the largest entry: a sum of cancelling terms owes no relative precision of its own.
    allowed = rtol * max(reference.scale, 1e-3) + 4.0 * reference.error
    worst: tuple[float, str] = (0.0, "")
    for path, expected in reference.entries.items():
        got = np.asarray(gradient[path])
        if got.shape != expected.shape:
            _fail(fun, f"gradient of argument {path} has shape {got.shape}, should be {expected.shape}")
        for index in np.ndindex(expected.shape):
            off = abs(complex(got[index]) - complex(expected[index]))
            if not off <= allowed and not off <= worst[0]:
                worst = (off, f"d/d{path}{list(index)} is {got[index]!r}, {reference.method} says {expected[index]!r}")
    if worst[1]:
        _fail(fun, f"{worst[1]} (off by {worst[0]:.3g}, allowed {allowed:.3g})")


def _as_leaves(gradient: Any, argnums: int | tuple[int, ...]) -> dict[Path, Any]:
    parts = ((argnums, gradient),) if isinstance(argnums, int) else tuple(zip(argnums, gradient, strict=True))
    return {(k, *path): leaf for k, part in parts for path, leaf in leaves(part)}


def _same_kind(fun: Function, args: tuple[Any, ...], gradient: dict[Path, Any]) -> None:
    """Shape and dtype of every array leaf are those of the argument."""
    for path, leaf in leaves(args):
        if path in gradient and isinstance(leaf, np.ndarray):
            got = gradient[path]
            if not isinstance(got, np.ndarray) or got.dtype != leaf.dtype or got.shape != leaf.shape:
                _fail(
                    fun,
                    f"gradient of {path} is {type(got).__name__} {getattr(got, 'dtype', '')}, argument is {leaf.dtype}",
                )


def _close(fun: Function, what: str, a: Any, b: Any, rtol: float) -> None:
    for (path, x), (_, y) in zip(leaves(a), leaves(b), strict=True):
        if x is None and y is None:
            continue
        x, y = np.asarray(x), np.asarray(y)
        largest = np.abs(np.concatenate((x.ravel(), y.ravel(), [1e-3])))
        # Infinities and NaN must agree too; whether they may be there at all is the oracle's question.
        if not np.allclose(x, y, rtol=0.0, atol=rtol * np.max(largest[np.isfinite(largest)]), equal_nan=True):
            _fail(fun, f"{what} differ at {path}: {x!r} and {y!r}")


def check_gradient(
    fun: Function,
    args: tuple[Any, ...],
    argnums: int | tuple[int, ...] = 0,
    rtol: float | None = None,
    *,
    kwargs: dict[str, Any] | None = None,
    transform: Function | None = None,
    compiled: bool = True,
    reference: Reference | None = None,
) -> None:
    """Check `value_and_grad(fun, argnums)` at `args`, and all that goes with it; raises `WrongGradient`.

    `transform` stands in for `adjoint.value_and_grad`. With `compiled=False` only the interpreted gradient runs.
    """
    if transform is None:
        from adjoint import value_and_grad as transform
    kwargs = kwargs or {}
    has_aux = {"has_aux": True} if isinstance(fun(*clone(args), **kwargs), tuple) else {}
    differentiated = transform(fun, argnums, **has_aux)
    single = any(
        np.asarray(leaf).dtype in (np.float32, np.complex64) for _, leaf in leaves(args) if not isinstance(leaf, str)
    )
    rounding = 2e-5 if single else SAME_PROGRAM_RTOL
    if compiled:
        # Compiled sums may be reordered, and are where arrays lie too close for vectors: by the addresses of a call.
        value, gradient = _called(fun, differentiated, args, kwargs, rounding)
        interpreted = _called(fun, differentiated.python, args, kwargs)
        _close(fun, "compiled and interpreted", (value, gradient), interpreted, max(rounding, 1e-12))
    else:
        value, gradient = _called(fun, differentiated.python, args, kwargs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        _close(fun, "value and primal", value, fun(*clone(args), **kwargs), rounding)
    found = _as_leaves(gradient, argnums)
    _same_kind(fun, args, found)
    compare(
        fun,
        reference or reference_gradient(fun, args, argnums, kwargs),
        found,
        2e-4 if single and rtol is None else rtol,
    )


def _called(
    fun: Function, differentiated: Function, args: tuple[Any, ...], kwargs: dict[str, Any], rtol: float | None = None
) -> tuple[Any, Any]:
    """Call twice with the same arguments: they stay as they were, and the answers agree; without `rtol`, to the bit."""
    mine = clone(args)
    before = fingerprint(mine)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        first = differentiated(*mine, **kwargs)
        kept = [(path, clone(leaf)) for path, leaf in leaves(first)]
        if fingerprint(mine) != before:
            _fail(fun, "an argument was changed")
        second = differentiated(*mine, **kwargs)
    if fingerprint(mine) != before:
        _fail(fun, "an argument was changed by the second call")
    for (path, leaf), (_, a) in zip(leaves(first), kept, strict=True):
        if np.asarray(a).tobytes() != np.asarray(leaf).tobytes():
            _fail(fun, f"the second call changed the first call's result at {path}")
    if rtol is not None:
        _close(fun, "two calls", first, second, rtol)
        return first
    for (path, a), (_, b) in zip(kept, leaves(second), strict=True):
        if np.asarray(a).tobytes() != np.asarray(b).tobytes():
            _fail(fun, f"a second call gives other bits at {path}: {a!r} and {b!r}")
    return first
