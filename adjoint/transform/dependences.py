"""What each number depends on: a sweep of forward mode whose tangents are sets of inputs instead of numbers.

The program stays as it is, but arrays of tangents are made to hold sets, and conversions of tangents fall away. Sums
and products of `backends.dependence` are unions, so that what comes back is, for each number of the result, the set of
inputs that it was made from: along the branches and through the subscripts of this very call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.analysis.directed import carries, directed_names
from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import Block, Call, Expr, Func, Let, Stmt
from adjoint.ir.walk import map_blocks, map_expr, map_operands, with_body
from adjoint.rules.numba_types import Type, is_array, is_list, is_tuple, item_types, types

_FRESH = ("zeros", "empty", "zeros_like", "empty_like")
# NumPy would silently take an array of sets for one of real numbers.
_PARTS = frozenset("real imag conj angle".split())


def with_dependences(func: Func, seeds: Sequence[str]) -> Func:
    """Return a program in forward mode as one of sets, for plain Python.

    Raises:
        UnsupportedError: tangents are complex, or handed to functions whose text is not known.
    """
    directed = directed_names(func, seeds)
    for name in sorted(directed):
        if _is_complex(func.types.get(name)):
            raise _refusal("complex numbers")
    return with_body(func, _Sets(func, directed).block(func.body))


class _Sets:
    def __init__(self, func: Func, directed: frozenset[str]) -> None:
        self.func = func
        self.directed = directed

    def block(self, block: Block) -> Block:
        return tuple(self.stmt(stmt) for stmt in block)

    def stmt(self, stmt: Stmt) -> Stmt:
        loc: Loc | None = getattr(stmt, "loc", None)
        stmt = map_operands(stmt, lambda top: map_expr(top, lambda expr: self.expr(expr, loc)))
        match stmt:
            case Let(target, Call(prim, args)) if prim in _FRESH and target.name in self.directed:
                if is_array(self.func.types.get(target.name)):
                    shape = Call("shape", args) if prim.endswith("_like") else args[0]
                    return replace(stmt, value=Call("sets.nothing", (shape,)))
                return stmt
            case _:
                return map_blocks(stmt, self.block)

    def expr(self, expr: Expr, loc: Loc | None) -> Expr:
        if not isinstance(expr, Call) or not carries(expr, self.directed):
            return expr
        if expr.prim.startswith(("cast.", "astype.")):
            return expr.args[0]
        if expr.prim in _PARTS:
            raise _refusal("complex numbers", loc)
        if expr.prim.startswith("ref:"):
            raise _refusal("a function that calls itself, or has derivatives of its own", loc)
        return expr


def _is_complex(kind: Type) -> bool:
    if is_tuple(kind):
        return any(map(_is_complex, item_types(kind)))
    return isinstance(kind.dtype if is_array(kind) or is_list(kind) else kind, types.Complex)


def _refusal(what: str, loc: Loc | None = None) -> UnsupportedError:
    return UnsupportedError(f"the pattern of the Jacobian can't be told through {what}", loc, help="leave out `sparse`")
