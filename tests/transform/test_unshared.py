"""Branches that show an array, or make one: copies take the place of shadows where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import check_grads, grad

X = np.random.default_rng(11).uniform(0.5, 1.5, (3, 4))


def column(x: Any) -> Any:
    state = x.copy()
    out = 0.0
    for t in range(3):
        c = np.zeros(state.shape)
        for j in range(x.shape[1]):
            right = state[:, j]
            if j > 0:
                right = right + 0.5 * c[:, j - 1]
            c[:, j] = np.sin(right) * x[:, j]
        new = np.empty(state.shape)
        new[:, 0] = c[:, 0] * t
        for j in range(1, x.shape[1]):
            new[:, j] = c[:, j] + new[:, j - 1]
        state = new
        out += np.sum(state * state)
    return out


def other_side(x: Any) -> Any:
    state = x * 2.0
    for _ in range(2):
        total = np.zeros(x.shape[0])
        for j in range(x.shape[1]):
            part = state[:, j] * 0.5 if j == 1 else state[:, j]
            total += part * part
        state = np.empty(x.shape)
        state[:, :] = 1.0
        state[:, 1] = total
    return np.sum(state)


@pytest.mark.parametrize("fun", [column, other_side])
def test_no_shadows(fun: Callable[..., Any]) -> None:
    check_grads(fun, (X,), order=1, modes=("fwd", "rev"))
    forward = grad(fun).source_for(X).split("# backward")[0]
    assert "_bar" not in forward


def written_in_the_iteration(x: Any) -> Any:
    state = x.copy()
    for j in range(1, x.shape[1]):
        right = state[:, j]
        if j > 1:
            right = right * 2.0
        state[:, j] = 3.0 * state[:, j - 1]
        state[:, 0] += right
    return np.sum(state * state)


def written_through_it(x: Any) -> Any:
    state = x.copy()
    for j in range(1, x.shape[1]):
        right = state[:, j]
        if j > 1:
            right = right * 2.0
        right += 1.0
    return np.sum(state * state)


def handed_on(x: Any) -> Any:
    state = x.copy()
    last = state[0]
    for j in range(x.shape[0]):
        if j != 1:
            last = state[j]
        else:
            last = state[j] * 2.0
    state[0, 0] = 0.5
    return np.sum(last * state[0])


def in_a_list(x: Any) -> Any:
    state = x * 1.0
    rows = []
    for j in range(x.shape[0]):
        row = state[j]
        if j > 1:
            row = row * 2.0
        rows.append(row)
    state[1, 1] = 0.25
    out = 0.0
    for row in rows:
        out += np.sum(row * row)
    return out


@pytest.mark.parametrize("fun", [written_in_the_iteration, written_through_it, handed_on, in_a_list])
def test_what_could_be_told_stays(fun: Callable[..., Any]) -> None:
    check_grads(fun, (X,), order=1, modes=("fwd", "rev"))


TABLE = np.arange(4.0)


def of_a_constant(x: Any) -> Any:
    table = TABLE
    table = table.copy()
    table[1] = x[0, 0]
    return np.sum(table * x)


def test_a_copy_of_what_others_have_stays() -> None:
    check_grads(of_a_constant, (X,), order=1)
    assert TABLE[1] == 1.0


def in_one_of_two_branches(x: Any) -> Any:
    """One branch could do with a copy, the other one can't: both are left."""
    state = x * 1.0
    out = 0.0
    for t in range(2):
        for j in range(x.shape[1]):
            part = state[:, j]
            if j > 1:
                part = part * 2.0
            flat = part.ravel()
            out += np.sum(flat * flat)
        row = state[t]
        if t > 0:
            row = row * 3.0
        row[0] = 0.5 * row[1]
        out += np.sum(row * state[t])
    return out + np.sum(state)


def test_types_stay_with_what_is_left() -> None:
    check_grads(in_one_of_two_branches, (X,), order=1, modes=("fwd", "rev"))
