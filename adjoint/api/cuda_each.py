"""The gradient of a function of numbers at every element of device arrays, like a ufunc: a thread for each element."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
from numba.core import types as nb

from adjoint.api.arguments import unsupported_value, wrong_count
from adjoint.api.containers import Untypable
from adjoint.backends import cuda
from adjoint.backends.request import NumbaType
from adjoint.rules.numba_types import element_type

# Threads of a block by the number of axes, the last of which is the one along which elements are neighbours.
_BLOCKS = {1: (128,), 2: (32, 4), 3: (32, 2, 2)}
_INDICES = "ijk"

_KERNEL = """

@cuda.jit
def {name}({params}):
    {threads} = cuda.grid({rank})
    if {inside}:
        {results} = {device}({args})
"""


@dataclass(frozen=True, slots=True)
class Elements:
    """What a launch is for: the types of numbers, which parameters have one for each element, and how many axes."""

    types: tuple[NumbaType, ...]
    arrays: tuple[bool, ...]
    rank: int
    shape: tuple[int, ...]
    single: bool


def elements(fun: FunctionType, args: Sequence[Any]) -> Elements:
    """Return what a launch with these arguments is for. Raises TypeError or ValueError for arguments that don't fit."""
    names = list(inspect.signature(fun).parameters)
    if len(args) != len(names):
        raise wrong_count(fun.__name__, names, len(args))
    shapes = {name: tuple(arg.shape) for name, arg in zip(names, args, strict=True) if getattr(arg, "shape", ())}
    first, shape = next(iter(shapes.items()))
    for name, other in shapes.items():
        if other != shape:
            raise ValueError(f"{fun.__name__}: {first} has shape {shape} and {name} has {other}; arrays have one shape")
    if len(shape) not in _BLOCKS:
        raise ValueError(f"{fun.__name__}: {first} has {len(shape)} axes; a kernel has 3 at most: reshape it")
    kinds = [_number(fun, arg) for arg in args]
    of_arrays = {kind for name, kind in zip(names, kinds, strict=True) if name in shapes} & {nb.float32, nb.float64}
    single = of_arrays == {nb.float32}
    if single:
        kinds = [nb.float32 if isinstance(kind, nb.Float) else kind for kind in kinds]
    return Elements(tuple(kinds), tuple(name in shapes for name in names), len(shape), shape, single)


def _number(fun: FunctionType, value: Any) -> NumbaType:
    kind: Any = cuda.type_of(value)
    if isinstance(kind, nb.Array):
        kind = element_type(kind)
    if not isinstance(kind, nb.Number | nb.Boolean):
        raise unsupported_value(fun.__name__, value, Untypable(f"a {type(value).__name__}"))
    return kind


def kernel_source(device: str, asked: Elements, count: int, names: Sequence[str]) -> str:
    """Return the text of a module with the gradient as a device function, `device`, and the kernel that maps it."""
    entry = cuda.last_function(device)
    indices = _INDICES[: asked.rank]
    results = _unused(names, ["result"] if count == 1 else [f"result_{k + 1}" for k in range(count)])
    threads = _unused([*names, *results], list(indices))
    place = ", ".join(threads)
    inside = " and ".join(f"{index} < {results[0]}.shape[{k}]" for k, index in enumerate(threads))
    args = [f"{name}[{place}]" if is_array else name for name, is_array in zip(names, asked.arrays, strict=True)]
    return device.rstrip("\n") + "\n" + _KERNEL.format(
        name=f"{entry}_each",
        params=", ".join([*names, *results]),
        threads=", ".join(reversed(threads)),
        rank=asked.rank,
        inside=inside,
        results=", ".join(f"{result}[{place}]" for result in results),
        device=entry,
        args=", ".join(args),
    )


def _unused(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in wanted:
        while name in (*names, *found):
            name += "_"
        found.append(name)
    return found


def launch(kernel: Any, asked: Elements, count: int, args: Sequence[Any], stream: Any) -> tuple[Any, ...]:
    """Run the kernel, and return the gradients, arrays from the library and on the device of the first array."""
    like = next(arg for arg, is_array in zip(args, asked.arrays, strict=True) if is_array)
    real = "float32" if asked.single else "float64"
    found = tuple(cuda.zeros(asked.shape, real, like) for _ in range(count))
    block = _BLOCKS[asked.rank]
    grid = tuple(-(-size // threads) for size, threads in zip(reversed(asked.shape), block, strict=True))
    if all(grid):
        numbers = (np.float32(a) if asked.single and isinstance(a, float) else a for a in args)
        kernel[(grid, block) if stream is None else (grid, block, stream)](*numbers, *found)
    return found


