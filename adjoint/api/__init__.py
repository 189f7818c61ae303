"""The public face: transforms and the object they return."""

from adjoint.api.checking import check_grads
from adjoint.api.custom import checkpoint, custom_jvp, custom_vjp, rule, stop_gradient
from adjoint.api.derivatives import jvp, vjp
from adjoint.api.gradient import Gradient, NotCalledError
from adjoint.api.inside import made_of, pushed
from adjoint.api.jacobians import Jacobian, hessian, hvp, jacfwd, jacobian, jacrev
from adjoint.api.transforms import grad, value_and_grad

__all__ = [
    "Gradient",
    "Jacobian",
    "NotCalledError",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
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

# What a call of these means inside a function that is differentiated.
for _transform in (grad, value_and_grad):
    vars(_transform)["__adjoint_lower__"] = made_of(_transform)
vars(jvp)["__adjoint_lower__"] = pushed(jvp, of_gradient=False)
vars(hvp)["__adjoint_lower__"] = pushed(hvp, of_gradient=True)
