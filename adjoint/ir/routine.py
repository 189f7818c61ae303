"""Functions that stay functions: those that call themselves, and their derivatives.

A program calls one by `ref:NAME` and has this object in its `refs`; the generated module holds the function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from adjoint.ir.nodes import Func

Kind: TypeAlias = Literal["primal", "pullback", "pushforward"]


@dataclass(eq=False)
class Routine:
    """A function of the generated module beside its entry, for arguments of fixed types.

    `pullback(args..., y_bar)` returns the cotangents of the arguments at `positions`, `pushforward(args..., dots...)`
    the value and its tangent. Arrays in a result are new: they share no memory with arguments or with each other.
    """

    name: str
    kind: Kind = "primal"
    positions: tuple[int, ...] = ()
    # The type of what the function returns, and that of what the routine does: a tuple in a tuple is flattened.
    # Both are None while nothing is known.
    returns: Any = None
    result_type: Any = None
    # The SSA program; that of the function itself, also for its derivatives.
    func: Func | None = None
    # Whether Python's result may share memory with an argument, or two arrays in it with each other.
    shares: bool = False
    derivatives: dict[tuple[Kind, tuple[int, ...]], Routine] = field(
        default_factory=dict[tuple[Kind, tuple[int, ...]], "Routine"]
    )

    @property
    def program(self) -> Func:
        """The SSA program, which exists once the function has been read."""
        assert self.func is not None, f"{self.name} has not been read"
        return self.func

