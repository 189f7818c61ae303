"""What kernels and the host can do of a lowered program, and the refusal of what neither can."""

from __future__ import annotations

from typing import Any

from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import names_in, operands, statements, subexpressions
from adjoint.rules.numba_types import is_array, types
from adjoint.rules.spelling import SIZES
from adjoint.rules.typing import expr_type

# How the host makes arrays, or shows parts of them.
_HOST_ARRAYS = frozenset("empty zeros ones full copy getitem item pop reshape ravel".split())
_HOST_EFFECTS = frozenset("raise assert print move append pop".split())


class Fits:
    """Answers for one program with its types."""

    def __init__(self, func: Func) -> None:
        self.func = func
        self.types: Any = func.types

    def type_of(self, expr: Expr) -> Any:
        return expr_type(expr, self.types, self.func.refs)

    def is_element(self, stmt: Store | Accum) -> bool:
        """Whether a statement writes one element of an array."""
        name = stmt.array.name if isinstance(stmt, Store) else stmt.target.name
        kind = self.types.get(name)
        return is_array(kind) and len(stmt.index) == kind.ndim and all(map(self.is_place, stmt.index))

    def is_place(self, index: Expr) -> bool:
        if isinstance(index, Lit):
            return type(index.value) is int
        if isinstance(index, Call) and index.prim == "slice":
            return False
        return isinstance(self.type_of(index), types.Integer | types.IntegerLiteral)

    def uses_arrays(self, block: Block) -> bool:
        """Whether statements read or write elements of arrays."""
        return any(
            isinstance(stmt, Store) or isinstance(stmt, Accum) and stmt.index or self.reads_elements(stmt)
            for stmt in statements(block)
        )

    def reads_elements(self, stmt: Stmt) -> bool:
        parts = (part for expr in operands(stmt) for part in subexpressions(expr))
        return any(isinstance(p, Call) and p.prim == "getitem" and is_array(self.type_of(p.args[0])) for p in parts)

    # -- kernels ---------------------------------------------------------------------------------------------

    def reason(self, block: Block) -> str:
        """Return why statements can't stand in a kernel; "" if they can."""
        for stmt in statements(block):
            if (why := self.in_kernel(stmt)) is not None:
                return why
        return ""

    def in_kernel(self, stmt: Stmt) -> str | None:
        match stmt:
            case Comment():
                return None
            case Effect(value):
                return f"it contains `{_called(value)}`"
            case Let(Var(name)) if isinstance(self.types.get(name), types.Complex):
                return f"`{name}` is complex"
            case Let(Var(name), value) if not self.is_number(self.types.get(name)):
                if isinstance(value, Call) and value.prim == "getitem" and all(map(self.is_place, value.args[1:])):
                    return self.arrays_in(*value.args[1:])
                return f"each iteration makes `{name}`" if is_array(self.types.get(name)) else f"`{name}` is no number"
            case Store() | Accum() if (not isinstance(stmt, Accum) or stmt.index) and not self.is_element(stmt):
                name = stmt.array.name if isinstance(stmt, Store) else stmt.target.name
                return f"it writes a part of `{name}` that isn't a single element"
            case Store(_, index, value) | Accum(_, index, value):
                return self.arrays_in(*index, value)
            case Return():
                return "it returns"
            case _:
                return self.arrays_in(*operands(stmt))

    def arrays_in(self, *exprs: Expr) -> str | None:
        """Return why expressions are no numbers made of numbers and elements of arrays; None if they are."""
        for expr in exprs:
            match expr:
                case Call("getitem", (Var(name), *index)) if is_array(self.types.get(name)):
                    if len(index) != self.types[name].ndim or not all(map(self.is_place, index)):
                        return f"it uses a part of `{name}` that isn't a single element"
                    why = self.arrays_in(*index)
                case Call(prim, (Var(), *rest)) if prim in SIZES:
                    why = self.arrays_in(*rest)
                case Call(prim) if prim.startswith(("ref:", "random.", "lanes.", "const:")):
                    return f"it calls `{_called(expr)}`"
                case Call(_, args):
                    why = self.arrays_in(*args, *(value for _, value in expr.kwargs))
                case Var(name) if not self.is_number(self.types.get(name)):
                    return f"it uses `{name}` as a whole"
                case _:
                    why = None
            if why is not None:
                return why
        return None

    def is_number(self, kind: object) -> bool:
        return isinstance(kind, types.Float | types.Integer | types.IntegerLiteral | types.Boolean)

    # -- the host --------------------------------------------------------------------------------------------

    def check_host(self, stmt: Stmt) -> None:
        """Raise for a statement that the host of a GPU can't run."""
        match stmt:
            case Let(_, Var()) | Comment():
                pass
            case Return() | For() | While() | If():
                for expr in operands(stmt):
                    self.check_value(expr, stmt.loc)
            case Let(Var(name), Call(prim) as value) if is_array(self.types.get(name)):
                if prim not in _HOST_ARRAYS:
                    raise self.refusal(value, stmt.loc)
            case Effect(Call(prim) as value):
                if prim not in _HOST_EFFECTS:
                    raise self.refusal(value, stmt.loc)
            case Let(_, value) | Accum(_, (), value):
                self.check_value(value, stmt.loc)
            case Store(array, index, value) if index == (Lit(...),) and self.is_number(self.type_of(value)):
                pass
            case Store(array) | Accum(array):
                raise self.refusal(Call("getitem", (array,)), stmt.loc)

    def check_value(self, value: Expr, loc: Loc | None) -> None:
        for part in subexpressions(value):
            if not isinstance(part, Call) or part.prim in ("getitem", "tuple", "list", "pop", "item", *SIZES):
                continue
            whole = [a for a in part.args if isinstance(a, Var) and is_array(self.types.get(a.name))]
            if whole or part.prim.startswith(("ref:", "helper.")):
                raise self.refusal(part, loc)

    def refusal(self, value: Call, loc: Loc | None) -> UnsupportedError:
        if value.prim == "getitem":
            what = "arithmetic with whole arrays that isn't turned into loops"
        else:
            of_arrays = any(is_array(self.types.get(name)) for name in names_in(value))
            what = f"`{_called(value)}`" + (" of whole arrays" if of_arrays else "")
        help_ = "write it as a loop over the elements; without target='cuda' it runs on the CPU"
        return UnsupportedError(f"{what}, with target='cuda'", loc or self.func.loc, help=help_)


def _called(value: Call) -> str:
    return value.prim.rpartition(":")[2].rpartition(".")[2]
