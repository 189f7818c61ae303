"""Scalar and element-wise primitives: the calculus table.

Each row is `primal | partials ∂y/∂xᵢ | where the row is sampled by tests`. `y` names the result, so a partial may
reuse it. Forward mode reads a row as `ẏ = Σ pᵢ ẋᵢ`, reverse mode as `x̄ᵢ += pᵢ ȳ`; nothing else about a
primitive's calculus is written down anywhere. `-` means that no derivative exists for this operand.

Partials of complex primitives are those of holomorphic functions; those of functions that aren't are in `COMPLEX`,
where `x̄ = ∂y/∂Re x - i ∂y/∂Im x` as in JAX.

Points without a derivative: docs/explanation/non-differentiable.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.ir import Call, Expr, Lit
from adjoint.ir.walk import map_expr, names_in, substitute
from adjoint.rules import build
from adjoint.rules.rows import missing
from adjoint.rules.rule import TypeOf
from adjoint.rules.special_functions import SPECIAL_FUNCTIONS
from adjoint.rules.table import Row, Table

ELEMENTWISE = Table("""
    add(a, b)          | 1 ; 1                                                                   | R ; R
    sub(a, b)          | 1 ; -1                                                                  | R ; R
    mul(a, b)          | b ; a                                                                   | R ; R
    div(a, b)          | 1 / b ; -(y / b)                                                        | R ; R*
    pow(a, b)          | b * a ** (b - 1) if b != 0 else 0 ; y * log(a) if a != 0 else 0         | R+ ; R
    float_power(a, b)  | b * a ** (b - 1) if b != 0 else 0 ; y * log(a) if a != 0 else 0         | R+ ; R
    mod(a, b)          | 1 ; -(a // b)                                                           | R ; R*
    fmod(a, b)         | 1 ; -rint((a - y) / b)                                                  | R ; R*
    ieee_remainder(a, b) | 1 ; -rint((a - y) / b)                                                | R ; R*
    neg(x)             | -1                                                                      | R
    pos(x)             | 1                                                                       | R
    square(x)          | 2 * x                                                                   | R
    reciprocal(x)      | -(y * y)                                                                | R*
    abs(x)             | sign(x)                                                                 | R*
    fabs(x)            | sign(x)                                                                 | R*

    exp(x)             | y                                                                       | R
    exp2(x)            | 0.6931471805599453 * y                                                  | R
    expm1(x)           | exp(x)                                                                  | R
    log(x)             | 1 / x                                                                   | R+
    log2(x)            | 1.4426950408889634 / x                                                  | R+
    log10(x)           | 0.4342944819032518 / x                                                  | R+
    log1p(x)           | 1 / (1 + x)                                                             | (-1, 5)
    sqrt(x)            | 0.5 / y                                                                 | R+
    cbrt(x)            | 0.3333333333333333 / (y * y)                                            | R*
    logaddexp(a, b)    | 1 if a == y else exp(a - y) ; 1 if b == y else exp(b - y)               | R ; R
    logaddexp2(a, b)   | 1 if a == y else exp2(a - y) ; 1 if b == y else exp2(b - y)             | R ; R
    hypot(a, b)        | a / y if y != 0 else 0 ; b / y if y != 0 else 0                         | R ; R

    sin(x)             | cos(x)                                                                  | R
    cos(x)             | -sin(x)                                                                 | R
    tan(x)             | 1 + y * y                                                               | (-1, 1)
    asin(x)            | 1 / sqrt((1 - x) * (1 + x))                                             | (-1, 1)
    acos(x)            | -(1 / sqrt((1 - x) * (1 + x)))                                          | (-1, 1)
    atan(x)            | 1 / (1 + x * x)                                                         | R
    atan2(a, b) | b / hypot(a, b) / hypot(a, b) if b != 0 else 0 ; -(a / hypot(a, b) / hypot(a, b)) if a != 0 else 0
        | R* ; R*
    sinh(x)            | cosh(x)                                                                 | R
    cosh(x)            | sinh(x)                                                                 | R
    tanh(x)            | 1 - y * y                                                               | (-3, 3)
    asinh(x)           | 1 / hypot(1, x)                                                         | R
    acosh(x)           | 1 / sqrt((x - 1) * (x + 1))                                             | (1, 9)
    atanh(x)           | 1 / ((1 - x) * (1 + x))                                                 | (-1, 1)
    degrees(x)         | 57.29577951308232                                                       | R
    radians(x)         | 0.017453292519943295                                                    | R
    sinc(x)
        | (cos(3.141592653589793 * x) - y) / x if abs(x) > 0.04 else -3.289868133696453 * x * (1
            - 0.9869604401089358 * x * x * (1 - 0.3524858714674771 * x * x * (1 - 0.18277044520535848 * x * x))) | R

    erf(x)             | 1.1283791670955126 * exp(-(x * x))                                      | R
    erfc(x)            | -(1.1283791670955126 * exp(-(x * x)))                                   | R
    gamma(x)           | y * helper.digamma(x)                                                   | R+
    lgamma(x)          | helper.digamma(x)                                                       | R+

    maximum(a, b)      | 1 if a > b else (0.5 if a == b else 0) ; 1 if b > a else (0.5 if a == b else 0) | R ; R
    minimum(a, b)      | 1 if a < b else (0.5 if a == b else 0) ; 1 if b < a else (0.5 if a == b else 0) | R ; R
    fmax(a, b) | 1 if a > b else (0.5 if a == b else (1 if isnan(b) else 0))
        ; 1 if b > a else (0.5 if a == b else (1 if isnan(a) else 0)) | R ; R
    fmin(a, b) | 1 if a < b else (0.5 if a == b else (1 if isnan(b) else 0))
        ; 1 if b < a else (0.5 if a == b else (1 if isnan(a) else 0)) | R ; R
    clip(x, low, high) | - ; - ; - | R ; R ; R
    where(c, a, b)     | - ; 1 if c else 0 ; 0 if c else 1                                       | B ; R ; R
    select(c, a, b)    | - ; 1 if c else 0 ; 0 if c else 1                                       | B ; R ; R
    copysign(a, b)     | copysign(1, a) * copysign(1, b) if a != 0 else 0 ; 0                    | R* ; R*
    ldexp(x, i)        | ldexp(1, i) ; -                                                         | R ; Z
    heaviside(x, h)    | 0 ; 1 if x == 0 else 0                                                  | R* ; R
    nextafter(a, b)    | 1 ; -                                                                   | R ; R
    conj(x)            | 1                                                                       | R
    real(x)            | 1                                                                       | R
    imag(x)            | 0                                                                       | R
    angle(x)           | 0                                                                       | R*
    nan_to_num(x)      | 1 if isfinite(x) else 0                                                 | R
    rect(a, b)         | cos(b) + 1j * sin(b) ; 1j * y                                           | R+ ; R
    complex(a, b)      | 1 ; 1j                                                                  | R ; R
    cast.float64(x)    | 1                                                                       | R
    cast.float32(x)    | 1                                                                       | R
    cast.complex128(x) | 1                                                                       | R
    cast.complex64(x)  | 1                                                                       | R
    astype.float64(x)  | 1                                                                       | R
    astype.float32(x)  | 1                                                                       | R
    astype.complex128(x) | 1                                                                     | R
    astype.complex64(x) | 1                                                                      | R
    unwrap(x)          | 1                                                                       | R
    stop_gradient(x)   | 0                                                                       | R
""")

COMPLEX = Table("""
    abs(x)             | conj(x) / y if y != 0 else 0                                            | C
    imag(x)            | -1j                                                                     | C
    angle(x)           | -1j / x                                                                 | C
    asinh(x)           | 1 / sqrt(1 + x * x)                                                     | C
    acosh(x)           | 1 / (sqrt(x - 1) * sqrt(x + 1))                                         | C
""")

# Draws, as functions of their parameters; `y` is the draw itself, which is recorded.
DRAWS = Table("""
    random.normal(a, b)      | 1 ; (y - a) / b
    random.laplace(a, b)     | 1 ; (y - a) / b
    random.logistic(a, b)    | 1 ; (y - a) / b
    random.gumbel(a, b)      | 1 ; (y - a) / b
    random.lognormal(a, b)   | y ; y * ((log(y) - a) / b)
    random.uniform(a, b)     | (b - y) / (b - a) ; (y - a) / (b - a)
    random.triangular(a, m, b) | 1 - 0.5 * (y - a) / (b - a) - 0.5 * (y - a) / (m - a) if y <= m else 0.5 * (b - y) / (b - a)
        ; 0.5 * (y - a) / (m - a) if y <= m else 0.5 * (b - y) / (b - m)
        ; 0.5 * (y - a) / (b - a) if y <= m else 1 - 0.5 * (b - y) / (b - a) - 0.5 * (b - y) / (b - m)
    random.exponential(a)    | y / a
    random.rayleigh(a)       | y / a
    random.weibull(a)        | -(y * log(y) / a)
    random.power(a)          | -(y * log(y) / a)
    random.pareto(a)         | -((1 + y) * log1p(y) / a)
""")

# Options that partials don't depend on: what replaces a NaN, the period of what is unwrapped, how many are drawn.
_WITHOUT_INFLUENCE = frozenset({"copy", "nan", "posinf", "neginf", "discont", "period", "size", "dtype"})

_POWERS = ("pow", "float_power")

# Not holomorphic: the derivative is the function itself, of the seed or the tangent.
_ANTILINEAR = ("conj",)


@dataclass(frozen=True, slots=True)
class Elementwise:
    """The rule of a row of `ELEMENTWISE`."""

    prim: str
    elementwise: bool = True

    def pullback(self, call: Call, y: Expr, y_bar: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        if self.prim in _ANTILINEAR and build.is_complex(type_of(y)):
            return (build.call("conj", y_bar),)
        partials = self.partials(call, y, type_of)
        return tuple(
            None if p is None or isinstance(arg, Lit) else _chosen(call, _contribution(arg, p, y, y_bar, type_of), y, type_of)
            for arg, p in zip(call.args, partials, strict=False)
        ) + (None,) * (len(call.args) - len(partials))

    def pushforward(self, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr | None:
        kind = type_of(y)
        if self.prim in _ANTILINEAR and build.is_complex(kind):
            return None if dots[0] is None else build.call("conj", dots[0])
        terms: list[Expr | None] = []
        for arg, dot, partial in zip(call.args, dots, self.partials(call, y, type_of), strict=False):
            if dot is None or partial is None:
                continue
            term = build.scale(dot, partial)
            if term is not None and build.is_complex(type_of(arg)) and not build.is_complex(kind):
                term = build.call("real", term)
            terms.append(term)
        tangent = _chosen(call, build.total(terms), y, type_of)
        if tangent is None:
            return None
        return _in_shape(build.with_precision(tangent, kind), call, y, dots, type_of)

    def partials(self, call: Call, y: Expr, type_of: TypeOf) -> tuple[Expr | None, ...]:
        """Return ∂y/∂xᵢ for each operand, None where it does not exist."""
        if self.prim in _POWERS and isinstance(call.args[1], Lit):
            return (_monomial(call.args[0], call.args[1], y), None)
        if self.prim == "div" and build.number(call.args[0]) == 1:
            return (None, _of_reciprocal(y))
        if self.prim == "clip":
            return _clip(call, type_of)
        row = row_of(self.prim, any(build.is_complex(type_of(arg)) for arg in call.args))
        options = dict(call.kwargs)
        if len(call.args) != len(row.params) or {*options} - _WITHOUT_INFLUENCE - {*row.keywords}:
            raise missing(call, type_of)
        values = dict(zip(row.params, call.args, strict=True)) | {name: options[name] for name in row.keywords}
        values["y"] = y
        if self.prim in _POWERS and build.is_inexact(type_of(call.args[1])):
            return tuple(None if p is None else _instance(_float_exponents(p), values) for p in row.expressions(0))
        return tuple(None if p is None else _instance(p, values) for p in row.expressions(0))


def row_of(prim: str, complex_operand: bool) -> Row:
    if complex_operand and prim in COMPLEX:
        return COMPLEX[prim][0]
    return next(table for table in (ELEMENTWISE, SPECIAL_FUNCTIONS, DRAWS) if prim in table)[prim][0]


def _instance(expr: Expr, values: dict[str, Expr]) -> Expr:
    return map_expr(substitute(expr, values), build.simplified)


def _float_exponents(expr: Expr) -> Expr:
    """Write `b - 1.0` rather than `b - 1`, which would leave single precision."""
    return map_expr(expr, lambda node: Lit(1.0) if node == Lit(1) else node)


def _monomial(a: Expr, n: Lit, y: Expr) -> Expr | None:
    """The partial of `a ** n`: no case distinction is needed, and whole exponents stay whole."""
    value = build.number(n)
    if not isinstance(value, int | float) or value == 0:
        return None if value == 0 else build.mul(n, build.power(a, build.sub(n, Lit(1))))
    if value == -1:
        return _of_reciprocal(y)
    if value == 0.5:
        return build.div(Lit(0.5), y)
    return build.mul(Lit(float(value)), build.power(a, Lit(value - 1)))


def _of_reciprocal(y: Expr) -> Expr:
    """The partial of `y = 1 / x`, without a second division."""
    return build.neg(build.mul(y, y))


def _clip(call: Call, type_of: TypeOf) -> tuple[Expr | None, ...]:
    """`minimum(maximum(x, low), high)`, with a bound that is None left out."""
    x, low, high = (*call.args, build.NONE, build.NONE)[:3]
    no_low, no_high = (bound == build.NONE or str(type_of(bound)) == "none" for bound in (low, high))
    if no_low:
        return (Lit(1.0) if no_high else _wins("lt", x, high), None, None if no_high else _wins("lt", high, x))
    inner = build.call("maximum", x, low)
    below = Lit(1.0) if no_high else _wins("lt", x, high)
    tie = build.mul(Lit(0.5), Lit(1.0) if no_high else _wins("lt", low, high))
    above = build.select(build.call("gt", x, low), below, build.select(build.call("eq", x, low), tie, Lit(0.0)))
    raised = build.select(build.call("lt", x, low), Lit(1.0) if no_high else _wins("lt", low, high), Lit(0.0))
    raised = build.select(build.call("eq", x, low), tie, raised)
    return (above, raised, None if no_high else _wins("lt", high, inner))[: len(call.args)]


def _wins(comparison: str, a: Expr, b: Expr) -> Expr:
    """1 where `a` is the one that is chosen, a half at ties, else 0."""
    tie = build.select(build.call("eq", a, b), Lit(0.5), Lit(0.0))
    return build.select(build.call(comparison, a, b), Lit(1.0), tie)


def _contribution(arg: Expr, partial: Expr, y: Expr, y_bar: Expr, type_of: TypeOf) -> Expr | None:
    result = build.scale(y_bar, partial)
    if result is None:
        return None
    if build.is_complex(type_of(y)) and not build.is_complex(type_of(arg)):
        result = build.real(result)
    return build.with_precision(result, type_of(y))


def _chosen(call: Call, expr: Expr | None, y: Expr, type_of: TypeOf) -> Expr | None:
    """Let one condition choose between arrays and numbers as NumPy does: a conditional expression has one type."""
    if expr is None or call.prim != "where" or build.rank(type_of(call.args[0])) or not build.rank(type_of(y)):
        return expr

    def change(node: Expr) -> Expr:
        return Call("where", node.args, via="np") if isinstance(node, Call) and node.prim == "select" else node

    return map_expr(expr, change)


def _in_shape(tangent: Expr, call: Call, y: Expr, dots: tuple[Expr | None, ...], type_of: TypeOf) -> Expr:
    """Broadcast a tangent to the shape of `y` unless it mentions every array that shapes it."""
    names = set(names_in(tangent))
    arrays = [(arg, dot) for arg, dot in zip(call.args, dots, strict=True) if build.rank(type_of(arg)) > 0]
    shaped = all(names & {*names_in(arg), *names_in(dot)} for arg, dot in arrays)
    if build.rank(type_of(y)) == 0 or arrays and shaped or names & set(names_in(y)):
        return tangent
    return build.call("broadcast_to", tangent, build.call("shape", y))
