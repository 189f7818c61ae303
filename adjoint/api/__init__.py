"""The public face: transforms and the object they return.

What most programs use is imported here; the rest when it is asked for, since a program that finds its gradient in the
cache should not pay for more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from adjoint.api.gradient import Gradient, NotCalledError
from adjoint.api.transforms import grad, value_and_grad

if TYPE_CHECKING:
    from adjoint.api.checking import check_grads
    from adjoint.api.custom import checkpoint, custom_jvp, custom_vjp, rule, stop_gradient
    from adjoint.api.derivatives import jvp, vjp
    from adjoint.api.implicit import fixed_point, implicit_root
    from adjoint.api.jacobians import Jacobian, hessian, hvp, jacfwd, jacobian, jacrev

__all__ = [
    "Gradient",
    "Jacobian",
    "NotCalledError",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
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

_MODULES = {
    "checking": ("check_grads",),
    "custom": ("checkpoint", "custom_jvp", "custom_vjp", "rule", "stop_gradient"),
    "derivatives": ("jvp", "vjp"),
    "implicit": ("fixed_point", "implicit_root"),
    "jacobians": ("Jacobian", "hessian", "hvp", "jacfwd", "jacobian", "jacrev"),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"adjoint.api.{module}"), name)
    raise AttributeError(f"module 'adjoint.api' has no attribute {name!r}")
