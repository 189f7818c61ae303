"""The vector library of glibc: whether it is there, and which functions compiled gradients call in it.

Code that Numba kept on disk refers to them by name, so the library is loaded before any such code can be.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm_binding

_llvm: Any = llvm_binding
_NAME = "libmvec.so.1"

# Functions of one number by their names in NumPy and in `math`, where there are such.
FUNCTIONS: Mapping[str, tuple[str, str]] = {
    **{name: (name, name) for name in "exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh cbrt".split()},
    **{f"a{name}": (f"arc{name}", f"a{name}") for name in "sin cos tan sinh cosh tanh".split()},
    "erf": ("", "erf"),
    "erfc": ("", "erfc"),
}


@cache
def library() -> str:
    """Load the library and return its name; empty where there is none with all these functions."""
    try:
        _llvm.load_library_permanently(_NAME)
        known = ctypes.CDLL(_NAME)
    except (OSError, RuntimeError):
        return ""
    return _NAME if all(hasattr(known, f"_ZGVbN2v_{function}") for function in FUNCTIONS) else ""
