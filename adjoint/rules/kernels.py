"""What CUDA kernels are written with: the names below `cuda` as primitives, and the types of what they give."""

from __future__ import annotations

from collections.abc import Mapping

from adjoint.errors import TypingError
from adjoint.ir import Call, Lit
from adjoint.rules.numba_types import Application, Type, array, int64, named_dtype, none
from adjoint.rules.operand_types import Rule

AXES = ("x", "y", "z")
BARRIER = "cuda.syncthreads"
ATOMIC_ADD = "cuda.atomic.add"
# Not printed: after it, nothing is in the arrays that it names.
FORGET = "cuda.forget"
SHARED = "cuda.shared.array"
LOCAL = "cuda.local.array"
# `cuda.grid(n)` and `cuda.gridsize(n)`, one axis at a time: the operands are `n` and the axis.
GRID = "cuda.grid"
GRIDSIZE = "cuda.gridsize"
# `cuda.threadIdx.x` and its like; `blockDim` is a constant, as an adjoint is made for one shape of the block.
INDICES = tuple(f"cuda.{name}.{axis}" for name in ("threadIdx", "blockIdx", "gridDim") for axis in AXES)


def is_index(prim: str) -> bool:
    """Whether a primitive says which thread runs, or how many there are."""
    return prim in (GRID, GRIDSIZE) or prim in INDICES


def is_allocation(prim: str) -> bool:
    return prim in (SHARED, LOCAL)


def is_barrier(expr: object) -> bool:
    """Whether an expression is the call by which the threads of a block wait for each other.

    Its operands are the arrays that other threads may have written when it returns.
    """
    return isinstance(expr, Call) and expr.prim == BARRIER


def sizes(call: Call) -> tuple[int, ...]:
    """Return the shape of a shared or local array."""
    shape = call.args[0]
    parts = shape.args if isinstance(shape, Call) else (shape,)
    return tuple(part.value for part in parts if isinstance(part, Lit) and isinstance(part.value, int))


def _array(app: Application) -> Type:
    dtype = app.option("dtype")
    if not isinstance(dtype, str):
        raise TypingError(f"`{app.prim}` needs a data type")
    return array(named_dtype(dtype), len(sizes(app.call)), "C")


def _index(_: Application) -> Type:
    return int64


def _nothing(_: Application) -> Type:
    return none


def kernel_rules() -> Mapping[str, Rule]:
    """Return the types of the primitives of kernels."""
    indices: dict[str, Rule] = dict.fromkeys((GRID, GRIDSIZE, *INDICES), _index)
    return {**indices, SHARED: _array, LOCAL: _array, BARRIER: _nothing, ATOMIC_ADD: _nothing}
