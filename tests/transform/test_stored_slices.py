"""Arrays that are stored in a part of another, and stay there, are read from there by the backward sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import check_grads, grad

X = np.random.default_rng(7).uniform(0.5, 1.5, (5, 4))


def filled(x: Any) -> Any:
    c = np.empty(x.shape)
    c[0] = x[0]
    for k in range(1, x.shape[0]):
        c[k] = np.exp(-x[k] * c[k - 1])
    return np.sum(c * c)


def columns(x: Any) -> Any:
    c = np.zeros(x.shape)
    for k in range(1, x.shape[1]):
        ratio = x[:, k] / (1.0 + c[:, k - 1])
        c[:, k] = np.sqrt(ratio)
    return np.sum(c)


def in_a_part(x: Any) -> Any:
    c = np.zeros((x.shape[0] + 1, x.shape[1] + 1))
    for k in range(x.shape[0]):
        c[k + 1, 1:] = np.exp(-x[k] * c[k, :-1])
    return np.sum(c * c)


@pytest.mark.parametrize(("fun", "tapes"), [(filled, 0), (columns, 2), (in_a_part, 0)])
def test_no_tape_is_kept(fun: Callable[..., Any], tapes: int) -> None:
    check_grads(fun, (X,), order=1, modes=("fwd", "rev"))
    assert grad(fun).source_for(X).count("_tape = []") == tapes


def overwritten(x: Any) -> Any:
    c = np.zeros(x.shape)
    out = 0.0
    for _ in range(3):
        for k in range(1, x.shape[0]):
            c[k] = np.exp(-x[k] * c[k - 1])
            out += np.sum(c[k])
    return out


def overwritten_after(x: Any) -> Any:
    c = np.zeros(x.shape)
    out = 0.0
    for k in range(1, x.shape[0]):
        c[k] = np.exp(-x[k] * c[k - 1])
        out += np.sum(c[k] * x[k])
    c[:, 1] = 2.0
    return out + np.sum(c)


def changed_afterwards(x: Any) -> Any:
    c = np.zeros(x.shape)
    out = 0.0
    for k in range(1, x.shape[0]):
        e = np.exp(-x[k] * c[k - 1])
        c[k] = e
        e[0] = 0.5
        out += np.sum(e * c[k])
    return out


def changed_before(x: Any) -> Any:
    c = np.zeros(x.shape)
    out = 0.0
    for k in range(1, x.shape[0]):
        e = np.exp(-x[k] * c[k - 1])
        out += np.sum(np.sin(e))
        e[0] = 0.5
        c[k] = e
    return out + np.sum(c * c)


def stretched(x: Any) -> Any:
    c = np.zeros(x.shape)
    for k in range(1, x.shape[0]):
        c[k] = np.exp(-x[k, :1] * c[k - 1, 1])
    return np.sum(c * c)


def in_one_of_two(x: Any) -> Any:
    c, d = np.zeros(x.shape), np.zeros(x.shape)
    for k in range(1, x.shape[0]):
        place = c if x[k, 0] > 1.0 else d
        place[k] = np.exp(-x[k] * c[k - 1])
    return np.sum(c * c) + np.sum(d)


def twice(x: Any) -> Any:
    c = np.zeros(x.shape)
    for k in range(1, x.shape[0]):
        e = np.exp(-x[k] * c[k - 1])
        c[k] = e
        c[k, 1:] = np.sqrt(e[1:])
    return np.sum(c * c)


def backwards(x: Any) -> Any:
    c = np.zeros(x.shape)
    for k in range(1, x.shape[0]):
        c[-k] = np.exp(-x[k] * c[1 - k])
        c[0] = 0.5 * c[-k]
    return np.sum(c * c)


OTHERS = [
    overwritten, overwritten_after, changed_afterwards, changed_before, stretched, in_one_of_two, twice, backwards,
]  # fmt: skip


@pytest.mark.parametrize("fun", OTHERS)
def test_what_does_not_stay_is_recorded(fun: Callable[..., Any]) -> None:
    check_grads(fun, (X,), order=1, modes=("fwd", "rev"))


def test_a_length_that_turns_out_to_be_stretched() -> None:
    def column(x: Any, w: Any) -> Any:
        c = np.zeros((4, x.shape[1]))
        for k in range(1, 4):
            c[k] = np.exp(-x[k] * w)
        return np.sum(c * c)

    check_grads(column, (X[:, :1], np.ones(1)), order=1)
    check_grads(column, (X, np.ones(1)), order=1)
    check_grads(column, (X, np.ones(4)), order=1)
