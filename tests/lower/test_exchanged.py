"""Loops inside of one that exchanges arrays: subscripts are unsigned where they can be, buffers are made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import check_grads, value_and_grad
from adjoint.codegen.emit import text
from adjoint.lower.context import Context
from adjoint.lower.hoist import hoist
from adjoint.lower.unsigned import unsigned
from tests.ir_text import parse
from tests.lower.programs import run, same

STEPS = """
def f(a: float64[::1], b: float64[::1], m: int64, n: int64):
    u: float64[::1] = a
    v: float64[::1] = b
    for t in range(m):
        for i in range({start}, n - 1):
            v[i] = 0.5 * u[{place}] + 1.0
        {exchange}
    return u
"""
EXCHANGES = {
    "two": "w = u\n        u = v\n        v = w",
    "one moved": "v = u\n        u = v",
    "none": "v[0] = 2.0",
}


def program(start: int, place: str, exchange: str) -> Any:
    return parse(STEPS.format(start=start, place=place, exchange=EXCHANGES[exchange]), types={"w": "float64[::1]"})


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("place", ["i", "i - 1", "i - 2", "i + 1", "n - i", "i - n", "2 * i - 2"])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_subscripts_mean_the_same(start: int, place: str, exchange: str) -> None:
    func = program(start, place, exchange)
    context = Context.of(func)
    context.natural["i"] = True
    done = unsigned(func, context)
    for m, n in np.ndindex(4, 7):
        args = np.arange(7.0), np.cos(np.arange(7.0)), m, n
        for jit in (None, {}) if (m, n) == (3, 6) else (None,):
            same(run(done, *args, jit=jit), run(func, *args, jit=jit))


@pytest.mark.parametrize(
    ("start", "place", "exchange", "wanted"),
    [
        (1, "i", "two", "v[i_1] = 0.5 * u[i_1]"),
        (1, "i - 1", "two", "v[i_1] = 0.5 * u[np.uint64(i - 1)]"),
        (2, "i - 1", "two", "v[i_1] = 0.5 * u[np.uint64(i - 1)]"),
        (0, "i - 1", "two", "v[i_1] = 0.5 * u[i - 1]"),
        (0, "n - i", "two", "v[i_1] = 0.5 * u[n - i]"),
        (1, "i - 1", "none", "v[i] = 0.5 * u[i - 1]"),
    ],
)
def test_what_is_known_not_to_be_negative_is_unsigned(start: int, place: str, exchange: str, wanted: str) -> None:
    func = program(start, place, exchange)
    context = Context.of(func)
    context.natural["i"] = True
    assert wanted in text(unsigned(func, context))


KEPT = """
def f(y: float64[::1], n: int64):
    for t in range(n):
        {before}
        m: int64 = {size}
        x: float64[::1] = {made}(m + 2)
        for i in range(2):
            x[i] = y[i]
        for i in range(2):
            y[i] = x[1 - i] + {after}
    return y
"""
SIZES = {
    "named": ("y[0] = 0.5", "dim(y, 0) - 1", "1.0"),
    "named twice": ("m: int64 = 3", "dim(y, 0) - 1", "1.0"),
    "of the index": ("y[0] = 0.5", "t + 3", "1.0"),
    "read from memory": ("y[0] = 0.5", "cast_int64(y[1])", "1.0"),
}


@pytest.mark.parametrize("made", ["empty", "zeros"])
@pytest.mark.parametrize("case", SIZES)
def test_sizes_that_a_loop_names_are_written_out(case: str, made: str) -> None:
    before, size, after = SIZES[case]
    func = parse(KEPT.format(before=before, size=size, after=after, made=made).replace("cast_int64", "int"))
    done = hoist(func, Context.of(func))
    first, _, loop = text(done).partition("for t in range")
    assert ("np.empty(y.shape[0] - 1 + 2)" in first) == (case == "named")
    assert ("np.empty" in loop or "np.zeros" in loop) == (case != "named")
    y = np.array([3.0, 4.0, 5.0])
    for n in range(4):
        same(run(done, y, n), run(func, y, n))


def burgers(u0: Any, nu: float, n: int) -> Any:
    u, new = u0.copy(), u0.copy()
    for t in range(n):
        for i in range(1, len(u0) - 1):
            new[i] = u[i] - 0.1 * u[i] * (u[i] - u[i - 1]) + nu * (u[i + 1] - 2 * u[i] + u[i - 1])
        u, new = new, u
    return np.sum(u**2)


def wave(u0: Any, nu: float, n: int) -> Any:
    size = len(u0)
    prev, cur, new = u0.copy(), 0.5 * u0, np.cos(u0)
    for t in range(n):
        for i in range(1, size - 1):
            new[i] = 2 * cur[i] - prev[i] + nu * cur[i] * (cur[i + 1] - 2 * cur[i] + cur[i - 1])
        prev, cur, new = cur, new, prev
    return np.sum(cur**2) + 0.5 * np.sum(prev * new)


def slices(u0: Any, nu: float, n: int) -> Any:
    u, new = u0.copy(), np.ones(u0.shape)
    for t in range(n):
        new[1:-1] = u[1:-1] + nu * np.sin(u[2:]) * (u[2:] - 2 * u[1:-1] + u[:-2])
        u, new = new, u
    return np.sum(u**2) + np.sum(new)


@pytest.mark.parametrize("fun", [burgers, wave, slices])
def test_gradients(fun: Callable[..., Any]) -> None:
    u0 = np.cos(np.arange(1.0, 6.0))
    for n in (0, 1, 2, 4):
        check_grads(lambda u, nu, n=n: fun(u, nu, n), (u0, 0.2), order=1, modes=("rev",))
    compiled = value_and_grad(fun, argnums=(0, 1))
    python = value_and_grad(fun, argnums=(0, 1), target="python")
    for size in (0, 1, 2, 3, 4, 50):
        for n in (0, 1, 2, 3, 7):
            u0 = np.cos(np.arange(1.0, size + 1.0))
            same(compiled(u0, 0.2, n), python(u0, 0.2, n))


def test_their_loops_are_not_left_to_tests_of_the_sign() -> None:
    compiled = value_and_grad(burgers, argnums=(0, 1)).inspect("compiled", np.ones(5), 0.2, 3)
    backward = compiled.partition("for t in range(n - 1, -1, -1)")[2].partition("# backward: u, new = ")[0]
    lines = [line for line in backward.splitlines() if "#" not in line]
    assert any("u_bar[i_1]" in line for line in lines)
    assert not any("[i]" in line or "np.empty" in line for line in lines)
