"""Linear primitives: the table of transposes.

Each row is `primal | ranks | cotangents of the operands`. A row applies where the call has the options that the row
names, and operands of these ranks (`*` stands for any). `-` means that the operand is not differentiated. Forward
mode needs no column: a linear primitive is its own pushforward, in each differentiated operand if there are several,
or in all of them at once where the row ends in `joint`. Tests sample each row by the dot-product identity.

`contiguous(e)` is `e`, copied if its layout needs it; `conj` disappears from real rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import map_expr, substitute
from adjoint.rules import build
from adjoint.rules.build import NONE, call
from adjoint.rules.rule import TypeOf
from adjoint.rules.table import Row, Table

LINEAR = Table("""
    # reductions
    sum(a)                                 | *   | full_like(a, y_bar)
    sum(a, keepdims=keepdims)              | *   | broadcast_to(y_bar, shape(a))
    sum(a, axis=axis)                      | *   | broadcast_to(expand_dims(y_bar, axis), shape(a))
    sum(a, axis=axis, keepdims=keepdims)   | *   | broadcast_to(y_bar, shape(a))
    mean(a)                                | *   | full_like(a, y_bar / size(a))
    mean(a, axis=axis)                     | *   | broadcast_to(expand_dims(y_bar / dim(a, axis), axis), shape(a))
    mean(a, axis=axis, keepdims=keepdims)  | *   | broadcast_to(y_bar / dim(a, axis), shape(a))
    average(a)                             | *   | full_like(a, y_bar / size(a))
    trace(a)                               | 2   | helper.diagonal_filled(a, y_bar, 0)
    trace(a, offset=offset)                | 2   | helper.diagonal_filled(a, y_bar, offset)
    cumsum(a)                              | 1   | cumsum(y_bar[::-1])[::-1]
    cumsum(a)                              | *   | reshape(contiguous(cumsum(y_bar[::-1])[::-1]), shape(a))
    trapezoid(y)                           | 1   | helper.trapezoid_pullback(y, y_bar, 1)
    trapezoid(y, dx=dx)                    | 1   | helper.trapezoid_pullback(y, y_bar, dx)
    trapezoid(y, x=x)                      | 1   | helper.trapezoid_pullback_at(y, y_bar, x)

    # the same elements in another form
    reshape(a, s)                          | *   | reshape(contiguous(y_bar), shape(a)) ; -
    ravel(a)                               | *   | reshape(contiguous(y_bar), shape(a))
    flatten(a)                             | *   | reshape(contiguous(y_bar), shape(a))
    expand_dims(a, axis)                   | *   | reshape(contiguous(y_bar), shape(a)) ; -
    squeeze(a)                             | *   | reshape(contiguous(y_bar), shape(a))
    squeeze(a, axis=axis)                  | *   | reshape(contiguous(y_bar), shape(a))
    atleast_1d(a)                          | 0   | sum(y_bar)
    atleast_2d(a)                          | 0   | sum(y_bar)
    atleast_3d(a)                          | 0   | sum(y_bar)
    atleast_1d(a)                          | *   | reshape(contiguous(y_bar), shape(a))
    atleast_2d(a)                          | *   | reshape(contiguous(y_bar), shape(a))
    atleast_3d(a)                          | *   | reshape(contiguous(y_bar), shape(a))
    copy(a)                                | *   | y_bar
    array(a)                               | *   | y_bar
    asarray(a)                             | *   | y_bar
    ascontiguousarray(a)                   | *   | y_bar
    asfortranarray(a)                      | *   | y_bar
    transpose(a)                           | *   | transpose(y_bar)
    swapaxes(a, i, j)                      | *   | swapaxes(y_bar, i, j) ; - ; -
    moveaxis(a, i, j)                      | *   | moveaxis(y_bar, j, i) ; - ; -
    flip(m)                                | *   | flip(y_bar)
    flip(m, axis=axis)                     | *   | flip(y_bar, axis=axis)
    fliplr(m)                              | *   | fliplr(y_bar)
    flipud(m)                              | *   | flipud(y_bar)
    rot90(m)                               | 2   | rot90(y_bar, k=3)
    rot90(m, k=k)                          | 2   | rot90(y_bar, k=-k)
    roll(a, shift)                         | *   | roll(y_bar, -shift) ; -
    roll(a, shift, axis=axis)              | *   | roll(y_bar, -shift, axis=axis) ; -

    # elements chosen, copied and placed
    broadcast_to(a, s)                     | *   | helper.unbroadcast(y_bar, a) ; -
    tril(m)                                | *   | tril(y_bar)
    tril(m, k=k)                           | *   | tril(y_bar, k=k)
    triu(m)                                | *   | triu(y_bar)
    triu(m, k=k)                           | *   | triu(y_bar, k=k)
    diag(v)                                | 1   | diag(y_bar)
    diag(v, k=k)                           | 1   | diag(y_bar, k=k)
    diag(v)                                | 2   | helper.diagonal_placed(v, y_bar, 0)
    diag(v, k=k)                           | 2   | helper.diagonal_placed(v, y_bar, k)
    diagonal(a)                            | 2   | helper.diagonal_placed(a, y_bar, 0)
    diagonal(a, offset=offset)             | 2   | helper.diagonal_placed(a, y_bar, offset)
    diagflat(v)                            | 1   | diag(y_bar)
    diagflat(v)                            | *   | reshape(contiguous(diag(y_bar)), shape(v))
    take(a, i)                             | 1 0 | helper.take_one_pullback(a, i, y_bar) ; -
    take(a, i)                             | 1 1 | helper.take_pullback(a, i, y_bar) ; -
    extract(c, a)                          | 1 1 | - ; helper.extract_pullback(c, a, y_bar)
    compress(c, a)                         | 1 1 | - ; helper.extract_pullback(c, a, y_bar)
    repeat(a, n)                           | 1 0 | helper.repeat_pullback(a, n, y_bar) ; -
    repeat(a, n)                           | * 0 | reshape(helper.repeat_pullback(ravel(a), n, y_bar), shape(a)) ; -
    repeat(a, n)                           | 1 1 | helper.repeat_each_pullback(a, n, y_bar) ; -
    tile(a, n)                             | 1 0 | sum(reshape(contiguous(y_bar), (n, dim(a, 0))), axis=0) ; -
    tile(a, n)                             | 2 0 | sum(reshape(contiguous(y_bar), (dim(a, 0), n, dim(a, 1))), axis=1) ; -
    resize(a, s)                           | 1   | helper.resize_pullback(a, ravel(contiguous(y_bar))) ; -
    resize(a, s)                           | *   | reshape(helper.resize_pullback(ravel(contiguous(a)), ravel(contiguous(y_bar))), shape(a)) ; -
    delete(a, i)                           | 1 0 | helper.delete_pullback(a, i, y_bar) ; -
    np_append(a, v)                        | 1 0 | y_bar[:dim(a, 0)] ; y_bar[dim(a, 0)] | joint
    np_append(a, v)                        | 1 1 | y_bar[:dim(a, 0)] ; y_bar[dim(a, 0):] | joint
    full(s, v)                             | *   | - ; sum(y_bar)
    full(s, v, dtype=dtype)                | *   | - ; sum(y_bar)
    full_like(a, v)                        | *   | - ; sum(y_bar)
    full_like(a, v, dtype=dtype)           | *   | - ; sum(y_bar)
    linspace(a, b)                         | 0 0 | dot(y_bar, linspace(1, 0, num=size(y_bar))) ; dot(y_bar, linspace(0, 1, num=size(y_bar))) | joint
    linspace(a, b, num=num)                | 0 0 | dot(y_bar, linspace(1, 0, num=num)) ; dot(y_bar, linspace(0, 1, num=num)) | joint
    diff(a)                                | 1   | helper.diff_transposed_1d(y_bar)
    diff(a)                                | 2   | helper.diff_transposed_2d(y_bar)
    diff(a)                                | 3   | helper.diff_transposed_3d(y_bar)
    ediff1d(a)                             | 1   | helper.diff_transposed_1d(y_bar)
    ediff1d(a)                             | *   | reshape(helper.diff_transposed_1d(y_bar), shape(a))

    # products
    dot(a, b)                              | 0 0 | y_bar * b ; y_bar * a
    dot(a, b)                              | 0 * | sum(y_bar * b) ; y_bar * a
    dot(a, b)                              | * 0 | y_bar * b ; sum(y_bar * a)
    dot(a, b)                              | 1 1 | y_bar * b ; y_bar * a
    dot(a, b)                              | 2 1 | outer(y_bar, b) ; transpose(a) @ y_bar
    dot(a, b)                              | 1 2 | b @ y_bar ; outer(a, y_bar)
    dot(a, b)                              | 2 2 | y_bar @ transpose(b) ; transpose(a) @ y_bar
    matmul(a, b)                           | 1 1 | y_bar * b ; y_bar * a
    matmul(a, b)                           | 2 1 | outer(y_bar, b) ; transpose(a) @ y_bar
    matmul(a, b)                           | 1 2 | b @ y_bar ; outer(a, y_bar)
    matmul(a, b)                           | 2 2 | y_bar @ transpose(b) ; transpose(a) @ y_bar
    vdot(a, b)                             | * * | conj(y_bar * b) ; y_bar * conj(a)
    inner(a, b)                            | 1 1 | y_bar * b ; y_bar * a
    inner(a, b)                            | 2 2 | y_bar @ b ; transpose(y_bar) @ a
    inner(a, b)                            | 2 1 | outer(y_bar, b) ; transpose(a) @ y_bar
    inner(a, b)                            | 1 2 | transpose(b) @ y_bar ; outer(y_bar, a)
    outer(a, b)                            | 1 1 | y_bar @ b ; a @ y_bar
    outer(a, b)                            | * * | reshape(y_bar @ ravel(b), shape(a)) ; reshape(ravel(a) @ y_bar, shape(b))
    kron(a, b)                             | 1 1 | helper.kron_left_1d(a, b, y_bar) ; helper.kron_right_1d(a, b, y_bar)
    kron(a, b)                             | 2 2 | helper.kron_left_2d(a, b, y_bar) ; helper.kron_right_2d(a, b, y_bar)
    tensordot(a, b)                        | 2 2 | y_bar * b ; y_bar * a
    cross(a, b)                            | 1 1 | cross(b, y_bar) ; cross(y_bar, a)
    cross(a, b)                            | 2 2 | cross(b, y_bar) ; cross(y_bar, a)
    cross(a, b)                            | 2 1 | cross(b, y_bar) ; sum(cross(y_bar, a), axis=0)
    cross(a, b)                            | 1 2 | sum(cross(b, y_bar), axis=0) ; cross(y_bar, a)
    convolve(a, v)                         | 1 1 | helper.convolve_pullback(a, v, y_bar) ; helper.convolve_pullback(v, a, y_bar)
    convolve(a, v, mode=mode)              | 1 1 | helper.convolve_pullback(a, v, y_bar) ; helper.convolve_pullback(v, a, y_bar)
    correlate(a, v)                        | 1 1 | helper.convolve_pullback(a, conj(v[::-1]), y_bar) ; conj(helper.convolve_pullback(v[::-1], a, y_bar)[::-1])
    correlate(a, v, mode=mode)             | 1 1 | helper.convolve_pullback(a, conj(v[::-1]), y_bar) ; conj(helper.convolve_pullback(v[::-1], a, y_bar)[::-1])

    # rows that depend on the options or on the number of operands: `BY_CALL`
    concatenate(arrays)
    stack(arrays)
    vstack(arrays)
    hstack(arrays)
    dstack(arrays)
    column_stack(arrays)
""")


@dataclass(frozen=True, slots=True)
class Linear:
    """The rule of the rows of `LINEAR` with one name."""

    prim: str
    elementwise: bool = False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        by_call = BY_CALL.get(self.prim)
        if by_call is not None and (found := by_call(call, y_bar, type_of)) is not None:
            return found
        row = self._row(call, type_of)
        kind = type_of(y)
        values = _values(row, call) | {"y": y, "y_bar": y_bar}
        return tuple(
            None if part is None else _finish(substitute(part, values), arg, kind, y, y_bar, type_of)
            for part, arg in zip(row.expressions(1, ("y", "y_bar")), call.args, strict=True)
        )

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        if all(dot is None for dot in dots):
            return None
        if self.prim in BY_CALL or self._row(call, type_of).columns[2:] == ("joint",):
            return replace(call, args=tuple(map(_tangent_or_zero, call.args, dots)))
        moved = (
            None if dot is None else replace(call, args=(*call.args[:i], dot, *call.args[i + 1 :]))
            for i, dot in enumerate(dots)
        )
        return build.total(moved)

    def _row(self, call: Call, type_of: TypeOf) -> Row:
        """Return the first row for these options and ranks."""
        options = {name for name, _ in call.kwargs}
        for row in LINEAR[self.prim]:
            fits = len(row.params) == len(call.args) and {*row.keywords} == options and len(row.columns) > 1
            if fits and _ranks_fit(row, call, type_of):
                return row
        raise missing(call, type_of)


def missing(call: Call, type_of: TypeOf) -> MissingRuleError:
    """Say that a primitive has a rule, but not for these options or ranks."""
    options = ", ".join(f"`{name}`" for name, _ in call.kwargs)
    ranks = ", ".join(f"{build.rank(type_of(arg))}-d" for arg in call.args)
    how = f" with {options}" if options else ""
    return MissingRuleError(f"no derivative rule for `{call.prim}` of {ranks} operands{how}")


def _ranks_fit(row: Row, call: Call, type_of: TypeOf) -> bool:
    wanted = row.columns[0].split()
    return all(
        want in ("*", str(build.rank(type_of(arg)))) for want, arg in zip(wanted, call.args, strict=False)
    )


def _values(row: Row, call: Call) -> dict[str, Expr]:
    options = dict(call.kwargs)
    return dict(zip(row.params, call.args, strict=True)) | {name: options[name] for name in row.keywords}


def _finish(expr: Expr, arg: Expr, kind: object, y: Expr, y_bar: Expr, type_of: TypeOf) -> Expr:
    """Turn a row's expression into what is written: no `contiguous`, no `conj` of reals, single precision kept."""
    known = {y_bar: y}

    def change(node: Expr) -> Expr:
        match node:
            case Call("conj", (inner,)) if not build.is_complex(kind):
                return inner
            case Call("contiguous", (inner,)):
                return inner if _is_contiguous(known.get(inner, inner), type_of) else call("ascontiguousarray", inner)
            case Call("helper.unbroadcast", (bar, like)):
                return unbroadcast(bar, kind, like, type_of(like))
            case Call("div", (top, Call("size" | "dim") as count)):
                return call("div", top, build.in_precision(count, kind))
            case _:
                return build.simplified(node)

    result = build.with_precision(map_expr(expr, change), kind)
    real_from_complex = build.is_complex(kind) and not build.is_complex(type_of(arg))
    return call("real", result) if real_from_complex else result


def _is_contiguous(expr: Expr, type_of: TypeOf) -> bool:
    match expr:
        case Call("getitem" | "transpose" | "flip"):
            return False
        case Call():
            return True
        case _:
            return getattr(type_of(expr), "layout", "C") == "C"


def unbroadcast(y_bar: Expr, kind: object, like: Expr, like_kind: object) -> Expr:
    """Return the sum of `y_bar` over the axes along which `like` was broadcast."""
    source, target = build.rank(kind), build.rank(like_kind)
    if source == 0:
        return y_bar
    if target == 0:
        return call("sum", y_bar)
    return call(f"helper.unbroadcast_{source}d_{target}d", y_bar, like)


def _tangent_or_zero(arg: Expr, dot: Expr | None) -> Expr:
    match arg, dot:
        case Call("tuple" | "list" as prim, items), None:
            return Call(prim, tuple(_tangent_or_zero(item, None) for item in items))
        case Call("tuple" | "list" as prim, items), Call(_, dots):
            pairs = zip(items, dots, strict=True)
            return Call(prim, tuple(_tangent_or_zero(item, None if d == NONE else d) for item, d in pairs))
        case _, None:
            return call("zeros_like", arg)
        case _, _:
            return dot


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


def _whole(expr: Expr) -> int | None:
    match expr:
        case Lit(int() as value) if not isinstance(value, bool):
            return value
        case Call("neg", (Lit(int() as value),)):
            return -value
        case _:
            return None


BY_CALL: dict[str, Callable[[Call, Expr, TypeOf], Contributions | None]] = {
    "concatenate": _concatenate,
    "stack": _stack,
    "vstack": _stack_along(0, 2),
    "hstack": _stack_along(1, 2),
    "dstack": _stack_along(2, 3),
    "column_stack": _stack_along(1, 2),
    "transpose": _transpose,
    "diff": _diff,
    "cumsum": _cumsum,
    "array": _array,
}
