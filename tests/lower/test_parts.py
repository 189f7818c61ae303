"""Zeros that are written over in parts, and stores that nobody reads: text, numbers, and what must stay."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint.codegen.emit import text
from adjoint.ir import Func
from adjoint.lower.expand import expand
from adjoint.lower.parts import in_parts
from adjoint.lower.unread import drop_unread_stores
from tests.ir_text import parse
from tests.lower.programs import function_of, run, same

VECTOR = """
def f(x: float64[:], y: float64[:], n: int64, m: int64):
    s: float64 = 0.0
    z: float64[:] = zeros(n)
{}
    for last in range(n):
        s += z[last] * y[last]
    return s, z
"""
MATRIX = """
def f(a: float64[:, :], n: int64, m: int64):
    s: float64 = 0.0
    z: float64[:, :] = zeros((n, m))
{}
    return s, z
"""
# Statements, and the zeros that are left: all, none, or in some places.
PARTS = {
    "first and rest": (["z[0] = x[0]", "for i in range(1, n):", "    z[i] = x[i]"], ""),
    "rest and first": (["for i in range(1, n):", "    z[i] = x[i]", "z[0] = x[0]"], ""),
    "shifted": (["z[0] = x[0]", "for i in range(n - 1):", "    z[i + 1] = x[i]"], ""),
    "both ends": (["z[0] = x[0]", "z[n - 1] = 2.0", "for i in range(1, n - 1):", "    z[i] = x[i]"], ""),
    "from the end": (["z[-1] = x[0]", "for i in range(n - 2, -1, -1):", "    z[i] = x[i] + z[i + 1]"], ""),
    "the other way round": (["for i in range(n):", "    z[n - 1 - i] = x[i]"], ""),
    "a recurrence": (["z[0] = x[0]", "for i in range(1, n):", "    z[i] = x[i] * z[i - 1]"], ""),
    "two parts": (["for i in range(m):", "    z[i] = x[i]", "for j in range(m, n):", "    z[j] = y[j]"], ""),
    "a sum": (["for i in range(1, n):", "    z[i] += x[i]", "z[0] += x[0]"], ""),
    "a sum twice": (["z[0] += x[0]", "for i in range(1, n):", "    z[i] += x[i]", "    z[i] += y[i]"], ""),
    "all but the last": (["for i in range(n - 1):", "    z[i] += x[i]"], "range(max(n - 1, 0), n)"),
    "all but the last, there": (["z[0] = x[0]", "for i in range(1, n - 1):", "    z[i] = x[i]"], "range(max(n - 1, 0), n)"),
    "all but two": (["for i in range(1, n - 1):", "    z[i] = x[i]"], "range(min(1, n))"),
    "two loops over the same": (["for i in range(n):", "    z[i] = x[i]", "for j in range(n):", "    z[j] += x[j]"], ""),
    "read too soon": (["z[0] = x[0]", "for i in range(1, n - 1):", "    z[i] = x[i] + z[i + 1]"], "np.zeros"),
    "read from the other end": (["for i in range(n):", "    z[i] = x[i]", "    s += z[n - 1 - i]"], "np.zeros"),
    "read ahead": (["for i in range(n - 1):", "    z[i] = x[i]", "    s += z[i + 1]", "z[n - 1] = 1.0"], "np.zeros"),
    "a name for two places": (["k: int64 = 1", "z[k] = 5.0", "k = 0", "for i in range(1, n):", "    z[i] = x[k]"], "range(min(1, n))"),
    "a length that changes": (["for i in range(n - 1):", "    z[i] = x[i]", "n = 0"], "np.zeros"),
    "a sum in a branch": (["for i in range(1, n):", "    z[i] = x[i]", "if m > 0:", "    z[0] += 1.0"], "range(min(1, n))"),
    "read before": (["s += z[n - 1]", "for i in range(n):", "    z[i] = x[i]"], "np.zeros"),
    "read in between": (["z[0] = x[0]", "s += z[m]", "for i in range(1, n):", "    z[i] = x[i]"], "np.zeros"),
    "every other": (["z[0] = x[0]", "for i in range(1, n, 2):", "    z[i] = x[i]"], "np.zeros"),
    "a half": (["for i in range(m):", "    z[i] = x[i]"], "np.zeros"),
    "a gap": (["for i in range(m):", "    z[i] = x[i]", "for j in range(m + 1, n):", "    z[j] = y[j]"], "z[place] = 0.0"),
    "a branch": (["z[0] = x[0]", "if m > 1:", "    for i in range(1, n):", "        z[i] = x[i]"], "np.zeros"),
    "perhaps no turn": (["for i in range(m):", "    z[0] = x[0]", "for j in range(1, n):", "    z[j] = x[j]"], "range(min(1, n))"),
    "a place that moves": (["k: int64 = m", "z[k] = 1.0", "for i in range(1, n):", "    z[i] = x[i]"], "range(min(1, n))"),
    "sums side by side": (["for i in range(n - 1):", "    z[i] += x[i]", "for i in range(n - 1):", "    z[i + 1] += x[i]"], "np.zeros"),
    "sums that meet": (["z[0] = 1.0", "for i in range(1, n - 1):", "    z[i] += x[i]", "    z[i + 1] += x[i]"], "np.zeros"),
    "sums that may meet": (["z[m] += 1.0", "for i in range(n):", "    z[i] += x[i]"], "np.zeros"),
    "sums from the end": (["for i in range(n - 1):", "    z[i - 1] += x[i]", "z[n - 2] += 1.0"], "np.zeros"),
}


def unfilled(shape: Any, *_: Any) -> Any:
    """Memory with something in it that shows if it is read."""
    return np.full(shape, np.nan)


def checked(func: Func, change: Callable[..., Func], monkeypatch: pytest.MonkeyPatch, *args: object) -> str:
    """Run a program before and after a pass, with memory that isn't zero; return the text after it."""
    before, context = expand(func)
    after = change(before, context)
    wanted = run(before, *args)
    with monkeypatch.context() as patch:
        patch.setattr(np, "empty", unfilled)
        same(run(after, *args), wanted, 1e-14)
    return text(after)


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_a_vector(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, left = PARTS[name]
    func = parse(VECTOR.format("\n".join(f"    {line}" for line in lines)))
    rng = np.random.default_rng(1)
    for n in (6, 2, 0):
        if n or not re.search(r"[xz]\[(0|-1|k|m|n - .)\]", text(func)):
            found = checked(func, in_parts, monkeypatch, rng.random(8), rng.random(8), n, min(n, 1))
            assert left in found and (left == "np.zeros") is ("np.zeros" in found)
            assert left or "place" not in found


BORDERS = [
    *("for j in range(m):", "    z[0, j] = a[0, j]", "    z[n - 1, j] = 1.0"),
    *("for i in range(n):", "    z[i, 0] = a[i, 0]", "    z[i, m - 1] = 2.0"),
]
INSIDE = ["for i in range(1, n - 1):", "    for j in range(1, m - 1):", "        z[i, j] = a[i, j] + z[i - 1, j]"]
WHOLE = ["for i in range(n):", "    for j in range(m):", "        z[i, j] = 0.5 * a[i, j]"]
GRIDS = {
    "borders and inside": ([*BORDERS, *INSIDE], ""),
    "inside, and borders that read it": ([*INSIDE[:2], "        z[i, j] = a[i, j]", *BORDERS, "s += z[0, m - 1]"], ""),
    "three borders": ([*BORDERS[:-1], *INSIDE], "z[place, place_1] = 0.0"),
    "inside only": (INSIDE, "np.zeros"),
    "a triangle": (["for i in range(n):", "    for j in range(i, m):", "        z[i, j] = a[i, j]"], "np.zeros"),
    "row by row": (["for i in range(n):", "    z[i, 0] = 1.0", "    for j in range(1, m):", "        z[i, j] = z[i, j - 1] * a[i, j]"], ""),
    "rows that grow": (
        ["for j in range(m):", "    z[0, j] = 1.0", "for i in range(n - 1):", "    for j in range(i + 1):"]
        + ["        z[i + 1, j] = a[i, j]", "    s += z[i, i]", *WHOLE],
        "np.zeros",
    ),
    "lengths that grow": (
        ["for j in range(m):", "    z[0, j] = 1.0", "for i in range(n - 1):", "    w: float64[:] = empty(i * i + 1)"]
        + ["    for j in range(dim(w, 0)):", "        z[i + 1, j] = a[i, j]"]
        + ["    for k in range(dim(w, 0)):", "        s += z[i, k]", *WHOLE],
        "np.zeros",
    ),
    "a column that moves": (
        ["for i in range(n):", "    w: float64[:] = empty(i)", "    z[i, dim(w, 0)] = a[i, 0]", "s += z[0, dim(w, 0)]"]
        + WHOLE,
        "np.zeros",
    ),
    "a diagonal": (["for i in range(n):", "    z[i, i] = a[i, i]"], "np.zeros"),
}


@pytest.mark.parametrize("name", GRIDS)
def test_parts_of_a_grid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, left = GRIDS[name]
    func = parse(MATRIX.format("\n".join(f"    {line}" for line in lines)))
    for shape in ((5, 11), (2, 2), (1, 3)):
        found = checked(func, in_parts, monkeypatch, np.random.default_rng(2).random((5, 11)), *shape)
        assert left in found and (left == "np.zeros") is ("np.zeros" in found)


def test_where_an_element_is_known_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["w: float64[:] = empty(n)", "w[0] = x[0]", "u: float64[:] = zeros(n)", "for i in range(n - 1):", "    u[i] += x[i]"]
    func = parse(VECTOR.format("\n".join(f"    {line}" for line in [*lines, "s += u[n - 1]"])))
    assert "u[n - 1] = 0.0" in checked(func, in_parts, monkeypatch, np.ones(4), np.ones(4), 3, 1)


def test_a_name_that_means_something_else_later(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["k: int64 = 1", "for t in range(m):", "    w: float64[:] = zeros(n)", "    w[k] = 5.0"]
    lines += ["    for i in range(1, n):", "        w[i] = x[i]", "    s += w[0]", "k = 0"]
    func = parse(VECTOR.format("\n".join(f"    {line}" for line in lines)))
    assert "w[place] = 0.0" in checked(func, in_parts, monkeypatch, np.ones(4), np.ones(4), 3, 1)


def test_a_length_that_has_no_name_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["u: float64[:] = zeros_like(x)", "for i in range(dim(x, 0) - 1):", "    u[i] += x[i]", "k: int64 = n * n"]
    lines += ["w: float64[:] = empty(k)", "for j in range(k):", "    w[j] = y[j]", "v: float64[:] = w + x", "s += v[0] + u[0]"]
    func = parse(VECTOR.format("\n".join(f"    {line}" for line in lines)))
    assert "u = np.zeros" in checked(func, in_parts, monkeypatch, np.ones(4), np.ones(4), 2, 1)


UNREAD = {
    "zeros, and parts": (["for i in range(n):", "    z[i] = 7.0", "z[0] = x[0]", "for j in range(1, n):", "    z[j] = x[j]"], True),
    "a part": (["z[0] = 7.0", "for j in range(n):", "    z[j] = x[j]"], True),
    "other elements are read": (["for i in range(1, n):", "    z[i] = 7.0", "s += z[0]", "for j in range(n):", "    z[j] = x[j]"], True),
    "just read": (["for i in range(1, n):", "    s += z[i]", "    z[i] = 7.0", "for j in range(n):", "    z[j] = x[j]"], True),
    "the next is read": (["for i in range(1, n):", "    z[i] = 7.0", "    s += z[i - 1]", "for j in range(n):", "    z[j] = x[j]"], False),
    "read later": (["for i in range(1, n):", "    z[i] = 7.0", "s += z[n - 1]", "for j in range(n):", "    z[j] = x[j]"], False),
    "another loop": (["for i in range(1, n):", "    z[i] = 7.0", "for j in range(1, n):", "    s += z[j]", "for j in range(n):", "    z[j] = x[j]"], False),
    "added to": (["for i in range(n):", "    z[i] = 7.0", "for j in range(n):", "    z[j] += x[j]"], False),
    "partly": (["for i in range(n):", "    z[i] = 7.0", "for j in range(1, n):", "    z[j] = x[j]"], False),
    "a branch": (["z[0] = 7.0", "if m > 1:", "    z[0] = 1.0"], False),
    "from the end": (["for i in range(n):", "    z[i] = 7.0", "s += z[-1]", "for j in range(n):", "    z[j] = x[j]"], False),
    "negative": (["z[n - 1] = 7.0", "s += z[m - 2]", "for j in range(n):", "    z[j] = x[j]"], False),
    "the next is read, downwards": (["for i in range(n - 2, -1, -1):", "    z[i] = 7.0", "    s += z[i + 1]", "for j in range(n):", "    z[j] = x[j]"], False),
    "the one before is read, downwards": (["for i in range(n - 1, 0, -1):", "    z[i] = 7.0", "    s += z[i - 1]", "for j in range(n):", "    z[j] = x[j]"], True),
    "a turn later": (["for i in range(n):", "    z[0] = 7.0", "    for k in range(i, 1):", "        z[k] = x[k]", "s += z[0]"], False),
}


@pytest.mark.parametrize("name", UNREAD)
def test_unread_stores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, gone = UNREAD[name]
    func = parse(VECTOR.replace("return s, z", "return s").format("\n".join(f"    {line}" for line in lines)))
    found = checked(func, drop_unread_stores, monkeypatch, np.arange(1.0, 6.0), np.ones(5), 4, 1)
    assert ("7.0" not in found) is gone


def test_the_end_of_an_array_is_its_block() -> None:
    body = "    for t in range(m):\n        {}w[0] = x[t]\n        s += w[0]\n        w[0] = 7.0"
    made, outside = "w: float64[:] = empty(n)\n", "    w: float64[:] = empty(n)\n"
    for around, inside, gone in (("", made + "        ", True), (outside, "", False)):
        func = parse(VECTOR.format(around + body.format(inside).replace("w[0] = x[t]\n        s += w[0]", "s += w[0] * x[t]")))
        assert ("7.0" not in text(drop_unread_stores(*expand(func)))) is gone


def test_what_is_used_after_its_block() -> None:
    lines = ["for t in range(m):", "    w: float64[:] = empty(n)", "    w[0] = 7.0", "s += w[0]"]
    func = parse(VECTOR.format("\n".join(f"    {line}" for line in lines)))
    assert "7.0" in text(drop_unread_stores(*expand(func)))


def test_what_a_store_does_besides() -> None:
    lines = ["tape: List(float64) = list()", "append(tape, s)", "z[0] = pop(tape)", "for i in range(n):", "    z[i] = x[i]"]
    func = parse(VECTOR.replace("return s, z", "return s").format("\n".join(f"    {line}" for line in lines)))
    assert "pop" in text(drop_unread_stores(*expand(func)))


# --- random programs --------------------------------------------------------------------------------------------------


COVERS = [
    ["z[0] = #", "for @ in range(1, n):\n    z[@] = #"],
    ["z[n - 1] = #", "for @ in range(n - 2, -1, -1):\n    z[@] = #"],
    ["for @ in range(n - 1):\n    z[@ + 1] += #", "z[0] += #"],
    ["z[0] = #", "z[-1] = #", "for @ in range(1, n - 1):\n    z[@] = #"],
    ["for @ in range(m):\n    z[@] = #", "for @ in range(m, n):\n    z[@] = #"],
    ["for @ in range(n):\n    z[n - 1 - @] += #"],
    ["for @ in range(n - 1):\n    z[@] += #"],
    ["for @ in range(1, n):\n    z[@ - 1] = #"],
]
NOISE = [
    *("s += z[%]", "z[%] += 0.5", "z[%] = 0.25", "if m > 1:\n    z[%] = x[0]", "for @ in range(m):\n    z[@] = 2.0"),
    "for @ in range(1, n):\n    s += z[@ - 1]\n    z[@] += y[@]",
    "for @ in range(n - 1):\n    z[@] = x[@]\n    z[@ + 1] += #",
]


def lines_of(rng: random.Random) -> list[str]:
    """Return statements that write parts of a vector, and read it, most often after that."""
    parts = [part for cover in rng.sample(COVERS, 2) for part in cover]
    for _ in range(rng.randint(0, 2)):
        at = rng.choice(["0", "n - 1", "-1", "m", "1", "m - 1"])
        parts.insert(rng.randint(0, len(parts)), rng.choice(NOISE).replace("%", at))
    found: list[str] = []
    for k, part in enumerate(parts):
        places = ["i", "i", "i - 1", "i + 1", "0"] if "@" in part else ["0", "n - 1"]
        value = rng.choice(["x[0]", "x[0]", "0.5", "z[%] * 0.5"]).replace("%", rng.choice(places).replace("i", f"i{k}"))
        found += part.replace("@", f"i{k}").replace("#", value).split("\n")
    return found


@pytest.mark.parametrize("change", [in_parts, drop_unread_stores])
def test_random_parts(change: Callable[..., Func], monkeypatch: pytest.MonkeyPatch) -> None:
    changed = 0
    for seed in range(150):
        lines = lines_of(random.Random(seed))
        written = VECTOR if change is in_parts else VECTOR.replace("return s, z", "return s")
        before, context = expand(parse(written.format("\n".join(f"    {line}" for line in lines))))
        after = change(before, context)
        if text(after) == text(before):
            continue
        changed += 1
        plain, fast = function_of(before), function_of(after)
        for n, m in ((0, 0), (1, 0), (2, 1), (3, 2), (5, 2)):
            args = np.arange(1.0, 9.0), np.ones(8) * 1.5, n, m
            try:
                wanted = plain(*args)
            except IndexError:
                continue
            with monkeypatch.context() as patch:
                patch.setattr(np, "empty", unfilled)
                same(fast(*args), wanted, 1e-14)
    assert changed > 30
