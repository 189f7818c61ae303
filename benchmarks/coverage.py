"""Counts which of NumPy's functions have derivatives: here, in autograd and in JAX, which are to be installed.

`python benchmarks/coverage.py` prints the table of `docs/explanation/supported.md`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from adjoint.rules.composite import COMPOSITE
from adjoint.rules.definitions.table import DEFINITIONS, PRODUCTS
from adjoint.rules.find import find
from adjoint.rules.spelling import primitive_of
from adjoint.rules.zero import ZERO

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft}
# Definitions in the place of calls.
INSTEAD = {"einsum", "squeeze", "flip", "copyto", *PRODUCTS, *DEFINITIONS, *COMPOSITE}


def functions(module: ModuleType) -> list[str]:
    names = [name for name in dir(module) if not name.startswith("_")]
    found = {name: getattr(module, name) for name in names}
    return [n for n, f in found.items() if callable(f) and not isinstance(f, type) and not isinstance(f, ModuleType)]


def here(module: ModuleType, name: str) -> bool:
    prim = primitive_of(getattr(module, name))
    known = prim is not None and (find(prim) is not None or prim in INSTEAD)
    return known and prim not in ZERO


def autograd(module: ModuleType, name: str) -> bool:
    importlib.import_module("autograd.numpy.fft")
    core: Any = importlib.import_module("autograd.core")
    theirs: Any = importlib.import_module(module.__name__.replace("numpy", "autograd.numpy", 1))
    function = getattr(theirs, name, None)
    return function in core.primitive_vjps


def jax(module: ModuleType, name: str) -> bool:
    theirs = importlib.import_module(module.__name__.replace("numpy", "jax.numpy", 1))
    return callable(getattr(theirs, name, None)) and primitive_of(getattr(module, name)) not in ZERO


def main() -> None:
    print("| functions of | in all | adjoint | autograd | JAX |\n| --- | --- | --- | --- | --- |")
    for title, module in MODULES.items():
        names = functions(module)
        counts = [sum(has(module, name) for name in names) for has in (here, autograd, jax)]
        print(f"| `{title}` | {len(names)} | {' | '.join(map(str, counts))} |")


if __name__ == "__main__":
    main()
