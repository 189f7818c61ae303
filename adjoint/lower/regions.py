"""Arrays that share a name in blocks that have nothing to do with each other get names of their own.

The backward sweep that runs a part of the function again (`transform.replay`) uses its names again. Each use then is
what one of them needs, and not what both need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adjoint.ir import Block, Effect, Func, Let, Var
from adjoint.ir.walk import blocks, bound, map_blocks, mentioned, mentioned_within, names_in, statements, with_body
from adjoint.rules.numba_types import Type, is_array
from adjoint.transform.renaming import rename_block


def regions(func: Func, kinds: Mapping[str, Type], fresh: Callable[[str], Var]) -> Func:
    """Rename an array in all but the first of the blocks that bind it before they do anything else with it.

    All uses are in such blocks, so that no value goes from one to the other.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     for i in range(n):
    ...         t: float64[:] = x * 2.0
    ...         s += t[0]
    ...     for i in range(n):
    ...         t = x * 2.0
    ...         s += t[1]
    ...     return s
    ... ''')
    >>> print(dump(regions(before, before.types, lambda name: Var(f"{name}_2"))), end="")
    func f(x, n)
        s = 0.0
        for i in range(0, n, 1)
            t = mul(x, 2.0)
            s += getitem(t, 0)
        for i in range(0, n, 1)
            t_2 = mul(x, 2.0)
            s += getitem(t_2, 1)
        return s
    """
    finder = _Finder(func, kinds)
    finder.block(func.body, frozenset(finder.candidates))
    often = {name for name, count in finder.times.items() if count > 1} & finder.candidates
    return with_body(func, _Renamer(finder.starts, often, fresh).block(func.body)) if often else func


class _Finder:
    """Finds for each array the blocks that start with a binding of it; `candidates` are those with nothing else."""

    def __init__(self, func: Func, kinds: Mapping[str, Type]) -> None:
        self.candidates: set[str] = set()
        for stmt in statements(func.body):
            self.candidates |= {var.name for var in bound(stmt) if is_array(kinds.get(var.name))}
        self.candidates -= {p.name for p in func.params}
        for stmt in statements(func.body):
            if isinstance(stmt, Effect) and stmt.value.prim == "move":
                self.candidates -= set(mentioned(stmt))
        self.starts: dict[int, set[str]] = {}
        self.times: dict[str, int] = {}

    def block(self, block: Block, open_: frozenset[str]) -> None:
        """Find the arrays among `open_` that a block, or one in it, has for itself."""
        inside: set[str] = set()
        known: set[str] = set()
        for stmt in block:
            names = (mentioned_within(stmt) & open_) - known
            if not names:
                continue
            direct = names.intersection(mentioned(stmt))
            if isinstance(stmt, Let) and stmt.target.name in direct:
                name = stmt.target.name
                if name not in names_in(stmt.value) and name not in inside:
                    known.add(name)
                    self.times[name] = self.times.get(name, 0) + 1
                    direct -= {name}
            self.candidates -= direct
            rest = names - direct
            inside |= rest
            for inner in blocks(stmt):
                self.block(inner, frozenset(rest))
        # A block may stand in several places.
        self.starts[id(block)] = known


class _Renamer:
    def __init__(self, starts: Mapping[int, set[str]], often: set[str], fresh: Callable[[str], Var]) -> None:
        self.starts = starts
        self.often = often
        self.fresh = fresh
        self.seen: set[str] = set()

    def block(self, block: Block) -> Block:
        names: dict[str, str] = {}
        for name in sorted(self.starts.get(id(block), set[str]()) & self.often):
            if name in self.seen:
                names[name] = self.fresh(name).name
            self.seen.add(name)
        done = tuple(map_blocks(stmt, self.block) for stmt in block)
        return rename_block(done, names) if names else done
