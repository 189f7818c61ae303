"""Functions of `scipy.special`: values equal SciPy's, derivatives through the whole compiler, in both modes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import AdjointError
from adjoint.rules.definitions.scipy import BINARY, NAMES, UNARY
from tests.rules.both_modes import check
from tests.rules.evaluate import compiled_helper, helper

special = pytest.importorskip("scipy.special")
from scipy.special import erf, gammaln  # noqa: E402

R = np.random.default_rng(11)
V, M = R.uniform(0.1, 0.9, 5), R.uniform(0.1, 0.9, (3, 4))

# Where operands are sampled, where it is not (0, 9); relative accuracy, where it is not 1e-13.
DOMAIN: dict[str, tuple[tuple[float, float], ...]] = {
    "erf": ((-6.0, 6.0),), "erfc": ((-6.0, 20.0),), "erfcx": ((-9.0, 99.0),), "erfinv": ((-1.0, 1.0),),
    "erfcinv": ((0.0, 2.0),), "ndtr": ((-9.0, 9.0),), "ndtri": ((0.0, 1.0),), "log_ndtr": ((-99.0, 6.0),),
    "expit": ((-40.0, 40.0),), "logit": ((0.0, 1.0),), "log_expit": ((-40.0, 40.0),), "exprel": ((-40.0, 40.0),),
    "cosm1": ((-6.0, 6.0),), "gamma": ((-9.5, 60.0),), "rgamma": ((-9.5, 60.0),),
    "binom": ((9.0, 40.0), (0.0, 9.0)), "zeta": ((1.1, 20.0), (0.1, 20.0)), "xlogy": ((-9.0, 9.0), (0.0, 9.0)),
    "xlog1py": ((-9.0, 9.0), (-1.0, 9.0)), "beta": ((0.0, 30.0), (0.0, 30.0)), "gammainc": ((0.5, 12.0), (0.5, 25.0)),
    "gammaincc": ((0.5, 12.0), (0.5, 25.0)), "i0": ((-40.0, 40.0),), "i1": ((-40.0, 40.0),),
    "i0e": ((-99.0, 99.0),), "i1e": ((-99.0, 99.0),), "k0": ((0.0, 40.0),), "k0e": ((0.0, 99.0),),
    "j0": ((-99.0, 99.0),), "j1": ((-99.0, 99.0),), "y0": ((0.0, 99.0),), "y1": ((0.0, 99.0),),
}  # fmt: skip
# SciPy's own terms cancel near a zero of these; ours agree with mpmath there.
NEAR_ZEROS = {"gammaln", "psi", "digamma", "j0", "j1", "y0", "y1", "betaln", "kl_div", "rel_entr"}


def points(name: str, count: int) -> list[tuple[float, ...]]:
    domain = DOMAIN.get(name, ((0.0, 9.0), (0.0, 9.0)))[:count]
    return [tuple(float(R.uniform(*ends)) for ends in domain) for _ in range(60)]


@pytest.mark.parametrize("name", [name for name in (*UNARY, *BINARY) if name not in ("erf", "erfc")])
def test_values(name: str) -> None:
    ours = {**UNARY, **BINARY}[name].removeprefix("helper.")
    plain, compiled = helper(ours), compiled_helper(ours)
    for args in points(name, 1 if name in UNARY else 2):
        expected = float(getattr(special, name)(*args))
        allowed = {"rel": 1e-13, "abs": 2e-14 if name in NEAR_ZEROS else 0.0}
        assert plain(*args) == pytest.approx(expected, **allowed), args
        assert compiled(*args) == pytest.approx(expected, **allowed), args


# What SciPy has NaN for at infinity is the limit here.
OTHERWISE = ("cosm1", "j0", "j1", "y0", "y1", "i0", "i1")
# Ends of domains, poles, infinities.
SPECIAL_VALUES: list[tuple[str, tuple[float, ...]]] = [
    *((name, (x,)) for name in UNARY for x in (0.0, 1.0, np.inf, np.nan) if x != np.inf or name not in OTHERWISE),
    *((name, (-np.inf,)) for name in ("erfcx", "expit", "log_expit", "log_ndtr", "ndtr", "gammaln", "exprel")),
    *((name, (-2.0,)) for name in ("gammaln", "gamma", "rgamma", "psi", "entr", "y0", "k0", "logit", "erfinv")),
    *((name, (2.0,)) for name in ("erfinv", "erfcinv", "logit", "ndtri")),
    *((name, (0.0, 0.0)) for name in ("xlogy", "rel_entr", "kl_div", "xlog1py", "gammainc", "gammaincc")),
    *((name, (1.0, 0.0)) for name in ("xlogy", "rel_entr", "kl_div", "gammainc", "gammaincc", "beta", "betaln")),
    *((name, (0.0, 1.0)) for name in ("xlogy", "rel_entr", "kl_div", "gammainc", "gammaincc", "beta", "betaln")),
    *((name, (-1.0, 1.0)) for name in ("rel_entr", "kl_div", "gammainc", "binom")),
    *((name, (2.0, np.inf)) for name in ("gammainc", "gammaincc", "betaln", "beta")),
    ("xlogy", (0.0, np.nan)), ("xlog1py", (0.0, -1.0)), ("xlog1py", (2.0, -1.0)), ("binom", (5.0, 7.0)),
    ("binom", (5.5, -1.0)), ("zeta", (1.0, 1.0)), ("zeta", (2.0, -1.0)), ("zeta", (2.0, -1.5)), ("exprel", (720.0,)),
    ("i0e", (-900.0,)), ("i1e", (-900.0,)), ("i0", (800.0,)), ("k0e", (1e-300,)), ("erfcx", (1e200,)),
    ("ndtri", (1e-300,)), ("erfcinv", (1e-300,)), ("gammaln", (1e300,)), ("log_ndtr", (-1e100,)), ("j1", (1e-300,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), SPECIAL_VALUES, ids=str)
def test_special_values(name: str, args: tuple[float, ...]) -> None:
    prim = {**UNARY, **BINARY}[name]
    if not prim.startswith("helper."):
        return
    with np.errstate(all="ignore"):
        expected = float(getattr(special, name)(*args))
    for function in (helper(prim.removeprefix("helper.")), compiled_helper(prim.removeprefix("helper."))):
        assert function(*args) == pytest.approx(expected, rel=1e-13, nan_ok=True)


def on_numbers(name: str) -> Callable[..., Any]:
    function = getattr(special, name)
    if name in BINARY:
        return lambda x, z: function(1.2 * x + 1.2, z)
    if name == "polygamma":
        return lambda x: function(2, x)
    if name == "multigammaln":
        return lambda x: function(x + 3.0, 2)
    return (lambda x: function(x + 2.0, 1.3)) if name == "comb" else lambda x: function(x)


def on_arrays(name: str) -> Callable[..., Any]:
    function = getattr(special, name)
    if name in BINARY:
        return lambda x, z: function(1.2 * x + 1.2, z)
    return (lambda x: function(3, x)) if name == "polygamma" else lambda x: function(x)


OF_ARRAYS = ("softmax", "log_softmax", "logsumexp")
OF_NUMBERS = ("comb", "factorial", "multigammaln")
SCALARS = [name for name in NAMES if name not in OF_ARRAYS]
ARRAYS = [name for name in NAMES if name not in OF_NUMBERS]
COMPILED = ["ndtri", "softmax"]


def operands(name: str, array: bool) -> tuple[Any, ...]:
    if name in BINARY:
        return (M, V[:4]) if array else (0.3, 0.7)
    return (M,) if array else (0.3,)


@pytest.mark.parametrize("name", SCALARS)
def test_numbers(name: str) -> None:
    check(on_numbers(name), operands(name, False), "python")


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str) -> None:
    check(on_arrays(name), operands(name, True), "python")


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_arrays(name: str) -> None:
    check(on_arrays(name), operands(name, True), "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_every_compiled_function(name: str) -> None:
    check(on_arrays(name), operands(name, True), "cpu")


FORMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "an axis": (lambda a: special.softmax(a, axis=1), (M,)),
    "the last axis": (lambda a: special.log_softmax(a, axis=-1), (M,)),
    "weights": (lambda a, b: special.logsumexp(a, b=b), (V, V[::-1].copy())),
    "an axis kept": (lambda a: special.logsumexp(a, axis=0, keepdims=True), (M,)),
    "far out": (lambda a: special.logsumexp(1000.0 * a), (V,)),
    "a column by a row": (lambda a, b: special.betaln(np.expand_dims(a, 1), b), (V, V[:3])),
    "a number by an array": (lambda a, b: special.xlogy(a, b), (0.3, M)),
    "an array by a number": (lambda a, b: special.gammainc(a, b), (V, 0.8)),
    "not contiguous": (lambda a: special.gammaln(a[:, ::2].T), (M,)),
    "no elements": (lambda a: np.sum(special.erf(a[:0])) + a[0], (V,)),
    "names of its own": (lambda a: erf(a) * gammaln(a + 1.0), (V,)),
}


@pytest.mark.parametrize("form", FORMS)
def test_form(form: str) -> None:
    fun, args = FORMS[form]
    check(fun, args, "python")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_compiled_form(form: str) -> None:
    fun, args = FORMS[form]
    check(fun, args, "cpu")


def local_names(x: float) -> float:
    beta = special.beta(x, 2.0)
    digamma = special.psi(x)
    return beta * digamma


def test_a_variable_may_have_the_name_of_a_helper() -> None:
    check(local_names, (0.7,), "python")


@pytest.mark.parametrize("name", ["gammaln", "erfinv", "ndtri", "expit", "exprel", "j0", "i0e", "betaln"])
def test_second_derivatives_are_those_of_the_rows(name: str) -> None:
    """A gradient's helpers are not read again: their derivatives are in the table."""
    fun = on_numbers(name)
    args = operands(name, False)
    first = adjoint.grad(fun, target="python")
    again = (lambda x, z: first(x, z)) if name in BINARY else lambda x: first(x)
    second = adjoint.grad(again, target="python")(*args)
    ends = [first(args[0] + h, *args[1:]) for h in (-1e-6, 1e-6)]
    assert second == pytest.approx((ends[1] - ends[0]) / 2e-6, rel=1e-8)


def test_single_precision_stays_single() -> None:
    x = V.astype(np.float32)
    for fun in (lambda a: np.sum(special.gammaln(a)), lambda a: special.ndtr(a[0]), lambda a: special.logsumexp(a)):
        value, bar = adjoint.value_and_grad(fun)(x)
        assert bar.dtype == np.float32
        assert value == pytest.approx(float(fun(x)), rel=1e-6)
        assert bar == pytest.approx(adjoint.grad(fun)(V), rel=1e-5, abs=1e-6)
    value, tangent = adjoint.jvp(special_of_numbers, (np.float32(0.3),), (np.float32(1.0),))
    assert np.asarray(value).dtype == np.asarray(tangent).dtype == np.float32


def special_of_numbers(x: float) -> float:
    return special.ndtr(x)


def test_the_text_does_not_import_scipy() -> None:
    gradient = adjoint.value_and_grad(lambda x: special.xlogy(x, x))
    assert "scipy" not in gradient.source_for(0.3)
    assert "def xlogy(x, y):" in gradient.source_for(0.3)


def test_what_has_no_derivative_is_refused() -> None:
    with pytest.raises(AdjointError, match=r"`scipy.special.erf` of complex128"):
        adjoint.grad(lambda x: abs(special.erf(1j * x)))(0.3)
    with pytest.raises(AdjointError, match="a call of `ellipk`, which is not a function that can be read"):
        adjoint.grad(lambda x: special.ellipk(x))(0.3)
    gradient = adjoint.grad(lambda s: special.zeta(s, 2.0))
    with pytest.raises(AdjointError, match=r"with respect to its argument `s`"):
        adjoint.grad(lambda s: gradient(s))(1.7)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "scipy.special")
    assert adjoint.grad(lambda x: x * x, target="python")(3.0) == 6.0
