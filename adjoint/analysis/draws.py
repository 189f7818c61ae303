"""Whether running a program again draws other random numbers."""

from __future__ import annotations

from adjoint.analysis.effects import is_random
from adjoint.errors import Loc
from adjoint.ir import Call, Effect, Func, Let
from adjoint.ir.walk import operands, statements


def draws_anew(func: Func) -> tuple[Loc | None] | None:
    """Return the place of the first random draw, in a tuple; None if there is none, or the program seeds it itself.

    Only a seed among the outermost statements counts: it is reached in every run.
    """
    outermost = set(map(id, func.body))
    for stmt in statements(func.body):
        if not any(map(is_random, operands(stmt))):
            continue
        match stmt:
            case Let(value=Call("random.seed")) | Effect(Call("random.seed")) if id(stmt) in outermost:
                return None
            case _:
                return (getattr(stmt, "loc", None),)
    return None
