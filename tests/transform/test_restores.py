"""What the backward sweep puts back, or stores again, is read afterwards; and what is read afterwards is put back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.errors import AdjointError
from tests.oracle import check_gradient

U = np.random.default_rng(0).uniform(0.4, 1.6, 5)


def handed_on(u, n):
    for t in range(n):
        new = np.empty_like(u)
        for j in range(len(u)):
            new[j] = u[j] * u[j]
        u = new
    return np.sum(u)


def added_to_a_copy(u, n):
    for t in range(n):
        new = u.copy()
        for j in range(1, len(u)):
            new[j] += 0.1 * u[j] * u[j - 1]
        u = new
    return np.sum(u)


def with_its_ends(u, n):
    for t in range(n):
        new = np.zeros(len(u))
        for j in range(1, len(u) - 1):
            new[j] = u[j] * u[j - 1] + u[j + 1]
        new[0] = u[0]
        new[-1] = math.sin(u[-1])
        u = new
    return np.sum(u * u)


def in_a_while(u, n):
    while n > 0:
        new = np.empty_like(u)
        for j in range(len(u)):
            new[j] = u[j] * u[j - 1]
        u = new
        n -= 1
    return np.sum(u)


def left_early(u, n):
    for t in range(n):
        new = np.empty_like(u)
        for j in range(len(u)):
            new[j] = u[j] * u[j - 1]
        u = new
        if u[0] < 0.3:
            break
    return np.sum(u)


def two_deep(u, n):
    for t in range(n):
        v = u * 1.0
        for k in range(2):
            new = np.empty_like(v)
            for j in range(len(u)):
                new[j] = v[j] * u[j]
            v = new
        u = v
    return np.sum(u)


def in_rows(u, n):
    m = np.outer(u, u)
    for t in range(n):
        new = np.empty_like(m)
        for i in range(len(u)):
            row = new[i]
            for j in range(len(u)):
                row[j] = m[i, j] * m[i - 1, j]
        m = new
    return np.sum(m)


CLEAN = [handed_on, added_to_a_copy, with_its_ends, in_a_while, left_early, two_deep, in_rows]


def overwritten_and_read(u, n):
    for t in range(n):
        new = u * u
        s = 0.0
        for j in range(len(u)):
            s += new[j] * new[j - 1]
            new[j] = math.sin(s) * u[j]
        u = new
    return np.sum(u)


def carried_in_an_inner_loop(u, n):
    for t in range(n):
        new = u * u
        now = new
        for k in range(3):
            now[k] = now[k] * now[k + 1]
            now = now * 1.0
        u = new + now
    return np.sum(u)


def one_or_the_other(u, n):
    for t in range(n):
        new = u * u
        chosen = new if t % 2 else u * 0.5
        chosen[0] = chosen[0] * chosen[1] * new[0]
        new[1] = chosen[0] * new[1]
        u = chosen + new
    return np.sum(u)


def through_a_view(u, n):
    for t in range(n):
        new = u * u
        part = new[1:]
        part[0] = part[0] * new[0]
        new[0] = new[1] * part[0]
        part[:] = part * new[:-1]
        u = new
    return np.sum(u)


def in_a_list(u, n):
    for t in range(n):
        new = u * u
        both = [new, u * 3.0]
        both[0][0] = both[0][0] * both[1][1]
        new[1] = new[0] * new[1]
        u = both[0] + new
    return np.sum(u)


def exchanged(u, n):
    v = u * 2.0
    for t in range(n):
        new = u * v
        for j in range(len(u)):
            new[j] = new[j] * v[j - 1]
        u, v = v, new
    return np.sum(u * v)


def filled_again(u, n):
    new = np.zeros_like(u)
    s = 0.0
    for t in range(n):
        for j in range(len(u)):
            new[j] = u[j] * (s + new[j - 1])
        s += new[0] * new[1]
    return s


def looked_at_in_between(u, n):
    s = 0.0
    for t in range(n):
        new = np.ones_like(u)
        for j in range(1, len(u)):
            s += new[j] * new[j - 1] * u[j]
            new[j] = u[j] * new[j - 1]
            new[j - 1] = new[j] * s
        u = new
    return s + np.sum(u)


NEEDED = [
    overwritten_and_read,
    carried_in_an_inner_loop,
    one_or_the_other,
    through_a_view,
    in_a_list,
    exchanged,
    filled_again,
    looked_at_in_between,
]


@pytest.mark.parametrize("fun", CLEAN)
def test_nothing_is_put_back_for_nobody(fun: Callable[..., Any]) -> None:
    text = value_and_grad(fun, cache=False).source_for(U, 3)
    backward = text[text.index("# backward") :]
    assert "_old" not in text
    assert not re.search(r"^ *(new|row)\[.*\] = ", backward, re.MULTILINE)


@pytest.mark.parametrize("limit", [None, 1], ids=["whole", "segments"])
@pytest.mark.parametrize("fun", [*CLEAN, *NEEDED])
def test_gradient(fun: Callable[..., Any], limit: int | None) -> None:
    transform = partial(value_and_grad, memory_limit=limit, cache=False)
    for n in (0, 1, 3):
        try:
            check_gradient(fun, (U, n), 0, transform=transform, compiled=False)
        except AdjointError:
            assert limit, "refused"
