"""Symbolic shapes: which arrays provably have the same shape, whatever the arguments.

A dimension is an int, or a symbol: the name of an integer, or "x.0" for the first axis of argument `x`.
Two equal symbols are equal numbers. Nothing is assumed of arguments; what can't be followed gets a symbol of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from numba import types as nb

from adjoint.ir import Call, Expr, Func, Let, Lit, Stmt, Var
from adjoint.ir.walk import statements
from adjoint.rules.find import kind

Dim = int | str
Shape = tuple[Dim, ...]

_LIKE = frozenset(
    {
        "copy",
        "zeros_like",
        "ones_like",
        "empty_like",
        "full_like",
        "cumsum",
        "cumprod",
        "sort",
        "flip",
        "flipud",
        "fliplr",
    }
    | {"roll", "ascontiguousarray", "asfortranarray", "asarray", "tril", "triu", "linalg.inv", "linalg.cholesky"}
)
_ALLOC = frozenset({"zeros", "ones", "empty", "full"})
_KEEP = frozenset({"sum", "mean", "max", "min", "prod", "std", "var"})


@dataclass(eq=False)
class Shapes:
    """The shapes of the arrays and the symbols of the integers of one SSA program."""

    types: dict[str, object]
    shape: dict[str, Shape] = field(default_factory=dict[str, Shape])
    symbol: dict[str, Dim] = field(default_factory=dict[str, Dim])

    def of(self, expr: Expr) -> Shape | None:
        """Return the shape of an operand; `()` for scalars, None if it isn't known to be either."""
        if isinstance(expr, Lit):
            return ()
        if isinstance(expr, Var):
            kind_ = self.types.get(expr.name)
            if isinstance(kind_, nb.Array):
                known = self.shape.get(expr.name)
                return known if known is not None else tuple(f"{expr.name}.{k}" for k in range(kind_.ndim))
            return () if isinstance(kind_, nb.Number | nb.Boolean) else None
        return None

    def indexed(self, read: Call) -> Shape | None:
        """Return the shape of `getitem(array, *index)`, if it can be followed."""
        base = self.of(read.args[0])
        if base is None:
            return None
        return _indexed(base, list(read.args[1:]), 0, lambda axis: f"?{axis}", self)

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two arrays provably have the same shape."""
        left, right = self.of(a), self.of(b)
        return left is not None and left == right


def shapes(func: Func) -> Shapes:
    """Return the symbolic shapes of an SSA program."""
    found = Shapes(dict(func.types))
    for stmt in statements(func.body):
        _visit(stmt, found)
    return found


def dim(expr: Expr, found: Shapes) -> Dim | None:
    """Return the symbol of an integer operand."""
    match expr:
        case Lit(int(value)) if not isinstance(value, bool):
            return value
        case Var(name):
            return found.symbol.get(name, name)
        case _:
            return None


def _visit(stmt: Stmt, found: Shapes) -> None:
    if not isinstance(stmt, Let) or not isinstance(stmt.value, Call):
        return
    name, call, kind_ = stmt.target.name, stmt.value, found.types.get(stmt.target.name)
    if call.prim == "dim" and isinstance(call.args[1], Lit):
        shape = found.of(call.args[0])
        if shape is not None and isinstance(call.args[1].value, int) and call.args[1].value < len(shape):
            found.symbol[name] = shape[call.args[1].value]
    elif isinstance(kind_, nb.Array):
        shape = _result(name, call, kind_.ndim, found)
        if shape is not None and len(shape) == kind_.ndim:
            found.shape[name] = shape


def _result(name: str, call: Call, rank: int, found: Shapes) -> Shape | None:
    fresh: Callable[[int], Dim] = lambda axis: f"{name}.{axis}"  # noqa: E731
    operands = [found.of(arg) for arg in call.args]
    if kind(call.prim) == "elementwise" or call.prim in ("lt", "le", "gt", "ge", "eq", "ne"):
        return _broadcast(operands, rank, fresh)
    match call:
        case Call(prim, (_, *_)) if prim in _LIKE or prim.startswith("astype."):
            return operands[0]
        case Call(prim, (shape, *_)) if prim in _ALLOC:
            return _from_tuple(shape, rank, fresh, found)
        case Call("transpose", (_,)):
            return None if operands[0] is None else operands[0][::-1]
        case Call("matmul" | "dot", (_, _)) if operands[0] and operands[1]:
            left, right = operands
            assert left is not None
            assert right is not None
            return (*left[:-1], *((*right[:-2], right[-1]) if len(right) > 1 else ()))
        case Call(prim, (_,), kwargs) if prim in _KEEP and operands[0] is not None:
            return _reduced(operands[0], dict(kwargs), rank)
        case Call("getitem", (_, *index)) if operands[0] is not None:
            return _indexed(operands[0], index, rank, fresh, found)
        case _:
            return None


def _broadcast(operands: list[Shape | None], rank: int, fresh: Callable[[int], Dim]) -> Shape | None:
    if any(shape is None for shape in operands):
        return None
    dims: list[Dim] = []
    for axis in range(rank):
        found: list[Dim] = []
        for shape in operands:
            assert shape is not None
            position = axis - (rank - len(shape))
            if position >= 0 and shape[position] != 1 and shape[position] not in found:
                found.append(shape[position])
        dims.append(1 if not found else found[0] if len(found) == 1 else fresh(axis))
    return tuple(dims)


def _from_tuple(shape: Expr, rank: int, fresh: Callable[[int], Dim], found: Shapes) -> Shape | None:
    if isinstance(shape, Call) and shape.prim == "shape":
        return found.of(shape.args[0])
    parts = shape.args if isinstance(shape, Call) and shape.prim == "tuple" else (shape,)
    if len(parts) != rank:
        return None
    return tuple(known if (known := dim(part, found)) is not None else fresh(k) for k, part in enumerate(parts))


def _reduced(shape: Shape, kwargs: dict[str, Expr], rank: int) -> Shape | None:
    match kwargs.get("axis"):
        case Lit(int(axis)):
            axis %= len(shape)
            middle: Shape = (1,) if rank == len(shape) else ()
            return (*shape[:axis], *middle, *shape[axis + 1 :])
        case _:
            return None


def _indexed(shape: Shape, index: list[Expr], rank: int, fresh: Callable[[int], Dim], found: Shapes) -> Shape | None:
    """Return the shape of `x[index]` for basic indices; an axis cut by a slice gets a new symbol."""
    if Lit(...) in index:
        if index == [Lit(...)]:
            return shape
        return None
    dims: list[Dim] = []
    axis = 0
    for item in index:
        match item:
            case Lit(None):
                dims.append(1)
                continue
            case Call("slice", (Lit(None), Lit(None), Lit(None))):
                dims.append(shape[axis])
            case Call("slice", bounds):
                dims.append(_sliced(shape[axis], bounds, found) or fresh(len(dims)))
            case Var(name) if isinstance(found.types.get(name), nb.Array):
                return None
            case _:
                pass
        axis += 1
    return (*dims, *shape[axis:])


def _sliced(size: Dim, bounds: tuple[Expr, ...], found: Shapes) -> Dim | None:
    """Return the length of `size[a:b]` for a >= 0 and b < 0, or absent: always max(0, size - a - |b|)."""
    match bounds:
        case (Lit(start), Lit(stop), Lit(None) | Lit(1)):
            start = start or 0
            if isinstance(start, int) and start >= 0 and (stop is None or (isinstance(stop, int) and stop < 0)):
                cut = start - (stop or 0)
                return max(0, size - cut) if isinstance(size, int) else f"{size}-{cut}" if cut else size
        case _:
            pass
    return None
