"""The texts of the helpers; `adjoint.rules.helpers` takes them apart."""

from adjoint.rules.texts import (
    bessel,
    entropies,
    errors,
    factors,
    gammas,
    indexing,
    matrices,
    reductions,
    sharing,
    tables,
)

_MODULES = (indexing, reductions, tables, matrices, factors, sharing, gammas, errors, entropies, bessel)
TEXT = "\n\n".join(module.TEXT.strip("\n") for module in _MODULES)
