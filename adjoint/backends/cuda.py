"""Kernels: loading what was generated for one, the types of what it is given, and arrays beside those of the user.

Which package compiles is the user's choice, by what made the kernel; nothing here imports one before it is needed.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numba.core import types as nb
from numba.np import numpy_support

from adjoint.backends.cache import keep_text
from adjoint.backends.numba_cpu import typeof
from adjoint.backends.request import NumbaType

# Numba is untyped: what is used of it goes through these names.
_Array: Any = nb.Array
_MLIR = "numba_cuda_mlir"
_from_dtype: Callable[[Any], NumbaType] = cast("Any", numpy_support).from_dtype


def package_of(kernel: object) -> str:
    """Return the package whose `cuda` compiles a kernel; of a plain function that which has been imported."""
    only = "numba_cuda_mlir.cuda" in sys.modules and "numba.cuda" not in sys.modules
    return _MLIR if type(kernel).__module__.startswith(_MLIR) or only else "numba"


def load_kernel(text: str, entry: str, *, cache: bool, name: str | None = None) -> Any:
    """Return a function of a generated module, ready to be launched: `entry`, or the one with that name."""
    return getattr(keep_text(entry, text, cache=cache).load({}), name or entry)


def last_function(text: str) -> str:
    """Return the name of the last function of a module."""
    return next(n.name for n in reversed(ast.parse(text).body) if isinstance(n, ast.FunctionDef))


def type_of(value: Any) -> NumbaType | None:
    """Return the type of an argument of a kernel; None if kernels don't take it."""
    shape = getattr(value, "shape", None)
    try:
        if shape is None or shape == ():
            return typeof(value)
        return _Array(_dtype_of(value), len(shape), "C")
    except (AttributeError, TypeError, ValueError, NotImplementedError):
        return None


def contiguous(kind: NumbaType) -> NumbaType:
    """Return the type that stands for arrays of every layout."""
    known: Any = kind
    return _Array(known.dtype, known.ndim, "C") if isinstance(kind, nb.Array) else kind


def dtype_name(value: Any) -> str:
    """Return the name of the data type of an array of any library: `torch.float32` is no NumPy dtype."""
    return str(value.dtype).rpartition(".")[2]


def _dtype_of(value: Any) -> NumbaType:
    name = dtype_name(value)
    return nb.boolean if name == "bool" else _from_dtype(np.dtype(name))


def detached(value: Any) -> Any:
    """Return an array without the record that PyTorch keeps of it, which kernels don't take."""
    return value.detach() if getattr(value, "requires_grad", False) else value


def zeros(shape: Sequence[int], dtype: Any, like: Any) -> Any:
    """Return an array of zeros from the library, and on the device, of another array."""
    library: Any = sys.modules[type(like).__module__.partition(".")[0]]
    if hasattr(like, "copy_to_host"):
        cuda: Any = importlib.import_module(".".join(_cuda_package(like)))
        made = cuda.device_array(tuple(shape), dtype=np.dtype(dtype))
        made[:] = 0
        return made
    if hasattr(like, "new_zeros"):
        return like.new_zeros(tuple(shape), dtype=getattr(library, str(np.dtype(dtype))))
    return library.zeros(tuple(shape), dtype=np.dtype(dtype))


def _cuda_package(array: object) -> tuple[str, str]:
    return type(array).__module__.partition(".")[0], "cuda"


def extent(value: Any) -> tuple[int, int] | None:
    """Return the first address of an array and the one after its last; None if it doesn't tell."""
    value = getattr(value, "_ary", value)  # the simulator's arrays
    for protocol in ("__cuda_array_interface__", "__array_interface__"):
        known: Any = getattr(value, protocol, None)
        if known is not None:
            size = np.dtype(known["typestr"]).itemsize
            strides = known.get("strides") or _strides(known["shape"], size)
            spans = [(n - 1) * stride for n, stride in zip(known["shape"], strides, strict=True)]
            if 0 in known["shape"]:
                return None
            start = known["data"][0]
            return start + sum(min(s, 0) for s in spans), start + sum(max(s, 0) for s in spans) + size
    return None


def _strides(shape: Sequence[int], size: int) -> list[int]:
    strides: list[int] = []
    for count in reversed(shape):
        strides.insert(0, size)
        size *= count
    return strides


def on_device(value: Any, package: str) -> Any:
    """Return an array on the device, as `cuda` of a package has it: a copy of one of NumPy, another one itself."""
    if not getattr(value, "shape", ()):
        return np.float64(value) if isinstance(value, float) else value
    cuda: Any = importlib.import_module(f"{package}.cuda")
    if isinstance(value, np.ndarray):
        return cuda.to_device(np.ascontiguousarray(cast("Any", value)))
    return value if hasattr(value, "copy_to_host") else cuda.as_cuda_array(value)


def of_library(array: Any, like: Any) -> Any:
    """Return an array on the device as one of NumPy, or of the library of another one."""
    if isinstance(like, np.ndarray):
        return array.copy_to_host()
    if hasattr(like, "copy_to_host"):
        return array
    library: Any = sys.modules[type(like).__module__.partition(".")[0]]
    return library.as_tensor(array, device=like.device) if hasattr(like, "new_zeros") else library.asarray(array)
