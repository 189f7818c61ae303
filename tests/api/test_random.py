"""Random draws inside a differentiated function: both sweeps see the same numbers, and so does a seeded run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

import adjoint
from adjoint.errors import MissingRuleError, UnsupportedError


def reparametrised(a, b):
    np.random.seed(3)
    x = np.random.normal(a, b)
    y = np.random.normal(a, b)
    return x * x * y - y


def draws_in_a_loop(a, n):
    np.random.seed(3)
    s = 0.0
    for _ in range(n):
        u = np.random.random()
        v = np.random.exponential(a)
        s = np.sin(s) + u * v * v
    return s


def drawn_array(a, n):
    np.random.seed(3)
    x = np.random.normal(a, 1.0, n)
    return np.sum(x**3)


def draws_decide(a, n):
    np.random.seed(3)
    s = 0.0
    k = 0
    while k < n:
        if np.random.random() < 0.5:
            s += a * np.random.normal()
            s = np.sin(s)
        else:
            s = s * a
        k += 1
    return s


def paths(a, n):
    np.random.seed(3)
    z = np.random.randn(n, 2)
    p = 0.0
    for i in range(n):
        s = 100.0
        for j in range(2):
            s = s * np.exp(0.1 * z[i, j] * a)
        p += max(s - 100.0, 0.0)
    return p / n


def first_is_not_used(a):
    np.random.seed(3)
    np.random.random()
    unused = np.random.random()  # noqa: F841
    x = a * np.random.random()
    return x * x


CASES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (reparametrised, (0.3, 1.2)),
    (draws_in_a_loop, (0.7, 6)),
    (drawn_array, (0.7, 5)),
    (draws_decide, (0.7, 9)),
    (paths, (0.7, 5)),
    (first_is_not_used, (0.7,)),
]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(("fun", "args"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_both_sweeps_see_the_same_draws(fun: Callable[..., Any], args: tuple[Any, ...], target: Any) -> None:
    run = fun if target == "python" else numba.njit(fun)
    ends = [run(args[0] + h, *args[1:]) for h in (-1e-6, 1e-6)]
    expected = (ends[1] - ends[0]) / 2e-6
    value, derivative = adjoint.value_and_grad(fun, target=target)(*args)
    assert value == pytest.approx(run(*args), rel=1e-14)
    assert derivative == pytest.approx(expected, rel=1e-7)
    tangents = (1.0, *(0.0 if isinstance(arg, float) else None for arg in args[1:]))
    assert adjoint.jvp(fun, args, tangents, target=target)[1] == pytest.approx(expected, rel=1e-7)


def unseeded(x):
    return x * np.random.random()


def test_the_stream_goes_on_as_in_the_function() -> None:
    np.random.seed(5)
    first, second = unseeded(1.0), unseeded(1.0)
    np.random.seed(5)
    gradient = adjoint.grad(unseeded, target="python")
    assert (gradient(1.0), gradient(1.0)) == (first, second)


def test_what_runs_the_function_again_needs_a_seed() -> None:
    def vector(x):
        return x * np.random.random()

    for call in (lambda: adjoint.vjp(unseeded, 1.0), lambda: adjoint.jacrev(vector)(np.ones(2))):
        with pytest.raises(UnsupportedError, match="a random draw in a function that its pullback runs again"):
            call()
    with pytest.raises(UnsupportedError, match="run again for each column"):
        adjoint.jacfwd(vector)(np.ones(2))
    value, pullback = adjoint.vjp(reparametrised, 0.3, 1.2, target="python")
    assert value == reparametrised(0.3, 1.2)
    assert pullback(1.0) == pytest.approx(adjoint.grad(reparametrised, (0, 1), target="python")(0.3, 1.2))


def test_draws_without_a_rule_are_refused_where_their_parameter_varies() -> None:
    def scaled(x):
        return x * np.random.gamma(2.0, 1.0)

    def shaped(x):
        return np.random.gamma(x, 1.0)

    assert adjoint.grad(scaled, target="python")(1.0) > 0
    with pytest.raises(MissingRuleError, match=r"`random\.gamma`.*derivatives of the incomplete gamma function"):
        adjoint.grad(shaped)(1.0)
