"""Loops in segments: the same gradients, a fraction of the memory, and an error where a loop can't be run again."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.errors import UnsupportedError

U = np.random.default_rng(0).uniform(0.4, 1.6, 8)


def in_place(u0, n, c):
    u = u0.copy()
    for t in range(n):
        lap = u[2:] - 2.0 * u[1:-1] + u[:-2]
        u[1:-1] += c * lap * u[1:-1]
    return np.sum(u * u)


def rebound(u0, n, c):
    u = u0 * 1.0
    s = 0.0
    for t in range(n):
        u = u + c * np.sin(u) * u
        s += u[0] * t
    return np.sum(u) + s


def number(x, n):
    y = x
    for i in range(n):
        y = y + 0.01 * math.sin(y) * y
    return y * y


def exchanged(u0, n, c):
    u = u0.copy()
    v = np.zeros_like(u)
    for t in range(n):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + c * (u[i - 1] - 2 * u[i] + u[i + 1]) * u[i]
        u, v = v, u
    return np.sum(u * u) + v[1]


def new_and_written(u0, n, c):
    u = u0.copy()
    for t in range(n):
        v = np.empty_like(u)
        for i in range(len(u)):
            v[i] = u[i] + c * math.sin(u[i - 1])
        u = v
    return np.sum(u * u)


def argument(u, n, c):
    for t in range(1, n, 2):
        for i in range(1, len(u)):
            u[i] = u[i] * (1.0 + c * u[i - 1])
    return np.sum(u)


def downwards(u0, n, c):
    u, w = u0.copy(), np.zeros(3)
    for t in range(n, 0, -3):
        w[t % 3] += u[t % len(u)] * u[0]
        u[t % len(u)] = math.sin(u[(t + 1) % len(u)]) * c + u[t % len(u)]
    return np.sum(u) + np.sum(w * w)


def first_bound_inside(x, n, c):
    for i in range(n):
        if i == 0:
            y = x
        else:
            y = y + c * y * y  # noqa: F821
    return y * x


def two_after_each_other(u0, n, c):
    u = u0.copy()
    for t in range(n):
        u[:] = u + c * np.sin(u)
    v = u * u
    for t in range(n):
        v[:] = v * (1.0 - c * u)
        u[0] += v[1] * v[2]
    return np.sum(v) + np.sum(u)


def in_rows(m, n, c):
    m = m.copy()
    for t in range(n):
        row = m[t % 2]
        row *= 1.0 + c * np.sum(m * m)
    return np.sum(m)


CASES: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    *((in_place, (U, n, 0.05), (0, 2)) for n in (0, 1, 2, 3, 37)),
    (rebound, (U, 37, 0.01), (0, 2)),
    *((number, (0.7, n), 0) for n in (0, 1, 50)),
    *((exchanged, (U, n, 0.05), (0, 2)) for n in (1, 20, 21)),
    (new_and_written, (U, 11, 0.05), (0, 2)),
    (argument, (U, 23, 0.02), (0, 2)),
    (downwards, (U, 40, 0.3), (0, 2)),
    (first_bound_inside, (0.7, 10, 0.1), (0, 2)),
    (two_after_each_other, (U, 12, 0.05), (0, 2)),
    (in_rows, (U.reshape(2, 4), 10, 0.01), (0, 2)),
]
NAMES = [f"{fun.__name__}-{args[1]}" for fun, args, _ in CASES]


def agree(found: Any, expected: Any) -> None:
    (value, gradient), (wanted, others) = found, expected
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
    for one, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (gradient, others)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("fun", "args", "wrt"), CASES, ids=NAMES)
def test_same_gradient(fun: Callable[..., Any], args: tuple[Any, ...], wrt: Any) -> None:
    whole = value_and_grad(fun, wrt, cache=False)
    parts = value_and_grad(fun, wrt, cache=False, memory_limit=1)
    expected = whole.python(*args)
    agree(parts.python(*args), expected)
    assert "for segment in range(segments)" in parts.source


@pytest.mark.parametrize("fun", [in_place, exchanged, two_after_each_other])
def test_same_gradient_compiled(fun: Callable[..., Any]) -> None:
    args = (U, 21, 0.05)
    parts = value_and_grad(fun, (0, 2), cache=False, memory_limit=1)
    agree(parts(*args), value_and_grad(fun, (0, 2), cache=False).python(*args))
    np.testing.assert_array_equal(args[0], U)


TEXT = """\
import math

import numpy as np


def number_value_and_grad(x, n):
    steps = max(n, 1)
    length = math.ceil(math.sqrt(steps))
    segments = (steps + length - 1) // length
    y_tape = np.empty(max(segments, 0))
    y = x
    for segment in range(segments):
        y_tape[segment] = y
        first = segment * length
        last = min(first + length, n)
        for i in range(first, last):
            y += 0.01 * math.sin(y) * y
    value = y * y
    # backward: return y * y
    y_bar = 2.0 * y
    for segment in range(segments - 1, -1, -1):
        y = y_tape[segment]
        first = segment * length
        last = min(first + length, n)
        y_tape_1 = np.empty(max(last - first, 0))
        for i in range(first, last):
            y_tape_1[i - first] = y
            y += 0.01 * math.sin(y) * y
        for i in range(last - 1, first - 1, -1):
            y = y_tape_1[i - first]
            # backward: y = y + 0.01 * math.sin(y) * y
            t_bar = y_bar * y
            y_bar += y_bar * (0.01 * math.sin(y))
            y_bar += 0.01 * t_bar * math.cos(y)
    return value, y_bar
"""


def test_text() -> None:
    text = value_and_grad(number, cache=False, memory_limit=1).source_for(0.5, 3)
    assert text == TEXT


def peak(fun: Callable[..., Any], *args: Any) -> int:
    tracemalloc.start()
    try:
        fun(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_with_the_root_of_the_steps() -> None:
    u = np.random.default_rng(0).uniform(0.4, 1.6, 1000)
    parts = value_and_grad(in_place, cache=False, memory_limit=1).python
    parts(u, 2, 0.05)
    few, many = peak(parts, u, 100, 0.05), peak(parts, u, 2500, 0.05)
    assert many < 6.5 * few  # 25 times the steps, 5 times the segments
    # 50 states at the starts of the segments, and what 50 steps record: an old state and a product each.
    assert many < 1.2 * (50 + 2 * 50) * u.nbytes
    assert peak(value_and_grad(in_place, cache=False).python, u, 2500, 0.05) > 25 * many / 2


def test_loops_that_record_nothing_or_fill_arrays_stay() -> None:
    def linear(x, n):
        s = 0.0
        for i in range(n):
            s += x[i % 3] * 2.0
        return s

    def filled(x, n):
        h = np.empty((n + 1, len(x)))
        h[0] = x
        for t in range(n):
            h[t + 1] = h[t] * np.sin(h[t])
        return np.sum(h)

    for fun in (linear, filled):
        plain = value_and_grad(fun, cache=False).source_for(U, 5)
        assert value_and_grad(fun, cache=False, memory_limit=1).source_for(U, 5) == plain


def stops(x, n):
    y = x
    for i in range(n):
        y = y * y
        if y > 2.0:
            break
    return y


def until(x, n):
    y = x
    while y < n:
        y = y * y + 0.1
    return y


def branched(x, n):
    y = x
    if x > 0.0:
        for i in range(n):
            y = math.sin(y) * y
    return y


def growing(x, n):
    y, seen = x, [x]
    for i in range(n):
        y = math.sin(y) * y
        seen.append(y)
    return y + len(seen)


def shown(u0, n):
    u = u0.copy()
    inner = u[1:-1]
    for t in range(n):
        u[1:-1] = np.sin(u[1:-1]) * inner
    return np.sum(u)


@pytest.mark.parametrize(
    ("fun", "arg", "what"),
    [
        (stops, 0.5, "a loop that may be left early"),
        (until, 1.5, "a `while` loop"),
        (branched, 0.5, "a loop in a branch"),
        (growing, 0.5, "a loop with effects, lists or random draws"),
        (shown, U, "a loop that writes `u`, which `inner` shows,"),
    ],
)
def test_refused(fun: Callable[..., Any], arg: Any, what: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        value_and_grad(fun, cache=False, memory_limit=1).source_for(arg, 5)
    assert caught.value.msg == f"{what} can't be run again in segments, which `memory_limit` asks for"
    assert caught.value.text is not None and caught.value.text.strip().startswith(("for", "while"))
    assert caught.value.help is not None and "leave out `memory_limit`" in caught.value.help


def test_explain_says_how_much() -> None:
    report = value_and_grad(rebound, cache=False, memory_limit=1).explain(U, 5, 0.1)
    assert "In all: 8 * segments * u.size + 8 * length * u.size bytes" in report


@pytest.mark.parametrize("limit", [None, 1])
def test_explain_predicts_what_is_measured(limit: int | None) -> None:
    u, n = np.full(1000, 0.5), 2500
    gradient = value_and_grad(rebound, cache=False, memory_limit=limit)
    total = gradient.explain(u, n, 1e-4).partition("In all: ")[2].partition(" bytes")[0]
    predicted = eval(total, {"u": u, "n": n, "segments": 50, "length": 50})
    run = gradient.python
    run(u, 2, 1e-4)
    measured = peak(run, u, n, 1e-4) - peak(run, u, 1, 1e-4)
    assert measured == pytest.approx(predicted, rel=0.05)
