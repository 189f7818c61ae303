"""DaCe on the processor: sizes are constants, the gradient is compiled with the value by the compiler it finds.

Its differentiation expands products of matrices into loops, whatever BLAS there is. Its passes that fuse maps or keep
arrays between steps make gradients wrong where they are used beside differentiation, and aren't used.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import types
from typing import Any

import dace
import numpy as np
from dace.autodiff import add_backward_pass
from dace.data import create_datadescriptor

from benchmarks.kernels import Kernel
from benchmarks.peers import dace_idiom

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def prepare(kernel: Kernel, args: tuple[Any, ...]) -> Any:
    """Return what to time and what turns its result into a value and gradients."""
    fun = getattr(dace_idiom, kernel.name, None)
    if fun is None:
        raise NotImplementedError("not written: it gathers by arrays of integers, which fails in ba and spmv")
    # Its arrays come and go in every step of a loop: memory that was given back to the system costs half of its time.
    libc = ctypes.CDLL(None)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(M_MMAP_THRESHOLD, 2**25)
    # It builds where it is told, and beside the caller otherwise.
    dace.Config.set("default_build_folder", value=os.path.join(tempfile.mkdtemp(), "dace"))
    given = dict(zip(kernel.fun.__code__.co_varnames, args, strict=False))
    constant = getattr(dace_idiom, f"{kernel.name}_constant", None)
    if constant is not None:
        given["constant"] = constant(*args)
    compiled = _compiled(fun, given, kernel.wrt)
    arrays = {name: arg for name, arg in given.items() if name in compiled.sdfg.arrays}
    bars = {f"gradient_{name}": np.empty_like(given[name]) for name in kernel.wrt}
    value = np.zeros(1, next(iter(bars.values())).dtype)

    def call() -> Any:
        copies = {name: arg.copy() for name, arg in arrays.items()}
        for bar in bars.values():
            bar.fill(0.0)
        compiled(**copies, **bars, value=value, gradient_value=np.ones_like(value))
        return value[0], list(bars.values())

    return call, lambda result: (float(result[0]), result[1])


def _compiled(fun: Any, given: dict[str, Any], wrt: tuple[str, ...]) -> Any:
    dtype = given[wrt[0]].dtype.type
    copy = types.FunctionType(fun.__code__, fun.__globals__, fun.__name__)
    copy.__module__ = fun.__module__
    copy.__annotations__ = {
        name: create_datadescriptor(arg) if isinstance(arg, np.ndarray) else dace.compiletime
        for name, arg in given.items()
    } | {"value": dace.data.Array(dace.dtypes.dtype_to_typeclass(dtype), (1,))}
    constants = {name: arg for name, arg in given.items() if not isinstance(arg, np.ndarray)}
    sdfg = dace.program(copy).to_sdfg(**constants)
    add_backward_pass(sdfg, outputs=["value"], inputs=list(wrt))
    return sdfg.compile()
