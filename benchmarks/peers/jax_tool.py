"""JAX: double precision where the arguments are, everything that isn't an array is static."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.kernels import Kernel

jax.config.update("jax_enable_x64", True)


def swapped(fun: Any) -> Callable[..., Any]:
    """Return a function whose `np` and `math` are JAX's, as after a change of the import; its helpers likewise."""
    fun = getattr(fun, "py_func", fun)
    names = {name: _swap(value) for name, value in fun.__globals__.items() if name in fun.__code__.co_names}
    return types.FunctionType(fun.__code__, names, fun.__name__, fun.__defaults__, fun.__closure__)


def _swap(value: Any) -> Any:
    if value is np or getattr(value, "__name__", None) == "math":
        return jnp
    if isinstance(value, types.FunctionType) or hasattr(value, "py_func"):
        return swapped(value)
    return value


def prepare(kernel: Kernel, args: tuple[Any, ...], same_code: bool) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    if same_code:
        fun = swapped(kernel.fun)
    else:
        from benchmarks.peers import jax_idiom

        fun = getattr(jax_idiom, kernel.name, None)
        if fun is None:
            raise NotImplementedError("no adapter")
    static = tuple(k for k, arg in enumerate(args) if not isinstance(arg, np.ndarray) and k not in kernel.positions)
    gradient = jax.jit(jax.value_and_grad(fun, argnums=kernel.positions), static_argnums=static)
    given = [jnp.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]

    def call() -> Any:
        return jax.block_until_ready(gradient(*given))

    return call, lambda result: (float(result[0]), [np.asarray(bar) for bar in result[1]])
