"""What a derivative rule is: one interface for all four tables, and for the rules users add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

from adjoint.ir import Call, Expr

# The Numba type of an expression. `rules` doesn't import numba: it only asks types for `ndim`, `dtype` and their text.
TypeOf: TypeAlias = Callable[[Expr], Any]

Kind: TypeAlias = Literal["elementwise", "linear", "composite", "zero", "special"]


class Rule(Protocol):
    """The derivative of one primitive, in both modes.

    Results are expression trees over the operands of `call`, `y` and `y_bar` (or the tangents). An operand that is a
    `tuple(...)` of values has a `tuple(...)` of contributions (or tangents), `Lit(None)` standing for zero.

    `y` and `y_bar` are usually names; rules may mention them more than once. Keyword arguments are static.
    """

    @property
    def elementwise(self) -> bool:
        """Whether contributions have the shape of `y`: the caller sums them back to the shape of the operand."""
        ...

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        """Return the cotangent contribution for each positional operand; None where it is zero or does not exist.

        A contribution to a real operand is real. It may be a view of `y_bar`, or `y_bar` itself: don't write to it.
        """
        ...

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        """Return the tangent of the result, in its shape, from those of the operands; None where it is zero."""
        ...
