"""JAX: a function compiled here, as one that `jax.grad` and `jax.jit` accept.

Needs `jax`: install `adjoint[jax]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias, Unpack, cast

import numpy as np

from adjoint.api.bridge import Bridged, Form, as_argument
from adjoint.api.seeds import is_differentiable
from adjoint.api.transforms import TransformOptions, checked_options

jax: Any = import_module("jax")

__all__ = ["as_callback"]

# What the results are for arguments of given kinds, which are `jax.ShapeDtypeStruct`.
Results: TypeAlias = Callable[[Sequence[Any]], tuple[tuple[Any, ...], Form]]


def as_callback(
    fun: Callable[..., Any], *, result: Any = None, **options: Unpack[TransformOptions]
) -> Callable[..., Any]:
    """Return `fun`, a function of NumPy arrays and numbers, as one of JAX arrays, for `jax.grad` and `jax.jit`.

    Arguments are given by position; one without axes is a number for `fun`. It runs on the CPU, by
    `jax.pure_callback`, and reverse mode, of any order, by `vjp`; it has no forward mode. `fun` must not write into its
    arguments. JAX has to know shapes and types of results beforehand: `result` says what they are for given arguments
    (a function of these that returns one `jax.ShapeDtypeStruct` or a tuple of them, or that itself). Without it, `fun`
    is called once for each combination of shapes, with ones for numbers, and zeros for integers. Other options are
    those of `grad`.

    Raises the errors of `vjp`, and TypeError if that call fails.

    >>> import numpy as np
    >>> def energy(x, k):
    ...     return np.sum(k * x * x)
    >>> jax.grad(as_callback(energy))(jax.numpy.array([1.0, 2.0]), 3.0)
    Array([ 6., 12.], dtype=float32)
    """
    bridged = Bridged("as_callback", fun, checked_options("as_callback", options))
    operation = _Operation(bridged, _given(result) if result is not None else _seen(bridged)).function()
    return functools.update_wrapper(operation, fun, updated=())


def _given(result: Any) -> Results:
    def results(kinds: Sequence[Any]) -> tuple[tuple[Any, ...], Form]:
        value: Any = result(*kinds) if callable(result) else result
        single = not isinstance(value, tuple | list)
        found: tuple[Any, ...] = (value,) if single else tuple(cast("Any", value))
        return found, Form(single, tuple(map(_is_active, found)))

    return results


def _seen(bridged: Bridged) -> Results:
    """Return the results of calls with ones and zeros, kept by the shapes of these."""
    known: dict[tuple[Any, ...], tuple[tuple[Any, ...], Form]] = {}

    def results(kinds: Sequence[Any]) -> tuple[tuple[Any, ...], Form]:
        key = tuple((kind.shape, kind.dtype) for kind in kinds)
        if key not in known:
            try:
                found, form = bridged(*map(_example, kinds))
            except (ArithmeticError, RuntimeError, ValueError, IndexError) as error:
                raise TypeError(
                    f"as_callback of {bridged.name}: a call with ones and zeros, to see the shape of the result, "
                    f"failed ({error}); say what it is: result=jax.ShapeDtypeStruct(shape, dtype)"
                ) from error
            known[key] = tuple(map(_kind, map(np.asarray, found))), form
        return known[key]

    return results


def _example(kind: Any) -> Any:
    """Return ones, and zeros of an integer type: they may be indices."""
    make: Callable[..., Any] = np.ones if _is_active(kind) else np.zeros
    return as_argument(make(kind.shape, kind.dtype))


def _kind(array: Any) -> Any:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _is_active(kind: Any) -> bool:
    return is_differentiable(np.empty((), kind.dtype))


@dataclass(frozen=True)
class _Operation:
    """A function of JAX arrays, with results known by the kinds of its arguments.

    JAX may be without double precision: `types` are those that the function wants as its last arguments.
    """

    bridged: Bridged
    results: Results
    types: tuple[Any, ...] = ()

    def function(self) -> Any:
        """Return it as JAX wants it, with a derivative."""
        operation = jax.custom_vjp(self.call)

        def forward(*args: Any) -> tuple[Any, tuple[Any, ...]]:
            return operation(*args), args  # not `self.call`: that has no second derivative

        operation.defvjp(forward, self.pull)
        return operation

    def call(self, *args: Any) -> Any:
        kinds, form = self.results([_kind(jax.numpy.asarray(arg)) for arg in args])
        shown = tuple(jax.ShapeDtypeStruct(k.shape, jax.dtypes.canonicalize_dtype(k.dtype)) for k in kinds)

        def on_host(*given: Any) -> tuple[Any, ...]:
            wanted = [*(None,) * (len(given) - len(self.types)), *self.types]
            # Copies: what JAX lends is read-only, which is another type for Numba.
            arrays = (np.array(each, kind) for each, kind in zip(given, wanted, strict=True))
            found, _ = self.bridged(*map(as_argument, arrays))
            return tuple(np.asarray(each, kind.dtype) for each, kind in zip(found, shown, strict=True))

        found = jax.pure_callback(on_host, shown, *args, vmap_method="sequential")
        return found[0] if form.single else found

    def pull(self, args: tuple[Any, ...], bars: Any) -> tuple[Any, ...]:
        kinds = [_kind(jax.numpy.asarray(arg)) for arg in args]
        results, form = self.results(kinds)
        wrt = [k for k, kind in enumerate(kinds) if _is_active(kind)]
        shapes = tuple(kinds[k] for k in wrt)
        pairs = zip((bars,) if form.single else bars, results, form.active, strict=True)
        seeds, types = zip(*((bar, kind.dtype) for bar, kind, active in pairs if active), strict=True)
        pullback = self.bridged.pullback(len(args), form, wrt)
        known = shapes, Form(False, (True,) * len(wrt))
        found = iter(_Operation(pullback, lambda _: known, self.types + types).function()(*args, *seeds))
        return tuple(next(found) if k in wrt else None for k in range(len(args)))
