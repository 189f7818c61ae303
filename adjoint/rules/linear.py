"""Linear primitives: the table of transposes.

Each row is `primal | ranks | cotangents of the operands`. A row applies where the call has the options that the row
names, and operands of these ranks (`*` stands for any). `-` means that the operand is not differentiated. Forward
mode needs no column: a linear primitive is its own pushforward, in each differentiated operand if there are several,
or in all of them at once where the row ends in `joint`. Tests sample each row by the dot-product identity.

`contiguous(e)` is `e`, copied if its layout needs it; `conj` disappears from real rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adjoint.ir import Call, Expr
from adjoint.ir.walk import substitute
from adjoint.rules import build
from adjoint.rules.build import NONE, call
from adjoint.rules.by_call import BY_CALL
from adjoint.rules.rows import choose, finish, values_of
from adjoint.rules.rule import TypeOf
from adjoint.rules.table import Table

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
    average(a, weights=weights)            | *   | y_bar * weights / sum(weights)
    trace(a)                               | 2   | helper.diagonal_filled(a, y_bar, 0)
    trace(a, offset=offset)                | 2   | helper.diagonal_filled(a, y_bar, offset)
    cumsum(a)                              | 1   | cumsum(y_bar[::-1])[::-1]
    cumsum(a)                              | *   | reshape(contiguous(cumsum(y_bar[::-1])[::-1]), shape(a))
    trapezoid(a)                           | 1   | helper.trapezoid_pullback(a, y_bar, 1)
    trapezoid(a, dx=dx)                    | 1   | helper.trapezoid_pullback(a, y_bar, dx)
    trapezoid(a, x) | 1 1 | helper.trapezoid_pullback_at(a, y_bar, x) ; helper.trapezoid_pullback_of(a, x, y_bar)
    trapezoid(a)                           | 2   | helper.trapezoid_pullback_2d(a, y_bar, 1)
    trapezoid(a, dx=dx)                    | 2   | helper.trapezoid_pullback_2d(a, y_bar, dx)
    trapezoid(a, x) | 2 1 | helper.trapezoid_pullback_2d_at(a, y_bar, x) ; helper.trapezoid_pullback_2d_of(a, x, y_bar)
    bincount(x, weights)                   | 1 1 | - ; take(y_bar, x)
    bincount(x, weights, minlength=...)    | 1 1 | - ; take(y_bar, x)

    # the same elements in another form
    reshape(a, s)                          | *   | reshape(contiguous(y_bar), shape(a)) ; -
    ravel(a)                               | *   | reshape(contiguous(y_bar), shape(a))
    flatten(a)                             | *   | reshape(contiguous(y_bar), shape(a))
    expand_dims(a, axis)                   | *   | sum(y_bar, axis=axis) ; -
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
    trim_zeros(a)                          | 1   | helper.trim_zeros_pullback(a, y, y_bar)
    take(a, i)                             | 1 0 | helper.take_one_pullback(a, i, y_bar) ; -
    take(a, i)                             | 1 1 | helper.take_pullback(a, i, y_bar) ; -
    take(a, i)                             | * 0 | reshape(helper.take_one_pullback(ravel(a), i, y_bar), shape(a)) ; -
    take(a, i) | * * | reshape(helper.take_pullback(ravel(a), ravel(i), ravel(y_bar)), shape(a)) ; -
    take(a, i, axis=axis)                  | 2 1 | helper.take_axis_pullback(a, i, y_bar, axis) ; -
    take_along_axis(a, i, axis)            | 2 2 * | helper.take_along_axis_pullback(a, i, y_bar, axis) ; - ; -
    insert(a, i, v) | 1 0 0 | helper.insert_left_pullback(a, i, y_bar) ; - ; y_bar[helper.insert_place(a, i)] | joint
    extract(c, a)                          | 1 1 | - ; helper.extract_pullback(c, a, y_bar)
    compress(c, a)                         | 1 1 | - ; helper.extract_pullback(c, a, y_bar)
    repeat(a, n)                           | 1 0 | helper.repeat_pullback(a, n, y_bar) ; -
    repeat(a, n)                           | * 0 | reshape(helper.repeat_pullback(ravel(a), n, y_bar), shape(a)) ; -
    repeat(a, n)                           | 1 1 | helper.repeat_each_pullback(a, n, y_bar) ; -
    tile(a, n)                             | 1 0 | sum(reshape(contiguous(y_bar), (n, dim(a, 0))), axis=0) ; -
    tile(a, n) | 2 0 | sum(reshape(contiguous(y_bar), (dim(a, 0), n, dim(a, 1))), axis=1) ; -
    resize(a, s)                           | 1   | helper.resize_pullback(a, ravel(contiguous(y_bar))) ; -
    resize(a, s) | * | reshape(helper.resize_pullback(ravel(contiguous(a)), ravel(contiguous(y_bar))), shape(a)) ; -
    delete(a, i)                           | 1 0 | helper.delete_pullback(a, i, y_bar) ; -
    np_append(a, v)                        | 1 0 | y_bar[:dim(a, 0)] ; y_bar[dim(a, 0)] | joint
    np_append(a, v)                        | 1 1 | y_bar[:dim(a, 0)] ; y_bar[dim(a, 0):] | joint
    full(s, v)                             | *   | - ; sum(y_bar)
    full(s, v, dtype=dtype)                | *   | - ; sum(y_bar)
    full_like(a, v)                        | *   | - ; sum(y_bar)
    full_like(a, v, dtype=dtype)           | *   | - ; sum(y_bar)
    linspace(a, b) | 0 0 | dot(y_bar, linspace(1, 0, num=size(y_bar))) ; dot(y_bar, linspace(0, 1, num=size(y_bar)))
        | joint
    linspace(a, b, num=num) | 0 0 | dot(y_bar, linspace(1, 0, num=num)) ; dot(y_bar, linspace(0, 1, num=num)) | joint
    diff(a)                                | 1   | helper.diff_transposed_1d(y_bar)
    diff(a)                                | 2   | helper.diff_transposed_2d(y_bar)
    diff(a)                                | 3   | helper.diff_transposed_3d(y_bar)
    ediff1d(a)                             | 1   | helper.diff_transposed_1d(y_bar)
    ediff1d(a)                             | *   | reshape(helper.diff_transposed_1d(y_bar), shape(a))

    # lists of views; `y_bar` is a list of arrays
    split array_split(a, n)                | 1 * | helper.joined_1d(a, y_bar) ; -
    split array_split(a, n)                | 2 * | helper.joined_2d(a, y_bar, 0) ; -
    split array_split(a, n, axis=axis)     | 2 * | helper.joined_2d(a, y_bar, axis) ; -
    vsplit(a, n)                           | 2 * | helper.joined_2d(a, y_bar, 0) ; -
    hsplit(a, n)                           | 1 * | helper.joined_1d(a, y_bar) ; -
    hsplit(a, n)                           | 2 * | helper.joined_2d(a, y_bar, 1) ; -
    dsplit(a, n)                           | 3 * | helper.joined_3d(a, y_bar) ; -

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
    outer(a, b) | * * | reshape(y_bar @ ravel(b), shape(a)) ; reshape(ravel(a) @ y_bar, shape(b))
    kron(a, b)                             | 1 1 | helper.kron_left_1d(a, b, y_bar) ; helper.kron_right_1d(a, b, y_bar)
    kron(a, b)                             | 2 2 | helper.kron_left_2d(a, b, y_bar) ; helper.kron_right_2d(a, b, y_bar)
    tensordot(a, b)                        | 2 2 | y_bar * b ; y_bar * a
    cross(a, b)                            | 1 1 | cross(b, y_bar) ; cross(y_bar, a)
    cross(a, b)                            | 2 2 | cross(b, y_bar) ; cross(y_bar, a)
    cross(a, b)                            | 2 1 | cross(b, y_bar) ; sum(cross(y_bar, a), axis=0)
    cross(a, b)                            | 1 2 | sum(cross(b, y_bar), axis=0) ; cross(y_bar, a)
    convolve(a, v) | 1 1 | helper.convolve_pullback(a, v, y_bar, False) ; helper.convolve_pullback(v, a, y_bar, False)
    convolve(a, v, mode=mode) | 1 1 | helper.convolve_pullback(a, v, y_bar, False)
        ; helper.convolve_pullback(v, a, y_bar, False)
    correlate(a, v) | 1 1 | helper.convolve_pullback(a, conj(v[::-1]), y_bar, dim(a, 0) < dim(v, 0))
        ; conj(helper.convolve_pullback(v[::-1], a, y_bar, dim(a, 0) < dim(v, 0))[::-1])
    correlate(a, v, mode=mode) | 1 1 | helper.convolve_pullback(a, conj(v[::-1]), y_bar, dim(a, 0) < dim(v, 0))
        ; conj(helper.convolve_pullback(v[::-1], a, y_bar, dim(a, 0) < dim(v, 0))[::-1])

    # JAX's convention: transposes are not conjugated
    fft.fft(a)                             | *   | fft.fft(y_bar)
    fft.fft(a, axis=axis)                  | *   | fft.fft(y_bar, axis=axis)
    fft.fft(a, norm=norm)                  | *   | fft.fft(y_bar, norm=norm)
    fft.fft(a, axis=axis, norm=norm)       | *   | fft.fft(y_bar, axis=axis, norm=norm)
    fft.fft(a, n=n)                        | *   | helper.resized(fft.fft(y_bar), dim(a, -1))
    fft.fft(a, n=n, norm=norm)             | *   | helper.resized(fft.fft(y_bar, norm=norm), dim(a, -1))
    fft.ifft(a)                            | *   | fft.ifft(y_bar)
    fft.ifft(a, axis=axis)                 | *   | fft.ifft(y_bar, axis=axis)
    fft.ifft(a, norm=norm)                 | *   | fft.ifft(y_bar, norm=norm)
    fft.ifft(a, axis=axis, norm=norm)      | *   | fft.ifft(y_bar, axis=axis, norm=norm)
    fft.ifft(a, n=n)                       | *   | helper.resized(fft.ifft(y_bar), dim(a, -1))
    fft.ifft(a, n=n, norm=norm)            | *   | helper.resized(fft.ifft(y_bar, norm=norm), dim(a, -1))
    fft.fft2(a)                            | *   | fft.fft2(y_bar)
    fft.fft2(a, norm=norm)                 | *   | fft.fft2(y_bar, norm=norm)
    fft.fft2(a, axes=axes)                 | *   | fft.fft2(y_bar, axes=axes)
    fft.ifft2(a)                           | *   | fft.ifft2(y_bar)
    fft.ifft2(a, norm=norm)                | *   | fft.ifft2(y_bar, norm=norm)
    fft.ifft2(a, axes=axes)                | *   | fft.ifft2(y_bar, axes=axes)
    fft.fftn(a)                            | *   | fft.fftn(y_bar)
    fft.fftn(a, norm=norm)                 | *   | fft.fftn(y_bar, norm=norm)
    fft.fftn(a, axes=axes)                 | *   | fft.fftn(y_bar, axes=axes)
    fft.ifftn(a)                           | *   | fft.ifftn(y_bar)
    fft.ifftn(a, norm=norm)                | *   | fft.ifftn(y_bar, norm=norm)
    fft.ifftn(a, axes=axes)                | *   | fft.ifftn(y_bar, axes=axes)
    fft.rfft(a)                            | *   | fft.fft(y_bar, n=dim(a, -1))
    fft.rfft(a, axis=axis)                 | *   | fft.fft(y_bar, n=dim(a, axis), axis=axis)
    fft.rfft(a, norm=norm)                 | *   | fft.fft(y_bar, n=dim(a, -1), norm=norm)
    fft.rfft(a, axis=axis, norm=norm)      | *   | fft.fft(y_bar, n=dim(a, axis), axis=axis, norm=norm)
    fft.rfft(a, n=n)                       | *   | helper.resized(fft.fft(y_bar, n=n), dim(a, -1))
    fft.rfft(a, n=n, norm=norm)            | *   | helper.resized(fft.fft(y_bar, n=n, norm=norm), dim(a, -1))
    fft.irfft(a, n=...)                    | *   | helper.half_spectrum(a, fft.ihfft(y_bar), dim(y, -1))
    fft.irfft(a, n=..., norm=norm)         | *   | helper.half_spectrum(a, fft.ihfft(y_bar, norm=norm), dim(y, -1))
    fft.hfft(a, n=...)                     | *   | helper.half_spectrum(a, fft.rfft(y_bar), dim(y, -1))
    fft.hfft(a, n=..., norm=norm)          | *   | helper.half_spectrum(a, fft.rfft(y_bar, norm=norm), dim(y, -1))
    fft.ihfft(a)                           | *   | fft.ifft(y_bar, n=dim(a, -1))
    fft.ihfft(a, norm=norm)                | *   | fft.ifft(y_bar, n=dim(a, -1), norm=norm)
    fft.ihfft(a, n=n)                      | *   | helper.resized(fft.ifft(y_bar, n=n), dim(a, -1))
    fft.ihfft(a, n=n, norm=norm)           | *   | helper.resized(fft.ifft(y_bar, n=n, norm=norm), dim(a, -1))
    fft.fftshift(x)                        | *   | fft.ifftshift(y_bar)
    fft.fftshift(x, axes=axes)             | *   | fft.ifftshift(y_bar, axes=axes)
    fft.ifftshift(x)                       | *   | fft.fftshift(y_bar)
    fft.ifftshift(x, axes=axes)            | *   | fft.fftshift(y_bar, axes=axes)

    # rows that depend on the options or on the number of operands: `BY_CALL`
    broadcast_arrays(arrays)
    np_select(conditions, choices)
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
        row = choose(LINEAR, call, type_of)
        values = values_of(row, call) | {"y": y, "y_bar": y_bar}
        return tuple(
            None if part is None else finish(substitute(part, values), arg, call, y, y_bar, type_of)
            for part, arg in zip(row.expressions(1, ("y", "y_bar")), call.args, strict=True)
        )

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        if all(dot is None for dot in dots):
            return None
        if call.prim == "np_select":
            return replace(call, args=(call.args[0], *map(_tangent_or_zero, call.args[1:], dots[1:])))
        if call.prim in BY_CALL:
            return replace(call, args=tuple(map(_tangent_or_zero, call.args, dots)))
        row = choose(LINEAR, call, type_of)
        fixed = [part is None for part in row.expressions(1, ("y", "y_bar"))]
        if row.columns[2:] == ("joint",):
            kept = zip(fixed, call.args, dots, strict=True)
            return replace(call, args=tuple(arg if keep else _tangent_or_zero(arg, dot) for keep, arg, dot in kept))
        # What is not differentiated may vary all the same: only the shape of `a` matters to `full_like(a, v)`.
        moved = (
            None if dot is None or fixed[i] else replace(call, args=(*call.args[:i], dot, *call.args[i + 1 :]))
            for i, dot in enumerate(dots)
        )
        return build.total(moved)


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
