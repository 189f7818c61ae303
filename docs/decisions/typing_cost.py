"""Seconds Numba's whole-program inference takes for one NumPy call (for decision 0001).

    python docs/decisions/typing_cost.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import compiler, registry, typed_passes, types

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "x * x": lambda x: x * x,
    "np.sum(x, axis=0)": lambda x: np.sum(x, axis=0),
    "np.mean(x)": lambda x: np.mean(x),
    "np.std(x)": lambda x: np.std(x),
    "np.concatenate((x, x))": lambda x: np.concatenate((x, x)),
    "np.linalg.inv(x)": lambda x: np.linalg.inv(x),
    "np.linalg.solve(x, x)": lambda x: np.linalg.solve(x, x),
}


def seconds(function: Callable[[Any], Any]) -> float:
    start = time.perf_counter()
    typing_context, target_context = registry.cpu_target.typing_context, registry.cpu_target.target_context
    typing_context.refresh()
    argument = types.Array(types.float64, 2, "C")
    numba_ir = compiler.run_frontend(function)
    typed_passes.type_inference_stage(typing_context, target_context, numba_ir, (argument,), None)
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds(lambda x: x + x)  # what only the first inference in a process pays
    for text, function in FUNCTIONS.items():
        print(f"{text:25} {seconds(function):7.3f}")
