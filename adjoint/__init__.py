"""Reverse-mode differentiation of Python, NumPy and Numba code, source to readable source."""

from adjoint import errors
from adjoint.api import Gradient, grad, value_and_grad
from adjoint.backends.request import VERSION as __version__

__all__ = ["Gradient", "__version__", "errors", "grad", "value_and_grad"]
