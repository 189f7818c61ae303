"""The public face: transforms and the object they return."""

from adjoint.api.gradient import Gradient, NotCalledError
from adjoint.api.transforms import grad, value_and_grad

__all__ = ["Gradient", "NotCalledError", "grad", "value_and_grad"]
