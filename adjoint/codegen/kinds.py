"""What the printer must know about values: is this a number or an array, and which names may share memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal, TypeAlias

from numba import types as nb

from adjoint.analysis.sharing import memory_classes
from adjoint.errors import AdjointError
from adjoint.ir import Call, Expr, Func, Lit, Var
from adjoint.ir.walk import names_in, subexpressions
from adjoint.rules.numba_types import is_array, is_number
from adjoint.rules.spelling import OPERATORS
from adjoint.rules.typing import Type, expr_type, name_types

Kind: TypeAlias = Literal["scalar", "array", "other"]

# Operations on numbers that give a number; for anything else the type rules are asked.
_SCALAR_OPERATORS = frozenset(OPERATORS) - {"matmul", "getitem"} | {"and", "or", "not_in", "select"}
_ALWAYS_SCALAR = frozenset(("dim", "size", "ndim", "len"))


class Kinds:
    """Answers for one program in the imperative dialect."""

    def __init__(self, func: Func) -> None:
        self._types = name_types(func)
        self._refs = func.refs
        self._func = func

    @cached_property
    def _classes(self) -> Mapping[str, str]:
        return memory_classes(self._func)

    def type_of(self, expr: Expr) -> Type | None:
        """Return the Numba type of an expression; None if it can't be told."""
        if isinstance(expr, Var):
            return self._types.get(expr.name)
        try:
            return expr_type(expr, self._types, self._refs)
        except AdjointError:
            return None

    def kind(self, expr: Expr) -> Kind | None:
        """Return whether an expression is a number, an array or something else; None if it can't be told."""
        match expr:
            case Lit(int() | float() | complex()):
                return "scalar"
            case Call(prim) if prim in _ALWAYS_SCALAR or prim.startswith("cast."):
                return "scalar"
            case Call(prim, args) if prim in _SCALAR_OPERATORS and all(self.kind(a) == "scalar" for a in args):
                return "scalar"
            case _:
                return _kind_of_type(self.type_of(expr))

    def is_scalar(self, expr: Expr) -> bool:
        return self.kind(expr) == "scalar"

    def is_real_scalar(self, expr: Expr) -> bool:
        """Whether an expression is a number that `math` accepts."""
        if not self.is_scalar(expr) or isinstance(self.type_of(expr), nb.Complex):
            return False
        return not any(isinstance(e, Lit) and isinstance(e.value, complex) for e in subexpressions(expr))

    def may_overlap(self, name: str, expr: Expr) -> bool:
        """Whether evaluating an expression may read memory that `name` refers to."""
        own = self._classes.get(name, name)
        return any(self._classes.get(other) == own for other in names_in(expr))


def _kind_of_type(kind: Type | None) -> Kind | None:
    if kind is None:
        return None
    if is_number(kind):
        return "scalar"
    return "array" if is_array(kind) else "other"
