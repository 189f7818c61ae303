"""Full rules: what is neither element-wise nor linear.

Each row is `primal | ranks | cotangents of the operands | tangent due to each operand`. Names are those of `linear`;
`a_dot` is the tangent of operand `a`. Where the result is a tuple, `y_bar` is `tuple(...)` of cotangents (or a name),
`item(y_bar, k)` one of them, and a tangent is `tuple(...)` again. `none` in such a tuple is a derivative that is
not defined or not used. References stand above the rows.

Symmetric functions (`cholesky`, `eigh`) read the lower triangle only, so only that has a cotangent.
"""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import map_expr, substitute
from adjoint.rules import build
from adjoint.rules.build import NONE, call
from adjoint.rules.rows import choose, finish, missing, values_of
from adjoint.rules.rule import Rule, TypeOf
from adjoint.rules.table import Table, parse

TABLE = Table("""
    # reductions; ties of extrema share the derivative evenly
    max min nanmax nanmin(a) | *
        | y_bar / sum(a == y) if a == y else 0
        | sum(a_dot if a == y else 0) / sum(a == y)
    max min(a, axis=axis) | *
        | expand_dims(y_bar / sum(a == expand_dims(y, axis), axis=axis), axis) if a == expand_dims(y, axis) else 0
        | sum(a_dot if a == expand_dims(y, axis) else 0, axis=axis) / sum(a == expand_dims(y, axis), axis=axis)
    helper.max_along_2d helper.max_along_3d helper.min_along_2d helper.min_along_3d(a, axis) | * *
        | expand_dims(y_bar / sum(a == expand_dims(y, axis), axis=axis), axis) if a == expand_dims(y, axis) else 0 ; -
        | sum(a_dot if a == expand_dims(y, axis) else 0, axis=axis) / sum(a == expand_dims(y, axis), axis=axis) ; -
    ptp(a) | *
        | (y_bar / sum(a == max(a)) if a == max(a) else 0) - (y_bar / sum(a == min(a)) if a == min(a) else 0)
        | sum(a_dot if a == max(a) else 0) / sum(a == max(a)) - sum(a_dot if a == min(a) else 0) / sum(a == min(a))
    prod(a) | * | y_bar * helper.prod_partials(a) | sum(a_dot * helper.prod_partials(a))
    nanprod(a) | *
        | 0 if isnan(a) else y_bar * helper.prod_partials(1 if isnan(a) else a)
        | sum(0 if isnan(a) else a_dot * helper.prod_partials(1 if isnan(a) else a))
    cumprod(a) | 1 | helper.cumprod_pullback(a, y, y_bar) | helper.cumprod_pushforward(a, a_dot)
    nancumprod(a) | 1
        | 0 if isnan(a) else helper.cumprod_pullback(1 if isnan(a) else a, y, y_bar)
        | helper.cumprod_pushforward(1 if isnan(a) else a, 0 if isnan(a) else a_dot)
    nancumsum(a) | 1 | 0 if isnan(a) else cumsum(y_bar[::-1])[::-1] | cumsum(0 if isnan(a) else a_dot)
    nansum(a) | * | 0 if isnan(a) else y_bar | sum(0 if isnan(a) else a_dot)
    nanmean(a) | *
        | 0 if isnan(a) else y_bar / (size(a) - sum(isnan(a)))
        | sum(0 if isnan(a) else a_dot) / (size(a) - sum(isnan(a)))
    var(a) | *
        | 2 * y_bar / size(a) * conj(a - mean(a))
        | 2 * real(sum(conj(a - mean(a)) * a_dot)) / size(a)
    var(a, ddof=ddof) | *
        | 2 * y_bar / (size(a) - ddof) * conj(a - mean(a))
        | 2 * real(sum(conj(a - mean(a)) * a_dot)) / (size(a) - ddof)
    var(a, axis=axis) | *
        | 2 * expand_dims(y_bar / dim(a, axis), axis) * conj(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis))
        | 2 * real(sum(conj(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis)) * a_dot, axis=axis)) / dim(a, axis)
    std(a) | *
        | (y_bar / (size(a) * y) if y != 0 else 0) * conj(a - mean(a) - mean(a - mean(a)))
        | real(sum(conj(a - mean(a) - mean(a - mean(a))) * a_dot)) / (size(a) * y) if y != 0 else 0
    std(a, ddof=ddof) | *
        | (y_bar / ((size(a) - ddof) * y) if y != 0 else 0) * conj(a - mean(a) - mean(a - mean(a)))
        | real(sum(conj(a - mean(a) - mean(a - mean(a))) * a_dot)) / ((size(a) - ddof) * y) if y != 0 else 0
    std(a, axis=axis) | *
        | expand_dims(y_bar / (dim(a, axis) * y) if y != 0 else 0, axis)
            * conj(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis)
                - expand_dims(sum(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis), axis=axis) / dim(a, axis), axis))
        | real(sum(conj(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis)
                - expand_dims(sum(a - expand_dims(sum(a, axis=axis) / dim(a, axis), axis), axis=axis) / dim(a, axis), axis)) * a_dot, axis=axis))
            / (dim(a, axis) * y) if y != 0 else 0
    nanvar(a) | *
        | 0 if isnan(a) else 2 * y_bar / (size(a) - sum(isnan(a))) * (a - nanmean(a))
        | 2 * sum(0 if isnan(a) else (a - nanmean(a)) * a_dot) / (size(a) - sum(isnan(a)))
    nanstd(a) | *
        | 0 if isnan(a) else (y_bar / ((size(a) - sum(isnan(a))) * y) if y != 0 else 0) * (a - nanmean(a) - nanmean(a - nanmean(a)))
        | sum(0 if isnan(a) else (a - nanmean(a) - nanmean(a - nanmean(a))) * a_dot) / ((size(a) - sum(isnan(a))) * y) if y != 0 else 0

    # order statistics; elements of the same value share the derivative
    median nanmedian(a) | *
        | y_bar * helper.quantile_partials(a, 0.5)
        | sum(a_dot * helper.quantile_partials(a, 0.5))
    quantile nanquantile(a, q) | * 0
        | y_bar * helper.quantile_partials(a, q) ; y_bar * helper.quantile_slope(a, q)
        | sum(a_dot * helper.quantile_partials(a, q)) ; q_dot * helper.quantile_slope(a, q)
    percentile nanpercentile(a, q) | * 0
        | y_bar * helper.quantile_partials(a, 0.01 * q) ; 0.01 * y_bar * helper.quantile_slope(a, 0.01 * q)
        | sum(a_dot * helper.quantile_partials(a, 0.01 * q)) ; 0.01 * q_dot * helper.quantile_slope(a, 0.01 * q)
    sort(a) | 1 | helper.sort_pullback(a, y, y_bar) | helper.sort_pushforward(a, y, a_dot)
    partition(a, k) | 1 0 | helper.sort_pullback(a, y, y_bar) ; - | helper.sort_pushforward(a, y, a_dot) ; -

    # values chosen by value; elements of the same value share the derivative
    unique(a) | *
        | helper.members_pullback(a, a, y, 2.0 * y_bar)
        | helper.members_pushforward(a, a, y, 2.0 * a_dot)
    union1d intersect1d setxor1d(a, b) | * *
        | helper.members_pullback(a, b, y, y_bar) ; helper.members_pullback(b, a, y, y_bar)
        | helper.members_pushforward(a, b, y, a_dot) ; helper.members_pushforward(b, a, y, b_dot)
    setdiff1d(a, b) | * *
        | helper.members_pullback(a, a, y, 2.0 * y_bar) ; -
        | helper.members_pushforward(a, a, y, 2.0 * a_dot) ; -
    histogram(a, bins=...) | *
        | (dot(item(y_bar, 1), linspace(1, 0, num=size(item(y, 1)))) / sum(a == min(a)) if a == min(a) else 0)
            + (dot(item(y_bar, 1), linspace(0, 1, num=size(item(y, 1)))) / sum(a == max(a)) if a == max(a) else 0)
        | tuple(none, linspace(sum(a_dot if a == min(a) else 0) / sum(a == min(a)),
            sum(a_dot if a == max(a) else 0) / sum(a == max(a)), num=size(item(y, 1))))
    roots(p) | 1 | helper.roots_pullback(p, y, y_bar) | helper.roots_pushforward(p, y, p_dot)
    divmod(a, b) | 0 0
        | item(y_bar, 1) ; -(item(y, 0) * item(y_bar, 1))
        | tuple(none, a_dot) ; tuple(none, -(item(y, 0) * b_dot))
    polar(z) | 0
        | (item(y_bar, 0) * (conj(z) / item(y, 0)) if item(y, 0) != 0 else 0) - item(y_bar, 1) * (1j / z)
        | tuple(real(conj(z) * z_dot) / item(y, 0), imag(z_dot / z))

    # values between points; the average slope at the points themselves
    interp(x, xp, fp) | 0 1 1
        | y_bar * helper.interp_slope(x, xp, fp)
        ; helper.interp_transposed(x, xp, -(y_bar * helper.interp_slope(x, xp, fp)))
        ; helper.interp_transposed(x, xp, y_bar)
        | x_dot * helper.interp_slope(x, xp, fp)
        ; -(helper.interp_slope(x, xp, fp) * interp(x, xp, xp_dot))
        ; interp(x, xp, fp_dot)
    interp(x, xp, fp) | 1 1 1
        | y_bar * helper.interp_slopes(x, xp, fp)
        ; helper.interp_all_transposed(x, xp, -(y_bar * helper.interp_slopes(x, xp, fp)))
        ; helper.interp_all_transposed(x, xp, y_bar)
        | x_dot * helper.interp_slopes(x, xp, fp)
        ; -(helper.interp_slopes(x, xp, fp) * interp(x, xp, xp_dot))
        ; interp(x, xp, fp_dot)
    logspace(a, b, num=...) | 0 0
        | 2.302585092994046 * dot(y * y_bar, linspace(1, 0, num=size(y)))
        ; 2.302585092994046 * dot(y * y_bar, linspace(0, 1, num=size(y)))
        | 2.302585092994046 * a_dot * y * linspace(1, 0, num=size(y))
        ; 2.302585092994046 * b_dot * y * linspace(0, 1, num=size(y))
    geomspace(a, b, num=...) | 0 0
        | dot(y * y_bar, linspace(1, 0, num=size(y))) / a ; dot(y * y_bar, linspace(0, 1, num=size(y))) / b
        | a_dot / a * y * linspace(1, 0, num=size(y)) ; b_dot / b * y * linspace(0, 1, num=size(y))
    # how many elements there are doesn't change around almost every point
    arange(stop, dtype=...) | 0 | - | -
    arange(a, stop, dtype=...) | 0 0 | sum(y_bar) ; - | full_like(y, a_dot) ; -
    arange(a, stop, step, dtype=...) | 0 0 0
        | sum(y_bar) ; - ; sum(y_bar * arange(size(y)))
        | full_like(y, a_dot) ; - ; step_dot * arange(size(y))
    fft.fftfreq fft.rfftfreq(n, d) | 0 0 | - ; -(sum(y_bar * y) / d) | - ; -(d_dot / d) * y
    vander(x, N=...) | 1
        | helper.vander_pullback(x, y_bar, False)
        | helper.vander_pushforward(x, x_dot, dim(y, 1), False)
    vander(x, increasing=increasing, N=...) | 1
        | helper.vander_pullback(x, y_bar, increasing)
        | helper.vander_pushforward(x, x_dot, dim(y, 1), increasing)
    cov(m) | 2 | helper.cov_pullback(m, y_bar) | helper.cov_pushforward(m, m_dot)
    corrcoef(x) | 2 | helper.corrcoef_pullback(x, y, y_bar) | helper.corrcoef_pushforward(x, y, x_dot)

    # M. Giles, Collected matrix derivative results for forward and reverse mode, 2008
    linalg.inv(a) | 2 | -(transpose(y) @ y_bar @ transpose(y)) | -(y @ a_dot @ y)
    linalg.det(a) | 2 | y_bar * helper.cofactors(a) | sum(a_dot * helper.cofactors(a))
    linalg.slogdet(a) | 2
        | item(y_bar, 1) * transpose(linalg.inv(a))
        | tuple(none, trace(linalg.solve(a, a_dot)))
    linalg.solve(a, b) | 2 1
        | -outer(linalg.solve(transpose(a), y_bar), y) ; linalg.solve(transpose(a), y_bar)
        | -linalg.solve(a, a_dot @ y) ; linalg.solve(a, b_dot)
    linalg.solve(a, b) | 2 2
        | -(linalg.solve(transpose(a), y_bar) @ transpose(y)) ; linalg.solve(transpose(a), y_bar)
        | -linalg.solve(a, a_dot @ y) ; linalg.solve(a, b_dot)
    linalg.matrix_power(a, n) | 2 0
        | helper.matrix_power_pullback(a, n, y_bar) ; -
        | helper.matrix_power_pushforward(a, n, a_dot) ; -
    # I. Murray, Differentiation of the Cholesky decomposition, 2016, in blocks
    linalg.cholesky(a) | 2 | helper.cholesky_pullback(y, y_bar) | helper.cholesky_pushforward(y, a_dot)
    # C. Boeddeker et al., On the computation of complex-valued gradients, 2017, section 4; equal eigenvalues don't mix
    linalg.eigh(a) | 2
        | helper.eigh_pullback(item(y, 0), item(y, 1), item(y_bar, 0), item(y_bar, 1))
        | tuple(helper.eigh_values_pushforward(item(y, 1), a_dot),
            helper.eigh_vectors_pushforward(item(y, 0), item(y, 1), a_dot))
    linalg.eigvalsh(a) | 2 | helper.eigvalsh_pullback(a, y_bar) | helper.eigvalsh_pushforward(a, a_dot)
    linalg.eig(a) | 2
        | helper.eig_pullback(item(y, 0), item(y, 1), item(y_bar, 0), item(y_bar, 1))
        | tuple(helper.eig_values_pushforward(item(y, 1), a_dot),
            helper.eig_vectors_pushforward(item(y, 0), item(y, 1), a_dot))
    linalg.eigvals(a) | 2 | helper.eigvals_pullback(a, y_bar) | helper.eigvals_pushforward(a, a_dot)
    # J. Townsend, Differentiating the singular value decomposition, 2016
    linalg.svd(a, full_matrices=...) | 2
        | helper.svd_pullback(a, item(y, 0), item(y, 1), item(y, 2),
            item(y_bar, 0), item(y_bar, 1), item(y_bar, 2))
        | tuple(helper.svd_left_pushforward(item(y, 0), item(y, 1), item(y, 2), a_dot),
            helper.svd_values_pushforward(item(y, 0), item(y, 2), item(y, 1), a_dot),
            helper.svd_right_pushforward(item(y, 0), item(y, 1), item(y, 2), a_dot))
    # D. Roberts and L. Roberts, QR and LQ decomposition matrix backpropagation algorithms, 2020
    linalg.qr(a) | 2
        | helper.qr_pullback(a, item(y, 0), item(y, 1), item(y_bar, 0), item(y_bar, 1))
        | tuple(helper.qr_left_pushforward(item(y, 0), item(y, 1), a_dot),
            helper.qr_right_pushforward(item(y, 0), item(y, 1), a_dot))
    # G. Golub and V. Pereyra, The differentiation of pseudo-inverses, 1973; the rank must be locally constant
    linalg.pinv(a) | 2 | helper.pinv_pullback(a, y, y_bar) | helper.pinv_pushforward(a, y, a_dot)
    linalg.lstsq(a, b) | 2 1
        | helper.lstsq_left_pullback(a, helper.inverse_of_rank(a, item(y, 2)), b, item(y, 0), item(y_bar, 0))
        ; transpose(helper.inverse_of_rank(a, item(y, 2))) @ item(y_bar, 0)
        | tuple(helper.lstsq_pushforward(a, helper.inverse_of_rank(a, item(y, 2)), b, item(y, 0), a_dot), none, none, none)
        ; tuple(helper.inverse_of_rank(a, item(y, 2)) @ b_dot, none, none, none)
    linalg.lstsq(a, b) | 2 2
        | helper.lstsq_left_pullback_2d(a, helper.inverse_of_rank(a, item(y, 2)), b, item(y, 0), item(y_bar, 0))
        ; transpose(helper.inverse_of_rank(a, item(y, 2))) @ item(y_bar, 0)
        | tuple(helper.lstsq_pushforward_2d(a, helper.inverse_of_rank(a, item(y, 2)), b, item(y, 0), a_dot), none, none, none)
        ; tuple(helper.inverse_of_rank(a, item(y, 2)) @ b_dot, none, none, none)
    linalg.norm(x) | * | (y_bar / y if y != 0 else 0) * conj(x) | real(sum(conj(x) * x_dot)) / y if y != 0 else 0
    linalg.cond(x) | 2 | y_bar * helper.cond_partials(x) | sum(x_dot * helper.cond_partials(x))
""")

@dataclass(frozen=True, slots=True)
class Special:
    """The rule of the rows of `TABLE` with one name."""

    prim: str
    elementwise: bool = False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        self._refuse_complex(call, type_of)
        if self.prim == "linalg.lstsq":
            _refuse_residuals(y_bar)
        row = choose(TABLE, call, type_of)
        values = values_of(row, call) | {"y": y, "y_bar": y_bar}
        return tuple(
            None if part is None else finish(_bind(part, values, y), arg, call, y, y_bar, type_of)
            for part, arg in zip(row.expressions(1, ("y", "y_bar", "none")), call.args, strict=True)
        )

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        self._refuse_complex(call, type_of)
        row = choose(TABLE, call, type_of)
        names = [f"{param}_dot" for param in row.params]
        values = values_of(row, call) | {"y": y} | {n: d for n, d in zip(names, dots, strict=True) if d is not None}
        parts = row.expressions(2, ("y", "none", *names))
        terms = [
            finish(_bind(part, values, y), y, call, y, y, type_of)
            for part, dot in zip(parts, dots, strict=True)
            if part is not None and dot is not None
        ]
        return _sum(terms)

    def _refuse_complex(self, call: Call, type_of: TypeOf) -> None:
        if self.prim in _REAL_ONLY and any(build.is_complex(type_of(arg)) for arg in call.args):
            raise MissingRuleError(f"no derivative rule for `{self.prim}` of complex numbers")


# Rows that hold for real operands only.
_REAL_ONLY = frozenset("""
    max min nanmax nanmin ptp median nanmedian quantile nanquantile percentile nanpercentile sort partition interp
    nanvar nanstd cov corrcoef histogram roots linalg.slogdet linalg.cholesky linalg.eigh linalg.eigvalsh linalg.eig linalg.eigvals
    linalg.svd linalg.qr linalg.pinv linalg.lstsq linalg.cond
    """.split())


def _refuse_residuals(y_bar: Expr) -> None:
    if isinstance(y_bar, Call) and not all(map(_is_zero, y_bar.args[1:])):
        raise MissingRuleError(
            "no derivative rule for the residuals and singular values of `linalg.lstsq`",
            help="compute the residual from the solution: `np.sum((b - a @ x) ** 2)`",
        )


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Lit) and not expr.value or isinstance(expr, Call) and expr.prim == "zeros_like"


def _bind(part: Expr, values: dict[str, Expr], y: Expr) -> Expr:
    """Fill in a row; `item(tuple(...), k)` is that item, zero where it is absent."""

    def change(node: Expr) -> Expr:
        match node:
            case Call("item", (Call("tuple", items), Lit(int() as k))):
                return call("zeros_like", call("item", y, Lit(k))) if items[k] == NONE else items[k]
            case _:
                return node

    return map_expr(substitute(part, values | {"none": NONE}), change)


def _sum(terms: list[Expr]) -> Expr | None:
    """Add tangents; those of tuples item by item."""
    if len(terms) > 1 and all(isinstance(term, Call) and term.prim == "tuple" for term in terms):
        columns = zip(*(term.args for term in terms if isinstance(term, Call)), strict=True)
        return Call("tuple", tuple(build.total(t for t in column if t != NONE) or NONE for column in columns))
    return build.total(terms)


@dataclass(frozen=True, slots=True)
class Norm:
    """`linalg.norm` of vectors and matrices, by its literal `ord`."""

    prim: str = "linalg.norm"
    elementwise: bool = False

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        partials = self._partials(call, y, type_of)
        if partials is None:
            return Special(self.prim).pullback(_plain(call), y, y_bar, type_of)
        return (finish(build.call("mul", y_bar, partials), call.args[0], call, y, y_bar, type_of),)

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        partials = self._partials(call, y, type_of)
        if partials is None or dots[0] is None:
            return Special(self.prim).pushforward(_plain(call), y, dots, type_of)
        return finish(build.call("sum", build.call("mul", dots[0], partials)), y, call, y, y, type_of)

    def _partials(self, call: Call, y: Expr, type_of: TypeOf) -> Expr | None:
        """Return the partials; None where the norm is that of the table."""
        options = dict(call.kwargs)
        order = _literal(options.pop("ord", NONE))
        x = call.args[0]
        rank = build.rank(type_of(x))
        if options or order is ... or build.is_complex(type_of(x)) and order is not None:
            raise missing(call, type_of)
        if order is None or order == (2 if rank == 1 else "fro"):
            return None
        is_power = rank == 1 and isinstance(order, int | float) and order != 0
        text = (_VECTOR_NORMS if rank == 1 else _MATRIX_NORMS).get(order, _P_NORM if is_power else None)
        if text is None:
            raise missing(call, type_of)
        power = Lit(float(order)) if isinstance(order, int | float) else NONE
        return substitute(parse(text), {"x": x, "y": y, "p": power})


_P_NORM = "sign(x) * (abs(x) / (y if y != 0 else 1)) ** (p - 1.0)"
_VECTOR_NORMS: dict[object, str] = {
    1: "sign(x)",
    float("inf"): "sign(x) / sum(abs(x) == y) if abs(x) == y else 0",
    float("-inf"): "sign(x) / sum(abs(x) == y) if abs(x) == y else 0",
}
_MATRIX_NORMS: dict[object, str] = {
    2: "helper.singular_value_partials(x, 0)",
    -2: "helper.singular_value_partials(x, -1)",
    "nuc": "helper.nuclear_partials(x)",
    1: "helper.column_sum_partials(x, y)",
    -1: "helper.column_sum_partials(x, y)",
    float("inf"): "helper.row_sum_partials(x, y)",
    float("-inf"): "helper.row_sum_partials(x, y)",
}


def _plain(call: Call) -> Call:
    return Call(call.prim, call.args, (), call.via)


def _literal(expr: Expr) -> object:
    """Return the value of a literal, `...` for anything else."""
    match expr:
        case Lit(value):
            return value
        case Call("neg", (Lit(int() | float() as value),)):
            return -value
        case _:
            return ...


SPECIAL: dict[str, Rule] = {prim: Norm() if prim == "linalg.norm" else Special(prim) for prim in TABLE}
