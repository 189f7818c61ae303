"""Arrays in another order of their axes: cotangents lie in memory as they come, shadows as the primal does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import grad, jvp
from adjoint.errors import AliasError
from tests.cases.found import flat_view_beside_transposed, turned_axes_of_length_one

RANDOM = np.random.default_rng(3)
X, Y, B = RANDOM.random((2, 3, 4)), RANDOM.random((3, 8)), RANDOM.random((8, 3))


def reshaped_then_turned(x: Any) -> Any:
    b = x.reshape((4, 3, 2))
    y = np.transpose(b, (2, 0, 1))
    return np.sum(np.sin(y[0] * y[1]) * np.arange(12.0).reshape(4, 3))


def reshaped_then_transposed(x: Any) -> Any:
    return np.sum(np.sin(x.reshape((3, 8)).T) ** 2 * np.arange(24.0).reshape(8, 3))


def flat_then_swapped(x: Any) -> Any:
    c = np.swapaxes(x.flatten().reshape((4, 2, 3)), 0, 2)
    return np.sum(c**3 * np.arange(24.0).reshape(3, 2, 4))


def turned_beside_swapped(x: Any) -> Any:
    y = np.transpose(x, (2, 0, 1))
    z = y.swapaxes(0, 1)
    return z[0, 0] @ y[1, 1]


def shown_flat_in_a_loop(y: Any, b: Any) -> Any:
    w = y * 1.0
    v = w.ravel()
    for i in range(24):
        v[i] = v[i] ** 2
    return np.sum(w * b.T)


def made_of_transposed(y: Any, b: Any) -> Any:
    w = y + b.T
    v = w.reshape(24)
    v[2] *= 2.0
    return np.sum(v[1:] * v[:-1]) + np.sum(w * b.T)


def times_a_sum_of_transposed(y: Any) -> Any:
    """A number has no order in memory: `w` is in that of `y`."""
    w = y * np.sin(y.T).sum()
    v = w.reshape(-1)
    v[0] = 2.0
    return np.sum(w**2)


def masked_after_columns(y: Any, b: Any) -> Any:
    w = y * 1.0
    columns = np.array([0, 2, 5])
    w[:, columns] += b.T[:, columns[::-1]]
    w[w > 1.0] *= 0.5
    w[w < 0.3] -= y[w < 0.3] ** 2
    return np.sum(w**2)


def masked_in_a_loop(y: Any) -> Any:
    w = np.sin(y)
    total = 0.0
    for k in range(3):
        w[w > 0.2] *= 0.5
        total += np.sum(w[w > 0.1] ** 2)
        w[k, :] += 0.3 * w[k - 1, :]
    return total + np.sum(w**2)


def shown_flat_after_writes(y: Any) -> Any:
    """Nothing is written after `ravel`: a view and a copy are the same, not so for what is added up backwards."""
    w = np.roll(y * 1.0, 1, axis=1)
    w[1:] *= 3.0
    v = w.ravel()
    return np.sum(v**2) + np.sum(v * v[::-1])


def shown_flat_in_a_branch(y: Any) -> Any:
    w = np.zeros_like(y)
    for k in range(2):
        w[k] = y[k] ** 2
        if k > 0:
            v = w.reshape(24)
            w = w + v[3] * v[10]
    return np.sum(w**2)


COLUMNS, STRIDED = np.asfortranarray(Y), RANDOM.random((6, 16))[::2, ::2]

CASES = [
    (masked_after_columns, (Y, B)),
    (masked_in_a_loop, (STRIDED,)),
    (shown_flat_after_writes, (COLUMNS,)),
    (shown_flat_after_writes, (STRIDED,)),
    (shown_flat_in_a_branch, (COLUMNS,)),
    (times_a_sum_of_transposed, (Y,)),
    (reshaped_then_turned, (X,)),
    (reshaped_then_transposed, (X,)),
    (flat_then_swapped, (X,)),
    (turned_beside_swapped, (X,)),
    (turned_axes_of_length_one, (X[0, :, :3].copy(), RANDOM.random((3, 3, 3)))),
    (flat_view_beside_transposed, (Y, B)),
    (shown_flat_in_a_loop, (Y, B)),
]


@pytest.mark.parametrize(("fun", "args"), CASES, ids=[f"{fun.__name__}-{k}" for k, (fun, _) in enumerate(CASES)])
def test_both_texts_and_forward(fun: Callable[..., Any], args: tuple[Any, ...]) -> None:
    directions = tuple(RANDOM.standard_normal(arg.shape) for arg in args)

    def along(step: float) -> Any:
        return fun(*(arg + step * direction for arg, direction in zip(args, directions, strict=True)))

    h = 1e-4
    expected = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    gradient = grad(fun, argnums=tuple(range(len(args))))
    for found in (gradient(*args), gradient.python(*args)):
        slope = sum(np.sum(bar * direction) for bar, direction in zip(found, directions, strict=True))
        assert slope == pytest.approx(expected, rel=1e-9)
    assert jvp(fun, args, directions)[1] == pytest.approx(expected, rel=1e-9)


def flat_view_of_turned(x: Any) -> Any:
    y = np.transpose(x, (2, 0, 1)) * 2.0
    v = y.reshape(24)
    v[0] = 5.0
    return np.sum(y)


def ravelled_view_of_transposed(x: Any) -> Any:
    y = np.sin(x.T)
    v = y.ravel()
    y[0] = 0.5
    return np.sum(v)


def through_a_loop(x: Any) -> Any:
    y = np.sin(x)
    for _ in range(3):
        y = np.cos(np.transpose(y, (0, 2, 1)))
    v = y.reshape(24)
    v[1] = 0.0
    return np.sum(y)


@pytest.mark.parametrize("fun", [flat_view_of_turned, ravelled_view_of_transposed, through_a_loop, made_of_transposed])
def test_views_that_may_be_copies_are_refused_beside_writes(fun: Callable[..., Any]) -> None:
    args = (Y, B) if fun is made_of_transposed else (X,)
    with pytest.raises(AliasError, match="shows its argument or copies it"):
        grad(fun)(*args)
    with pytest.raises(AliasError, match="shows its argument or copies it"):
        jvp(fun, args, args)


def test_copies_are_in_order() -> None:
    def fun(x: Any) -> Any:
        y = np.transpose(x, (2, 0, 1)).copy()
        v = y.reshape(24)
        v[5] = 0.0
        return np.sum(y * y)

    kept = np.transpose(X, (2, 0, 1)).copy()
    kept.reshape(24)[5] = 0.0
    np.testing.assert_allclose(grad(fun).python(X), 2.0 * np.transpose(kept, (1, 2, 0)))
    np.testing.assert_allclose(grad(fun)(X), 2.0 * np.transpose(kept, (1, 2, 0)))


def converted(x: Any) -> Any:
    y = np.sin(np.transpose(x, (0, 2, 1)))
    w = np.ascontiguousarray(y)
    w[0] = 1.0
    return np.sum(y * y)


def converted_and_read(x: Any) -> Any:
    y = np.sin(np.transpose(x, (0, 2, 1)))
    return np.sum(np.ascontiguousarray(y)[0] * y[1])


def test_conversions_of_arrays_in_an_order_that_the_run_decides() -> None:
    with pytest.raises(AliasError, match="returns its argument or a copy of it"):
        grad(converted)(X)
    for gradient in (grad(converted_and_read), grad(converted_and_read).python):
        turned = np.transpose(X, (0, 2, 1))
        slopes = np.cos(turned) * np.sin(turned)[::-1]
        np.testing.assert_allclose(gradient(X), np.transpose(slopes, (0, 2, 1)))
