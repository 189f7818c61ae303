"""Checks in compiled text that what it takes for granted is so: sizes that are equal, slices that lie inside.

NumPy would stretch an axis of length 1 or clip a slice; loops that assume otherwise raise instead. Whoever calls the
compiled function catches a `ValueError` whose text starts with `BROADCAST_GUARD` and runs the array-level text.
"""

from __future__ import annotations

from adjoint.errors import BROADCAST_GUARD, EMPTY_GUARD, PRODUCT_GUARD, WRITE_GUARD
from adjoint.ir import Call, Effect, Expr, If, Lit, Stmt

FILLED = "that no array is empty"
ONES = "that some axes of its arguments have length 1"


def refuse_if(condition: Expr, assumption: str) -> If:
    """Return the statement that leaves the function where an assumption is false."""
    text = f'ValueError("{BROADCAST_GUARD} {assumption}")'
    return If(condition, (Effect(Call("raise", (Lit(text),))),))


def is_guard(stmt: Stmt) -> bool:
    """Whether a statement only checks an assumption, and raises."""
    match stmt:
        case If(_, (Effect(Call("raise", (Lit(str() as text),))),), ()):
            return any(guard in text for guard in (BROADCAST_GUARD, EMPTY_GUARD, PRODUCT_GUARD, WRITE_GUARD))
        case _:
            return False
