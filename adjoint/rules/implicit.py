"""The rule of a function that is defined by an equation: `r(y, args...) = 0` at `y = f(args...)`.

With A = ∂r/∂y, the tangent is `-A⁻¹ (∂r/∂args) args_dot`, and the cotangents are `-(∂r/∂args)ᵀ A⁻ᵀ y_bar`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Var
from adjoint.rules import build
from adjoint.rules.custom import Scope, differentiable, spread
from adjoint.rules.rule import TypeOf


@dataclass(frozen=True, slots=True)
class ByResidual:
    """`sweep(mode, count, positions)` differentiates `r(y, args...)`, `solver(mode, count, scalar)` solves with its A.

    A solver is called as `solver(y, args..., b)`; in mode "pullback" it solves with the transpose of A. The first
    `unused` arguments are no part of the equation.
    """

    name: str
    sweep: Callable[[str, int, tuple[int, ...]], object]
    solver: Callable[[str, int, bool], object]
    scope: Scope
    unused: int = 0

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        wrt = tuple(k for k in differentiable(call, type_of, self.scope.wanted) if k >= self.unused)
        if not wrt:
            return (None,) * len(call.args)
        solved = self._solved("pullback", call, y, y_bar, type_of)
        return spread(self._swept("pullback", call, y, wrt, (build.neg(solved),)), wrt, len(call.args))

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        given = {k: dot for k, dot in enumerate(dots) if dot is not None and k >= self.unused}
        if not given:
            return None
        moved = self._swept("pushforward", call, y, tuple(given), tuple(given.values()))
        return build.neg(self._solved("pushforward", call, y, moved, type_of))

    def _swept(self, mode: str, call: Call, y: Expr, wrt: tuple[int, ...], seeds: tuple[Expr, ...]) -> Var:
        made = self.sweep(mode, len(call.args), tuple(k + 1 for k in wrt))
        prim = self.scope.reference(f"{self.name}_residual_{mode}", made)
        name = f"{self.name}_bars" if mode == "pullback" else f"{self.name}_moved"
        let = self.scope.let_new if mode == "pullback" else self.scope.let
        return let(name, Call(prim, (y, *call.args, *seeds)))

    def _solved(self, mode: str, call: Call, y: Expr, b: Expr, type_of: TypeOf) -> Var:
        kind = type_of(y)
        if not build.is_inexact(kind) or build.is_complex(kind):
            raise TypingError(
                f"`{self.name}` returns {kind}, and its derivative is known for a float or an array of floats"
            )
        made = self.solver(mode, len(call.args), build.rank(kind) == 0)
        prim = self.scope.reference(f"{self.name}_{'adjoint' if mode == 'pullback' else 'tangent'}", made)
        return self.scope.let(f"{self.name}_solved", Call(prim, (y, *call.args, b)))
