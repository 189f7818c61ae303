"""Array-level programs -> fused loops: what the compiled text is made of."""

from adjoint.lower.guards import BROADCAST_GUARD
from adjoint.lower.pipeline import PASSES, lower
from adjoint.lower.subset import to_numba

__all__ = ["BROADCAST_GUARD", "PASSES", "lower", "to_numba"]
