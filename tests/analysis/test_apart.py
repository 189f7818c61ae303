"""What `partners` tells apart is apart when the program runs: random programs, with the memory that names refer to."""

from __future__ import annotations

import itertools
import textwrap
from random import Random
from typing import Any

import numpy as np
import pytest

from adjoint.analysis.apart import partners
from adjoint.analysis.sharing import memory_classes
from tests.ir_text import parse

NAMES = ("a", "b", "c", "d")


class _Writer:
    """Writes statements that make, show, exchange and keep arrays, with loops between them that are looked at."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.loops = itertools.count()

    def program(self) -> str:
        start = [f"{name}: float64[:] = zeros(n)" for name in NAMES] + ["kept = list(a)", "other = list(b)"]
        return "def f(n: int64):\n" + textwrap.indent("\n".join([*start, *self.block(0, 6)]), "    ")

    def block(self, depth: int, size: int) -> list[str]:
        return [line for _ in range(size) for line in self.stmt(depth)]

    def stmt(self, depth: int) -> list[str]:
        x, y, z = self.random.choices(NAMES, k=3)
        kinds = ["new", "same", "view", "swap", "keep", "take", "look", "look"]
        match self.random.choice(kinds + ["loop", "branch"] * (depth < 2)):
            case "new":
                return [f"{x} = zeros(n)"]
            case "same":
                return [f"{x} = {y}"]
            case "view":
                return [f"{x} = {y}[0:]"]
            case "swap":
                return [f"{x}, {y} = {y}, {z}"] if x != y else [f"{x} = {z}"]
            case "keep":
                return [f"append({self.random.choice(('kept', 'other'))}, {x})"]
            case "take":
                return [f"{x} = {self.random.choice(('kept', 'other'))}[-1]"]
            case "loop":
                index = f"t{next(self.loops)}"
                return [f"for {index} in range(3):", *(f"    {line}" for line in self.block(depth + 1, 4))]
            case "branch":
                then, orelse = (self.block(depth + 1, 2) for _ in range(2))
                body = [f"if a[0] > {self.random.random() * 4.0}:", *(f"    {line}" for line in then), "else:"]
                return [*body, *(f"    {line}" for line in orelse)]
            case _:
                index = f"look{next(self.loops)}"
                return [f"for {index} in range(1):", f"    {x}[0] += 1.0"]


def _run(source: str) -> dict[str, set[tuple[str, str]]]:
    """The pairs of names that have been seen to share memory, by the loop that they were seen at."""
    seen: dict[str, set[tuple[str, str]]] = {}

    def look(loop: str, **arrays: np.ndarray) -> range:
        pairs = itertools.combinations(sorted(arrays), 2)
        seen.setdefault(loop, set()).update(p for p in pairs if np.shares_memory(arrays[p[0]], arrays[p[1]]))
        return range(1)

    lines: list[str] = []
    for line in source.replace(": float64[:]", "").replace("list(a)", "[a]").replace("list(b)", "[b]").splitlines():
        index = line.strip().removeprefix("for ").partition(" ")[0]
        arrays = ", ".join(f"{name}={name}" for name in NAMES)
        lines.append(line.replace("range(1)", f"look('{index}', {arrays})"))
    scope: dict[str, Any] = {"zeros": np.zeros, "look": look, "append": lambda names, each: names.append(each)}
    exec("\n".join(lines).replace("n: int64", "n"), scope)
    scope["f"](3)
    return seen


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_what_shares_memory_is_known(first: int) -> None:
    apart = 0
    for seed in range(first, first + 100):
        source = _Writer(seed).program()
        func = parse(source)
        found = {loop.index.name: shared for loop, shared in partners(func, memory_classes(func)).values()}
        for loop, pairs in _run(source).items():
            assert all(b in found.get(loop, {}).get(a, ()) for a, b in pairs), f"{source}\n{loop}: {pairs}"
            apart += 6 - len({p for p in itertools.combinations(NAMES, 2) if p[1] in found.get(loop, {}).get(p[0], ())})
    assert apart > 100  # or everything would be right
