"""Full rules against fourth-order differences along random directions, in both modes; degenerate cases by name."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Lit, Var
from adjoint.rules import helpers
from adjoint.rules.find import find, kind
from adjoint.rules.rows import choose
from adjoint.rules.special import SPECIAL, TABLE
from tests.rules.evaluate import apply, compiled_helper, evaluate, helper, types_in

A, B, C = Var("a"), Var("b"), Var("c")
S = "s"
V, M, T = (5,), (3, 4), (2, 3, 4)
inf, nan = np.inf, np.nan


def square(n: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=(n, n)) + 2 * np.eye(n)


def positive(n: int) -> Any:
    a = square(n)
    return a @ a.T + np.eye(n)


def with_spectrum(n: int) -> Any:
    """A matrix with distinct real eigenvalues that is not symmetric."""
    v = square(n, 4)
    return v @ np.diag(np.arange(1.0, n + 1)) @ np.linalg.inv(v)


HOLES = np.array([1.0, nan, 3.0, -2.0, 0.5])

# The primitive, its operands, options, and the values (or shapes) of the differentiated operands.
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    *[(p, (A,), {}, {"a": s}) for p in "max min nanmax nanmin ptp prod nanprod var std".split() for s in (V, M, T)],
    *[(p, (A,), {"axis": k}, {"a": M}) for p in "max min var std".split() for k in (0, 1, -1)],
    *[(f"helper.{p}_along_2d", (A, k), {}, {"a": M}) for p in ("max", "min") for k in (0, 1, -1)],
    *[(f"helper.{p}_along_3d", (A, k), {}, {"a": T}) for p in ("max", "min") for k in (0, 1, 2, -2)],
    *[(p, (A,), {"ddof": 1}, {"a": M}) for p in ("var", "std")],
    *[(p, (A,), {}, {"a": V}) for p in "cumprod nancumprod nancumsum".split()],
    *[(p, (A,), {}, {"a": HOLES}) for p in "nansum nanmean nanvar nanstd nanprod nancumsum nancumprod".split()],
    *[(p, (A,), {}, {"a": HOLES}) for p in "nanmax nanmin nanmedian".split()],
    *[("prod", (A,), {}, {"a": np.array(a)}) for a in ([2.0, 0.0, 3.0], [0.0, 1.0, 0.0], [5.0])],
    *[("cumprod", (A,), {}, {"a": np.array(a)}) for a in ([2.0, 0.0, 3.0, 0.0], [0.0, 1.0])],
    *[(p, (A,), {}, {"a": s}) for p in ("median", "nanmedian") for s in (V, M)],
    *[(p, (A, B), {}, {"a": s, "b": 0.37}) for p in ("quantile", "nanquantile") for s in (V, M)],
    *[(p, (A, B), {}, {"a": s, "b": 37.0}) for p in ("percentile", "nanpercentile") for s in (V, M)],
    *[("sort", (A,), {}, {"a": V})],
    *[("partition", (A, k), {}, {"a": (7,)}) for k in (0, 3)],
    *[(p, (A,), {}, {"a": np.array([3.0, 1.0, 2.0, 1.5])}) for p in ("unique",)],
    *[(p, (A, B), {}, {"a": np.array([3.0, 1.0, 2.0]), "b": np.array([0.5, 2.5])})
      for p in ("union1d", "setdiff1d", "setxor1d")],
    ("roots", (A,), {}, {"a": np.array([1.0, -6.0, 11.0, -6.5])}),
    *[("histogram", (A,), o, {"a": V}) for o in ({}, {"bins": 3})],
    ("divmod", (A, B), {}, {"a": 7.3, "b": 2.1}),
    ("polar", (A,), {}, {"a": 0.7 - 1.1j}),
    *[("interp", (x, Var("b"), C), {}, {"x": v, "b": np.array([0.0, 0.7, 1.5, 3.0]), "c": (4,)})
      for x, v in ((Var("x"), 0.9), (Var("x"), -1.0), (Var("x"), 5.0), (Var("x"), np.array([0.1, 0.8, 2.9, 4.0])))],
    *[(p, (A, B), o, {"a": 0.4, "b": 1.3}) for p in ("logspace", "geomspace") for o in ({}, {"num": 4})],
    *[("arange", (A, 9.0), o, {"a": 0.4}) for o in ({}, {"dtype": "float64"})],
    *[("arange", (A, 9.0, B), o, {"a": 0.4, "b": 1.3}) for o in ({}, {"dtype": "float64"})],
    ("arange", (A,), {}, {"a": 4.3}),
    *[(f"fft.{p}", (7, A), {}, {"a": 0.7}) for p in ("fftfreq", "rfftfreq")],
    *[("vander", (A,), o, {"a": V}) for o in ({}, {"N": 3}, {"increasing": True}, {"N": 4, "increasing": True})],
    *[(p, (A,), {}, {"a": (3, 6)}) for p in ("cov", "corrcoef")],
    *[(f"linalg.{p}", (A,), {}, {"a": square(n)}) for p in ("inv", "det", "slogdet", "pinv", "norm", "cond", "svd")
      for n in (1, 2, 4) if (p, n) != ("cond", 1)],
    ("linalg.det", (A,), {}, {"a": np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 5.0]])}),
    ("linalg.det", (A,), {}, {"a": np.zeros((2, 2))}),
    *[("linalg.solve", (A, B), {}, {"a": square(4), "b": s}) for s in ((4,), (4, 2))],
    *[("linalg.matrix_power", (A, n), {}, {"a": square(3)}) for n in (0, 1, 2, 5, 6, -1, -3)],
    *[(f"linalg.{p}", (A,), {}, {"a": positive(n)}) for p in ("cholesky", "eigh", "eigvalsh") for n in (1, 2, 4)],
    *[(f"linalg.{p}", (A,), {}, {"a": with_spectrum(n)}) for p in ("eig", "eigvals") for n in (1, 2, 4)],
    *[("linalg.svd", (A,), {"full_matrices": False}, {"a": s}) for s in ((4, 3), (3, 5), (4, 4), (1, 3))],
    *[("linalg.qr", (A,), {}, {"a": s}) for s in ((4, 3), (3, 3), (3, 5), (5, 1))],
    *[("linalg.pinv", (A,), {}, {"a": s}) for s in ((4, 3), (3, 5))],
    *[("linalg.lstsq", (A, B), {}, {"a": s, "b": t}) for s in ((5, 3), (3, 5)) for t in (s[:1], (s[0], 2))],
    *[("linalg.norm", (A,), o, {"a": V}) for o in ({}, *({"ord": k} for k in (1, 2, 3, 1.5, inf, -inf)))],
    *[("linalg.norm", (A,), o, {"a": M}) for o in ({}, *({"ord": k} for k in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)))],
    ("linalg.cond", (A,), {}, {"a": (4, 3)}),
]  # fmt: skip
COMPLEX_TOO = frozenset(
    "prod cumprod var std linalg.inv linalg.det linalg.solve linalg.norm linalg.matrix_power".split()
)
# The first results of a tuple are differentiable, the rest is zero or refused.
USED = {"divmod": (1,), "histogram": (1,), "linalg.slogdet": (1,), "linalg.lstsq": (0,)}


def fill(value: Any, rng: np.random.Generator, complex_numbers: bool) -> Any:
    if not isinstance(value, tuple):
        return value + 0.3j * rng.normal(size=np.shape(value)) if complex_numbers else value
    real = rng.normal(size=value)
    return real + 1j * rng.normal(size=real.shape) if complex_numbers else real


def direction(value: Any, rng: np.random.Generator) -> Any:
    d = rng.normal(size=np.shape(value))
    d = d + 1j * rng.normal(size=d.shape) if np.iscomplexobj(value) else d
    return d if np.ndim(value) else d[()]


def parts_of(prim: str, y: Any) -> tuple[Any, ...]:
    return tuple(y[k] for k in USED.get(prim, range(len(y)))) if isinstance(y, tuple) else (y,)


def paired(bars: Any, dots: Any) -> float:
    total = 0.0
    for bar, dot in zip(bars, dots, strict=True):
        assert np.shape(bar) == np.shape(dot), (np.shape(bar), np.shape(dot))
        product = np.asarray(bar) * np.asarray(dot)
        total += float(np.sum(np.where(np.asarray(bar) == 0, 0, product)).real)
    return total


def result(prim: str, args: list[Any], options: dict[str, Any]) -> Any:
    y = apply(prim, args, options)
    return tuple(y) if isinstance(y, tuple) else y


def differences(prim: str, args: list[Any], dots: list[Any], options: dict[str, Any], h: float) -> tuple[Any, ...]:
    """Return the directional derivative of each part of the result."""

    def at(t: float) -> tuple[Any, ...]:
        moved = [a if d is None else a + t * d for a, d in zip(args, dots, strict=True)]
        return parts_of(prim, result(prim, moved, options))

    ends = [at(k * h) for k in (-2, -1, 1, 2)]
    return tuple((8 * (u - d) - (uu - dd)) / (12 * h) for dd, d, u, uu in zip(*ends, strict=True))


def check(prim: str, operands: tuple[Any, ...], options: dict[str, Any], values: dict[str, Any], number: bool) -> None:
    rng = np.random.default_rng(zlib.crc32(f"{prim}{operands}{options}".encode()))
    env: dict[str, Any] = {name: fill(value, rng, number) for name, value in values.items()}
    args = tuple(arg if isinstance(arg, Var) else Lit(arg) for arg in operands)
    call = Call(prim, args, tuple((name, Lit(value)) for name, value in options.items()))
    dots = {f"{name}_dot": direction(value, rng) for name, value in env.items()}
    env["y"] = result(prim, [evaluate(arg, env) for arg in args], options)
    rule = find(prim)
    assert rule is not None and not rule.elementwise and kind(prim) == "special"
    if isinstance(env["y"], tuple):
        used = USED.get(prim, range(len(env["y"])))
        env |= {f"y_bar{k}": direction(env["y"][k], rng) for k in used}
        y_bar: Any = Call("tuple", tuple(Var(f"y_bar{k}") if k in used else Lit(None) for k in range(len(env["y"]))))
        seeds = tuple(env[f"y_bar{k}"] for k in used)
    else:
        y_bar, env["y_bar"] = Var("y_bar"), direction(env["y"], rng)
        seeds = (env["y_bar"],)
    env |= dots
    type_of = types_in(env)
    names = tuple(Var(f"{arg.name}_dot") if isinstance(arg, Var) else None for arg in args)
    with np.errstate(all="ignore"):
        moves = [None if n is None else env[n.name] for n in names]
        expected = differences(prim, [evaluate(a, env) for a in args], moves, options, 1e-4)
        bars = [None if p is None else evaluate(p, env) for p in rule.pullback(call, Var("y"), y_bar, type_of)]
        tangent = rule.pushforward(call, Var("y"), names, type_of)
        if tangent is None:
            assert not any(np.any(part) for part in expected) and bars == [None] * len(args)
            return
        forward = parts_of(prim, evaluate(tangent, env))
    scale = 1.0 + max(float(np.nanmax(np.abs(part), initial=0.0)) for part in expected)
    for found, wanted in zip(forward, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8 * scale)
    reached = [(bar, env[n.name]) for bar, n in zip(bars, names, strict=True) if n is not None and bar is not None]
    assert all(np.iscomplexobj(bar) <= np.iscomplexobj(dot) for bar, dot in reached)
    backward = paired(*zip(*reached, strict=True))
    assert backward == pytest.approx(paired(seeds, expected), rel=1e-8, abs=1e-8 * scale)


def label(case: tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]) -> str:
    prim, _, options, values = case
    return f"{prim}-{[v if isinstance(v, tuple) else np.shape(v) for v in values.values()]}-{options}"


@pytest.mark.parametrize("case", CASES, ids=label)
def test_both_modes_match_differences(case: tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]) -> None:
    check(*case, False)
    if case[0] in COMPLEX_TOO and not case[2]:
        check(*case, True)


def test_every_row_is_sampled() -> None:
    seen = set()
    for prim, operands, options, values in CASES:
        rng = np.random.default_rng(0)
        env = {name: fill(value, rng, False) for name, value in values.items()}
        args = tuple(arg if isinstance(arg, Var) else Lit(arg) for arg in operands)
        call = Call(prim, args, tuple((name, Lit(value)) for name, value in options.items()))
        if prim != "linalg.norm" or not options:
            seen.add(choose(TABLE, call, types_in(env)).text)
    seen |= {row.text for row in TABLE["intersect1d"]}  # a common element moves away from its twin: tested by name
    assert sorted({row.text for rows in TABLE.values() for row in rows} - seen) == []
    assert {prim for prim, *_ in CASES} | {"intersect1d"} == set(SPECIAL)


def contribution(prim: str, a: Any, y_bar: Any = 1.0, **options: Any) -> Any:
    y = apply(prim, [a], options)
    env = {"a": a, "y": y, "y_bar": y_bar}
    rule = find(prim)
    assert rule is not None
    call = Call(prim, (A,), tuple((name, Lit(value)) for name, value in options.items()))
    env["y_bar"] = np.ones(np.shape(y)) if np.ndim(y) else y_bar
    (part,) = rule.pullback(call, Var("y"), Var("y_bar"), types_in(env))
    assert part is not None
    with np.errstate(all="ignore"):
        return evaluate(part, env)


# Points without a derivative: the primitive, its operand, its options, the contribution for seed 1.
SPECIAL_VALUES = [
    ("max", [1.0, 3.0, 3.0], {}, [0.0, 0.5, 0.5]),
    ("min", [2.0, 2.0, 2.0, 5.0], {}, [1 / 3, 1 / 3, 1 / 3, 0.0]),
    ("ptp", [1.0, 1.0, 4.0], {}, [-0.5, -0.5, 1.0]),
    ("ptp", [2.0, 2.0], {}, [0.0, 0.0]),
    ("median", [1.0, 2.0, 2.0, 7.0, 2.0], {}, [0.0, 1 / 3, 1 / 3, 0.0, 1 / 3]),
    ("std", [2.0, 2.0, 2.0], {}, [0.0, 0.0, 0.0]),
    ("nanstd", [2.0, nan, 2.0], {}, [0.0, 0.0, 0.0]),
    ("std", [0.1, 0.1, 0.1], {}, [0.0, 0.0, 0.0]),  # the mean is not 0.1
    ("nanstd", [0.1, 0.1, nan, 0.1], {}, [0.0, 0.0, 0.0, 0.0]),
    ("linalg.norm", [0.0, 0.0], {}, [0.0, 0.0]),
    ("linalg.norm", [3.0, -4.0], {}, [0.6, -0.8]),
    ("linalg.norm", [0.0, -4.0], {"ord": 1}, [0.0, -1.0]),
    ("linalg.norm", [0.0, 0.0], {"ord": 3}, [0.0, 0.0]),
    ("linalg.norm", [2.0, -2.0], {"ord": inf}, [0.5, -0.5]),
    ("prod", [0.0, 0.0], {}, [0.0, 0.0]),
    ("nansum", [nan, 1.0], {}, [0.0, 1.0]),
    ("unique", [2.0, 1.0, 2.0], {}, [0.5, 1.0, 0.5]),
]


@pytest.mark.parametrize(("prim", "a", "options", "expected"), SPECIAL_VALUES, ids=str)
def test_special_values(prim: str, a: list[float], options: dict[str, Any], expected: list[float]) -> None:
    np.testing.assert_allclose(contribution(prim, np.array(a), **options), expected, rtol=1e-15)


def test_common_elements_share() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 1.0, 7.0])
    y = np.intersect1d(a, b)
    np.testing.assert_allclose(helper("members_pullback")(a, b, y, np.array([6.0, 12.0])), [3.0, 0.0, 4.0])
    np.testing.assert_allclose(helper("members_pullback")(b, a, y, np.array([6.0, 12.0])), [4.0, 4.0, 3.0, 0.0])
    np.testing.assert_allclose(helper("members_pushforward")(a, b, y, np.ones(3)), [0.5, 1 / 3])


def test_equal_eigenvalues_do_not_mix() -> None:
    """Functions of a matrix that don't depend on the choice of eigenvectors are right even if eigenvalues are equal."""
    a = np.diag([2.0, 2.0, 5.0])
    w, v = np.linalg.eigh(a)
    g = np.exp(w)
    seed = np.arange(9.0).reshape(3, 3)
    seed = seed + seed.T
    # y = v exp(w) vᵀ
    w_bar = np.array([v[:, i] @ seed @ v[:, i] for i in range(3)]) * g
    v_bar = 2 * seed @ v * g
    a_bar = helper("eigh_pullback")(w, v, w_bar, v_bar)
    for i, j in ((0, 0), (2, 2), (2, 1), (2, 0)):
        h = np.zeros((3, 3))
        h[i, j] = h[j, i] = 1e-5

        def f(m: Any) -> float:
            e, u = np.linalg.eigh(m)
            return float(np.sum(seed * (u * np.exp(e) @ u.T)))

        assert a_bar[i, j] == pytest.approx((f(a + h) - f(a - h)) / 2e-5, rel=1e-7)


def test_lower_triangle_is_what_numpy_reads() -> None:
    for name in ("cholesky_pullback", "eigvalsh_pullback"):
        a_bar = helper(name)(positive(3), np.ones((3, 3)) if name[0] == "c" else np.ones(3))
        assert np.all(np.triu(a_bar, 1) == 0.0)


def test_singular_values_alone_need_no_vectors() -> None:
    a = np.random.default_rng(2).normal(size=(4, 2))
    y = tuple(np.linalg.svd(a))
    env = {"a": a, "y": y, "s_bar": np.array([1.0, 2.0])}
    rule = find("linalg.svd")
    assert rule is not None
    seeds = Call("tuple", (Lit(None), Var("s_bar"), Lit(None)))
    (part,) = rule.pullback(Call("linalg.svd", (A,)), Var("y"), seeds, types_in(env))
    assert part is not None
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose(evaluate(part, env), (u * env["s_bar"]) @ vt, rtol=1e-13)
    seeds = Call("tuple", (Var("u_bar"), Var("s_bar"), Lit(None)))
    (part,) = rule.pullback(Call("linalg.svd", (A,)), Var("y"), seeds, types_in(env))
    assert part is not None
    with pytest.raises(ValueError, match="extra vectors of full_matrices=True have no derivative"):
        evaluate(part, env | {"u_bar": np.ones((4, 4))})


def test_residuals_of_least_squares_are_refused() -> None:
    env = {"a": np.ones((3, 2)), "b": np.ones(3), "r": np.ones(1)}
    rule = find("linalg.lstsq")
    assert rule is not None
    seeds = Call("tuple", (Lit(None), Var("r"), Lit(None), Lit(None)))
    with pytest.raises(MissingRuleError, match="no derivative rule for the residuals"):
        rule.pullback(Call("linalg.lstsq", (A, B)), Var("y"), seeds, types_in(env))


def test_cofactors_near_a_singular_matrix_and_far_from_one() -> None:
    turn, _ = np.linalg.qr(square(4))
    for scale in (0.5, 0.0, 1e-3, 1e-12):
        s = np.array([3.0, 2.0, 1.0, scale])
        others = np.array([2.0 * scale, 3.0 * scale, 6.0 * scale, 6.0])
        found = helper("cofactors")((turn * s) @ turn[::-1].T)
        wanted = np.linalg.det(turn) * np.linalg.det(turn[::-1]) * (turn * others) @ turn[::-1].T
        np.testing.assert_allclose(found, wanted, rtol=0, atol=3e-13)
    # A determinant too small or too large for a product with the inverse to be exact.
    np.testing.assert_allclose(helper("cofactors")(1e-80 * np.eye(4)), 1e-240 * np.eye(4), rtol=1e-12)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(helper("cofactors")(1e80 * np.eye(4)), 1e240 * np.eye(4), rtol=1e-12)


def test_powers_are_new_arrays() -> None:
    a, seed = square(3), square(3, 2)
    for n in (0, 1):
        assert not np.shares_memory(helper("matrix_power_pullback")(a, n, seed), seed)
        assert not np.shares_memory(helper("matrix_power_pushforward")(a, n, seed), seed)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (3, 0)])
def test_inverse_by_rank(shape: tuple[int, int]) -> None:
    a = np.random.default_rng(3).normal(size=shape)
    for matrix in (a, a[:, :1] * np.ones(shape[1])) if shape[1] else (a,):
        rank = int(np.linalg.matrix_rank(matrix)) if matrix.size else 0
        found = helper("inverse_of_rank")(matrix, rank)
        np.testing.assert_allclose(found, np.linalg.pinv(matrix), rtol=0, atol=1e-13)


def sample(name: str) -> tuple[Any, ...] | None:
    """Arguments for a helper, for those that are compiled in the normal run."""
    return {
        "digamma": (0.3,),
        "prod_partials": (np.ones((2, 3)),),
        "cofactors": (square(3),),
        "cholesky_pullback": (np.linalg.cholesky(positive(3)), np.ones((3, 3))),
        "interp_slope": (0.5, np.arange(3.0), np.arange(3.0) ** 2),
    }.get(name)


@pytest.mark.parametrize("name", ["digamma", "prod_partials", "cofactors", "cholesky_pullback", "interp_slope"])
def test_helpers_compile(name: str) -> None:
    args = sample(name)
    assert args is not None
    np.testing.assert_allclose(compiled_helper(name)(*args), helper(name)(*args), rtol=1e-13)


def test_helpers_are_texts() -> None:
    for name in helpers.names():
        text = helpers.source(name)
        assert text.startswith(f"def {name}(") and text.endswith("\n") and not text.endswith("\n\n")
        assert helpers.exists(name) and all(map(helpers.exists, helpers.needs(name)))
    assert helpers.needs("corrcoef_pullback") == ("centred", "cov_pullback")
    assert not helpers.exists("nonsense")
