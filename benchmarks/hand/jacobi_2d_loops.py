"""The adjoint doesn't depend on how the primal is written."""

from benchmarks.hand.jacobi_2d import value_and_grad

__all__ = ["value_and_grad"]
