"""Iterations that fill arrays, and bind numbers, for themselves: in blocks, with products of matrices, they give the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.expand import expand
from adjoint.lower.multiply import multiply
from tests.ir_text import parse
from tests.lower.programs import run, same

pytestmark = pytest.mark.usefixtures("small_products")

HEAD = """
def f(z: float64[:, ::1], t: float64[:, ::1], x: float64[:, ::1], y: float64[:, ::1], v: float64[:], u: float64[:], a: float64, n: int64):
    b: float64 = 0.5
    r: float64 = 0.0
    p: float64[:] = zeros(n)
    q: float64[:] = zeros(n)
"""
TAIL = "    return z, t, v, u, b, r\n"
ROW = ["range(n)"] * 6 + ["range(n - 1, -1, -1)", "range(1, n)", "range(i + 1)"]
FILLED = ["a * x[i, j]", "sin(v[j])", "g * x[i, j]", "x[i, j] - e", "y[j, i]"]
READ = ["p[j] * q[j]", "p[0]", "q[j]", "g + p[j]", "b", "x[i, j]"]
NUMBERS = ["g = g * 2.0", "e = e + g", "b = b + e", "g = p[0]", "r = g", "u[i] = e", "e = v[i]", "g = sin(e)", "v[i] = g * a"]
PRODUCTS = [
    *("z[i, j] += p[k] * y[j, k]", "t[k, j] += p[j] * x[i, k]", "t[j, k] += g * p[j] * q[k]", "q[j] += p[k] * y[k, j]"),
    *("g = g + p[j] * y[j, k] * q[k]", "e = e + x[i, j] * y[j, k] * x[i, k]", "t[k, j] += e * q[j] * x[i, k]"),
    *("p[k] += y[j, k] * x[i, j]", "z[i, k] += q[j] * y[j, k] * p[k]", "q[j] += x[i, k] * y[k, j]", "u[j] += p[j] * y[j, k] * q[k]"),
]


def statement(rng: random.Random) -> list[str]:
    kind = rng.random()
    loop = f"for j in {rng.choice(ROW)}:"
    if kind < 0.25:
        return [loop, f"    {rng.choice('pq')}[j] = {rng.choice(FILLED + READ)}"]
    if kind < 0.35:
        return [loop, f"    {rng.choice('pq')}[j] += {rng.choice(FILLED + READ)}"]
    if kind < 0.45:
        return [loop, f"    {rng.choice('geb')} = {rng.choice(('g', 'e', 'b'))} + {rng.choice(READ)}"]
    if kind < 0.6:
        return [rng.choice(NUMBERS)]
    if kind < 0.75:
        inner = [f"    s: float64 = {rng.choice(('0.0', 'v[j]', 'p[j]', 'e', 'e * x[i, j]'))}", "    for k in range(n):"]
        array = rng.choice(("x[i, k]", "p[k]", "q[k]"))
        inner += [f"        s = s + {array} * y[k, j]", f"    {rng.choice(('p[j] = s', 'q[j] = s * g', 'z[i, j] = s', 'e = e + s'))}"]
        return [loop, *inner]
    return [loop, f"    for k in {rng.choice(ROW[:7])}:", f"        {rng.choice(PRODUCTS)}"]


def program(seed: int) -> str:
    rng = random.Random(seed)
    lines = [f"for i in {rng.choice(('range(n)', 'range(n)', 'range(1, n)'))}:"]
    kinds = {name: rng.choice(("empty", "zeros", "", "")) for name in "pq"}
    here = [f"{name}: float64[:] = {kind}(n)" for name, kind in kinds.items() if kind]
    lines += [f"    {line}" for line in (*here, "g: float64 = v[i]", "e: float64 = 0.0")]
    filled = [["for j in range(n):", f"    {name}[j] = {rng.choice(FILLED)}"] for name in "pq" if kinds[name] == "empty" or rng.random() < 0.8]
    for part in (*filled, *(statement(rng) for _ in range(rng.randint(2, 5)))):
        lines += [f"    {line}" for line in part]
    lines += ["for k in range(n):", "    b = b + p[k]"] if rng.random() < 0.1 and not here else []
    made = [line for line in HEAD.split("\n") if not any(f" {name.split(':')[0]}: float64[:] =" in line for name in here)]
    return "\n".join(made) + "".join(f"    {line}\n" for line in lines) + TAIL


def changed(source: str) -> tuple[Func, Func]:
    func, context = expand(parse(source))
    context.natural |= dict.fromkeys("ijk", True)
    return func, multiply(func, context)


def are_equal(func: Func, after: Func) -> None:
    for n in (0, 2, 3, 7):
        rng = np.random.default_rng(n)
        args = *rng.standard_normal((4, n + 2, n)), *rng.standard_normal((2, n + 1)), 0.7, n
        with np.errstate(all="ignore"):
            same(run(after, *args), run(func, *args), 1e-9)


def check(seed: int) -> tuple[bool, bool]:
    func, after = changed(program(seed))
    found = text(after)
    if "np.dot" in found:
        are_equal(func, after)
    return "np.dot" in found, "_rows" in found


@pytest.mark.parametrize("first", [0, 60])
def test_random_rows(first: int) -> None:
    found = [check(seed) for seed in range(first, first + 60)]
    assert sum(dots for dots, _ in found) > 25
    assert sum(rows for _, rows in found) > 15


ROWS = HEAD + """    for i in range(n):
        {fill}
        for j in range(n):
            for k in range(n):
                t[j, k] += p[j] * x[i, k]
        {last}
    {end}
""" + TAIL
FILL = "for j in range(n):\n            p[j] = sin(x[i, j])"


def rows(fill: str = FILL, last: str = "b = b + a", end: str = "b = b * a") -> str:
    return ROWS.format(fill=fill, last=last, end=end)


OWN = {
    "filled": rows(),
    "filled from the end": rows(FILL.replace("range(n)", "range(n - 1, -1, -1)")),
    "filled, then changed": rows(f"{FILL}\n        for j in range(1, n):\n            p[j] += p[j - 1] * v[j]"),
    "a number besides": rows(f"g: float64 = v[i]\n        {FILL.replace('sin(', 'g * (')}", last="b = b + g"),
    "made here": rows("p: float64[:] = zeros(n)\n        for j in range(1, n):\n            p[j] = x[i, j]").replace("    p: float64[:] = zeros(n)\n", "", 1),
}
NOT_OWN = {
    "not filled": rows("v[i] = a"),
    "added to": rows("for j in range(n):\n            p[j] += sin(x[i, j])"),
    "filled but for one": rows(FILL.replace("range(n)", "range(1, n)")),
    "filled up to the row": rows(FILL.replace("range(n)", "range(i + 1)")),
    "filled where something is so": rows("if v[i] > 0.0:\n            " + FILL.replace("\n", "\n    ")),
    "filled where something is so of elements": rows("for j in range(n):\n            if v[j] > 0.0:\n                p[j] = a"),
    "filled with what was there": rows("for j in range(n):\n            p[j] = p[j] * v[i]"),
    "filled with what was there elsewhere": rows("for j in range(n):\n            p[j] = a\n            t[i, j] = p[n - 1]"),
    "filled later": rows("v[i] = p[0]", last=FILL),
    "read after the loops": rows(end="b = p[0] if n > 0 else a").replace("b = p[0] if n > 0 else a", "for k in range(n):\n        b = b + p[k]"),
    "a number handed on by the loop inside": rows(
        f"g: float64 = 0.0\n        {FILL}", last="for j in range(n):\n            s: float64 = g\n            for k in range(n):\n"
        "                s = s + x[i, k] * y[k, j]\n            g = g + s\n        b = b + g"
    ).replace("p[j] * x", "v[j] + x"),
    "read before its number is bound": rows(FILL.replace("x[i, j]", "r"), last="r = v[i]"),
}


@pytest.mark.parametrize("name", OWN)
def test_arrays_that_iterations_have_for_themselves(name: str) -> None:
    func, after = changed(OWN[name])
    assert "np.dot(" in text(after) and "p_rows = np.empty((3, n))" in text(after)
    are_equal(func, after)


@pytest.mark.parametrize("name", NOT_OWN)
def test_others_have_one_row(name: str) -> None:
    func, after = changed(NOT_OWN[name])
    assert "np.dot" not in text(after)
    are_equal(func, after)


def test_lengths_that_change_with_the_iteration() -> None:
    made = "w: int64 = n - i\n        p: float64[:] = zeros(w)\n        for j in range(w):\n            p[j] = x[i, j]\n        u[i] = p[0]"
    func, after = changed(rows(made).replace("p[j] * x", "v[j] * x").replace("    p: float64[:] = zeros(n)\n", "", 1))
    assert "p_rows" not in text(after)
    are_equal(func, after)


def test_numbers_and_rows_in_parts() -> None:
    number = "g: float64 = 0.0\n        for j in range(n):\n            p[j] = exp(x[i, j])\n            g = g + p[j]"
    func, after = changed(rows(number, last="b = b + g").replace("p[j] * x[i, k]", "p[j] / g * x[i, k]"))
    assert text(after).partition("    else:")[0].split("q = np.zeros(n)\n")[1] == """\
    if n >= 2 and n * n * n >= 1 and x.shape[1] == n:
        p_rows = np.empty((3, n))
        g_kept = np.empty(3)
        for first in range(0, n, 3):
            last = min(first + 3, n)
            for i in range(first, last):
                g = 0.0
                for j in range(n):
                    p_rows[i - first, j] = math.exp(x[i, j])
                    g += p_rows[i - first, j]
                g_kept[i - first] = g
            packed = np.empty((last - first, n))
            for i in range(first, last):
                for j_1 in range(n):
                    packed[i - first, j_1] = p_rows[i - first, j_1] / g_kept[i - first]
            product = np.dot(packed.T, x[first:last])
            for j_1 in range(n):
                for k in range(n):
                    t[j_1, k] += product[j_1, k]
            for i in range(first, last):
                g = g_kept[i - first]
                b += g
"""
    are_equal(func, after)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> float:
    out = np.zeros((q.shape[0], v.shape[1]))
    for i in range(q.shape[0]):
        s = np.empty(k.shape[0])
        for j in range(k.shape[0]):
            s[j] = q[i] @ k[j]
        s = np.exp(s - np.max(s))
        s /= np.sum(s)
        for j in range(k.shape[0]):
            out[i] += s[j] * v[j]
    return np.sum(out * out)


def network(x: np.ndarray, w: np.ndarray, b: np.ndarray, w2: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        h = np.empty(w.shape[1])
        for j in range(w.shape[1]):
            s = b[0, j]
            for k in range(w.shape[0]):
                s += x[i, k] * w[k, j]
            h[j] = np.tanh(s)
        for j in range(w2.shape[1]):
            s = 0.0
            for k in range(w2.shape[0]):
                s += h[k] * w2[k, j]
            total += s * s
    return total


GRADIENTS = [
    (attention, ((8, 5), (6, 5), (6, 4)), np.float64),
    (attention, ((8, 5), (6, 5), (6, 4)), np.float32),
    (network, ((8, 5), (5, 4), (1, 4), (4, 3)), np.float64),
]


@pytest.mark.parametrize(("function", "shapes", "dtype"), GRADIENTS)
def test_gradient(function: Callable[..., float], shapes: list[tuple[int, int]], dtype: type) -> None:
    args = [np.asarray(np.sin(np.arange(n * m * 1.0) + n).reshape(n, m), dtype=dtype) for n, m in shapes]
    gradient = value_and_grad(function, argnums=tuple(range(len(args))))
    found, expected = gradient(*args), gradient.python(*args)
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found[0], expected[0], rtol=rtol)
    for bar, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=rtol, atol=rtol)
    assert gradient.inspect("compiled", *args).count("np.dot") == 6 or dtype == np.float32
