"""From the name of a primitive to its rule."""

from __future__ import annotations

from functools import cache

from adjoint.rules.elementwise import DRAWS, ELEMENTWISE, Elementwise
from adjoint.rules.linear import LINEAR, Linear
from adjoint.rules.rule import Kind, Rule
from adjoint.rules.special import SPECIAL
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
    if prim in ELEMENTWISE:
        return "elementwise"
    if prim in LINEAR:
        return "linear"
    if prim in SPECIAL or prim in DRAWS or prim in DRAWS_OF_NOTHING:
        return "special"
    return "zero" if prim in ZERO else None
