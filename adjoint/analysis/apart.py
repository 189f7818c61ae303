"""Which names may refer to the same memory where a loop starts.

Memory classes hold for a whole function, so buffers that change places (`a, b = b, a`; `old = new; new = zeros(n)`) are
in one class. Where a loop uses them, each is an array of its own: this follows the names in the order of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adjoint.analysis.sharing import KEEPERS, Sharing, shared_names
from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import names_in

# For each name those that may refer to memory that it refers to, or that is held in it.
Partners = Mapping[str, frozenset[str]]
_NOBODY = frozenset[str]()


def partners(func: Func, classes: Mapping[str, str]) -> dict[int, tuple[For, Partners]]:
    """Return what is shared at the start of every iteration, by the `id` of the loop (which stands beside it).

    `classes` are the memory classes of the program.

    >>> from adjoint.analysis.sharing import memory_classes
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     old: float64[:] = zeros(n)
    ...     new: float64[:] = empty(n)
    ...     for t in range(n):
    ...         row: float64[:] = old[1:]
    ...         for i in range(n):
    ...             new[i] = row[i]
    ...         spare: float64[:] = old
    ...         old = new
    ...         new = spare
    ... ''')
    >>> for loop, names in partners(func, memory_classes(func)).values():
    ...     print(loop.index.name, *sorted({tuple(sorted((a, b))) for a, others in names.items() for b in others}))
    t ('new', 'row') ('new', 'spare') ('row', 'spare')
    i ('new', 'spare') ('old', 'row')
    """
    walk = _Walk(func, classes)
    if walk.shared:
        walk.block(func.body, {})
    return walk.found


class _Walk:
    """Goes through the text in its order; around a loop until nothing is added."""

    def __init__(self, func: Func, classes: Mapping[str, str]) -> None:
        self.sharing = Sharing(func)
        self.shared = shared_names(classes)
        self.found: dict[int, tuple[For, Partners]] = {}

    def block(self, block: Block, now: Partners) -> Partners:
        for stmt in block:
            now = self.stmt(stmt, now)
        return now

    def stmt(self, stmt: Stmt, now: Partners) -> Partners:
        match stmt:
            case Let(target, value) if target.name in self.shared:
                return _bound(now, target.name, self.shown(value, now))
            case Store(array, _, value) if array.name in self.shared and not self.sharing.is_array(array.name):
                return self.held(array, (value,), now)
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                return self.moved(targets, values, now)
            case Effect(Call(prim, (target, *values))) if prim in KEEPERS or prim.startswith("ref:"):
                return self.held(target, values, now)
            case For() | While():
                return self.loop(stmt, now)
            case If(_, then, orelse):
                return _either(self.block(then, now), self.block(orelse, now))
            case _:
                return now

    def loop(self, loop: For | While, now: Partners) -> Partners:
        while True:
            if isinstance(loop, For):
                self.found[id(loop)] = (loop, now)
            following = _either(now, self.block(loop.body, now))
            if following == now:
                return now
            now = following

    def shown(self, value: Expr, now: Partners) -> frozenset[str]:
        """Return the names that share memory with a value."""
        sources = [name for name in self.sharing.sources(value) if name in self.shared]
        return frozenset(sources).union(*(now.get(name, _NOBODY) for name in sources))

    def moved(self, targets: Iterable[Expr], values: Iterable[Expr], now: Partners) -> Partners:
        """All values are taken before the first name is bound: through names that no program has."""
        both = zip(targets, values, strict=True)
        pairs = [(t.name, v) for t, v in both if isinstance(t, Var) and t.name in self.shared]
        for target, value in pairs:
            now = _bound(now, f"={target}", self.shown(value, now))
        for target, _ in pairs:
            now = _bound(now, target, now.get(f"={target}", _NOBODY) | {f"={target}"})
        for target, _ in pairs:
            now = _bound(now, f"={target}", _NOBODY)
        return now

    def held(self, holder: Expr, values: Iterable[Expr], now: Partners) -> Partners:
        """Something is put into a list, or into whatever a function of the user's puts it."""
        for name in names_in(holder):
            names = {name} | {n for n in now.get(name, _NOBODY) if not self.sharing.is_array(n)}
            for value in values:
                for each in names & self.shared:
                    now = _joined(now, each, self.shown(value, now) - {each})
        return now


def _bound(now: Partners, name: str, those: frozenset[str]) -> Partners:
    """Return the partners after a name is bound to something else, that shares memory with `those`."""
    now = {n: rest for n, others in now.items() if n != name and (rest := others - {name})}
    return _joined(now, name, those - {name})


def _joined(now: Partners, name: str, those: frozenset[str]) -> Partners:
    if not those:
        return now
    after = dict(now)
    after[name] = after.get(name, _NOBODY) | those
    for each in those:
        after[each] = after.get(each, _NOBODY) | {name}
    return after


def _either(one: Partners, other: Partners) -> Partners:
    if one == other:
        return one
    return {name: one.get(name, _NOBODY) | other.get(name, _NOBODY) for name in (*one, *other)}
