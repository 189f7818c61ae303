"""The names below `cuda` in a kernel.

They are followed as text, not as objects: in Numba's simulator most of them exist only while a kernel runs.
"""

from __future__ import annotations

from ast import AST
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import gast

from adjoint.errors import UnsupportedError
from adjoint.frontend.convert import atom, items_of, operand
from adjoint.frontend.frame import Frame
from adjoint.frontend.operators import unary
from adjoint.frontend.values import Broken, Items, Known, Value
from adjoint.ir import Accum, Call, Effect, Expr, Lit, Var
from adjoint.rules.kernels import AXES, BARRIER, GRID, GRIDSIZE, INDICES, LOCAL, SHARED
from adjoint.rules.spelling import dtype_name
from adjoint.rules.typing import is_array

_MODULES = ("numba.cuda", "numba_cuda_mlir.cuda")
_SUPPORTED = (
    "the parts of `cuda` that have an adjoint are grid, gridsize, threadIdx, blockIdx, blockDim, gridDim, "
    "syncthreads, shared.array, local.array, atomic.add and atomic.sub"
)


@dataclass(frozen=True, slots=True)
class CudaName:
    """Something below `cuda`, by its path: "cuda.atomic.add"."""

    path: str

    def __adjoint_lower__(self, frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        _check_in_kernel(frame, self.path, node)
        if self.path not in _CALLS:
            raise frame.unsupported(f"`{self.path}`", node, _SUPPORTED)
        return _CALLS[self.path](frame, args, kwargs, node)


def cuda_module(obj: object) -> CudaName | None:
    """Return the root of the names of CUDA if an object is the module with them."""
    return CudaName("cuda") if isinstance(obj, ModuleType) and obj.__name__ in _MODULES else None


def numba_dtype(obj: object) -> str | None:
    """Return the canonical name of a data type of Numba's: `numba.float32`."""
    if not type(obj).__module__.startswith(("numba.", "numba_cuda_mlir.")):
        return None
    name = {"boolean": "bool"}.get(str(obj), str(obj))
    return dtype_name(name)


def numba_cast(obj: object) -> str | None:
    """Return the primitive that a data type of Numba's is when it is called."""
    name = numba_dtype(obj)
    return None if name is None else f"cast.{name}"


def cuda_attribute(frame: Frame, base: CudaName, name: str, node: AST) -> Value:
    """Return what `base.name` stands for: a name further down, or an index or a size."""
    path = f"{base.path}.{name}"
    if path in INDICES or path in _BLOCK_DIM:
        _check_in_kernel(frame, path, node)
    if path in INDICES:
        return frame.emit(Call(path), node)
    if path in _BLOCK_DIM:
        assert frame.session.block is not None
        return Lit(frame.session.block[_BLOCK_DIM.index(path)])
    return Known(CudaName(path))


_BLOCK_DIM = tuple(f"cuda.blockDim.{axis}" for axis in AXES)


def _check_in_kernel(frame: Frame, path: str, node: AST) -> None:
    if frame.session.block is None:
        raise frame.unsupported(
            f"`{path}` outside a kernel", node, 'differentiate the kernel: grad(..., target="cuda")'
        )


def _axes(prim: str) -> _Lowering:
    def lowering(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        match [*args, *kwargs.values()]:
            case [Lit(1)]:
                return frame.emit(Call(prim, (Lit(1), Lit(0))), node)
            case [Lit(int(count))] if count in (2, 3):
                return Items(tuple(frame.emit(Call(prim, (Lit(count), Lit(k))), node) for k in range(count)))
            case _:
                raise frame.unsupported(f"`{prim}` of anything but 1, 2 or 3", node)

    return lowering


def _allocation(prim: str) -> _Lowering:
    def lowering(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        named = {**dict(zip(("shape", "dtype"), args, strict=False)), **kwargs}
        shape, dtype = named.get("shape"), named.get("dtype")
        items = (shape,) if isinstance(shape, Lit) else items_of(frame, shape, node) if shape is not None else None
        if not items or not all(isinstance(i, Lit) and isinstance(i.value, int) and i.value > 0 for i in items):
            raise frame.unsupported(
                f"`{prim}` with a size that isn't a positive constant", node, "use a global constant for the size"
            )
        return frame.emit(
            Call(prim, (_shape(frame, items, node),), (("dtype", Lit(_dtype(frame, prim, dtype, node))),)), node
        )

    return lowering


def _shape(frame: Frame, items: Sequence[Value], node: AST) -> Expr:
    parts = tuple(operand(frame, item, node) for item in items)
    return parts[0] if len(parts) == 1 else Call("tuple", parts)


def _dtype(frame: Frame, prim: str, dtype: Value | None, node: AST) -> str:
    found = (dtype_name(dtype.obj) or numba_dtype(dtype.obj)) if isinstance(dtype, Known) else None
    if found is None:
        raise frame.unsupported(f"this data type of `{prim}`", node, "give it as `float32`, `np.float32` or the like")
    return found


def _syncthreads(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
    frame.builder.add(Effect(Call(BARRIER), frame.loc(node)))
    return Lit(None)


def _atomic(negative: bool) -> _Lowering:
    def lowering(frame: Frame, args: Sequence[Value], kwargs: Mapping[str, Value], node: AST) -> Value:
        array, index, value = _three(frame, [*args, *kwargs.values()], node)
        if not isinstance(array, Var) or not is_array(frame.type_of(array)):
            raise frame.unsupported("an atomic operation on something that is no array", node)
        where = tuple(atom(frame, i, node) for i in items_of(frame, index, node) or (index,))
        amount: Any = unary(frame, gast.USub(), value, node) if negative else value
        frame.builder.add(Accum(array, where, atom(frame, amount, node), frame.loc(node)))
        old = UnsupportedError("the value that an atomic operation returns", frame.loc(node), help=_NO_OLD)
        return Broken(old)

    return lowering


_NO_OLD = "it depends on the order in which threads come; read the array in another kernel"


def _three(frame: Frame, args: Sequence[Value], node: AST) -> tuple[Value, Value, Value]:
    if len(args) != 3:
        raise frame.unsupported("an atomic operation without array, index and value", node)
    return args[0], args[1], args[2]


_Lowering = Callable[[Frame, Sequence[Value], Mapping[str, Value], AST], Value]
_CALLS: Mapping[str, _Lowering] = {
    "cuda.grid": _axes(GRID),
    "cuda.gridsize": _axes(GRIDSIZE),
    "cuda.shared.array": _allocation(SHARED),
    "cuda.local.array": _allocation(LOCAL),
    "cuda.syncthreads": _syncthreads,
    "cuda.atomic.add": _atomic(negative=False),
    "cuda.atomic.sub": _atomic(negative=True),
}
