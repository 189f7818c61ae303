"""`nan_check=True` names the first statement, of the value or of its derivative, that makes a NaN or an infinity."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from adjoint import grad, jvp, value_and_grad, vjp
from adjoint.api.arguments import make_options
from adjoint.backends.request import DEFAULT_FASTMATH

# ruff: noqa: E501


def iteration(x, n):
    y = x
    for i in range(n):
        y = y * 2.0 + math.sqrt(y - 1.0)
    return y


def whole_array(x):
    y = np.sqrt(x)
    return np.sum(y * 3.0)


def power(x):
    return x**0.5


def quotient(x):
    a = 2.0 * x
    b = 3.0 / a
    return b * a


def overflow(x):
    y = np.zeros(2)
    y[0] = x
    y[1] = math.exp(1000.0 * y[0])
    return y[0] + 0.0 * y[1]


def helper(x):
    return math.log(x)


def in_a_helper(x):
    return 2.0 * helper(x - 1.0)


def broadcast(x, y):
    return np.sum(x / y)


def row_of(x):
    total = 0.0
    for k in range(x.shape[0]):
        total += np.sum(np.log(x[k]))
    return total


def bounded(x):
    """Infinities and unfilled memory that no operation makes are nobody's fault."""
    u = np.empty(4)
    lowest, highest = np.inf, -math.inf
    for i in range(4):
        u[i] = x * (i + 1.0)
        lowest = min(lowest, u[i])
        highest = max(highest, u[i])
    return highest - lowest


def line_of(fun: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(fun)
    return next(first + k for k, line in enumerate(lines) if text in line)


# Function, arguments, the line, what is not finite.
FAILURES: list[tuple[Any, tuple[Any, ...], Any, str, str]] = [
    (iteration, (0.5, 3), iteration, "y = y * 2.0", "`math.sqrt(y - 1.0)` in `y = y * 2.0 + math.sqrt(y - 1.0)`"),
    (iteration, (1.0, 1), iteration, "y = y * 2.0", "backward of `math.sqrt(y - 1.0)` in `y = y * 2.0 + math.sqrt(y - 1.0)`"),
    (whole_array, (np.array([1.0, -1.0]),), whole_array, "np.sqrt", "`np.sqrt(x)` in `y = np.sqrt(x)`"),
    (whole_array, (np.array([1.0, 0.0]),), whole_array, "np.sqrt", "backward of `np.sqrt(x)` in `y = np.sqrt(x)`"),
    (power, (-1.0,), power, "return", "`x**0.5` in `return x**0.5`"),
    (power, (0.0,), power, "return", "backward of `x**0.5` in `return x**0.5`"),
    (quotient, (0.0,), quotient, "b = 3.0", "`3.0 / a` in `b = 3.0 / a`"),
    (quotient, (1e-200,), quotient, "b = 3.0", "backward of `3.0 / a` in `b = 3.0 / a`"),
    (overflow, (1.0,), overflow, "math.exp", "`math.exp(1000.0 * y[0])` in `y[1] = math.exp(1000.0 * y[0])`"),
    (in_a_helper, (0.5,), helper, "math.log", "`math.log(x)` in `return math.log(x)`"),
    (broadcast, (np.ones((2, 3)), np.zeros(3)), broadcast, "np.sum", "`x / y` in `return np.sum(x / y)`"),
    (row_of, (np.array([[1.0, 2.0], [3.0, 0.0]]),), row_of, "np.log", "`np.log(x[k])` in `total += np.sum(np.log(x[k]))`"),
]
COMPILED = ("iteration", "whole_array", "overflow", "broadcast")


@pytest.mark.parametrize(("fun", "args", "where", "line", "what"), FAILURES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_first_statement_is_named(fun: Any, args: tuple[Any, ...], where: Any, line: str, what: str) -> None:
    gradient = value_and_grad(fun, nan_check=True)
    forms = [gradient.python, *([gradient] if fun.__name__ in COMPILED else [])]
    for form in forms:
        with pytest.raises(FloatingPointError) as caught:
            form(*args)
        assert str(caught.value) == f"{__file__}:{line_of(where, line)}: not finite: {what}"


@pytest.mark.parametrize(
    ("fun", "args"),
    [
        (iteration, (2.0, 3)),
        (whole_array, (np.array([1.0, 2.0]),)),
        (in_a_helper, (3.0,)),
        (bounded, (1.5,)),
        (broadcast, (np.ones((2, 3)), np.ones(3))),
    ],
)
def test_nothing_else_changes(fun: Any, args: tuple[Any, ...]) -> None:
    checked, plain = value_and_grad(fun, nan_check=True).python(*args), value_and_grad(fun).python(*args)
    np.testing.assert_array_equal(checked[0], plain[0])
    np.testing.assert_allclose(checked[1], plain[1], rtol=1e-14)


def test_pullbacks_too() -> None:
    value, pullback = vjp(whole_array, np.array([1.0, 0.0]), nan_check=True, target="python")
    assert value == 3.0
    with pytest.raises(FloatingPointError, match="backward of"):
        pullback(1.0)


def test_tangents_too() -> None:
    with pytest.raises(FloatingPointError, match="not finite: tangent of `x\\*\\*0.5` in"):
        jvp(power, (0.0,), (1.0,), nan_check=True, target="python")


def test_the_text_of_a_check() -> None:
    place = f"{__file__}:{line_of(power, 'return')}: not finite:"
    assert grad(power, nan_check=True).source_for(2.0) == f"""\
import math


def power_grad(x):
    power = x**0.5
    if not math.isfinite(power):
        raise FloatingPointError("{place} `x**0.5` in `return x**0.5`")
    # backward: return x**0.5
    x_bar = 0.5 / power
    if not math.isfinite(x_bar):
        raise FloatingPointError("{place} backward of `x**0.5` in `return x**0.5`")
    return x_bar
"""


def test_moved_lines_are_not_taken_from_the_disk() -> None:
    from adjoint.backends import cache

    gradient = grad(power, nan_check=True)
    assert cache.stem(gradient.request, gradient.types_of(1.0)) is None


def test_flags_that_assume_finite_numbers_are_left_out() -> None:
    assert make_options(fastmath=True, nan_check=True).fastmath == DEFAULT_FASTMATH
    assert make_options(fastmath={"nnan", "ninf", "nsz"}, nan_check=True).fastmath == ("nsz",)
    assert make_options(fastmath=False, nan_check=True).fastmath == ()


def test_errors_that_are_not_about_numbers_stay() -> None:
    def negative(x):
        if x < 0.0:
            raise ValueError("negative")
        return math.sqrt(x)

    with pytest.raises(ValueError, match="negative"):
        grad(negative, nan_check=True).python(-1.0)
