"""Sums of products over groups of loops, of elements of any arrays: products of matrices give the same numbers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from adjoint import check_grads, value_and_grad
from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower import multiply as module
from adjoint.lower.expand import expand
from adjoint.lower.multiply import multiply
from tests.ir_text import parse
from tests.lower.programs import run, same

_ARRAYS = [f"{name}{rank}: float64[{':, ' * (rank - 1)}::1]" for name in "xyz" for rank in range(1, 6)]
HEAD = f"def f({', '.join(_ARRAYS)}, a: float64, n: int64):\n    b: float64 = 0.5\n"
TAIL = f"    return {', '.join(f'z{rank}, x{rank}' for rank in range(1, 6))}, b\n"
RANGES = ["range(n)"] * 6 + ["range(n - 1, -1, -1)", "range(1, n)", "range(n - 2)", "range(2)", "range(2)", "range(i + 1)", "range(i, n)"]
BEFORE = ["b = b + a", "s = x2[i, j]", "z2[i, j] = z2[i, j] * a", "c = x1[j] * a", "c = x1[i]", "z2[j, i] = a", "x1[i] = a"]
AFTER = ["b = b + s * s", "z2[i, j] = s", "c = s * s", "y1[j] = y1[j] + c", "x2[i, j] = s", "z1[i] = z1[i] * s", "s = s * a"]


def element(rng: random.Random, array: str, names: Sequence[str]) -> str:
    """Write an element of an array with these indices in its subscripts, two of which may be added."""
    places = rng.sample(names, len(names))
    for k in range(len(places) // 2):
        if rng.random() < 0.35:
            places[k] = f"{places[k]} + {places.pop()}"
    return f"{array}{len(places)}[{', '.join(places)}]"


def product(rng: random.Random, first: list[str], second: list[str], over: list[str], numbers: bool) -> str:
    factors = [element(rng, "x", first + over), element(rng, "y", second + over)]
    others = ["a", f"x1[{over[0]}]", f"y1[{first[0]}]", *(["c", "e"] if numbers else [])]
    factors += [each for each in others if rng.random() < 0.2]
    rng.shuffle(factors)
    return rng.choice(("{}", "-({})", "-{}")).format(" * ".join(factors))


def term(rng: random.Random, groups: Sequence[Sequence[str]], numbers: bool) -> str:
    """Write a sum of products of elements that have two of three groups of indices each; sometimes it is none."""
    first, second, over = rng.sample([list(group) for group in groups], 3)
    if rng.random() < 0.3:
        value = f"{element(rng, 'y', first + second)} * {product(rng, first, second, over, numbers)}"
        some = rng.sample(first + second, rng.randint(1, len(first + second)))
        return f"{element(rng, 'z', some)} += {rng.choice(('', '-'))}{value}"
    if rng.random() < 0.15:
        rng.choice((first, second)).append(over[0])
    value = product(rng, first, second, over, numbers)
    if rng.random() < 0.25:
        more = product(rng, first, second, over, numbers)
        value = rng.choice(("{} + {}", "{} - {}", "-({} - {})", "{} - ({} + {})")).format(value, more, value)
    target = "s" if numbers and groups[-1] == over and rng.random() < 0.7 else element(rng, "z", first + second)
    return f"s = s + {value}" if target == "s" else f"{target} += {value}"


def nest(rng: random.Random, groups: Sequence[Sequence[str]], indent: int, numbers: bool) -> list[str]:
    lines: list[str] = []
    for name in groups[-1]:
        lines.append(" " * indent + f"for {name} in {rng.choice(RANGES)}:")
        indent += 4
        if numbers and rng.random() < 0.1:
            between = (f"s = s + x2[i, {name}]", f"z1[{name}] += a", "s = a", f"e = x1[{name}]", f"s = s + x2[i, {name}] * y2[{name}, j]")
            lines.append(" " * indent + rng.choice(between))
    return lines + [" " * indent + term(rng, groups, numbers) for _ in range(rng.randint(1, 2))]


def program(seed: int) -> str:
    rng = random.Random(seed)
    middle = ["j", "l"][: rng.choice((1, 1, 2))]
    lines = [f"    for i in {rng.choice(RANGES[:-2])}:"]
    indent = 8
    for name in middle:
        lines.append(" " * indent + f"for {name} in {rng.choice(RANGES)}:")
        indent += 4
    alone = rng.random() < 0.3
    if not alone:
        lines += [" " * indent + line for line in ("s: float64 = 0.0", "c: float64 = a", "e: float64 = 1.0")]
        lines += [" " * indent + line for line in rng.sample(BEFORE, rng.choice((0, 0, 1)))]
    for k in range(1 if alone else rng.randint(1, 2)):
        inner = [name + "1" * k for name in ("p", "q", "r")[: rng.randint(1, 4 - len(middle))]]
        lines += nest(rng, [["i"], middle, inner], indent, not alone)
        lines += [] if alone else [" " * indent + line for line in rng.sample(AFTER, rng.choice((0, 1, 1)))]
    return HEAD + "\n".join(lines) + "\n" + TAIL


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 2)
    for name in ("FEWEST", "FEWER", "SHORTEST"):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(module, "LEAST", 1)


def changed(source: str) -> tuple[Func, Func]:
    func, context = expand(parse(source))
    context.natural |= dict.fromkeys(("i", "j", "l", *(name + k for name in "pqrt" for k in ("", "1"))), True)
    return func, multiply(func, context)


def are_equal(func: Func, after: Func, sizes: Sequence[int] = (0, 1, 3)) -> None:
    for n in sizes:
        rng = np.random.default_rng(n)
        args = [rng.standard_normal((5,) * rank) for _ in "xyz" for rank in range(1, 6)]
        same(run(after, *args, 0.7, n), run(func, *args, 0.7, n), 1e-10)


def check(seed: int) -> bool:
    func, after = changed(program(seed))
    if "np.dot" not in text(after):
        return False
    are_equal(func, after)
    return True


@pytest.mark.parametrize("first", [0, 40])
def test_random_contractions(first: int) -> None:
    assert sum(map(check, range(first, first + 40))) > 9


NEST = HEAD + """    for i in range(n):
        {outer}
        for j in range(n):
            s: float64 = x1[j]
            for p in range(n):
                {between}
                for q in range({stop}):
                    {inner}
            z2[i, j] = s
        {last}
""" + TAIL
SUM = "s = s + x2[i + p, q] * y3[p, q, j]"


def nested(inner: str = SUM, between: str = "pass", outer: str = "b = b + a", last: str = "z1[i] = a", stop: str = "n") -> str:
    source = NEST.format(inner=inner, between=between, outer=outer, last=last, stop=stop)
    return "\n".join(line for line in source.split("\n") if line.strip() != "pass")


MAY = [
    nested(),
    nested("s = s + e * y3[p, q, j]", between="e: float64 = x2[i, p]"),
    nested("s = s + x1[k] * (x2[i, q] - a) * y3[p, q, j]", between="k: int64 = i + p"),
    nested("s = s - x3[i, p, q] * y2[q, p] * x1[q] * y1[j + p]"),
]
MAY_NOT = [
    nested("s = s + x2[i + j, q] * y3[p, q, j]"),
    nested("s = s + x2[i + p, q] * y3[p, q, j] * z2[q, p]"),
    nested(last="x2[i, 0] = a"),
    nested(outer="y3[i, 0, 0] = a"),
    nested(between="b = b + a"),
    nested(stop="p + 1"),
    nested(stop="j + 1"),
    nested("s = s + k * x2[i, q] * y2[q, j]\n                    k = k + a", between="k: float64 = 0.0"),
    nested("s = s + sin(x2[i, p]) * y3[p, q, j]"),
    nested("s = s + x2[i, p] * y2[p, 0]"),
    nested("s = s + e * y3[p, q, j]", between="e = x2[i, p]").replace("float64 = 0.5\n", "float64 = 0.5\n    e: float64 = a\n").replace(
        "return z1", "return e, z1"
    ),
    nested(between="s = s + x2[i, p] * y2[p, j]"),
    nested(between="x1[0] = a").replace("y3[p, q, j]", "y3[p, q, j] * x1[0]"),
]


ENDS = [
    nested(between="w: int64 = n - p", stop="w"),
    nested(between="w: int64 = n - 1", stop="w"),
    nested(stop="w").replace("s: float64 = x1[j]", "w: int64 = n - j\n            s: float64 = x1[j]"),
    nested(stop="w").replace("for j in range(n)", "w: int64 = n - i\n        for j in range(n)"),
]


@pytest.mark.parametrize("source", ENDS)
def test_an_end_of_a_loop_that_an_iteration_has_for_itself(source: str) -> None:
    func, after = changed(source)
    assert text(after) == text(func)


@pytest.mark.parametrize("source", MAY)
def test_groups_of_loops(source: str) -> None:
    func, after = changed(source)
    assert "np.dot" in text(after)
    are_equal(func, after)


@pytest.mark.parametrize("source", MAY_NOT)
def test_what_is_left_alone(source: str) -> None:
    func, after = changed(source)
    assert text(after) == text(func)


def test_lengths_that_are_both_negative_have_no_product() -> None:
    func, after = changed(nested(stop="n - 4").replace("for p in range(n)", "for p in range(n - 4)").replace("x1[j]", "0.5"))
    assert "np.dot" in text(after)
    are_equal(func, after)


def test_a_factor_of_two_parts_is_put_into_a_matrix_once() -> None:
    loops = "for l in range(n):\n            for r in range(n):\n                for t in range(n):\n"
    source = nested(last=f"{loops}                    z3[r, t, l] += y2[i, l] * x2[i + r, t]")
    func, context = expand(parse(source))
    context.natural |= dict.fromkeys("ijlpqrt", True)
    after = multiply(func, context)
    assert text(after).count("np.dot") == 2
    assert text(after).count("] = x2[i +") == 1
    are_equal(func, after)


OTHERS = {
    "written between": ("for l in range(n):\n            x2[i, l] = x2[i, l] * a", "range(n)", 2),
    "other ranges": ("z1[i] = a", "range(2)", 2),
    "the same": ("z1[i] = a", "range(n)", 1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_another_factor_later_is_put_into_a_matrix_again(name: str) -> None:
    between, ranges, count = OTHERS[name]
    again = f"{between}\n        for l in range(n):\n            for r in range(n):\n                for t in {ranges}:\n"
    again += " " * 20 + "z3[i, l, i] += x2[i, t] * y3[r, t, l]"
    func, after = changed(nested("s = s + x2[i, q] * y3[p, q, j]", last=again))
    assert text(after).count("np.dot") == 2
    assert len(re.findall(r"packed.*\] = x2\[", text(after))) == count
    are_equal(func, after)


def test_a_triangle_beside_has_blocks_of_its_own() -> None:
    triangle = "for l in range(i + 1):\n            for t in range(n):\n                z2[i, l] += x2[i, t] * y2[l, t]"
    func, after = changed(nested("s = s + x2[i, q] * y3[p, q, j]", last=triangle))
    assert text(after).count("np.dot") == 2
    are_equal(func, after, (3, 4, 5))


def test_groups_of_as_many_indices_in_all_have_matrices_of_their_own() -> None:
    source = HEAD + """    for i in range(n):
        for j in range(n):
            for l in range(n):
                for p in range(n):
                    for q in range(n):
                        z3[i, j, l] += x3[i, p, q] * y4[j, l, p, q]
        for t in range(n):
            for p1 in range(n):
                for q1 in range(n):
                    for r1 in range(n):
                        z2[i, t] += x4[i, p1, q1, r1] * y4[p1, q1, r1, t]
""" + TAIL
    func, after = changed(source)
    assert text(after).count("np.dot") == 2
    are_equal(func, after)


INSIDE = HEAD + """    for i in range(n):
        for j in range(n):
            {between}
            for l in range(n):
                s: float64 = 0.0
                {before}
                for p in range(n):
                    s = s + x2[i, p] * y3[p, j, l]
                {after}
""" + TAIL


def test_middle_loops() -> None:
    whole = INSIDE.replace("            {between}\n", "")
    func, after = changed(whole.format(before="z3[i, j, l] = a", after="z3[i, j, l] = s * z3[i, j, l]"))
    assert "np.dot" in text(after)
    are_equal(func, after)
    func, after = changed(whole.format(before="z2[i, j] = z2[i, j] + a", after="z3[i, j, l] = s * z2[i, j]"))
    assert text(after) == text(func)
    func, after = changed(INSIDE.format(between="b = b + a", before="x1[l] = x1[l]", after="z3[i, j, l] = s"))
    assert text(after) == text(func)


def convolution(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[0] - w.shape[0] + 1):
        for o in range(w.shape[2]):
            s = b[o]
            for p in range(w.shape[0]):
                for c in range(w.shape[1]):
                    s += x[i + p, c] * w[p, c, o]
            total += np.sin(s)
    return total


def transposed(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> float:
    out = np.zeros((x.shape[0] + w.shape[0] - 1, w.shape[2]))
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            for p in range(w.shape[0]):
                for o in range(w.shape[2]):
                    out[i + p, o] += x[i, c] * w[p, c, o]
    return np.sum(out * out)


SHAPES = (9, 2), (3, 2, 4), (4,)


def waves(dtype: str) -> list[np.ndarray]:
    return [np.asarray(np.sin(np.arange(np.prod(shape) * 1.0)).reshape(shape), dtype=dtype) for shape in SHAPES]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradient(dtype: str) -> None:
    args = waves(dtype)
    gradient = value_and_grad(convolution, argnums=(0, 1, 2))
    found, expected = gradient(*args), gradient.python(*args)
    rtol = 1e-12 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found[0], expected[0], rtol=rtol)
    for bar, wanted in zip(found[1], expected[1], strict=True):
        assert bar.dtype == wanted.dtype
        np.testing.assert_allclose(bar, wanted, rtol=rtol, atol=rtol)
    assert gradient.inspect("compiled", *args).count("np.dot") == 3 or dtype == "float32"


@pytest.mark.parametrize("fun", [convolution, transposed])
def test_both_modes_and_the_second_order(fun: Callable[..., float]) -> None:
    check_grads(fun, waves("float64"), order=2, modes=("fwd", "rev"))
