"""What shows that an axis is stretched, or a slice counted from the end, isn't taken for granted to be otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.errors import INSIDE, STRETCHED

X = np.random.default_rng(7).random((6, 4)) + 0.5


def by_column(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.sum(x * x, axis=1).reshape(-1, 1)))


def by_column_of_known_length(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.sum(x * x, axis=1).reshape((x.shape[0], 1))))


def by_row(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.sum(x * x, axis=0).reshape(1, -1)))


def by_expand_dims(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.expand_dims(np.sum(x * x, axis=1), 1)))


def by_expand_dims_from_the_end(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.expand_dims(np.sum(x * x, axis=1), -1)))


def by_two_new_axes(x: Any) -> Any:
    return np.sum(np.sqrt(np.expand_dims(x, 2) / np.expand_dims(np.sum(x * x, axis=1), (1, 2))))


def by_keepdims(x: Any) -> Any:
    return np.sum(np.sqrt(x / np.sum(x * x, axis=0, keepdims=True)))


def by_new_axis(x: Any) -> Any:
    total = np.sum(x * x, axis=1)
    return np.sum(np.sqrt(x / total[:, None]))


def outer(x: Any) -> Any:
    return np.sum(np.sin(x[:, 0].copy().reshape(-1, 1) * x[0].copy().reshape(1, -1)))


def of_triples(x: Any) -> Any:
    points = x.reshape(-1, 3)
    return np.sum((points - np.array([0.1, 0.2, 0.3])) ** 3)


STRETCHING = [by_column, by_column_of_known_length, by_row, by_expand_dims, by_expand_dims_from_the_end]
STRETCHING += [by_keepdims, by_new_axis, outer, of_triples]


def slope(fun: Callable[..., Any], x: Any, *rest: Any) -> tuple[float, float]:
    """Return the derivative along a direction by the gradient and by differences of fourth order."""
    direction = np.cos(np.arange(x.size)).reshape(x.shape)
    at = [fun(x + step * 1e-3 * direction, *rest) for step in (-2, -1, 1, 2)]
    _, found = value_and_grad(fun)(x, *rest)
    return float(np.vdot(found, direction)), (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / 12e-3


@pytest.mark.parametrize("fun", [*STRETCHING, by_two_new_axes])
@pytest.mark.parametrize("shape", [(6, 4), (3, 1), (1, 3), (1, 1)])
def test_stretched_axes(fun: Callable[..., Any], shape: tuple[int, int]) -> None:
    if fun is of_triples and np.prod(shape) % 3:
        shape = (6, 2)
    x = X[: shape[0], : shape[1]].copy()
    found, expected = slope(fun, x)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("fun", STRETCHING)
def test_nothing_stretched_is_taken_to_be_equal(fun: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = value_and_grad(fun)
    monkeypatch.setattr(type(gradient), "_assume_less", refuse)
    gradient(X)


def refuse(self: Any, error: ValueError, args: Any, kwargs: Any) -> Any:
    raise AssertionError(f"compiled again: {error}")


def test_the_sum_over_a_stretched_axis_is_written_as_one() -> None:
    text = value_and_grad(by_expand_dims).source_for(X)
    assert "unbroadcast" not in text
    assert "axis=1)" in text
    assert "keepdims" not in text


def middle(x: Any, k: int) -> Any:
    part = x[k:-k]
    return np.sum(part * part * part)


def last(x: Any, k: int) -> Any:
    return np.sum(x[-k:] ** 3)


def but_last(x: Any, k: int) -> Any:
    return np.sum(x[:-k] * x[k:])


def one_more(x: Any, k: int) -> Any:
    return np.sum(x[: -k - 1] ** 3)


def every_other(x: Any, k: int) -> Any:
    return np.sum(x[:-k:2] ** 3)


def stored(x: Any, k: int) -> Any:
    y = np.zeros(x.shape[0] + 2 * k)
    y[k:-k] = x
    return np.sum(y[1:] * y[:-1])


FROM_END = [middle, last, but_last, one_more, every_other, stored]


@pytest.mark.parametrize("fun", FROM_END)
@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
def test_slices_from_the_end(fun: Callable[..., Any], k: int) -> None:
    np.testing.assert_allclose(*slope(fun, X[:, 0].copy(), k), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("fun", [middle, last, one_more, every_other])
@pytest.mark.parametrize("k", [0, -1, -2, 7, 9])
def test_slices_with_other_numbers(fun: Callable[..., Any], k: int) -> None:
    """`x[:-0]` is empty, `x[:2]` what `x[: -(-2)]` says, and what is longer than the axis is cut off."""
    np.testing.assert_allclose(*slope(fun, X[:, 0].copy(), k), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("fun", FROM_END)
def test_a_negated_number_is_taken_to_be_negative(fun: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = value_and_grad(fun)
    monkeypatch.setattr(type(gradient), "_assume_less", refuse)
    gradient(X[:, 0].copy(), 2)
    text = gradient.inspect("compiled", X[:, 0].copy(), 2)
    assert STRETCHED not in text or fun is stored  # is `x` as long as its place?
    assert text.count(INSIDE) <= 2


def behind(x: Any, k: int) -> Any:
    total = 0.0
    for t in range(k, x.shape[0]):
        total += (x[t] - 0.5 * np.sum(x[t - k : t])) ** 3
    return total


def windows(x: Any, k: int) -> Any:
    total = 0.0
    for i in range(x.shape[0] - k, -1, -1):
        part = x[i : i + k]
        total += np.sum(part * part) ** 1.5
    return total


def triangle(x: Any, k: int) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(i, x.shape[0]):
            total += np.sum(x[i:j] * x[i:j]) * x[j - i]
    return total + k


@pytest.mark.parametrize("fun", [behind, windows, triangle])
@pytest.mark.parametrize("k", [0, 1, 2, 5, 6, 7, 9, -1, -3])
def test_slices_that_move_with_a_loop(fun: Callable[..., Any], k: int) -> None:
    if fun is windows and k < 0:
        pytest.skip("reads beyond the array")
    np.testing.assert_allclose(*slope(fun, X[:, 0].copy(), k), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("fun", [behind, windows, triangle])
def test_what_a_loop_takes_for_granted_is_checked_on_entry(fun: Callable[..., Any]) -> None:
    text = value_and_grad(fun).inspect("compiled", X[:, 0].copy(), 2)
    checks = [line for line in text.splitlines() if INSIDE in line]
    assert len(checks) <= 1
    assert all(line.startswith(" " * 8 + "raise") for line in checks)
