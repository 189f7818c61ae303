"""Functions of glibc's vector library for loops that LLVM vectorises; scalar ones where there is none.

A call is declared with the names of its vector variants, so LLVM may replace it when it vectorises the loop around it.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

VARIANTS = ((2, "b", "sse2"), (4, "d", "avx2"), (8, "e", "avx512f"))
_PURE = ("nounwind", "willreturn", "memory(none)")
_DOUBLE = ir.DoubleType()


def _available() -> bool:
    try:
        llvm.load_library_permanently("libmvec.so.1")
    except RuntimeError:
        return False
    return True


def _keep(module: Any, function: Any) -> None:
    """Keep a declaration that only an attribute mentions."""
    kept = module.__dict__.setdefault("_kept_vector_functions", [])
    if function.name in (known.name for known in kept):
        return
    kept.append(function)
    name = "llvm.compiler.used"
    if name in module.globals:
        del module.globals[name]
        module.scope._useset.discard(name)
    pointer = ir.IntType(8).as_pointer()
    used = ir.GlobalVariable(module, ir.ArrayType(pointer, len(kept)), name)
    used.linkage, used.section = "appending", "llvm.metadata"
    used.initializer = ir.Constant(used.value_type, [function.bitcast(pointer) for function in kept])


def _declare(module: Any, symbol: str, kind: Any) -> Any:
    function = cgutils.get_or_insert_function(module, kind, symbol)
    for attribute in _PURE:
        set.add(function.attributes, attribute)
    return function


def _vector_function(name: str) -> Callable[[float], float]:
    symbol = f"libm_{name}"
    llvm.add_symbol(symbol, ctypes.cast(getattr(ctypes.CDLL("libm.so.6"), name), ctypes.c_void_p).value)
    features = llvm.get_host_cpu_features()
    lanes = [(width, letter) for width, letter, feature in VARIANTS if features.get(feature)]
    mapping = ",".join(f"_ZGV_LLVM_N{width}v_{symbol}(_ZGV{letter}N{width}v_{name})" for width, letter in lanes)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        module = builder.module
        function = _declare(module, symbol, ir.FunctionType(_DOUBLE, [_DOUBLE]))
        set.add(function.attributes, f'"vector-function-abi-variant"="{mapping}"')
        for width, letter in lanes:
            kind = ir.VectorType(_DOUBLE, width)
            _keep(module, _declare(module, f"_ZGV{letter}N{width}v_{name}", ir.FunctionType(kind, [kind])))
        return builder.call(function, args)

    @intrinsic
    def function(typing_context, x):
        return types.float64(types.float64), emit

    return function


if _available():
    exp = _vector_function("exp")
else:

    @njit
    def exp(x):
        return math.exp(x)
