"""JAX: double precision where the arguments are, everything that isn't an array is static."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.kernels import Kernel
from benchmarks.peers.same_code import swapped

jax.config.update("jax_enable_x64", True)


def prepare(kernel: Kernel, args: tuple[Any, ...], same_code: bool) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    fun = swapped(kernel.fun, jnp, stores=False) if same_code else _idiom(kernel)
    gradient = jax.jit(jax.value_and_grad(fun, argnums=kernel.positions), static_argnums=_static(kernel, args))
    given = [jnp.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]

    def call() -> Any:
        return jax.block_until_ready(gradient(*given))

    return call, lambda result: (float(result[0]), [np.asarray(bar) for bar in result[1]])


def product(kernel: Kernel, args: tuple[Any, ...], ways: Sequence[Any]) -> Callable[[], Any]:
    """Return what multiplies the Hessian by a vector, forward over reverse."""
    fun, static = _idiom(kernel), _static(kernel, args)

    def pushed(ways: tuple[Any, ...], *args: Any) -> Any:
        def gradient(*wrt: Any) -> Any:
            given = list(args)
            for k, arg in zip(kernel.positions, wrt, strict=True):
                given[k] = arg
            return jax.grad(fun, argnums=kernel.positions)(*given)

        return jax.jvp(gradient, tuple(args[k] for k in kernel.positions), ways)[1]

    compiled = jax.jit(pushed, static_argnums=tuple(k + 1 for k in static))
    given = [jnp.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    vectors = tuple(map(jnp.asarray, ways))
    return lambda: jax.block_until_ready(compiled(vectors, *given))


def _idiom(kernel: Kernel) -> Callable[..., Any]:
    from benchmarks.peers import jax_idiom

    fun = getattr(jax_idiom, kernel.name, None)
    if fun is None:
        raise NotImplementedError("no adapter")
    return fun


def _static(kernel: Kernel, args: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(k for k, arg in enumerate(args) if not isinstance(arg, np.ndarray) and k not in kernel.positions)
