"""Loops around products of matrices that do other things as well: in parts, they give the same numbers."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest

from adjoint import value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import multiply as module
from adjoint.lower.expand import expand
from adjoint.lower.multiply import multiply
from tests.ir_text import parse
from tests.lower.programs import run, same

pytestmark = pytest.mark.usefixtures("small_products")

HEAD = """
def f(z: float64[:, ::1], t: float64[:, ::1], x: float64[:, ::1], y: float64[:, ::1], v: float64[:], u: float64[:], a: float64, n: int64):
    b: float64 = 0.5
    r: float64 = 0.0
"""
RANGES = ["range(n)"] * 4 + ["range(n - 1, -1, -1)", "range(1, n)", "range(i + 1)", "range(i, n)", "range(i)", "range(i + 1, n)"]
OUTER = ["u[i] = a", "b = b + v[i]", "z[i, 0] = z[i, 0] * a", "v[i] = z[i, 1]", "r = b", "b = r", "y[i, 0] = a", "w: float64 = v[i]"]
FIRST = ["s: float64 = 0.0", "s: float64 = v[j]", "s: float64 = t[i, j]"]
BEFORE = [
    *("c = t[i, j]", "c = a * v[i]", "c = w", "d = c * 2.0", "z[i, j] = 0.0", "b = b + c", "t[i, j] = a", "t[j, i] = a"),
    *("if v[j] > 0.0:\n                c = a", "c = c + s", "z[i, j] = z[i, j] * a", "v[j] = a", "c = u[j]"),
]
INNER = [
    *("s = s + x[i, k] * y[k, j]", "s = s - a * x[k, i] * y[j, k]", "z[i, j] += x[i, k] * y[k, j]"),
    *("t[k, j] += c * x[i, k]", "z[i, k] += d * y[k, j]", "z[k, j] += s * x[i, k]", "u[k] += c * v[k]", "b = b + x[i, k]"),
    *("e: float64 = x[i, k]\n                s = s + e * y[k, j]\n                t[k, j] += c * e", "t[i, j] += x[i, k] * y[k, j]"),
]
AFTER = ["z[i, j] = s", "b = b + s * s", "c = s * a", "v[j] = v[j] + s", "d = s", "t[i, j] = s + z[i, j]", "r = c", "s = s * 2.0"]


def block(rng: random.Random, lines: list[str], count: int, indent: int) -> list[str]:
    return [" " * indent + rng.choice(lines) for _ in range(rng.randint(0, count))]


def middle(rng: random.Random, name: str) -> list[str]:
    lines = [f"        for {name} in {rng.choice(RANGES)}:", " " * 12 + rng.choice(FIRST)]
    lines += ["            c: float64 = 1.0", "            d: float64 = a", *block(rng, BEFORE, rng.randint(0, 2), 12)]
    for _ in range(rng.randint(1, 2)):
        lines += [f"            for k in {rng.choice(RANGES)}:", " " * 16 + rng.choice(INNER), *(block(rng, INNER, 1, 16) if rng.random() < 0.3 else [])]
        lines += block(rng, AFTER, rng.randint(0, 2), 12)
    renamed = {"s": f"s_{name}", "c": f"c_{name}", "d": f"d_{name}"} if rng.random() < 0.7 else {}
    tokens = "\n".join(lines)
    for old, new in (*renamed.items(), ("j", name)):
        tokens = "".join(new if part == old else part for part in _words(tokens))
    return tokens.split("\n")


def _words(source: str) -> list[str]:
    return re.split(r"(\b\w+\b)", source)


def program(seed: int) -> str:
    rng = random.Random(seed)
    lines = [f"    for i in {rng.choice(RANGES[:6])}:", "        w: float64 = a", *block(rng, OUTER, 1, 8), *middle(rng, "j")]
    lines += block(rng, OUTER, 1, 8)
    if rng.random() < 0.4:
        lines += [*middle(rng, "l"), *block(rng, OUTER, 1, 8)]
    return HEAD + "\n".join(lines) + "\n    return z, t, x, y, v, u, b, r\n"


def changed(source: str) -> tuple[Func, Func]:
    func, context = expand(parse(source))
    for name in ("i", "j", "k", "l"):
        context.natural[name] = True
    return func, multiply(func, context)


def are_equal(func: Func, after: Func) -> None:
    for n in (0, 2, 3, 7):
        rng = np.random.default_rng(n)
        args = *rng.standard_normal((4, n + 2, n)), *rng.standard_normal((2, n + 1)), 0.7, n
        same(run(after, *args), run(func, *args), 1e-10)


def check(seed: int) -> bool:
    func, after = changed(program(seed))
    if "np.dot" not in text(after):
        return False
    are_equal(func, after)
    return True


@pytest.mark.parametrize("first", [0, 50])
def test_random_nests(first: int) -> None:
    assert sum(map(check, range(first, first + 50)))


NEST = HEAD + """    for i in range(n):
        {outer}
        for j in range(n):
            s: float64 = v[j]
            {before}
            for k in range(n):
                {inner}
            {after}
        {last}
    return z, t, x, y, v, u, b, r
"""
SUM = "s = s + x[i, k] * y[k, j]"


def nest(inner: str, before: str = "r = a", after: str = "z[i, j] = s", outer: str = "u[i] = a", last: str = "b = b + a") -> str:
    return NEST.format(inner=inner, before=before, after=after, outer=outer, last=last)


def test_a_sum_in_a_number_and_what_reads_it() -> None:
    func, after = changed(nest(SUM, before="z[i, 0] = a", after="c: float64 = 2.0 * s\n            t[i, j] = c"))
    assert text(after).partition("else:")[0].split("u[i] = a\n")[1] == """\
        for i in range(n):
            for j in range(n):
                s = v[j]
                z[i, 0] = a
                s_kept[i, j] = s
        packed = np.empty((n, n))
        for i in range(n):
            for k in range(n):
                packed[i, k] = x[i, k]
        product = np.dot(packed, y[0:n])
        for i in range(n):
            for j in range(n):
                s_kept[i, j] += product[i, j]
        for i in range(n):
            for j in range(n):
                s = s_kept[i, j]
                c = 2.0 * s
                t[i, j] = c
        for i in range(n):
            b += a
    """
    are_equal(func, after)


MAY = [
    nest(SUM),
    nest("t[k, j] += c * x[i, k]", before="c: float64 = z[i, j] * u[i]", after="b = b + c", outer="u[i] = v[i]", last="r = r + a"),
    nest("t[k, j] += c * x[i, k]", before="c: float64 = sin(v[j])", after="b = b + c", last="r = r + a"),
    nest(SUM, after="for k in range(n):\n                t[k, j] += s * x[i, k]"),
    nest(SUM, before="if v[j] > 0.0:\n                s = 2.0 * s", after="s = s * s\n            z[i, j] = s"),
    nest(SUM, last="for l in range(n):\n            for k in range(n):\n                t[k, l] += x[i, k] * y[i, l]"),
    nest(SUM, outer="q: float64 = b", before="q = q + s", last="b = q").replace("j in range(n)", "j in range(i)"),
]
MAY_NOT = [
    nest(SUM, before="v[j] = v[j] * a", after="v[j] = s"),
    nest(SUM, after="x[i, 0] = s"),
    nest(SUM, before="b = b + a", after="b = b * s"),
    nest("t[k, j] += c * x[i, k]", before="c: float64 = z[j, i]", after="z[i, j] = c"),
    nest(SUM, after="z[j, i] = s", before="s = z[i, j]"),
    nest(SUM, last="u[i] = s"),
    nest("s = s * x[i, k] * y[k, j]"),
    nest("s = s + x[i, k] * y[k, j]\n                u[k] = s"),
    nest("t[k, j] += r * x[i, k]", before="r = v[i]", outer="r = u[i]", last="b = r"),
    nest("z[k, j] += s * x[i, k]", after="s = z[i, j]\n            b = b + s"),
    nest("z[i, j] += x[i, k] * y[k, j]", after="b = b + z[i, 0]"),
]


@pytest.mark.parametrize("source", MAY)
def test_parts(source: str) -> None:
    func, after = changed(source)
    assert "np.dot" in text(after)
    are_equal(func, after)


@pytest.mark.parametrize("source", MAY_NOT)
def test_what_may_not_be_parted(source: str) -> None:
    func, after = changed(source)
    assert text(after) == text(func)


def test_short_sides_that_are_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 4)
    func, after = changed(nest(SUM).replace("for k in range(n)", "for k in range(3)"))
    assert text(after) == text(func)


def layers(x: np.ndarray, w: np.ndarray, b: np.ndarray, w2: np.ndarray) -> float:
    hidden = np.empty((x.shape[0], w.shape[1]))
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            s = b[j]
            for k in range(x.shape[1]):
                s += x[i, k] * w[k, j]
            hidden[i, j] = np.tanh(s)
    for i in range(x.shape[0]):
        for j in range(w2.shape[1]):
            s = 0.0
            for k in range(w.shape[1]):
                s += hidden[i, k] * w2[k, j]
            total += s * s
    return total


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient(dtype: type[np.floating[Any]]) -> None:
    args = [np.asarray(np.sin(np.arange(n * m * 1.0)).reshape(n, m), dtype=dtype) for n, m in ((6, 5), (5, 4), (1, 4), (4, 3))]
    args[2] = args[2][0]
    gradient = value_and_grad(layers, argnums=(0, 1, 2, 3))
    found, expected = gradient(*args), gradient.python(*args)
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found[0], expected[0], rtol=rtol)
    for bar, wanted in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(bar, wanted, rtol=rtol, atol=rtol)
    assert gradient.inspect("compiled", *args).count("np.dot") == 7 or dtype == np.float32
