"""Steps over whole columns become columns that march by themselves: equal numbers, and what is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint import check_grads, jvp, value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.ahead import ahead
from adjoint.lower.context import Context
from adjoint.lower.contract import contract
from adjoint.lower.expand import expand
from adjoint.lower.inward import inward
from adjoint.lower.march import march
from adjoint.lower.orient import orient
from adjoint.lower.outward import outward
from adjoint.lower.popped import popped
from adjoint.lower.shrink import shrink
from adjoint.lower.states import states
from adjoint.lower.unstack import unstack
from tests.ir_text import parse
from tests.lower.programs import run, same

Pass = Callable[[Func, Context], Func]


def done(change: Pass, func: Func) -> Func:
    context = Context.of(func)
    context.natural |= dict.fromkeys("ijkt", True)
    return change(func, context)


def arguments(n: int, m: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(n + 10 * m)
    return rng.uniform(0.5, 1.5, (n, m + 1)), rng.uniform(0.5, 1.5, m + 2), 0.7, n, m


def is_same(changed: Func, func: Func) -> None:
    for n, m in [(0, 0), (3, 0), (1, 1), (4, 6)]:
        same(run(changed, *arguments(n, m)), run(func, *arguments(n, m)))
    same(run(changed, *arguments(3, 5), jit={}), run(func, *arguments(3, 5)))


HEAD = "\ndef f(x: float64[:, ::1], y: float64[::1], a: float64, n: int64, m: int64):\n"


def program(body: str, indent: int = 1) -> Func:
    lines = "".join(f"{'    ' * indent}{line}\n" for line in body.strip("\n").splitlines())
    return parse(f"{HEAD}{lines}    return x, y\n")


# -- shrink ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", ["empty", "zeros"])
@pytest.mark.parametrize(
    ("loops", "axes"),
    [
        ("for i in range(n):\n    for t in range(m):", 1),
        ("for t in range(m):\n    for i in range(n):", 2),  # the next t finds what the last one left
    ],
)
def test_elements_that_are_looked_at_again_keep_their_place(loops: str, axes: int, made: str) -> None:
    body = f"s: float64[:, ::1] = {made}((n, 2))\n{loops}\n"
    body += "        if t == 0:\n            s[i, 0] = x[i, t]\n            s[i, 1] = 1.0 + a\n"
    body += "        else:\n            s[i, 0] = s[i, 0] * 0.5 + s[i, 1]\n"
    body += "        x[i, t] = s[i, 0]\n"
    func = program(body)
    changed = done(shrink, func)
    assert changed.types.get("s") is not None
    is_same(changed, func)
    assert ("s[i, 0]" in text(changed)) == (axes == 2)


def test_of_three_axes_too() -> None:
    body = "s: float64[:, :, ::1] = zeros((n, m, 2))\nfor t in range(m):\n    for i in range(n):\n        for j in range(m):\n"
    body += "            s[i, j, 0] = s[i, j, 0] * 0.5 + x[i, t]\n            x[i, j] += s[i, j, 0]"
    func = program(body)
    is_same(done(shrink, func), func)


def test_states_of_points_in_forward_mode() -> None:
    def points(x: Any, steps: int) -> Any:
        s = np.empty((x.size, 2))
        out = 0.0
        for t in range(steps):
            for i in range(x.size):
                if t == 0:
                    s[i, 0] = x[i]
                    s[i, 1] = 1.0 + x[i]
                else:
                    s[i, 0] = s[i, 0] * x[i] + s[i, 1]
                out += np.sin(s[i, 0])
        return out

    x = np.linspace(0.5, 1.5, 5)
    value, tangent = jvp(points, (x, 4), (np.cos(x), None))
    np.testing.assert_allclose(value, points(x, 4), rtol=1e-14)
    step = 1e-6
    wanted = (points(x + step * np.cos(x), 4) - points(x - step * np.cos(x), 4)) / (2 * step)
    np.testing.assert_allclose(tangent, wanted, rtol=1e-7)


# -- outward ---------------------------------------------------------------------------------------------------------

INNER = "    for i in range(n):\n        x[i, t] = x[i, t] * p\n        s += x[i, t]\n"
MOVED = [
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = 2.0 * a\n    s: float64 = 0.0\n{INNER}    r += a * s\ny[0] = r",
    f"r: float64 = a\nfor t in range(m - 1, -1, -1):\n    p: float64 = sin(a)\n    s: float64 = 0.0\n{INNER}"
    "    q: float64 = -s / a\n    r += q - 2.0 * s\n    r = r - q\ny[0] = r",
    f"r: float64 = a\nfor t in range(m):\n    p: float64 = 2.0\n    s: float64 = 0.0\n{INNER}    v: float64 = r + s\n"
    "    r = v\ny[0] = r",
    # Without an iteration, nothing that is infinite meets a zero.
    f"r: float64 = 1.0\nfor t in range(m):\n    p: float64 = 1.0\n    s: float64 = 0.0\n{INNER}    r += s * (a * 1e308 * 1e10)\n"
    "y[0] = r if m == 0 else 1.0",
]
STAYS = [
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = 2.0 * r\n    s: float64 = 0.0\n{INNER}    r += a * s\ny[0] = r",
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = a\n    s: float64 = 0.0\n{INNER}    r += s * s\ny[0] = r",
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = a\n    s: float64 = 0.0\n{INNER}    r += s + 1.0\ny[0] = r",
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = a\n    s: float64 = 0.0\n{INNER}    r += s * y[t]\ny[0] = r",
    f"s: float64 = 0.0\nfor t in range(m):\n    p: float64 = a\n    s = 0.0\n{INNER}y[0] = s",
    f"p: float64 = 1.0\nr: float64 = 0.0\nfor t in range(m):\n    p = 2.0 * a\n    s: float64 = 0.0\n{INNER}    r += s\n"
    "y[0] = p + r",
    f"r: float64 = 0.0\nfor t in range(m):\n    p: float64 = 2.0\n    s: float64 = 1.0\n{INNER}    r += a * s\ny[0] = r",
]


@pytest.mark.parametrize("body", MOVED)
def test_what_iterations_have_in_common_is_moved(body: str) -> None:
    func = program(body)
    changed = done(outward, func)
    is_same(changed, func)
    assert "\n        p" not in text(changed)
    assert "\n        s" not in text(changed)


@pytest.mark.parametrize("body", STAYS)
def test_what_iterations_do_for_themselves_stays(body: str) -> None:
    func = program(body)
    changed = done(outward, func)
    is_same(changed, func)
    assert text(changed) == text(func)


# -- ahead -----------------------------------------------------------------------------------------------------------

LOOPS = ["range(m)", "range(1, m)", "range(m - 1, -1, -1)", "range(m - 1, 0, -1)"]
PARTED = [
    "e: float64 = exp(y[t]); p = p * 0.5 + e; y[t] = p",
    "y[t] = exp(y[t]); p = p * y[t]; y[t] = y[t] + p",
    "e: float64 = exp(y[t]); f_: float64 = sin(e); p = p * f_ + e; y[t] = log(p * p + 1.0)",
    "e: float64 = sin(y[t + 1]); p = p * 0.5 + e; x[0, t] = cos(p)",
    "k: int64 = t * 2; e: float64 = exp(a * k); p = p * e",
    "e: float64 = a; e = e + exp(y[t]); p = p * 0.5 + e",
    "e: float64 = a; e += exp(y[t]); p = p * 0.5 + e",
]
WHOLE = [
    "p = p * 0.5 + sin(p)",
    "e: float64 = exp(y[t]); p += e",
    "y[t + 1] = exp(y[t]) * 0.1; p = p * 0.5 + y[t]",
    "e: float64 = sin(p); p = p * 0.5 + e",
    "e: float64 = exp(y[0]); y[0] = 0.5; p = p * 0.5 + e * y[0]",
    "e: float64 = y[t] ** 2; p = p * 0.5 + e",
    "e: float64 = a; e = e + sin(p); p = p * 0.5 + e",
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("body", [*PARTED, *WHOLE])
def test_functions_ahead_of_a_recurrence(body: str, loop: str) -> None:
    func = program(f"p: float64 = a\nfor t in {loop}:\n    {body}\nx[:, 0] = p")
    changed = done(ahead, func)
    is_same(changed, func)
    assert (text(changed).count("for t in") > 1) == (body in PARTED)


# -- orient ----------------------------------------------------------------------------------------------------------


def test_arrays_lie_as_loops_go() -> None:
    body = "u: float64[:, ::1] = zeros((m, n))\nfor i in range(n):\n    for t in range(1, m):\n"
    func = program(f"{body}        u[t, i] = u[t - 1, i] + x[i, t]\n        x[i, t] = u[t, i]")
    changed = done(orient, func)
    assert "u = np.zeros((n, m))" in text(changed)
    is_same(changed, func)


@pytest.mark.parametrize("use", ["y[0] = sum(u)", "for j in range(4):\n            u[t, j] += x[i, t]"])
def test_arrays_that_are_used_otherwise_stay(use: str) -> None:
    body = "u: float64[:, ::1] = zeros((m, n + 4))\nfor i in range(n):\n    for t in range(1, m):\n"
    func = program(f"{body}        {use}")
    assert text(done(orient, func)) == text(func)


# -- lists and branches ------------------------------------------------------------------------------------------------

CONDITIONS = ["t > 0", "t < m - 1", "t == 1", "n > 2"]
LIST = """
tape: List(float64[::1]) = list()
for t in range(m):
    if {first}:
        e: float64[::1] = empty(n)
        for i in range(n):
            e[i] = x[i, t] * a
        append(tape, e)
{between}for t in range(m - 1, -1, -1):
    if {second}:
        g: float64[::1] = pop(tape)
        for j in range(dim(g, 0)):
            x[j, t] += g[j]
"""


@pytest.mark.parametrize("condition", CONDITIONS)
def test_lists_of_some_iterations_become_rows(condition: str) -> None:
    func, context = expand(program(LIST.format(first=condition, second=condition, between="")))
    context.natural |= dict.fromkeys("ijkt", True)
    changed = unstack(popped(func, context), context)
    assert "tape = []" not in text(changed)
    is_same(changed, func)


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        ("t > 0", "t < m - 1", ""),  # as many, but not the same
        ("a > 0.0", "a > 0.0", "a = 1.0\n"),
        ("x[0, t] > 0.0", "x[0, t] > 0.0", ""),
    ],
)
def test_lists_of_iterations_nobody_knows_stay(first: str, second: str, between: str) -> None:
    func, context = expand(program(LIST.format(first=first, second=second, between=between)))
    context.natural |= dict.fromkeys("ijkt", True)
    changed = unstack(popped(func, context), context)
    same(run(changed, *arguments(4, 6)), run(func, *arguments(4, 6)))
    if between == "" and first != second or "x[" in first:
        assert "tape = []" in text(changed)


def test_lengths_that_change_from_step_to_step_are_asked_for() -> None:
    body = "tape: List(float64[::1]) = list()\nfor k in range(1, m):\n    e: float64[::1] = empty(k)\n    append(tape, e)\n"
    body += "for t in range(m - 1, 0, -1):\n    g: float64[::1] = pop(tape)\n    y[t] = dim(g, 0) * 1.0"
    func = program(body)
    changed = done(popped, func)
    assert "g.shape[0]" in text(changed)
    is_same(changed, func)


def test_conditions_are_asked_where_they_were() -> None:
    """What a condition has been made of may have changed by then."""
    body = "for k in range(m):\n    c: boolean = a > 0.5\n    a = a - 0.4\n    if c:\n        for i in range(n):\n"
    func, context = expand(program(f"{body}            x[i, k] = x[i, k] * 2.0\n"))
    context.natural["k"] = True
    is_same(inward(func, context, {"k"}), func)


def test_columns_are_joined_only_where_that_joins_loops() -> None:
    func, context = expand(program("for t in range(m):\n    x[:, t] = x[:, t] * 2.0"))
    func = contract(func, context.kinds)
    assert march(func, context) is func


# -- states ----------------------------------------------------------------------------------------------------------

STEPS = """
tape: List(float64[::1]) = list()
s: float64[::1] = {first}
v: float64[::1] = s
bar: float64[::1] = zeros(n)
for t in range(m):
    append(tape, v)
    w: float64[::1] = v * x[:, t] + a
    {inside}
    v = w
{between}
for k in range(m - 1, -1, -1):
    u: float64[::1] = pop(tape)
    old: float64[::1] = bar
    new: float64[::1] = bar * 0.5 + u * x[:, k]
    {early}
    bar = new
    x[:, k] = old * u + bar
{after}
x[:, 0] = x[:, 0] + bar + v
"""
PLAIN = {"first": "x[:, 0] * 2.0", "inside": "pass", "between": "pass", "early": "pass", "after": "pass"}
VARIATIONS = [
    {},
    {"first": "x[:, 0]"},
    {"inside": "s[0] = t * 1.0"},
    {"inside": "v[0] = t * 1.0"},
    {"inside": "w[0] = v[0]"},
    {"between": "v[0] = s[0] + w[0]"},
    {"between": "s[0] = v[0]"},
    {"after": "x[0, 0] = w[0] + v[0]"},
    {"after": "x[0, 0] = new[0] + old[0]"},
    {"early": "bar[0] = new[0] + old[0]"},
    {"early": "u[0] = old[0]"},
    {"after": "old[0] = bar[0]"},
]


@pytest.mark.parametrize("variation", VARIATIONS, ids=str)
def test_states(variation: dict[str, str]) -> None:
    func, context = expand(program(STEPS.format(**{**PLAIN, **variation})))
    context.natural |= dict.fromkeys("tk", True)
    changed = states(func, context)
    for n, m in [(1, 1), (4, 6), (3, 2)]:
        same(run(changed, *arguments(n, m)), run(func, *arguments(n, m)))
    if not variation:
        assert "append" not in text(changed)
        assert "bar = " not in text(changed).split("for k")[1]


# -- programs --------------------------------------------------------------------------------------------------------


def paths(s0: Any, rate: Any, vol: Any, z: Any) -> Any:
    n, m = z.shape
    s = np.full(n, s0)
    total = np.zeros(n)
    for t in range(m):
        s = s * np.exp((rate - 0.5 * vol**2) + vol * z[:, t])
        total += s
    return np.sum(np.maximum(total / m - 1.0, 0.0))


def columns(a: Any, d: Any, w: Any) -> Any:
    n, m = a.shape
    c = np.empty((n, m))
    e = np.empty((n, m))
    for k in range(m):
        pivot = np.full(n, w)
        right = d[:, k] * 1.0
        upper = np.zeros(n)
        if k < m - 1:
            upper = 0.1 * a[:, k + 1]
            pivot = pivot - upper
        if k > 0:
            pivot = pivot - c[:, k - 1] * a[:, k]
            right = right - e[:, k - 1] * a[:, k]
        c[:, k] = upper / pivot
        e[:, k] = right / pivot
    x = np.zeros(n)
    out = 0.0
    for k in range(m - 1, -1, -1):
        x = e[:, k] - c[:, k] * x
        out += np.sum(x * x)
    return out


def rotated(x: Any, w: Any) -> Any:
    n, m = x.shape
    p = np.zeros(n)
    v = np.ones(n)
    energy = 0.0
    for t in range(m):
        v = v - w * np.sin(p) + x[:, t]
        p = p + 0.1 * v
        energy += np.sum(v * v)
    return energy + np.sum(p)


def shown_later(x: Any, w: Any) -> Any:
    v = np.ones(x.shape[0])
    first = v
    for t in range(x.shape[1]):
        v = np.exp(v * 0.1) + w * x[:, t]
        first[0] = v[1]
    return np.sum(v * w) + np.sum(first * v)


def condition_that_moves(x: Any, w: Any) -> Any:
    n, m = x.shape
    v = np.ones(n)
    total = w
    for t in range(m):
        large = total > 0.5
        total -= 0.4
        if large:
            v = v * x[:, t]
        else:
            v = v + x[:, t]
    return np.sum(v) * total


Z = np.random.default_rng(3).standard_normal((5, 7)) * 0.3
PROGRAMS = {
    "paths": (paths, (1.2, 0.01, 0.2, Z), "np.empty(m)"),
    "columns": (columns, (Z, Z.T.copy().T + 1.0, 4.0), "np.empty(m)"),
    "rotated": (rotated, (Z, 0.4), "np.empty(m + 1)"),
    "shown later": (shown_later, (Z, 0.4), ""),
    "condition that moves": (condition_that_moves, (Z, 1.0), ""),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    fun, args, wanted = PROGRAMS[name]
    check_grads(fun, args, order=1, modes=("fwd", "rev"))
    gradient = value_and_grad(fun, argnums=tuple(range(len(args))))
    compiled = gradient.inspect("compiled", *args)
    assert wanted in compiled
    none = tuple(arg[:, :0] if isinstance(arg, np.ndarray) else arg for arg in args)
    if name != "paths":  # which divides by the number of steps
        value, found = gradient(*none)
        np.testing.assert_allclose(value, fun(*none))
        for arg, bar in zip(none, found, strict=True):
            assert np.shape(bar) == np.shape(arg)
            assert np.all(np.isfinite(bar))
