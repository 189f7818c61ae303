"""What an iteration has just done isn't done again; what it would do otherwise is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.context import Context
from adjoint.lower.rerun import Reruns
from tests.imperative import run
from tests.ir_text import parse

HEAD = "def f(x: float64[:], y: float64[:], r: float64, c: float64, n: int64):\n"
FIRST = """
    a: float64[:] = empty(n)
    for i in range(n):
        a[i] = x[i] * x[i]
        r += a[i]
"""
SECOND = """
    b: float64[:] = empty(n)
    tape: float64[:] = empty(n)
    for k in range(n):
        b[k] = x[k] * x[k]
        tape[k] = b[k]
    for k in range(n):
        y[k] = tape[k] + b[k]
"""
ROWS_FIRST = """
    for i in range(1, n):
        a: float64[:] = empty(n)
        for j in range(n):
            a[j] = x[j] * x[i]
        r += a[0]
"""
ROWS_SECOND = """
    b: float64[:, :] = empty((n, n))
    for k in range(1, n):
        for l in range(n):
            b[k - 1, l] = x[l] * x[k]
    for k in range(1, n):
        y[k] = b[k - 1, k]
"""
CALLS = "\n    return r\n"
# What is done once: the two bodies.
MAY = [
    (FIRST, SECOND),
    (ROWS_FIRST, ROWS_SECOND),
    (FIRST, SECOND.replace("tape[k] = b[k]", "t: float64 = b[k] + 1.0\n        tape[k] = t")),
    (FIRST.replace("r += a[i]", "r += a[i] + y[i]"), SECOND),
]
# What isn't: something that the second one reads or leaves behind would be another.
MAY_NOT = [
    (FIRST.replace("r += a[i]", "x[i] = a[i]"), SECOND),
    (FIRST.replace("r += a[i]", "a[i] = a[i] + 1.0"), SECOND),
    (FIRST, SECOND.replace("x[k] * x[k]", "x[k] * r")),
    (FIRST, SECOND.replace("range(n)", "range(n - 1)", 1)),
    (FIRST, SECOND.replace("tape[k] = b[k]", "r = b[k]\n        tape[k] = r")),
    (FIRST.replace("x[i] * x[i]", "y[i]"), SECOND.replace("x[k] * x[k]", "y[k]\n        y[k] = 2.0")),
    (FIRST.replace("x[i] * x[i]", "y[i]\n        y[i] = 2.0"), SECOND.replace("x[k] * x[k]", "y[k]\n        y[k] = 2.0")),
    (FIRST.replace("r += a[i]", "c = c * x[i]\n        a[i] = c"), SECOND.replace("tape[k] =", "c = c * x[k]\n        b[k] = c\n        tape[k] =")),
    (FIRST.replace("r += a[i]", "r += a[i] * c"), SECOND.replace("tape[k] = b[k]", "c = b[k]\n        tape[k] = c")),
    (FIRST + "    for i in range(n):\n        a[i] = 2.0\n", SECOND),
    (ROWS_FIRST.replace("    for i in range(1, n):\n        a: float64[:] = empty(n)\n", "    a: float64[:] = empty(n)\n    for i in range(1, n):\n"), ROWS_SECOND),
]


def joined(first: str, second: str) -> tuple[Func, Func]:
    func = parse(HEAD + first + second + CALLS)
    count = len(parse(HEAD + first).body)
    context = Context.of(func)
    reruns = Reruns(func, context, context.accesses(func))
    body = (*reruns.joined(func.body[:count], func.body[count:-1]), func.body[-1])
    return func, replace(func, body=body)


def are_equal(before: Func, after: Func) -> None:
    args = [np.linspace(0.5, 2.0, 4), np.linspace(-1.0, 1.0, 4), 0.25, 1.5, 4]
    results: list[list[object]] = []
    for func in (before, after):
        own = [np.copy(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
        results.append([run(func, *own), *own[:2]])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("first", "second"), MAY)
def test_it_is_done_once(first, second):
    before, after = joined(first, second)
    assert text(after).count("for ") < text(before).count("for ")
    are_equal(before, after)


@pytest.mark.parametrize(("first", "second"), MAY_NOT)
def test_it_is_done_again(first, second):
    before, after = joined(first, second)
    assert text(after) == text(before)


def likelihood(log_a, b, obs):
    old, new = np.empty(b.shape[0]), np.empty(b.shape[0])
    total = 0.0
    for s in range(obs.shape[0]):
        z = 0.0
        for k in range(b.shape[0]):
            old[k] = b[k, obs[s, 0]]
            z += old[k]
        total += np.log(z)
        for t in range(1, obs.shape[1]):
            z = 0.0
            for j in range(b.shape[0]):
                c = 0.0
                for i in range(b.shape[0]):
                    c += old[i] * np.exp(log_a[i, j])
                new[j] = c * b[j, obs[s, t]]
                z += new[j]
            for j in range(b.shape[0]):
                old[j] = new[j] / z
            total += np.log(z)
    return total


def test_one_sweep_per_sequence_and_its_tapes():
    rng = np.random.default_rng(3)
    args = np.log(rng.random((3, 3))), rng.random((3, 4)), rng.integers(0, 4, (5, 6))
    made = value_and_grad(likelihood, argnums=(0, 1))
    compiled = made.inspect("compiled", *args)
    assert compiled.count("for s in range") == 1
    assert compiled.count("  c += ") == 1
    assert "obs.shape[0]," not in compiled
    value, grads = made(*args)
    assert value == pytest.approx(likelihood(*args), rel=1e-14)
    for k, grad in enumerate(grads):
        direction = rng.standard_normal(grad.shape)
        ends = [likelihood(*(a + h * direction if n == k else a for n, a in enumerate(args))) for h in (1e-6, -1e-6)]
        assert np.sum(grad * direction) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)
