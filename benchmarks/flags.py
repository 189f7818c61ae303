"""How everything that Numba compiles here is compiled: primal, hand-written adjoints, generated gradients alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

FASTMATH = {"contract", "reassoc", "nsz", "arcp"}


def compiled(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function as `adjoint` does by default."""
    return njit(fastmath=FASTMATH, error_model="numpy")(fun)
