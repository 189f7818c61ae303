"""From the name of a primitive to its rule."""

from __future__ import annotations

from functools import cache
from typing import Any

from adjoint.rules.definitions.scipy import Primitive
from adjoint.rules.elementwise import DRAWS, ELEMENTWISE, Elementwise
from adjoint.rules.linear import LINEAR, Linear
from adjoint.rules.rule import Kind, Rule
from adjoint.rules.special import SPECIAL
from adjoint.rules.special_functions import SPECIAL_FUNCTIONS
from adjoint.rules.zero import DRAWS_OF_NOTHING, ZERO, Zero


@cache
def find(prim: str) -> Rule | None:
    """Return the rule of a primitive, or None where none is known (which is not the same as a zero derivative)."""
    match kind(prim):
        case "elementwise":
            return Elementwise(prim)
        case "linear":
            return Linear(prim)
        case "special":
            return SPECIAL[prim] if prim in SPECIAL else Elementwise(prim) if prim in DRAWS else Zero(prim)
        case "zero":
            return Zero(prim)
        case "composite" | None:
            return None


def kind(prim: str) -> Kind | None:
    """Return the table a primitive is in."""
    if prim in ELEMENTWISE or prim in SPECIAL_FUNCTIONS:
        return "elementwise"
    if prim in LINEAR:
        return "linear"
    if prim in SPECIAL or prim in DRAWS or prim in DRAWS_OF_NOTHING:
        return "special"
    return "zero" if prim in ZERO else None


def of_object(obj: Any) -> str | None:
    """Return the primitive of an object of ours: of a definition, or a helper of a generated module that is not read.

    Those are helpers with a rule, and the one that looks at addresses.
    """
    if isinstance(obj, Primitive):
        return obj.prim
    prim = f"helper.{getattr(obj, '__name__', '')}"
    known = prim == "helper.share_memory" or find(prim) is not None
    return prim if known and str(getattr(obj, "__module__", "")).startswith("_adjoint_") else None
