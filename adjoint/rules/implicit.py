"""The rule of a function that is defined by an equation: `r(y, args...) = 0` at `y = f(args...)`.

With A = ∂r/∂y, the tangent is `-A⁻¹ (∂r/∂args) args_dot`, and the cotangents are `-(∂r/∂args)ᵀ A⁻ᵀ y_bar`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adjoint.errors import TypingError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.rules import build
from adjoint.rules.custom import Scope, differentiable, spread
from adjoint.rules.rule import TypeOf


@dataclass(frozen=True, slots=True)
class ByResidual:
    """`sweep(mode, count, positions)` differentiates `r(y, args...)`, `solver(mode, count, scalar)` solves with its A.

    A solver is called as `solver(y, args..., b)`; in mode "vjp" it solves with the transpose of A.
    """

    name: str
    sweep: Callable[[str, int, tuple[int, ...]], object]
    solver: Callable[[str, int, bool], object]
    scope: Scope

    @property
    def elementwise(self) -> bool:
        return False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        wrt = differentiable(call, type_of)
        solved = self._solved("vjp", call, y, y_bar, type_of)
        pair = self._swept("vjp", call, y, wrt, (build.neg(solved),))
        return spread(Call("item", (pair, Lit(1))), wrt, len(call.args))

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        wrt = tuple(k for k, dot in enumerate(dots) if dot is not None)
        pair = self._swept("jvp", call, y, wrt, tuple(dot for dot in dots if dot is not None))
        moved = self.scope.let(f"{self.name}_moved", Call("item", (pair, Lit(1))))
        return build.neg(self._solved("jvp", call, y, moved, type_of))

    def _swept(self, mode: str, call: Call, y: Expr, wrt: tuple[int, ...], seeds: tuple[Expr, ...]) -> Var:
        made = self.sweep(mode, len(call.args), tuple(k + 1 for k in wrt))
        prim = self.scope.reference(f"{self.name}_residual_{mode}", made)
        return self.scope.let(f"{self.name}_pair", Call(prim, (y, *call.args, *seeds)))

    def _solved(self, mode: str, call: Call, y: Expr, b: Expr, type_of: TypeOf) -> Var:
        kind = type_of(y)
        if not build.is_inexact(kind) or build.is_complex(kind):
            raise TypingError(
                f"`{self.name}` returns {kind}, and its derivative is known for a float or an array of floats"
            )
        made = self.solver(mode, len(call.args), build.rank(kind) == 0)
        prim = self.scope.reference(f"{self.name}_{'adjoint' if mode == 'vjp' else 'tangent'}", made)
        return self.scope.let(f"{self.name}_solved", Call(prim, (y, *call.args, b)))
