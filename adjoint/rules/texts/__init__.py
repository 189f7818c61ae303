"""The texts of the helpers; `adjoint.rules.helpers` takes them apart."""

from adjoint.rules.texts import factors, indexing, matrices, reductions, sharing, tables

TEXT = "\n\n".join(module.TEXT.strip("\n") for module in (indexing, reductions, tables, matrices, factors, sharing))
