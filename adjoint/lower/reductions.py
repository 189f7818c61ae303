"""Sums, products and extremes of trees, as loops; along axes, the result is an array that is filled in passing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adjoint.analysis.linear import Linear
from adjoint.ir import Accum, Block, Call, Expr, If, Let, Lit, Store, Var
from adjoint.ir.walk import integers_of
from adjoint.lower.context import Context
from adjoint.lower.elements import ONE, NotATree, Reader, cast_to
from adjoint.lower.guards import FILLED, refuse_if
from adjoint.lower.products import row_by_row
from adjoint.lower.subset import number
from adjoint.lower.views import Shape
from adjoint.rules.numba_types import Type, is_array, is_number, types


@dataclass(frozen=True, slots=True)
class Fold:
    """How elements are put together: the value for none, and the next value as an expression; None for a sum."""

    start: Callable[[Type], Expr]
    step: Callable[[Expr, Expr], Expr] | None
    empty: bool = True


def _extreme(prim: str) -> Callable[[Expr, Expr], Expr]:
    # NumPy's: a NaN wins, and stays.
    return lambda old, new: Call(prim, (old, new), via="np")


FOLDS: Mapping[str, Fold] = {
    "sum": Fold(lambda kind: number(0.0, kind), None),
    "mean": Fold(lambda kind: number(0.0, kind), None),
    "prod": Fold(lambda kind: number(1.0, kind), lambda old, new: Call("mul", (old, new))),
    "max": Fold(lambda kind: number(-math.inf, kind), _extreme("maximum"), empty=False),
    "min": Fold(lambda kind: number(math.inf, kind), _extreme("minimum"), empty=False),
    "any": Fold(lambda kind: Lit(False), lambda old, new: Call("or", (old, new))),
    "all": Fold(lambda kind: Lit(True), lambda old, new: Call("and", (old, new))),
}


@dataclass(frozen=True, slots=True)
class Reduction:
    """A fold of the elements of a tree over some axes; `kept` of these stay, with length 1."""

    prim: str
    tree: Expr
    axes: frozenset[int]
    kept: frozenset[int]
    dtype: Type

    def sizes(self, shape: Shape) -> Shape:
        """Return the shape of the result for an operand of a shape."""
        shown = (k for k in range(len(shape)) if k not in self.axes or k in self.kept)
        return tuple(ONE if k in self.kept else shape[k] for k in shown)

    def place(self, at: Sequence[Expr]) -> tuple[Expr, ...]:
        """Return the subscript of the result that belongs to one of the operand."""
        shown = (k for k in range(len(at)) if k not in self.axes or k in self.kept)
        return tuple(Lit(0) if k in self.kept else at[k] for k in shown)


def reduction(call: Call, context: Context) -> Reduction | None:
    """Return what a call reduces; None if it is no reduction that loops can do.

    Raises
    ------
    NotATree
        If its operand is no tree.
    """
    facts = context.facts
    kind = facts.type_of(call)
    dtype = kind.dtype if is_array(kind) else kind
    if dtype is None or not is_number(dtype):
        return None
    match call:
        case Call("dot" | "matmul" | "vdot", (a, b), ()) if not is_array(kind) and call.prim != "vdot":
            tree = Call("mul", (a, b))
            ok = all(is_array(facts.type_of(each)) and facts.type_of(each).ndim == 1 for each in (a, b))
            return Reduction("sum", tree, frozenset({0}), frozenset(), dtype) if ok else None
        case Call("dot" | "matmul", (_, _), ()) if context.products:
            found = row_by_row(call, facts)
            return None if found is None else Reduction("sum", found[0], frozenset({found[1]}), frozenset(), dtype)
        case Call(prim, (source, like), ()) if prim.startswith("helper.unbroadcast_"):
            return _unbroadcast(source, like, dtype, context)
        case Call(prim, (source,), kwargs) if prim in FOLDS and is_array(facts.type_of(source)):
            return _along(call, source, dict(kwargs), dtype, context)
        case _:
            return None


def _along(call: Call, source: Expr, options: dict[str, Expr], dtype: Type, context: Context) -> Reduction | None:
    rank = context.facts.type_of(source).ndim
    element = context.facts.type_of(source).dtype
    axis, keep = options.pop("axis", Lit(None)), options.pop("keepdims", Lit(False))
    axes = tuple(range(rank)) if axis == Lit(None) else integers_of(axis)
    if options or axes is None or not isinstance(keep, Lit) or not _possible(call.prim, element, dtype):
        return None
    chosen = frozenset(k % rank for k in axes)
    return Reduction(call.prim, source, chosen, chosen if keep.value else frozenset(), dtype)


def _possible(prim: str, element: Type, dtype: Type) -> bool:
    if prim in ("max", "min"):
        return isinstance(dtype, types.Float)
    if prim in ("any", "all"):
        return element == types.boolean
    return dtype in (types.float64, types.float32, types.complex128, types.complex64, types.int64)


def _unbroadcast(source: Expr, like: Expr, dtype: Type, context: Context) -> Reduction:
    reader = Reader(context.facts)
    shape, target = reader.shape(source), reader.shape(like)
    lead = len(shape) - len(target)
    stretched = {lead + k for k, size in enumerate(target) if size == ONE and shape[lead + k] != ONE}
    return Reduction("sum", source, frozenset({*range(lead), *stretched}), frozenset(stretched), dtype)


def write(target: Var, job: Reduction, context: Context, like: Shape | None = None) -> None:
    """Emit the loops that compute a reduction; `like` is the shape that its result is known to have."""
    reader = Reader(context.facts)
    shape = reader.shape(job.tree)
    context.emit(*reader.guards())
    shape = tuple(map(context.facts.same, shape))
    if not FOLDS[job.prim].empty:
        context.emit(*_not_empty([shape[k] for k in sorted(job.axes)], context))
    if len(job.axes) == len(shape) and not job.kept:
        _to_number(target, job, shape, reader, context)
    elif job.axes == frozenset(range(len(shape) - len(job.axes), len(shape))) and len(job.axes) < len(shape):
        _by_row(target, job, shape, reader, context)
    else:
        _in_passing(target, job, shape, reader, context)


def _not_empty(sizes: Sequence[Linear], context: Context) -> list[If]:
    symbols = context.facts.symbols
    unknown = [size for size in sizes if not symbols.never_negative(size.plus(-1))]
    context.facts.demanded += [(size.plus(-1), None) for size in unknown]
    context.facts.filled |= {size.plus(-1) for size in unknown}
    return [refuse_if(Call("lt", (symbols.expr(size), Lit(1))), FILLED) for size in unknown]


def _fold(job: Reduction, place: Var | Call, element: Expr, context: Context) -> Block:
    """Return the statements that take one more element in; `place` is a name or an element of an array."""
    step = FOLDS[job.prim].step
    target, index = (place, ()) if isinstance(place, Var) else (place.args[0], place.args[1:])
    assert isinstance(target, Var)
    if step is None:
        return (Accum(target, index, element),)
    value = step(place, element)
    return (Store(target, index, value) if index else Let(target, value),)


def _finished(job: Reduction, total: Expr, shape: Shape, context: Context) -> Expr:
    if job.prim != "mean":
        return total
    count: Expr | None = None
    for size in (shape[k] for k in sorted(job.axes)):
        factor = context.facts.symbols.expr(size)
        count = factor if count is None else Call("mul", (count, factor))
    assert count is not None
    mean = Call("div", (total, count))
    return cast_to(job.dtype, mean, types.float64) if job.dtype == types.float32 else mean


def _to_number(target: Var, job: Reduction, shape: Shape, reader: Reader, context: Context) -> None:
    indices = context.indices(shape)
    element = reader.element(job.tree, indices)
    total = context.result(target, element, shape, job.dtype) if job.prim != "mean" else context.temporary(job.dtype)
    context.emit(Let(total, FOLDS[job.prim].start(job.dtype)))
    context.emit(*context.nest(indices, shape, _fold(job, total, element, context)))
    if total != target:
        context.emit(Let(target, _finished(job, total, shape, context)))
    context.facts.bind(target.name)


def _by_row(target: Var, job: Reduction, shape: Shape, reader: Reader, context: Context) -> None:
    """Reduce the last axes: each element of the result is a number first."""
    indices = context.indices(shape)
    element = reader.element(job.tree, indices)
    lead = len(shape) - len(job.axes)
    sizes, place = job.sizes(shape), job.place(indices)
    out = context.result(target, element, shape, context.kinds[target.name])
    context.allocate(out, sizes, job.dtype)
    total = context.temporary(job.dtype)
    row = context.nest(indices[lead:], shape[lead:], _fold(job, total, element, context))
    first = Let(total, FOLDS[job.prim].start(job.dtype))
    last = Store(out, place, _finished(job, total, shape, context))
    context.emit(*context.nest(indices[:lead], shape[:lead], (first, *row, last)))
    _rebind(target, out, sizes, context)


def _in_passing(target: Var, job: Reduction, shape: Shape, reader: Reader, context: Context) -> None:
    """Reduce any axes: the elements of the operand are met in their order, and go where they belong."""
    indices = context.indices(shape)
    element = reader.element(job.tree, indices)
    sizes, place = job.sizes(shape), job.place(indices)
    out = context.result(target, element, shape, context.kinds[target.name])
    start = FOLDS[job.prim].start(job.dtype)
    if FOLDS[job.prim].step is None:
        context.allocate(out, sizes, job.dtype, "zeros")
    else:
        context.allocate(out, sizes, job.dtype, "full", start)
    here = Call("getitem", (out, *place))
    context.emit(*context.nest(indices, shape, _fold(job, here, element, context)))
    if job.prim == "mean":
        own = context.indices(sizes)
        mean = _finished(job, Call("getitem", (out, *own)), shape, context)
        context.emit(*context.nest(own, sizes, (Store(out, own, mean),)))
    _rebind(target, out, sizes, context)


def _rebind(target: Var, out: Var, sizes: Shape, context: Context) -> None:
    if out != target:
        context.emit(Let(target, out))
        buffer = context.facts.buffer(out.name)
        context.facts.bind(target.name, sizes)
        context.facts.refers(target.name, buffer)


__all__ = ["FOLDS", "NotATree", "Reduction", "reduction", "write"]
