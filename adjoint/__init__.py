"""Reverse-mode differentiation of Python, NumPy and Numba code, source to readable source."""

from adjoint import errors
from adjoint.api import (
    Gradient,
    check_grads,
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    rule,
    stop_gradient,
    value_and_grad,
    vjp,
)
from adjoint.backends.request import VERSION as __version__

__all__ = [
    "Gradient",
    "__version__",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "errors",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "rule",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
