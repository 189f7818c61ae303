"""The kernels, each a module with a function of its own name, `WRT`, `SIZES` and `make(**size)`.

The function is what a user writes: the same text runs in NumPy, in Numba and through `adjoint`. It leaves its arguments
as they were and returns the objective, a float: what the kernel is about, or half the sum of squares of its result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

NAMES = (
    *("gmm", "ba", "lstm", "ht", "kmeans", "llsq", "lse", "ode", "jacobi_2d", "heat_3d", "seidel_2d", "fdtd_2d"),
    *("hdiff", "vadv", "cavity_flow", "k2mm", "gemver", "softmax", "mlp", "conv2d_bias", "syrk", "cholesky", "nbody"),
    "spmv",
)
# The same as another one, written in another way: beside the suite.
VARIANTS = ("jacobi_2d_loops",)


@dataclass(frozen=True)
class Kernel:
    """A kernel: the function, and what it is differentiated with respect to."""

    name: str
    fun: Callable[..., float]
    wrt: tuple[str, ...]
    sizes: dict[str, dict[str, Any]]
    make: Callable[..., tuple[Any, ...]]
    # To how many digits differences of values agree with the derivative at headline size.
    along: float = 1e-6
    # To how many digits gradients in double precision agree.
    tolerance: float = 1e-9

    def args(self, size: str) -> tuple[Any, ...]:
        """Return the arguments for a size, the same in every process."""
        return self.make(**self.sizes[size])

    @property
    def positions(self) -> tuple[int, ...]:
        """Where the differentiated arguments stand in a call."""
        code = self.fun.__code__
        return tuple(code.co_varnames.index(name) for name in self.wrt)


def load(name: str) -> Kernel:
    """Return a kernel by name."""
    module = import_module(f"benchmarks.kernels.{name}")
    options = {name.lower(): getattr(module, name) for name in ("ALONG", "TOLERANCE") if hasattr(module, name)}
    return Kernel(name, getattr(module, name), module.WRT, module.SIZES, module.make, **options)
