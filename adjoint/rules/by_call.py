"""Transposes that depend on the options or on the number of operands, more than a row can say."""

from __future__ import annotations

from collections.abc import Callable

from adjoint.ir import Call, Expr, Lit
from adjoint.rules import build
from adjoint.rules.build import NONE, call
from adjoint.rules.rows import missing, unbroadcast
from adjoint.rules.rule import TypeOf

Contributions = tuple[Expr | None, ...]


def _slices(axis: int, start: Expr, stop: Expr) -> tuple[Expr, ...]:
    return (*[build.FULL_SLICE] * axis, call("slice", start, stop, NONE))


def _concatenate(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """Each operand gets its part of the seed, a view."""
    (arrays,), axis = c.args, _whole(dict(c.kwargs).get("axis", Lit(0)))
    if not isinstance(arrays, Call) or axis is None:
        raise missing(c, type_of)
    axis %= build.rank(type_of(arrays.args[0]))
    return (_parts(arrays.args, y_bar, axis),)


def _parts(arrays: tuple[Expr, ...], y_bar: Expr, axis: int) -> Call:
    parts: list[Expr] = []
    start: Expr = NONE
    for i, array in enumerate(arrays):
        length = call("dim", array, Lit(axis))
        end = length if start == NONE else call("add", start, length)
        stop = NONE if i == len(arrays) - 1 else end
        parts.append(call("getitem", y_bar, *_slices(axis, start, stop)))
        start = end
    return Call("tuple", tuple(parts))


def _stack(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    (arrays,), axis = c.args, _whole(dict(c.kwargs).get("axis", Lit(0)))
    if not isinstance(arrays, Call) or axis is None:
        raise missing(c, type_of)
    axis %= build.rank(type_of(arrays.args[0])) + 1
    return (_layers(arrays.args, y_bar, axis),)


def _layers(arrays: tuple[Expr, ...], y_bar: Expr, axis: int) -> Call:
    lead = [build.FULL_SLICE] * axis
    return Call("tuple", tuple(call("getitem", y_bar, *lead, Lit(i)) for i in range(len(arrays))))


def _stack_along(axis: int, joins_from: int) -> Callable[[Call, Expr, TypeOf], Contributions | None]:
    """`vstack` and its like: arrays of rank `joins_from` or more are joined along `axis`, lower ones stacked."""

    def contributions(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
        (arrays,) = c.args
        if not isinstance(arrays, Call):
            raise missing(c, type_of)
        ranks = {build.rank(type_of(array)) for array in arrays.args}
        if min(ranks) >= joins_from:
            return (_parts(arrays.args, y_bar, axis),)
        if ranks == {1}:
            where = [Lit(0)] if axis == 2 else []
            layers = [call("getitem", y_bar, *_nth(axis, i, where)) for i in range(len(arrays.args))]
            return (Call("tuple", tuple(layers)),)
        if ranks == {2} and axis == 2:
            return (_layers(arrays.args, y_bar, 2),)
        raise missing(c, type_of)

    return contributions


def _hstack(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    (arrays,) = c.args
    if not isinstance(arrays, Call) or (ranks := {build.rank(type_of(array)) for array in arrays.args}) & {0}:
        raise missing(c, type_of)
    return (_parts(arrays.args, y_bar, min(1, min(ranks) - 1)),)


def _nth(axis: int, i: int, where: list[Lit]) -> tuple[Expr, ...]:
    match axis:
        case 0:
            return (Lit(i),)
        case 1:
            return (build.FULL_SLICE, Lit(i))
        case _:
            return (*where, build.FULL_SLICE, Lit(i))


def _transpose(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """A permutation of the axes is undone by its inverse."""
    axes = dict(c.kwargs).get("axes")
    if axes is None or axes == NONE:
        return None
    items = axes.args if isinstance(axes, Call) else ()
    order = [_whole(item) for item in items]
    if not order or None in order:
        raise missing(c, type_of)
    positive = [0 if axis is None else axis % len(order) for axis in order]
    inverse = Call("tuple", tuple(Lit(positive.index(i)) for i in range(len(order))))
    return (call("transpose", y_bar, axes=inverse),)


def _diff(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """`diff(a, n=3)` is three differences."""
    times = _whole(dict(c.kwargs).get("n", Lit(1)))
    if [name for name, _ in c.kwargs] != ["n"] or times is None:
        return None
    result = y_bar
    for _ in range(times):
        result = call(f"helper.diff_transposed_{build.rank(type_of(c.args[0]))}d", result)
    return (result,)


def _cumsum(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """Along an axis: the running sum from the other end."""
    axis = _whole(dict(c.kwargs).get("axis", NONE))
    if axis is None or len(c.kwargs) != 1:
        return None
    axis %= build.rank(type_of(c.args[0]))
    back = (*[build.FULL_SLICE] * axis, call("slice", NONE, NONE, Lit(-1)))
    return (call("getitem", call("cumsum", call("getitem", y_bar, *back), axis=Lit(axis)), *back),)


def _array(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """`array([a, b])` of values written out, nested or not."""
    match c.args[0]:
        case Call("list" | "tuple") as rows:
            return (_elements(rows, y_bar, ()),)
        case _:
            return None


def _elements(rows: Call, y_bar: Expr, index: tuple[Expr, ...]) -> Call:
    return Call(rows.prim, tuple(_element(row, y_bar, (*index, Lit(i))) for i, row in enumerate(rows.args)))


def _element(row: Expr, y_bar: Expr, index: tuple[Expr, ...]) -> Expr:
    match row:
        case Call("list" | "tuple"):
            return _elements(row, y_bar, index)
        case Lit():
            return NONE
        case _:
            return call("getitem", y_bar, *index)


def _broadcast_arrays(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """Each operand is summed over the axes it was stretched along."""
    kinds = [type_of(arg) for arg in c.args]
    widest = max(kinds, key=build.rank)
    bars = [call("getitem", y_bar, Lit(i)) for i in range(len(c.args))]
    return tuple(unbroadcast(bar, widest, arg, kind) for bar, arg, kind in zip(bars, c.args, kinds, strict=True))


def _np_select(c: Call, y_bar: Expr, type_of: TypeOf) -> Contributions | None:
    """The first condition that holds chooses; a literal default has no cotangent."""
    conditions, choices, *default = c.args
    if not isinstance(conditions, Call) or not isinstance(choices, Call):
        raise missing(c, type_of)
    zero = build.with_precision(Lit(0.0), type_of(choices.args[0]))
    parts: list[Expr] = []
    for i, chosen in enumerate(conditions.args):
        part: Expr = call("select", chosen, y_bar, zero)
        for earlier in reversed(conditions.args[:i]):
            part = call("select", earlier, zero, part)
        parts.append(part)
    rest: Expr = y_bar
    for condition in reversed(conditions.args):
        rest = call("select", condition, zero, rest)
    return (None, Call(choices.prim, tuple(parts)), *(call("sum", rest) for _ in default))


def _whole(expr: Expr) -> int | None:
    match expr:
        case Lit(int() as value) if not isinstance(value, bool):
            return value
        case Call("neg", (Lit(int() as value),)):
            return -value
        case _:
            return None


BY_CALL: dict[str, Callable[[Call, Expr, TypeOf], Contributions | None]] = {
    "broadcast_arrays": _broadcast_arrays,
    "np_select": _np_select,
    "concatenate": _concatenate,
    "stack": _stack,
    "vstack": _stack_along(0, 2),
    "hstack": _hstack,
    "dstack": _stack_along(2, 3),
    "column_stack": _stack_along(1, 2),
    "transpose": _transpose,
    "diff": _diff,
    "cumsum": _cumsum,
    **dict.fromkeys(("array", "asarray", "ascontiguousarray", "asfortranarray"), _array),
}
