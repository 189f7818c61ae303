"""Products of the Hessian of a kernel with a vector, by one tool: what a worker runs for `benchmarks.hvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import reference
from benchmarks.kernels import Kernel

Answer = Callable[[Any], tuple[float, list[Any]]]


def prepare(tool: str, kernel: Kernel, args: tuple[Any, ...]) -> tuple[Callable[[], Any], Answer]:
    """Return what to time, and what turns its result into the curvature along the vector and the product."""
    ways = reference.directions(args, kernel.positions)
    if tool == "jax_hvp":
        from benchmarks.peers import jax_tool

        call = jax_tool.product(kernel, args, ways)
    else:
        call = _ours(tool, kernel, args, ways)

    def answer(result: Any) -> tuple[float, list[Any]]:
        # `adjoint.hvp` has an entry for every argument, and no tuple for a single one.
        found = result if isinstance(result, tuple | list) else (result,)
        chosen = [found[k] for k in kernel.positions] if tool == "hvp_all" else found
        products = [np.asarray(part) for part in chosen]
        return reference.slope(products, ways), products

    return call, answer


def _ours(tool: str, kernel: Kernel, args: tuple[Any, ...], ways: Sequence[Any]) -> Callable[[], Any]:
    from adjoint import hvp

    if tool == "hvp":
        return lambda: hvp(kernel.fun, args, tuple(ways), kernel.wrt)
    positions = kernel.positions
    vectors = tuple(ways[positions.index(k)] if k in positions else None for k in range(len(args)))
    return lambda: hvp(kernel.fun, args, vectors)
