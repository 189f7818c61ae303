"""Memory classes, and what is live and needed where."""

from __future__ import annotations

import doctest

import pytest
from numba import types as nb

from adjoint.analysis import effects, liveness, sharing
from adjoint.analysis.liveness import Liveness, Site, holds_memory, memory_classes
from adjoint.ir import Func
from tests.ir_text import parse

ARRAY = "float64[:]"


@pytest.mark.parametrize("module", [effects, liveness, sharing])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


def classes(func: Func) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name, cls in memory_classes(func).items():
        groups.setdefault(cls, []).append(name)
    return list(groups.values())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = x", [["x", "y"]]),
        ("y = x[1:]", [["x", "y"]]),
        ("y = x[k]", [["x"], ["k"], ["y"]]),  # an index array copies
        ("y = transpose(x)", [["x", "y"]]),
        ("y = x * 2.0", [["x"], ["y"]]),
        ("y = copy(x)", [["x"], ["y"]]),
        ("y = zeros_like(x); y[...] = x", [["x"], ["y"]]),  # a store into an array copies
        ("y = zeros_like(x); z = zeros_like(x); y, z = z, y", [["x"], ["y", "z"]]),
        ("l = list(x); y = l[0]", [["x", "l", "y"]]),
        ("l = list(); append(l, x); y = pop(l)", [["l", "x", "y"]]),
        ("l = list(); l[0] = x", [["l", "x"]]),
        ("t = tuple(x, z); y = item(t, 1)", [["x", "t", "z", "y"]]),
        ("y = x if s < 1.0 else z", [["x", "y", "z"]]),
        ("y = ref.f(x)", [["x", "y"]]),
        ("y = helper.f(x, z)", [["x", "y", "z"]]),
        ("s = sum(x)", [["x"]]),
    ],
)
def test_memory_classes(body, expected):
    """Arrays share memory with what they may be views of; scalars are in no class."""
    types = {"s": nb.float64, "l": nb.List(nb.Array(nb.float64, 1, "C"))}
    types |= {"t": nb.UniTuple(nb.Array(nb.float64, 1, "C"), 2), "k": "int64[:]"}
    text = "\n".join(["def f():", *(f"    {line}" for line in body.split("; "))])
    found = classes(parse(text, types=types, default=ARRAY))
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = x", [["x", "y"]]),
        ("y = 0.0; n = dim(x, 0)", [["x"]]),
        ("y = 0.0; y += x", [["x"], ["y"]]),
        ("y = zeros(3); y[0] = x", [["x"], ["y"]]),
        ("z[0] = x", [["x", "z"]]),  # may be a list
        ("y = list(); y[0] = x", [["x", "y"]]),
    ],
)
def test_names_without_a_type_may_be_arrays(body, expected):
    text = "\n".join(["def f(x):", *(f"    {line}" for line in body.split("; "))])
    assert sorted(map(sorted, classes(parse(text)))) == sorted(map(sorted, expected))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (nb.float64, False),
        (nb.boolean, False),
        (nb.none, False),
        (nb.unicode_type, False),
        (nb.UniTuple(nb.int64, 2), False),
        (nb.Array(nb.float64, 1, "C"), True),
        (nb.List(nb.float64), True),
        (nb.Tuple((nb.int64, nb.Array(nb.float64, 1, "C"))), True),
        (None, True),
    ],
)
def test_holds_memory(kind, expected):
    assert holds_memory(kind) is expected


def facts(text: str, **options: object) -> tuple[Liveness, list[Site]]:
    found = liveness.liveness(parse(text, default="float64"), **options)
    return found, [inner for site in found.sites for inner in site.within()]


def test_values_live_around_a_loop():
    found, (_, loop, use, change, _) = facts("""
    def f(n, a):
        x = a
        for i in range(n):
            y = x * a
            x = y + 1.0
        return x
    """)
    assert found.live_after(use) == {"y", "a"}  # x is bound again before it is read
    assert found.live_after(change) == {"x", "a"}
    assert found.live_after(loop) == {"x"}


def test_the_flag_of_a_loop_is_read_at_its_end():
    found, (*_, flag, after, _) = facts("""
    def f(n, a):
        for i in range(n, until=done):
            done = a > 1.0
            a = a * 2.0
        return a
    """)
    assert found.live_after(flag) == {"a", "done"}
    assert "done" in found.live_after(after)


def test_an_endless_loop_runs_its_body_at_least_once():
    found, (before, *_) = facts("""
    def f(a):
        b = 1.0
        while until(True, done):
            b = a
            done = b > 1.0
        return b
    """)
    assert found.live_after(before) == {"a"}


def test_an_index_may_be_read_after_a_loop_without_iterations():
    found, (before, *_) = facts("""
    def f(n):
        i = 7
        for i in range(n):
            pass
        return i
    """)
    assert "i" in found.live_after(before)


def test_needed_values_only():
    """The counter keeps itself alive, but nothing else needs it."""
    text = """
    def f(n, a):
        c = 0.0
        for i in range(n):
            c = c + 1.0
            a = a * 2.0
        return a
    """
    plain, places = facts(text)
    strict, _ = facts(text, needed_only=True)
    assert plain.live_after(places[0]) == {"a", "n", "c"}
    assert strict.live_after(places[0]) == {"a", "n"}
    assert [bool(strict.needed[site.position]) for site in places] == [False, True, False, True, True]


def test_contents():
    text = """
    def f(x: float64[:]):
        y: float64[:] = copy(x)
        z: float64[:] = y[1:]
        z[0] = 1.0
        s = y[0]
        y[...] = 0.0
        return s
    """
    found = liveness.liveness(parse(text, default="float64"), observable=())
    _, _, store, _, over, _ = found.sites
    assert found.contents_after(store) == {"y", "z"}
    assert found.contents_after(over) == frozenset()
    assert liveness.liveness(parse(text, default="float64")).contents_after(over) == {"x"}


def test_whole_overwrite_forgets_what_was_there():
    found, (_, store, *_) = facts("""
    def f(x):
        y: float64[:] = zeros(3)
        y[0] = x
        y[...] = 0.0
        return y
    """)
    assert found.contents_after(store) == frozenset()


def test_positions_follow_the_text():
    func = parse("""
    def f(a, n):
        if a < 1.0:
            a = 2.0
        else:
            for i in range(n):
                a = a + 1.0
        return a
    """)
    assert [inner.position for site in liveness.sites(func) for inner in site.within()] == list(range(5))
