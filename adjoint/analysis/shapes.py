"""Symbolic shapes: which arrays provably have the same shape, whatever the arguments.

A dimension is an int, or a symbol: the name of an integer, or "x.0" for the first axis of argument `x`.
Two equal symbols are equal numbers. Nothing is assumed of arguments; what can't be followed gets a symbol of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from numba import types as nb

from adjoint.analysis.dims import Dim, Key, Shape, cut_from, less, split
from adjoint.analysis.indexed import NAMELESS, indexed, is_array, key_of
from adjoint.analysis.reshaped import left_over
from adjoint.ir import Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, integers_of, items_of, statements
from adjoint.rules.find import kind

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


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two axes that an element-wise statement brings together: equal, or one of them has length 1 and is stretched."""

    stmt: Stmt
    first: Expr
    first_axis: int
    second: Expr
    second_axis: int


@dataclass(eq=False)
class Shapes:
    """The shapes of the arrays and the symbols of the integers of one SSA program."""

    types: dict[str, object]
    shape: dict[str, Shape] = field(default_factory=dict[str, Shape])
    symbol: dict[str, Dim] = field(default_factory=dict[str, Dim])
    # Sizes that belong to the arguments, as `base`; those taken for equal, and the pairs to check on entry.
    arguments: dict[Dim, Expr] = field(default_factory=dict[Dim, Expr])
    assume: bool = False
    equals: dict[Dim, Dim] = field(default_factory=dict[Dim, Dim])
    entry: list[tuple[Expr, Expr]] = field(default_factory=list[tuple[Expr, Expr]])
    # How long axes of arguments are taken to be at least, to be checked on entry.
    least: dict[Dim, int] = field(default_factory=dict[Dim, int])
    # Dimensions that are equal unless an axis is stretched, with the place where that would happen.
    meetings: dict[Dim, list[tuple[Dim, Meeting]]] = field(default_factory=dict[Dim, list[tuple[Dim, Meeting]]])
    # The whole numbers that are the same function of the same ones, and the length of a slice by axis and bounds.
    number: dict[str, Key] = field(default_factory=dict[str, Key])
    slices: list[tuple[Dim, Key, Dim]] = field(default_factory=list[tuple[Dim, Key, Dim]])
    # By `Store`: a length of what is written, and that of the place if it may be another, with its axis.
    stored: dict[int, list[tuple[Dim, Dim, int]]] = field(default_factory=dict[int, list[tuple[Dim, Dim, int]]])

    def of(self, expr: Expr) -> Shape | None:
        """Return the shape of an operand; `()` for scalars, None if it isn't known to be either."""
        if isinstance(expr, Lit):
            return ()
        if isinstance(expr, Var):
            kind_ = self.types.get(expr.name)
            if isinstance(kind_, nb.Array):
                known = self.shape.get(expr.name)
                dims = known if known is not None else tuple(f"{expr.name}.{k}" for k in range(kind_.ndim))
                return tuple(self.canonical(dim) for dim in dims)
            return () if isinstance(kind_, nb.Number | nb.Boolean) else None
        return None

    def canonical(self, dim: Dim) -> Dim:
        """Return the one symbol of all dimensions that are taken for equal."""
        while (base := split(dim)[0]) in self.equals:
            dim = cut_from(self.equals[base], split(dim)[1])
        return dim

    def also(self, dim: Dim) -> list[Dim]:
        """Return all symbols of one size, the canonical one first."""
        return [dim, *(other for other in self.equals if self.canonical(other) == dim)]

    def take_for_equal(self, a: Dim, b: Dim) -> bool:
        """Assume that two sizes of arguments are equal, to be checked on entry; say whether they are such."""
        (first, cut), (second, other_cut) = split(self.canonical(a)), split(self.canonical(b))
        if first == second:
            return cut == other_cut
        known = [isinstance(base, int) or base in self.arguments for base in (first, second)]
        if not self.assume or not all(known) or isinstance(first, int) and isinstance(second, int):
            return False
        if isinstance(second, int):
            first, cut, second, other_cut = second, other_cut, first, cut
        self.equals[second] = cut_from(first, cut - other_cut)
        self.entry.append((self.arguments[second], self.size(self.equals[second])))
        return True

    def has_at_least(self, dim: Dim, number: int) -> bool:
        """Whether a size is as large as a number, for sure or by a check on entry."""
        base, cut = split(self.canonical(dim))
        if isinstance(base, int):
            return base - cut >= number
        if not self.assume or base not in self.arguments:
            return False
        self.least[base] = max(number + cut, self.least.get(base, 0))
        return True

    def size(self, dim: Dim) -> Expr:
        """Return the expression for a size that belongs to the arguments, or that less a number, if not negative."""
        base, cut = split(dim)
        return less(Lit(base) if isinstance(base, int) else self.arguments[base], cut)

    def indexed(self, stmt: Store) -> Shape | None:
        """Return the shape of the part of an array that a statement writes, if it can be followed."""
        base = self.of(stmt.array)
        if base is None:
            return None
        return indexed(base, list(stmt.index), lambda axis: f"{NAMELESS}{axis}", self)

    def meet(self, a: Dim, b: Dim, meeting: Meeting) -> None:
        self.meetings.setdefault(a, []).append((b, meeting))
        self.meetings.setdefault(b, []).append((a, meeting))

    def equal_if(self, left: Shape | None, right: Shape | None, stmt: Stmt) -> list[Meeting] | None:
        """Return the meetings in `stmt` in which no axis may be stretched for two shapes to be equal.

        None if they may differ all the same.
        """
        if left is None or right is None or len(left) != len(right):
            return None
        needed: list[Meeting] = []
        for a, b in zip(left, right, strict=True):
            path = self._path(a, b, stmt)
            if path is None:
                return None
            needed += [meeting for meeting in path if meeting not in needed]
        return needed

    def _path(self, start: Dim, goal: Dim, stmt: Stmt) -> list[Meeting] | None:
        paths: dict[Dim, list[Meeting]] = {start: []}
        todo = [start]
        while todo:
            here = todo.pop(0)
            if here == goal:
                return paths[here]
            for there, meeting in self.meetings.get(here, ()):
                if there not in paths and meeting.stmt is stmt:
                    paths[there] = [*paths[here], meeting]
                    todo.append(there)
        return None

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two arrays provably have the same shape."""
        left, right = self.of(a), self.of(b)
        return left is not None and left == right


def shapes(func: Func, *, assume: bool = False) -> Shapes:
    """Return the symbolic shapes of an SSA program.

    The array a loop carries has the shape it starts with if every iteration provably keeps that. With `assume`, sizes
    of arguments that meet element by element are taken for equal, see `Shapes.entry`.
    """
    varying: set[str] = set()
    while True:
        found = Shapes(dict(func.types), assume=assume)
        found.equals = {f"{name}.{axis}": 1 for name, axis in sorted(func.ones)}
        for param in func.params:
            kind_ = func.types.get(param.name)
            if isinstance(kind_, nb.Array):
                for axis in range(kind_.ndim):
                    found.arguments[f"{param.name}.{axis}"] = Call("dim", (Var(param.name), Lit(axis)))
            elif isinstance(kind_, nb.Integer):
                found.arguments[param.name] = Var(param.name)
        _walk(func.body, found, varying)
        changed = {phi for phi, value in _kept(func) if phi in found.shape and found.of(Var(phi)) != found.of(value)}
        if not changed - varying:
            return found
        varying |= changed


def _kept(func: Func) -> list[tuple[str, Expr]]:
    loops = [stmt for stmt in statements(func.body) if isinstance(stmt, For | While)]
    return [(carry.phi.name, carry.next) for stmt in loops for carry in stmt.carried]


def dim(expr: Expr, found: Shapes) -> Dim | None:
    """Return the symbol of an integer operand."""
    match expr:
        case Lit(int(value)) if not isinstance(value, bool):
            return value
        case Var(name):
            return found.symbol.get(name, name)
        case _:
            return None


def _walk(block: Block, found: Shapes, varying: Collection[str]) -> None:
    for stmt in block:
        if not isinstance(stmt, If):
            _visit(stmt, found, varying)
        for inner in blocks(stmt):
            _walk(inner, found, varying)
        if isinstance(stmt, If):
            _visit(stmt, found, varying)  # what is merged has been made inside


def _visit(stmt: Stmt, found: Shapes, varying: Collection[str]) -> None:
    match stmt:
        case Let(_, Call() as call):
            _visit_call(stmt, call, found)
        case Store():
            _visit_store(stmt, found)
        case For(carried=carried) | While(carried=carried):
            for carry in carried:
                start = found.of(carry.init) if carry.init is not None else None
                if start and carry.phi.name not in varying:
                    found.shape[carry.phi.name] = start
        case If(merges=merges):
            for merge in merges:
                values = [found.of(value) for value in (merge.then, merge.orelse) if value is not None]
                if len(values) == 2 and values[0] and values[0] == values[1]:
                    found.shape[merge.target.name] = values[0]
        case _:
            pass


def _visit_call(stmt: Let, call: Call, found: Shapes) -> None:
    name, kind_ = stmt.target.name, found.types.get(stmt.target.name)
    if call.prim == "dim" and isinstance(call.args[1], Lit):
        shape = found.of(call.args[0])
        if shape is not None and isinstance(call.args[1].value, int) and call.args[1].value < len(shape):
            found.symbol[name] = shape[call.args[1].value]
    elif isinstance(kind_, nb.Integer) and call.prim in ("add", "sub", "mul") and not call.kwargs:
        found.number[name] = (call.prim, *(key_of(arg, found) for arg in call.args))
    elif isinstance(kind_, nb.Array):
        shape = _result(stmt, call, kind_.ndim, found)
        if shape is not None and len(shape) == kind_.ndim:
            found.shape[name] = shape


def _visit_store(stmt: Store, found: Shapes) -> None:
    """A part of an array meets the value that is written to it; the value may be stretched."""
    part = found.of(stmt.array) if stmt.index == (Lit(...),) else found.indexed(stmt)
    value = found.of(stmt.value)
    if part is None or value is None or len(part) < len(value) or any(is_array(i, found) for i in stmt.index):
        return  # through an array of integers a value is rarely stretched, and a check would read all elements
    repeated = len(part) - len(value)
    for axis, (length, other) in enumerate(zip(part[repeated:], value, strict=True), repeated):
        if length == other or not repeated and found.take_for_equal(length, other):
            continue
        if not repeated:
            place = stmt.array if stmt.index == (Lit(...),) else Call("getitem", (stmt.array, *stmt.index))
            found.meet(length, other, Meeting(stmt, place, axis, stmt.value, axis))
        found.stored.setdefault(id(stmt), []).append((other, length, axis))


def _result(stmt: Let, call: Call, rank: int, found: Shapes) -> Shape | None:
    fresh: Callable[[int], Dim] = lambda axis: f"{stmt.target.name}.{axis}"  # noqa: E731
    operands = [found.of(arg) for arg in call.args]
    if kind(call.prim) == "elementwise" or call.prim in ("lt", "le", "gt", "ge", "eq", "ne"):
        return _broadcast(stmt, call, rank, found)
    match call:
        case Call(prim, (_, *_)) if prim in _LIKE or prim.startswith("astype."):
            return operands[0]
        case Call(prim, (shape, *_)) if prim in _ALLOC:
            return _from_tuple(shape, rank, fresh, found)
        case Call("reshape", (_, shape), ()):
            return _reshaped(operands[0], shape, rank, fresh, found)
        case Call("expand_dims", (_, Lit(int()) | Call("tuple") as axes)) if operands[0] is not None:
            return _expanded(operands[0], axes, rank)
        case Call("transpose", (_,), options) if operands[0] is not None:
            return _transposed(operands[0], dict(options).get("axes", Lit(None)))
        case Call("matmul" | "dot", (_, _)) if operands[0] and operands[1]:
            left, right = operands
            assert left is not None
            assert right is not None
            return (*left[:-1], *((*right[:-2], right[-1]) if len(right) > 1 else ()))
        case Call(prim, (_,), kwargs) if prim in _KEEP and operands[0] is not None:
            return _reduced(operands[0], dict(kwargs), rank)
        case Call("getitem", (_, *index)) if operands[0] is not None:
            return indexed(operands[0], index, fresh, found)
        case _:
            return None


def _expanded(shape: Shape, axes: Expr, rank: int) -> Shape | None:
    added = {axis % rank for axis in integers_of(axes) or ()}
    sizes = iter(shape)
    return tuple(1 if axis in added else next(sizes) for axis in range(rank)) if added else None


def _transposed(shape: Shape, axes: Expr) -> Shape | None:
    order = range(len(shape))[::-1] if axes == Lit(None) else integers_of(axes)
    return None if order is None else tuple(shape[axis] for axis in order)


def _broadcast(stmt: Let, call: Call, rank: int, found: Shapes) -> Shape | None:
    """Return the shape of an element-wise result; where two lengths meet, its own is a new symbol."""
    operands = [(arg, found.of(arg)) for arg in call.args]
    dims: list[Dim] = []
    for axis in range(rank):
        lengths: dict[Dim, tuple[Expr, int]] = {}
        for arg, shape in operands:
            if shape is None:
                return None
            position = axis - (rank - len(shape))
            if position >= 0 and shape[position] != 1:
                lengths.setdefault(shape[position], (arg, position))
        dims.append(_joined(stmt, f"{stmt.target.name}.{axis}", lengths, found))
    return tuple(dims)


def _joined(stmt: Stmt, fresh: Dim, lengths: dict[Dim, tuple[Expr, int]], found: Shapes) -> Dim:
    if len(lengths) < 2:
        return next(iter(lengths), 1)
    (first, (arg, position)), *others = lengths.items()
    others = [(other, operand) for other, operand in others if not found.take_for_equal(first, other)]
    if not others:
        return found.canonical(first)
    for other, (second, at) in others:
        meeting = Meeting(stmt, arg, position, second, at)
        found.meet(first, other, meeting)
        found.meet(fresh, first, meeting)
    return fresh


def _from_tuple(shape: Expr, rank: int, fresh: Callable[[int], Dim], found: Shapes) -> Shape | None:
    if isinstance(shape, Call) and shape.prim == "shape":
        return found.of(shape.args[0])
    parts = items_of(shape)
    if len(parts) != rank:
        return None
    return tuple(known if (known := dim(part, found)) is not None else fresh(k) for k, part in enumerate(parts))


def _reshaped(
    old: Shape | None, shape: Expr, rank: int, fresh: Callable[[int], Dim], found: Shapes
) -> Shape | None:
    """Return the shape that is asked for; a length that is -1 and can't be told gets a symbol of its own."""
    dims = _from_tuple(shape, rank, fresh, found)
    if dims is None or -1 not in dims:
        return dims
    left = left_over(old, dims, 1, -1)
    return tuple(dim if dim != -1 else fresh(k) if left is None else left for k, dim in enumerate(dims))


def _reduced(shape: Shape, kwargs: dict[str, Expr], rank: int) -> Shape | None:
    axes = integers_of(kwargs.get("axis"))
    if axes is None:
        return None
    gone = {axis % len(shape) for axis in axes}
    kept = rank == len(shape)
    return tuple(1 if axis in gone else size for axis, size in enumerate(shape) if kept or axis not in gone)
