"""Every row of the table of transposes by the dot-product identity, exact to rounding."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from adjoint.errors import MissingRuleError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.dump import expr_text
from adjoint.rules import helpers
from adjoint.rules.find import find
from adjoint.rules.linear import LINEAR
from tests.rules.evaluate import compiled_helper, evaluate, helper, types_in


def tup(*items: Any) -> Call:
    return Call("tuple", tuple(item if isinstance(item, (Var, Lit, Call)) else Lit(item) for item in items))


def lst(*items: Any) -> Call:
    return Call("list", items)


A, B, C = Var("a"), Var("b"), Var("c")
S, V, V2, V4, M, M2, M33, M34, T = "s", (5,), (2,), (4,), (3, 4), (4, 2), (3, 3), (3, 4), (2, 3, 4)

FOURIER = ("fft", "ifft", "rfft", "ihfft", "irfft", "hfft", "fft2", "ifft2", "fftn", "ifftn")
HALF = ("irfft", "hfft")  # of complex numbers only

# The primitive, its operands (names are filled with arrays of the shapes given), its options, and the shapes.
# Names not in the shapes are data: see DATA.
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    *[(prim, (A,), {}, {"a": shape}) for prim in ("sum", "mean", "average") for shape in (V, M, T)],
    ("sum", (A,), {}, {"a": (0,)}),
    *[(prim, (A,), {"axis": k}, {"a": M}) for prim in ("sum", "mean") for k in (0, 1, -1)],
    *[(prim, (A,), {"axis": k}, {"a": T}) for prim in ("sum", "mean") for k in (0, 1, 2, -2)],
    *[(prim, (A,), {"axis": 0, "keepdims": True}, {"a": M}) for prim in ("sum", "mean")],
    ("sum", (A,), {"keepdims": True}, {"a": M}),
    ("average", (A,), {"weights": Var("weights")}, {"a": V}),
    ("trace", (A,), {}, {"a": M}),
    *[("trace", (A,), {"offset": k}, {"a": M}) for k in (-2, 1)],
    *[("cumsum", (A,), {}, {"a": shape}) for shape in (V, M)],
    *[("cumsum", (A,), {"axis": k}, {"a": M}) for k in (0, 1, -1)],
    *[("trapezoid", (A,), {}, {"a": shape}) for shape in (V, M)],
    *[("trapezoid", (A,), {"dx": 0.3}, {"a": shape}) for shape in (V, M)],
    *[("trapezoid", (A, Var("weights")), {}, {"a": shape}) for shape in (V, (3, 5))],
    *[("trapezoid", (A, B), {}, {"a": shape, "b": V}) for shape in (V, (3, 5))],
    *[("bincount", (Var("counts"), A), options, {"a": V}) for options in ({}, {"minlength": 9})],
    ("reshape", (A, tup(2, 6)), {}, {"a": M}),
    *[(prim, (A,), {}, {"a": M}) for prim in "ravel flatten copy asarray ascontiguousarray asfortranarray".split()],
    *[("expand_dims", (A, k), {}, {"a": M}) for k in (0, 1, -1)],
    ("squeeze", (A,), {}, {"a": (1, 3, 1)}),
    ("squeeze", (A,), {"axis": 0}, {"a": (1, 3)}),
    *[(f"atleast_{n}d", (A,), {}, {"a": shape}) for n in (1, 2, 3) for shape in (S, V, M)],
    ("array", (tup(A, B, C),), {}, {"a": S, "b": S, "c": S}),
    ("array", (tup(tup(A, B), tup(C, 1.0)),), {}, {"a": S, "b": S, "c": S}),
    ("array", (A,), {}, {"a": V}),
    *[("transpose", (A,), {}, {"a": shape}) for shape in (V, M, T)],
    ("transpose", (A,), {"axes": tup(2, 0, 1)}, {"a": T}),
    ("swapaxes", (A, 0, 2), {}, {"a": T}),
    ("moveaxis", (A, 0, 2), {}, {"a": T}),
    *[(prim, (A,), {}, {"a": M}) for prim in "flip fliplr flipud rot90".split()],
    ("flip", (A,), {"axis": 1}, {"a": M}),
    *[("rot90", (A,), {"k": k}, {"a": M}) for k in (2, -1)],
    *[("roll", (A, k), {}, {"a": shape}) for k in (2, -1) for shape in (V, M)],
    ("roll", (A, 1), {"axis": 0}, {"a": M}),
    *[("broadcast_to", (A, tup(2, 3, 4)), {}, {"a": shape}) for shape in ((4,), (1,), (3, 1), (3, 4), (1, 3, 4), S)],
    *[(prim, (A,), {}, {"a": M}) for prim in ("tril", "triu", "diag", "diagonal", "diagflat")],
    *[(prim, (A,), {"k": k}, {"a": M}) for prim in ("tril", "triu", "diag") for k in (1, -1)],
    *[("diagonal", (A,), {"offset": k}, {"a": M}) for k in (1, -1)],
    *[(prim, (A,), {}, {"a": V}) for prim in ("diag", "diagflat")],
    *[("diag", (A,), {"k": k}, {"a": V}) for k in (1, -2)],
    ("take", (A, 3), {}, {"a": V}),
    ("take", (A, Var("indices")), {}, {"a": V}),
    ("take", (A, 5), {}, {"a": M}),
    ("take", (A, Var("table")), {}, {"a": M}),
    *[("take", (A, Var("indices")), {"axis": k}, {"a": (5, 5)}) for k in (0, 1)],
    ("take_along_axis", (A, Var("table"), 1), {}, {"a": M}),
    ("take_along_axis", (A, Var("table"), 0), {}, {"a": (3, 2)}),
    *[("trim_zeros", (A,), {}, {"a": shape}) for shape in (V,)],
    *[(p, (A, n), {}, {"a": (6,)}) for p in ("split", "array_split", "hsplit") for n in (3, 2)],
    *[(p, (A, 2), {}, {"a": (4, 4)}) for p in ("split", "array_split", "hsplit", "vsplit")],
    *[(p, (A, 2), {"axis": 1}, {"a": (3, 4)}) for p in ("split", "array_split")],
    ("dsplit", (A, 2), {}, {"a": T}),
    ("broadcast_arrays", (A, B), {}, {"a": (3, 1), "b": (4,)}),
    ("np_select", (lst(Var("chosen"), Var("other")), lst(A, B)), {}, {"a": V, "b": V}),
    ("insert", (A, 2, B), {}, {"a": V, "b": S}),
    ("insert", (A, -1, B), {}, {"a": V, "b": S}),
    *[(prim, (Var("chosen"), A), {}, {"a": V}) for prim in ("extract", "compress")],
    *[("repeat", (A, 3), {}, {"a": shape}) for shape in (V, M)],
    ("repeat", (A, Var("counts")), {}, {"a": V}),
    *[("tile", (A, 3), {}, {"a": shape}) for shape in (V, M)],
    *[("resize", (A, tup(3, 4)), {}, {"a": shape}) for shape in (V, (2, 3), (4, 5))],
    *[("delete", (A, k), {}, {"a": V}) for k in (0, 2, -1)],
    ("np_append", (A, B), {}, {"a": V, "b": S}),
    ("np_append", (A, B), {}, {"a": V, "b": V2}),
    ("full", (tup(3, 2), A), {}, {"a": S}),
    ("full", (tup(3, 2), A), {"dtype": "float64"}, {"a": S}),
    ("full_like", (Var("weights"), A), {}, {"a": S}),
    ("full_like", (Var("weights"), A), {"dtype": "float64"}, {"a": S}),
    ("linspace", (A, B), {}, {"a": S, "b": S}),
    ("linspace", (A, B), {"num": 7}, {"a": S, "b": S}),
    *[("diff", (A,), {}, {"a": shape}) for shape in (V, M, T)],
    *[("diff", (A,), {"n": n}, {"a": M}) for n in (1, 2, 3)],
    *[("ediff1d", (A,), {}, {"a": shape}) for shape in (V, M)],
    *[("dot", (A, B), {}, {"a": s, "b": t}) for s in (S, V4) for t in (S, V4, M2)],
    *[("dot", (A, B), {}, {"a": M, "b": t}) for t in (S, V4, M2)],
    ("dot", (A, B), {}, {"a": S, "b": M}),
    *[("matmul", (A, B), {}, {"a": s, "b": t}) for s in (V4, M) for t in (V4, M2)],
    *[("vdot", (A, B), {}, {"a": s, "b": s}) for s in (V, M)],
    *[("inner", (A, B), {}, {"a": s, "b": t}) for s in (V4, M) for t in (V4, (2, 4))],
    *[("outer", (A, B), {}, {"a": s, "b": t}) for s in (V, M) for t in (V2, M2)],
    *[("kron", (A, B), {}, {"a": s, "b": t}) for s, t in ((V, V2), (M, M2))],
    ("tensordot", (A, B), {}, {"a": M, "b": M}),
    *[("cross", (A, B), {}, {"a": s, "b": t}) for s in ((3,), (4, 3)) for t in ((3,), (4, 3))],
    *[(prim, (A, B), {}, {"a": (s,), "b": (t,)}) for prim in ("convolve", "correlate") for s, t in ((5, 3), (3, 5))],
    *[
        (prim, (A, B), {"mode": mode}, {"a": (s,), "b": (t,)})
        for prim in ("convolve", "correlate")
        for mode in ("full", "same", "valid")
        for s, t in ((5, 3), (6, 4), (5, 2), (3, 5), (4, 7), (5, 1), (4, 4))
    ],
    *[(f"fft.{name}", (A,), {}, {"a": shape}) for name in ("fft", "ifft") for shape in (V, M)],
    *[(f"fft.{name}", (A,), {"axis": 0}, {"a": M}) for name in ("fft", "ifft", "rfft")],
    *[(f"fft.{name}", (A,), {"norm": norm}, {"a": M}) for name in FOURIER for norm in ("ortho", "forward")],
    *[(f"fft.{name}", (A,), {"axis": 0, "norm": "ortho"}, {"a": M}) for name in ("fft", "ifft", "rfft")],
    *[(f"fft.{name}", (A,), {"n": 5, "norm": "ortho"}, {"a": M}) for name in FOURIER[:6]],
    *[(f"fft.{name}", (A,), {}, {"a": M}) for name in ("fft2", "ifft2", "fftn", "ifftn", "fftshift", "ifftshift")],
    *[(f"fft.{name}", (A,), {"axes": tup(0, 1)}, {"a": T}) for name in ("fft2", "ifft2", "fftn", "ifftn")],
    *[(f"fft.{name}", (A,), {"axes": 1}, {"a": M}) for name in ("fftshift", "ifftshift")],
    *[(f"fft.{name}", (A,), {}, {"a": shape}) for name in ("rfft", "ihfft") for shape in (V, (6,), (3, 6))],
    *[
        (f"fft.{k}", (A,), {"n": n}, {"a": s})
        for k in ("fft", "ifft", "rfft", "ihfft") for n in (3, 4, 7) for s in (V, M)
    ],
    *[(f"fft.{name}", (A,), {}, {"a": shape}) for name in HALF for shape in ((3,), (4,), (2, 4))],
    *[(f"fft.{name}", (A,), {"n": n}, {"a": (4,)}) for name in HALF for n in (5, 6, 7, 8)],
    *[("concatenate", (tup(A, B, C),), {}, {"a": V, "b": V2, "c": (0,)}) for _ in (0,)],
    ("concatenate", (tup(A, B),), {"axis": 0}, {"a": M, "b": (1, 4)}),
    ("concatenate", (tup(A, B),), {"axis": -1}, {"a": M, "b": (3, 2)}),
    *[("stack", (tup(A, B),), {"axis": k}, {"a": M, "b": M}) for k in (0, 1, 2, -1)],
    ("stack", (tup(A, B),), {}, {"a": V, "b": V}),
    *[(prim, (tup(A, B),), {}, {"a": s, "b": s}) for prim in ("vstack", "hstack", "dstack") for s in (V, M, T)],
    *[("column_stack", (tup(A, B),), {}, {"a": s, "b": s}) for s in (V, M)],
    ("hstack", (tup(A, B),), {}, {"a": V, "b": V2}),
    ("vstack", (tup(A, B),), {}, {"a": M, "b": (1, 4)}),
]  # fmt: skip

DATA = {
    "weights": np.array([0.5, 1.0, 1.7, 2.0, 2.9]),
    "indices": np.array([0, 3, 3, 1]),
    "table": np.array([[0, 2], [1, 1], [2, 0]]),
    "chosen": np.array([True, False, True, True, False]),
    "other": np.array([True, True, False, False, False]),
    "counts": np.array([2, 0, 1, 3, 1]),
}
COMPLEX_TOO = frozenset(
    "sum mean dot matmul vdot outer kron convolve correlate reshape transpose fft.fft cumsum".split()
)


def fill(shape: Any, rng: np.random.Generator, complex_numbers: bool) -> Any:
    real = rng.normal(size=() if shape == S else shape)
    value = real + 1j * rng.normal(size=real.shape) if complex_numbers else real
    return value[()] if shape == S else value


def seed(y: Any, rng: np.random.Generator) -> Any:
    if isinstance(y, (list, tuple)):
        return [seed(part, rng) for part in y]
    return fill(np.shape(y) or S, rng, np.iscomplexobj(y))


def paired(bar: Any, dot: Any) -> float:
    """Return the real part of the pairing of cotangent and tangent, without conjugation, over tuples too."""
    if bar is None or dot is None:
        return 0.0
    if isinstance(bar, (tuple, list)):
        return sum(paired(b, d) for b, d in zip(bar, dot, strict=True))
    assert np.shape(bar) == np.shape(dot), (np.shape(bar), np.shape(dot))
    return float(np.sum(np.asarray(bar) * np.asarray(dot)).real)


def tangents(expr: Expr, named: dict[str, str]) -> Expr | None:
    """Return the tangent of an operand: the names of those of its parts."""
    match expr:
        case Var(name):
            return Var(named[name]) if name in named else None
        case Call("tuple" | "list", items):
            parts = [tangents(item, named) for item in items]
            return None if all(p is None for p in parts) else tup(*(Lit(None) if p is None else p for p in parts))
        case _:
            return None


def check(prim: str, operands: tuple[Any, ...], options: dict[str, Any], shapes: dict[str, Any], number: str) -> None:
    rng = np.random.default_rng(zlib.crc32(f"{prim}{shapes}{options}".encode()))
    complex_numbers = number == "complex" or prim.removeprefix("fft.") in HALF
    env: dict[str, Any] = dict(DATA)
    env |= {name: fill(shape, rng, complex_numbers) for name, shape in shapes.items()}
    env |= {f"{name}_dot": fill(shape, rng, complex_numbers) for name, shape in shapes.items()}
    args = tuple(arg if isinstance(arg, (Var, Call)) else Lit(arg) for arg in operands)
    kwargs = tuple((name, v if isinstance(v, (Var, Call)) else Lit(v)) for name, v in options.items())
    call = Call(prim, args, kwargs)
    with np.errstate(all="ignore"):
        env["y"] = evaluate(call, env)
    env["y_bar"] = seed(env["y"], rng)
    type_of = types_in(env)
    rule = find(prim)
    assert rule is not None and not rule.elementwise
    parts = rule.pullback(call, Var("y"), Var("y_bar"), type_of)
    dots = tuple(tangents(arg, {name: f"{name}_dot" for name in shapes}) for arg in args)
    with np.errstate(all="ignore"):
        tangent = evaluate(rule.pushforward(call, Var("y"), dots, type_of) or Lit(None), env)
        bars = [None if part is None else evaluate(part, env) for part in parts]
        moved = [None if dot is None else evaluate(dot, env) for dot in dots]
    reached = [(bar, dot) for bar, dot in zip(bars, moved, strict=True) if dot is not None]
    assert all(bar is not None for bar, _ in reached)
    forward, backward = paired(env["y_bar"], tangent), sum(paired(bar, dot) for bar, dot in reached)
    assert backward == pytest.approx(forward, rel=1e-12, abs=1e-12, nan_ok=True)
    for bar, arg in zip(bars, args, strict=True):
        if isinstance(arg, Var) and arg.name in shapes:
            assert np.shape(bar) == np.shape(env[arg.name])
            assert np.iscomplexobj(bar) <= complex_numbers


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{list(c[3].values())}-{c[2]}")
def test_dot_product_identity(case: tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]) -> None:
    check(*case, "real")
    if case[0] in COMPLEX_TOO:
        check(*case, "complex")


def test_tangent_is_the_derivative() -> None:
    """Forward mode applies the primitive; that it is linear is checked by adding and scaling operands."""
    for prim, operands, options, shapes in CASES:
        if len(shapes) != 1 or prim == "array" or "split" in prim or isinstance(operands[0], Call) and prim != "full":
            continue
        rng = np.random.default_rng(1)
        (name, shape), = shapes.items()
        args = tuple(arg if isinstance(arg, (Var, Call)) else Lit(arg) for arg in operands)
        kwargs = tuple((k, v if isinstance(v, (Var, Call)) else Lit(v)) for k, v in options.items())
        x, z = fill(shape, rng, False), fill(shape, rng, False)

        def at(value: Any, args: Any = args, kwargs: Any = kwargs, prim: str = prim, name: str = name) -> Any:
            with np.errstate(all="ignore"):
                return evaluate(Call(prim, args, kwargs), DATA | {name: value})

        if shape == (0,):
            continue
        np.testing.assert_allclose(at(2.0 * x - z), 2.0 * at(x) - at(z), rtol=1e-12, atol=1e-12, err_msg=prim)


def test_every_row_is_sampled() -> None:
    """A row that no case chooses is not tested."""
    from adjoint.rules.by_call import BY_CALL
    from adjoint.rules.rows import choose

    seen = set()
    for prim, operands, options, shapes in CASES:
        rng = np.random.default_rng(0)
        env = DATA | {name: fill(shape, rng, False) for name, shape in shapes.items()}
        args = tuple(arg if isinstance(arg, (Var, Call)) else Lit(arg) for arg in operands)
        kwargs = tuple((k, v if isinstance(v, (Var, Call)) else Lit(v)) for k, v in options.items())
        arrays = ("array", "asarray", "ascontiguousarray", "asfortranarray")
        if prim not in BY_CALL or prim in ("transpose", "diff", "cumsum", *arrays):
            try:
                seen.add(choose(LINEAR, Call(prim, args, kwargs), types_in(env)).text)
            except MissingRuleError:
                assert prim in BY_CALL
    rows = {row.text for rows in LINEAR.values() for row in rows if len(row.columns) > 1}
    assert sorted(rows - seen) == []
    assert {prim for prim, *_ in CASES} == set(LINEAR)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_stays_single(dtype: type) -> None:
    a, y_bar = np.ones((3, 4), dtype), np.ones(4, dtype)
    env = {"a": a, "y": y_bar, "y_bar": y_bar}
    for prim in ("sum", "mean"):
        rule = find(prim)
        assert rule is not None
        (part,) = rule.pullback(Call(prim, (A,), (("axis", Lit(0)),)), Var("y"), Var("y_bar"), types_in(env))
        assert part is not None
        assert evaluate(part, env).dtype == dtype


def test_views_of_the_seed_are_not_copied() -> None:
    """Reshapes of a contiguous seed are views; others are copied first."""
    env = {"a": np.ones(6), "y": np.ones((2, 3)), "y_bar": np.ones((2, 3)), "t": np.ones((3, 2)).T}
    rule = find("reshape")
    assert rule is not None
    call = Call("reshape", (A, tup(2, 3)))
    assert expr_text(rule.pullback(call, Var("y"), Var("y_bar"), types_in(env))[0]) == "reshape(y_bar, shape(a))"
    env["y"] = env["y_bar"] = env["t"]
    copied = "reshape(ascontiguousarray(y_bar), shape(a))"
    assert expr_text(rule.pullback(call, Var("y"), Var("y_bar"), types_in(env))[0]) == copied


def test_what_no_row_fits_is_refused() -> None:
    rule = find("sum")
    assert rule is not None
    with pytest.raises(MissingRuleError, match="no derivative rule for `sum` of 1-d operands with `where`"):
        rule.pullback(Call("sum", (A,), (("where", B),)), Var("y"), Var("y_bar"), types_in({"a": np.ones(2)}))


RANKS = [(s, t) for s in range(1, 5) for t in range(1, s + 1)]


@pytest.mark.parametrize(("source", "target"), RANKS)
def test_unbroadcast(source: int, target: int) -> None:
    """For each pair of ranks, with every choice of stretched axes."""
    full = (2, 3, 2, 3)[:source]
    for mask in range(2**target):
        shape = tuple(1 if mask >> k & 1 else n for k, n in enumerate(full[source - target :]))
        y_bar, like = np.random.default_rng(mask).normal(size=full), np.zeros(shape)
        expected = y_bar.sum(axis=tuple(range(source - target)))
        expected = expected.sum(axis=tuple(k for k in range(target) if mask >> k & 1), keepdims=True)
        np.testing.assert_allclose(helper(f"unbroadcast_{source}d_{target}d")(y_bar, like), expected, rtol=1e-14)


def test_unbroadcast_compiles() -> None:
    y_bar, like = np.ones((3, 4), np.float32), np.zeros((1,), np.float32)
    result = compiled_helper("unbroadcast_2d_1d")(y_bar, like)
    assert result.dtype == np.float32 and result.tolist() == [12.0]
    assert helpers.source("unbroadcast_2d_1d").startswith("def unbroadcast_2d_1d(y_bar, like):\n")
