"""Reverse-mode differentiation of Python, NumPy and Numba code, source to readable source."""

from typing import TYPE_CHECKING

from adjoint import errors
from adjoint.api import Gradient, grad, value_and_grad
from adjoint.backends.request import VERSION as __version__

if TYPE_CHECKING:
    from adjoint.api import (
        check_grads,
        checkpoint,
        custom_jvp,
        custom_vjp,
        fixed_point,
        hessian,
        hvp,
        implicit_root,
        jacfwd,
        jacobian,
        jacrev,
        jvp,
        rule,
        stop_gradient,
        vjp,
    )

__all__ = [
    "Gradient",
    "__version__",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "errors",
    "fixed_point",
    "grad",
    "hessian",
    "hvp",
    "implicit_root",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "rule",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> object:
    from adjoint import api

    if name not in __all__:
        raise AttributeError(f"module 'adjoint' has no attribute {name!r}")
    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
