"""Every row of the calculus table against derivatives of mpmath to 30 digits."""

from __future__ import annotations

import math
import zlib
from typing import Any

import mpmath
import numba
import numpy as np
import pytest

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.dump import expr_text
from adjoint.rules.build import guard
from adjoint.rules.elementwise import COMPLEX, DRAWS, ELEMENTWISE
from adjoint.rules.find import find, kind
from adjoint.rules.special_functions import SPECIAL_FUNCTIONS
from tests.rules.evaluate import apply, evaluate, types_in
from tests.rules.exact import EXACT

mp = mpmath.mp

_BY_OPTION = ("helper.zeta_slope", "helper.gammainc_slope")  # tested as second derivatives
UNCHECKED = {"complex", "rect", "stop_gradient", "unwrap", *_BY_OPTION}  # tested by name below
ROWS = {**ELEMENTWISE, **SPECIAL_FUNCTIONS}

RANGES = {"R": (-3.0, 3.0), "R+": (0.05, 4.0), "Z": (-3, 4)}


def exact(prim: str) -> Any:
    if prim.startswith(("cast.", "astype.")):
        return lambda x: x
    return EXACT.get(prim) or getattr(mp, prim)


def samples(domain: str, rng: np.random.Generator) -> list[Any]:
    """Return points of a domain of the table."""
    if domain == "R*":
        return [float(x) for x in rng.uniform(0.1, 3.0, 6) * rng.choice([-1.0, 1.0], 6)]
    if domain == "B":
        return [True, False, True, True, False, False]
    if domain == "N":
        return [int(x) for x in rng.integers(1, 5, 6)]
    if domain == "Z":
        return [int(x) for x in rng.integers(-3, 4, 6)]
    low, high = RANGES.get(domain) or (float(end) for end in domain.strip("()").split(","))
    return [float(x) for x in rng.uniform(low, high, 6)]


def points(prim: str) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(zlib.crc32(prim.encode()))
    domains = [part.strip() for part in ROWS[prim][0].columns[1].split(";")]
    return list(zip(*(samples(domain, rng) for domain in domains), strict=True))


def primal(prim: str, args: tuple[Any, ...]) -> Any:
    if prim in ("select", "where"):
        return args[1] if args[0] else args[2]
    if prim.startswith("astype."):
        return args[0]
    with np.errstate(all="ignore"):
        return apply(prim, list(args), {})


def partials_at(prim: str, args: tuple[Any, ...], literals: bool = False) -> tuple[Any, ...]:
    """Return the contributions to the operands with seed 1."""
    env = {f"x{i}": arg for i, arg in enumerate(args)}
    env |= {"y": primal(prim, args), "y_bar": 1.0}
    operands: tuple[Expr, ...] = tuple(Var(f"x{i}") for i in range(len(args)))
    if literals:
        operands = (operands[0], *(Lit(arg) for arg in args[1:]))
    rule = find(prim)
    assert rule is not None and rule.elementwise
    parts = rule.pullback(Call(prim, operands), Var("y"), Var("y_bar"), types_in(env))
    with np.errstate(all="ignore"):
        return tuple(None if part is None else evaluate(part, env) for part in parts)


@pytest.mark.parametrize("prim", [prim for prim in ROWS if prim not in UNCHECKED])
def test_partials_match_thirty_digits(prim: str) -> None:
    function = exact(prim)
    row = ROWS[prim][0].columns[0].split(";")
    with mp.workdps(30):
        for args in points(prim):
            found = partials_at(prim, args)
            for i, part in enumerate(found):
                if i < len(row) and row[i].strip() == "-" or isinstance(args[i], int):
                    continue
                precise = [mp.mpf(arg) if isinstance(arg, float) else arg for arg in args]
                orders = tuple(int(i == k) for k in range(len(args)))
                order = _of_floats(orders, precise)
                expected = mp.diff(lambda *v, p=precise: function(*_with(p, v)), _floats(precise), order)
                tolerance = 1e-12 * max(abs(expected), 1e-300)
                assert abs((0.0 if part is None else part) - expected) <= tolerance, (args, i, part, expected)


def _floats(values: list[Any]) -> tuple[Any, ...]:
    return tuple(v for v in values if isinstance(v, mpmath.mpf))


def _of_floats(orders: tuple[int, ...], values: list[Any]) -> tuple[int, ...]:
    return tuple(o for o, v in zip(orders, values, strict=True) if isinstance(v, mpmath.mpf))


def _with(values: list[Any], floats: tuple[Any, ...]) -> list[Any]:
    rest = iter(floats)
    return [next(rest) if isinstance(v, mpmath.mpf) else v for v in values]


inf, nan = math.inf, math.nan

# Points without a derivative, branch points, ends of the range: operands and contributions for seed 1.
SPECIAL_VALUES = [
    ("abs", (0.0,), (0.0,)),
    ("abs", (-inf,), (-1.0,)),
    ("fabs", (0.0,), (0.0,)),
    ("sqrt", (0.0,), (inf,)),
    ("sqrt", (1e-320,), (0.5 / math.sqrt(1e-320),)),
    ("cbrt", (0.0,), (inf,)),
    ("maximum", (2.0, 2.0), (0.5, 0.5)),
    ("minimum", (2.0, 2.0), (0.5, 0.5)),
    ("maximum", (-inf, 1.0), (0.0, 1.0)),
    ("fmax", (nan, 1.0), (0.0, 1.0)),
    ("fmin", (1.0, nan), (1.0, 0.0)),
    ("fmax", (3.0, 3.0), (0.5, 0.5)),
    ("clip", (1.0, 1.0, 2.0), (0.5, 0.5, 0.0)),
    ("clip", (2.0, 1.0, 2.0), (0.5, 0.0, 0.5)),
    ("clip", (0.0, 1.0, 2.0), (0.0, 1.0, 0.0)),
    ("clip", (1.5, 2.0, 1.0), (0.0, 0.0, 1.0)),
    ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("hypot", (3e200, 4e200), (0.6, 0.8)),
    ("hypot", (3e-200, 4e-200), (0.6, 0.8)),
    ("atan2", (0.0, 1.0), (1.0, 0.0)),
    ("atan2", (0.0, -2.0), (-0.5, 0.0)),
    ("atan2", (2.0, 0.0), (0.0, -0.5)),
    ("atan2", (0.0, 0.0), (0.0, 0.0)),
    ("atan2", (1e200, 1e200), (5e-201, -5e-201)),
    ("pow", (0.0, 2.0), (0.0, 0.0)),
    ("pow", (0.0, 1.0), (1.0, 0.0)),
    ("pow", (0.0, 0.0), (0.0, 0.0)),
    ("pow", (-2.0, 3.0), (12.0, nan)),
    ("logaddexp", (1000.0, 0.0), (1.0, 0.0)),
    ("logaddexp", (-inf, 1.0), (0.0, 1.0)),
    ("logaddexp", (-inf, -inf), (1.0, 1.0)),
    ("logaddexp", (inf, 1.0), (1.0, 0.0)),
    ("log", (inf,), (0.0,)),
    ("log1p", (1e-320,), (1.0,)),
    ("expm1", (-60.0,), (math.exp(-60.0),)),
    ("expm1", (1e-300,), (1.0,)),
    ("tanh", (0.0,), (1.0,)),
    ("tanh", (800.0,), (0.0,)),
    ("asinh", (1e200,), (1e-200,)),
    ("atanh", (1.0,), (inf,)),
    ("asin", (1.0,), (inf,)),
    ("acos", (-1.0,), (-inf,)),
    ("acosh", (1.0,), (inf,)),
    ("acosh", (1e200,), (1e-200,)),
    ("atan", (1e200,), (0.0,)),
    ("sinc", (0.0,), (0.0,)),
    ("sinc", (1e-9,), (-3.289868133696453e-9,)),
    ("erf", (30.0,), (0.0,)),
    ("copysign", (0.0, -1.0), (0.0, None)),
    ("heaviside", (0.0, 0.5), (None, 1.0)),
    ("nan_to_num", (nan,), (0.0,)),
    ("nan_to_num", (inf,), (0.0,)),
    ("reciprocal", (1e-100,), (-1e200,)),
    ("gamma", (0.5,), (-1.9635100260214235 * math.sqrt(math.pi),)),
    ("lgamma", (-0.5,), (0.03648997397857652,)),
]


@pytest.mark.parametrize(("prim", "args", "expected"), SPECIAL_VALUES, ids=lambda v: str(v))
def test_special_values(prim: str, args: tuple[float, ...], expected: tuple[float | None, ...]) -> None:
    for part, value in zip(partials_at(prim, _arrays(args)), expected, strict=True):
        assert (0.0 if part is None else part) == pytest.approx(0.0 if value is None else value, rel=1e-14, nan_ok=True)


def _arrays(args: tuple[float, ...]) -> tuple[Any, ...]:
    """NumPy scalars divide by zero as Numba does."""
    return tuple(np.float64(arg) for arg in args)


LITERALS = [
    ("a ** 2", ("pow", 2), "mul(mul(2.0, a), y_bar)"),
    ("a ** 3", ("pow", 3), "mul(mul(3.0, pow(a, 2)), y_bar)"),
    ("a ** 1", ("pow", 1), "y_bar"),
    ("a ** 0", ("pow", 0), "unbound"),
    ("a ** 0.5", ("pow", 0.5), "div(mul(0.5, y_bar), y)"),
    ("a ** -1", ("pow", -1), "neg(mul(mul(y_bar, y), y))"),
    ("a ** -2", ("pow", -2), "mul(mul(-2.0, pow(a, -3)), y_bar)"),
    ("a * 3.0", ("mul", 3.0), "mul(3.0, y_bar)"),
    ("a / 2.0", ("div", 2.0), "div(y_bar, 2.0)"),
    ("a - 1.0", ("sub", 1.0), "y_bar"),
    ("maximum(a, 0.0)", ("maximum", 0.0), "select(gt(a, 0.0), y_bar, select(eq(a, 0.0), mul(0.5, y_bar), 0.0))"),
]


@pytest.mark.parametrize(("label", "spec", "expected"), LITERALS, ids=[row[0] for row in LITERALS])
def test_literal_operands_are_written_plainly(label: str, spec: tuple[str, Any], expected: str) -> None:
    prim, value = spec
    rule = find(prim)
    assert rule is not None
    parts = rule.pullback(Call(prim, (Var("a"), Lit(value))), Var("y"), Var("y_bar"), lambda _: numba.float64)
    assert expr_text(parts[0]) == expected
    assert parts[1] is None


@pytest.mark.parametrize("prim", ["sin", "exp2", "sqrt", "tanh", "maximum", "pow", "logaddexp", "log10", "hypot"])
def test_single_precision_stays_single(prim: str) -> None:
    args = tuple(np.float32(a) for a in points(prim)[0])
    for part in partials_at(prim, args):
        assert np.result_type(part, np.float32(1)) == np.float32 or isinstance(part, float)
    arrays = tuple(np.full(3, a) for a in args)
    env = {f"x{i}": a for i, a in enumerate(arrays)} | {"y": primal(prim, arrays), "y_bar": np.ones(3, np.float32)}
    rule = find(prim)
    assert rule is not None
    call = Call(prim, tuple(Var(f"x{i}") for i in range(len(args))))
    for part in rule.pullback(call, Var("y"), Var("y_bar"), types_in(env)):
        assert part is not None
        assert evaluate(part, env).dtype == np.float32, expr_text(part)


COMPLEX_ROWS = """
    add sub mul div pow neg square reciprocal exp exp2 expm1 log log2 log10 log1p sqrt sin cos tan asin acos atan
    sinh cosh tanh asinh acosh atanh abs real imag conj angle""".split()


@pytest.mark.parametrize("prim", COMPLEX_ROWS)
def test_complex_partials_follow_jax(prim: str) -> None:
    """`x̄ = ∂(Re ȳ y)/∂Re x - i ∂/∂Im x`, against central differences in both directions."""
    rng = np.random.default_rng(zlib.crc32(prim.encode()))
    count = len(ELEMENTWISE[prim][0].params)
    for _ in range(4):
        args = tuple(complex(*rng.uniform(0.2, 1.5, 2) * rng.choice([-1.0, 1.0], 2)) for _ in range(count))
        y = apply(prim, [np.complex128(a) for a in args], {})
        y_bar = complex(*rng.normal(size=2)) if isinstance(y, (complex, np.complexfloating)) else float(rng.normal())
        env = {f"x{i}": a for i, a in enumerate(args)} | {"y": y, "y_bar": y_bar}
        rule = find(prim)
        assert rule is not None
        call = Call(prim, tuple(Var(f"x{i}") for i in range(count)))
        parts = rule.pullback(call, Var("y"), Var("y_bar"), types_in(env))
        for i, part in enumerate(parts):
            assert part is not None

            def along(direction: complex, i: int = i, args: tuple[complex, ...] = args, y_bar: Any = y_bar) -> float:
                h = 1e-6 * direction
                ends = []
                for step in (h, -h):
                    moved = [np.complex128(a + step * (k == i)) for k, a in enumerate(args)]
                    ends.append(y_bar * apply(prim, moved, {}))
                return float((ends[0] - ends[1]).real) / 2e-6

            got = complex(evaluate(part, env))
            assert got == pytest.approx(along(1.0) - 1j * along(1j), rel=1e-7, abs=1e-8), expr_text(part)
            dots = tuple(Var("d") if k == i else None for k in range(count))
            tangent = rule.pushforward(call, Var("y"), dots, types_in(env | {"d": 1j}))
            moved = float((y_bar * evaluate(tangent, env | {"d": 1j})).real)
            assert moved == pytest.approx(along(1j), rel=1e-7, abs=1e-8)


def test_real_parts_of_complex_contributions() -> None:
    env = {"a": 2.0, "b": 1.0 + 1j, "y": 2.0 + 2j, "y_bar": 1.0 - 3j}
    rule = find("mul")
    assert rule is not None
    parts = rule.pullback(Call("mul", (Var("a"), Var("b"))), Var("y"), Var("y_bar"), types_in(env))
    assert [expr_text(part) for part in parts] == ["real(mul(y_bar, b))", "mul(y_bar, a)"]


@pytest.mark.parametrize("prim", [p for p in ROWS if p not in ("complex", "rect", "unwrap", *_BY_OPTION)])
def test_modes_agree(prim: str) -> None:
    """The pushforward is the sum of the partials, times the tangents."""
    for args in points(prim)[:3]:
        env = {f"x{i}": a for i, a in enumerate(args)} | {"y": primal(prim, args)}
        dots = {f"d{i}": 0.3 + i for i, a in enumerate(args) if isinstance(a, float)}
        rule = find(prim)
        assert rule is not None
        call = Call(prim, tuple(Var(f"x{i}") for i in range(len(args))))
        names = tuple(Var(f"d{i}") if f"d{i}" in dots else None for i in range(len(args)))
        tangent = rule.pushforward(call, Var("y"), names, types_in(env | dots))
        expected = sum(
            part * dots[f"d{i}"]
            for i, part in enumerate(partials_at(prim, args))
            if part is not None and f"d{i}" in dots
        )
        got = 0.0 if tangent is None else evaluate(tangent, env | dots)
        assert got == pytest.approx(expected, rel=1e-13)


def test_pushforward_has_the_shape_of_the_result() -> None:
    env = {"a": np.ones((1, 3)), "b": np.ones((2, 3)), "d": np.ones((1, 3)), "y": np.ones((2, 3))}
    rule = find("add")
    assert rule is not None
    call = Call("add", (Var("a"), Var("b")))
    assert expr_text(rule.pushforward(call, Var("y"), (Var("d"), None), types_in(env))) == "broadcast_to(d, shape(y))"
    both = rule.pushforward(call, Var("y"), (Var("d"), Var("b")), types_in(env))
    assert expr_text(both) == "add(d, b)"
    product = find("mul")
    assert product is not None
    assert expr_text(product.pushforward(call, Var("y"), (Var("d"), None), types_in(env))) == "mul(d, b)"


def test_draws() -> None:
    """Draws are functions of their parameters: `y = f(parameters, noise)` with the noise held."""
    rng = np.random.default_rng(3)
    u, z = float(rng.uniform(0.1, 0.9)), float(rng.normal())
    forms = {
        "normal": lambda a, b: a + b * z,
        "laplace": lambda a, b: a + b * z,
        "logistic": lambda a, b: a + b * z,
        "gumbel": lambda a, b: a + b * z,
        "lognormal": lambda a, b: math.exp(a + b * z),
        "triangular": lambda a, b, c: a + math.sqrt(u * (c - a) * (b - a))
        if u < (b - a) / (c - a)
        else c - math.sqrt((1 - u) * (c - a) * (c - b)),
        "uniform": lambda a, b: a + (b - a) * u,
        "exponential": lambda a: -a * math.log(u),
        "rayleigh": lambda a: a * math.sqrt(-2 * math.log(u)),
        "weibull": lambda a: (-math.log(u)) ** (1 / a),
        "power": lambda a: u ** (1 / a),
        "pareto": lambda a: math.exp(-math.log(u) / a) - 1,
    }
    assert sorted(f"random.{name}" for name in forms) == sorted(DRAWS)
    for name, form in forms.items():
        args = (1.3, 2.1, 3.4)[: len(DRAWS[f"random.{name}"][0].params)]
        env = {f"x{i}": a for i, a in enumerate(args)} | {"y": form(*args), "y_bar": 1.0}
        rule = find(f"random.{name}")
        assert rule is not None and rule.elementwise and kind(f"random.{name}") == "special"
        call = Call(f"random.{name}", tuple(Var(f"x{i}") for i in range(len(args))))
        for i, part in enumerate(rule.pullback(call, Var("y"), Var("y_bar"), types_in(env))):
            up, down = ([a + h * (k == i) for k, a in enumerate(args)] for h in (1e-6, -1e-6))
            assert part is not None
            assert evaluate(part, env) == pytest.approx((form(*up) - form(*down)) / 2e-6, rel=1e-8)


def test_named_oddities() -> None:
    assert partials_at("stop_gradient", (2.0,)) == (None,)
    assert partials_at("complex", (2.0, 1.0)) == (1.0, 0.0)
    assert partials_at("rect", (2.0, 0.5)) == pytest.approx((math.cos(0.5), -2.0 * math.sin(0.5)), rel=1e-15)
    assert set(COMPLEX) <= set(ELEMENTWISE)
    rule = find("sort")
    assert rule is not None
    with pytest.raises(MissingRuleError, match="no derivative rule for `sort` of complex numbers"):
        rule.pullback(Call("sort", (Var("a"),)), Var("y"), Var("b"), lambda _: numba.complex128[:])


def test_guarded_contributions_ignore_singular_partials() -> None:
    """`where(x > 0, log(x), 0)` has a seed of 0 where x is 0."""
    x = np.array([0.0, 2.0])
    env = {"x": x, "y": np.array([-np.inf, math.log(2.0)]), "y_bar": np.array([0.0, 1.0])}
    rule = find("log")
    assert rule is not None
    (part,) = rule.pullback(Call("log", (Var("x"),)), Var("y"), Var("y_bar"), types_in(env))
    assert part is not None
    guarded = guard(Var("y_bar"), part, numba.float64)
    assert expr_text(guarded) == "select(ne(y_bar, 0.0), div(y_bar, x), 0.0)"
    assert evaluate(guarded, env).tolist() == [0.0, 0.5]
    double = Call("mul", (Lit(2.0), Var("y_bar")))
    assert guard(Var("y_bar"), double, numba.float64) == double
