"""Other tools, each run by the Python that has it: `peers.txt` says what to install there.

| tool | what it runs |
| --- | --- |
| `jax` | the best idiom we know, from `jax_idiom.py` |
| `jax_same` | the kernel's own text with `jax.numpy` in the place of `numpy`, stores by `.at` |
| `torch`, `torch_compile` | the best idiom we know, from `torch_idiom.py`, eager and compiled |
| `dace` | what its automatic differentiation takes, from `dace_idiom.py` |
| `autograd`, `tangent` | the kernel's own text |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.kernels import Kernel

Prepared = tuple[Callable[[], Any], Callable[[Any], tuple[float, list[Any]]]]


def prepare(tool: str, kernel: Kernel, args: tuple[Any, ...]) -> Prepared:
    """Return what to time and what turns its result into a value and gradients."""
    if tool in ("jax", "jax_same"):
        from benchmarks.peers import jax_tool

        return jax_tool.prepare(kernel, args, same_code=tool == "jax_same")
    if tool in ("torch", "torch_compile"):
        from benchmarks.peers import torch_tool

        return torch_tool.prepare(kernel, args, compiled=tool == "torch_compile")
    if tool == "dace":
        from benchmarks.peers import dace_tool

        return dace_tool.prepare(kernel, args)
    if tool in ("autograd", "tangent"):
        from benchmarks.peers import same_code

        return getattr(same_code, tool)(kernel, args)
    raise NotImplementedError(f"no adapter for {tool}")
