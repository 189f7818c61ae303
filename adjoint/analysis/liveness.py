"""Backward liveness of names and of array contents, on imperative programs.

Two questions share one analysis. *What is live?* counts every statement. *What is needed?* (`needed_only`) counts a
statement only if something needed reads what it binds or writes, so that values which only keep each other alive,
around a loop for example, come out as dead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from adjoint.analysis.effects import Action, actions
from adjoint.analysis.sharing import external_names, holds_memory, memory_classes
from adjoint.ir import Block, For, Func, If, Lit, Stmt, While
from adjoint.ir.walk import blocks, names_of, nested, remembered, statements_of

__all__ = ["Liveness", "Site", "holds_memory", "liveness", "memory_classes", "sites"]


@dataclass(eq=False, slots=True)
class Site:
    """A statement and its place: the number of statements before it in the text. `walk.statements` counts the same.

    Nobody changes one; they aren't frozen because there are too many of them, see `ir.immutable`.
    """

    stmt: Stmt
    position: int
    blocks: tuple[tuple[Site, ...], ...] = ()

    def within(self) -> Iterator[Site]:
        """Yield this site and all nested ones, in the order of the text."""
        yield self
        for block in self.blocks:
            for site in block:
                yield from site.within()


@dataclass(frozen=True, eq=False, slots=True)
class Liveness:
    """Facts about each statement, by `Site.position`. Sets are bit masks: bit `names[n]` stands for the name `n`.

    `after` is what is live after a statement; `start` what is live at the start of a loop's body, the index included.
    Bits beyond the names stand for the contents of memory classes.
    `needed` has a bit for each action of a statement that is needed, or a 1 for a needed loop or branch.
    """

    sites: tuple[Site, ...]
    names: Mapping[str, int]
    contents: Mapping[str, int]
    after: Sequence[int]
    start: Mapping[int, int]
    needed: Sequence[int]

    def live_after(self, site: Site) -> frozenset[str]:
        """Return the names whose values may be read after a statement."""
        live = self.after[site.position]
        return frozenset(name for name, bit in self.names.items() if live >> bit & 1)

    def is_live_after(self, site: Site, name: str) -> bool:
        """Whether the value of a name may be read after a statement."""
        return bool(self.after[site.position] >> self.names[name] & 1)

    def contents_after(self, site: Site) -> frozenset[str]:
        """Return the names whose contents, as they are after a statement, may be read later."""
        return frozenset(name for name, bit in self.contents.items() if self.after[site.position] >> bit & 1)


@remembered
def sites(func: Func) -> tuple[Site, ...]:
    """Return the statements of a program with their places."""
    return _sites(func.body, 0)


def _sites(block: Block, position: int) -> tuple[Site, ...]:
    found: list[Site] = []
    for stmt in block:
        if not isinstance(stmt, For | While | If):
            found.append(Site(stmt, position))
            position += 1
            continue
        inner: list[tuple[Site, ...]] = []
        end = position + 1
        for body in blocks(stmt):
            inner.append(_sites(body, end))
            end += len(body) + sum(len(nested(each)) for each in body if isinstance(each, For | While | If))
        found.append(Site(stmt, position, tuple(inner)))
        position = end
    return tuple(found)


def liveness(
    func: Func,
    *,
    needed_only: bool = False,
    observable: Collection[str] | None = None,
    classes: Mapping[str, str] | None = None,
) -> Liveness:
    """Return what is live after each statement of an imperative program.

    Args:
        func: the program; `Func.types` tells scalars from arrays, a name without a type may be either.
        needed_only: count only statements that something needed depends on (and effects such as `print`).
        observable: parameters whose contents the caller looks at afterwards; by default all of them.
        classes: memory classes, if known; an empty mapping leaves array contents out of the account.

    Cost: one pass, and one more for each level of loops.

    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(a, n):
    ...     b = a * 2.0
    ...     s = 0.0
    ...     for i in range(n):
    ...         s = s + b
    ...     return s
    ... ''', default="float64")
    >>> facts = liveness(func)
    >>> [sorted(facts.live_after(site)) for site in facts.sites]
    [['b', 'n'], ['b', 'n', 's'], ['s'], []]
    """
    seen = [param.name for param in func.params] if observable is None else observable
    found = memory_classes(func) if classes is None else classes
    solver = _Solver(func, found, needed_only, frozenset(seen) | external_names(func))
    solver.block(solver.sites, solver.outside)
    return Liveness(solver.sites, solver.names, solver.contents, solver.after, solver.start, solver.needed)


# An action as bit masks: what it binds, reads, changes and forgets, and whether it is required.
_Masks = tuple[int, int, int, int, bool]


@dataclass(eq=False, slots=True)
class _Named:
    """The names of a program by their bits, and for each statement its actions, with the names they bind and read."""

    names: dict[str, int]
    actions: list[tuple[tuple[Action, int, int], ...]]


@remembered
def _named(func: Func) -> _Named:
    mentions = dict.fromkeys(chain((param.name for param in func.params), names_of(func)))
    names = {name: bit for bit, name in enumerate(mentions)}
    bits = {name: 1 << bit for name, bit in names.items()}
    found: list[tuple[tuple[Action, int, int], ...]] = []
    for stmt in statements_of(func):
        masks: list[tuple[Action, int, int]] = []
        for action in actions(stmt, func):
            binds = reads = 0
            for name in action.binds:
                binds |= bits[name]
            for name in action.reads:
                reads |= bits[name]
            masks.append((action, binds, reads))
        found.append(tuple(masks))
    return _Named(names, found)


class _Solver:
    """The backward walk. Facts only grow, so loops start from what they found the last time they were visited."""

    def __init__(self, func: Func, classes: Mapping[str, str], needed_only: bool, observable: frozenset[str]) -> None:
        self.needed_only = needed_only
        self.sites = sites(func)
        named, params = _named(func), [param.name for param in func.params]
        self.names = named.names
        bits = {cls: len(self.names) + k for k, cls in enumerate(dict.fromkeys(classes.values()))}
        self.contents = {name: bits[cls] for name, cls in classes.items()}
        self.memory = {name: 1 << bit for name, bit in self.contents.items()}
        self.outside = 0
        for name in classes.keys() & observable:
            self.outside |= self.memory[name]
        size = Counter(classes.values())
        self.alone = frozenset(name for name, cls in classes.items() if size[cls] == 1)
        self.private = self.alone - observable - frozenset(params)
        self.masks = [tuple([self._masks(*each) for each in done]) for done in named.actions]
        self.after = [0] * len(self.masks)
        self.needed = [0] * len(self.masks)
        self.head = [0] * len(self.masks)
        self.start: dict[int, int] = {}

    def _masks(self, action: Action, binds: int, reads: int) -> _Masks:
        bound, _, inspected, changed, replaced, _, required = action
        memory, changes, forgets = self.memory, 0, 0
        if not memory:
            return binds, reads, 0, 0, required
        for name in inspected:
            if name in memory:
                reads |= memory[name]
        for name in changed:
            if name in memory:
                changes |= memory[name]
        if replaced:
            # Old contents are out of reach once the only name for them is bound again, or once all are overwritten.
            fresh = self.private if bound else self.alone
            for name in replaced:
                if name in fresh:
                    forgets |= memory[name]
        return binds, reads, changes, forgets, required

    def block(self, block: Sequence[Site], live: int) -> int:
        for site in reversed(block):
            self.after[site.position] = live
            if isinstance(site.stmt, For | While):
                live = self.loop(site, live)
            elif isinstance(site.stmt, If):
                live = self.branch(site, live)
            else:
                live = self.simple(site.position, live)
        return live

    def simple(self, position: int, live: int) -> int:
        gone = read = needed = 0
        number = 1
        for binds, reads, changes, forgets, required in self.masks[position]:
            gone |= binds | forgets
            if not self.needed_only or required or live & (binds | changes):
                needed |= number
                read |= reads
            number <<= 1
        self.needed[position] = needed
        return live & ~gone | read

    def branch(self, site: Site, live: int) -> int:
        then, orelse = (self.block(block, live) for block in site.blocks)
        needed = self.does_something(site) or self.must_evaluate(site, then | orelse)
        self.needed[site.position] = int(needed)
        return then | orelse | self.header(site) if needed else live

    def loop(self, site: Site, live: int) -> int:
        """Go around a loop until nothing changes; return what is live before it."""
        stmt = site.stmt
        assert isinstance(stmt, For | While)
        index = 1 << self.names[stmt.index.name] if isinstance(stmt, For) else 0
        test = self.header(site) if isinstance(stmt, While) else 0
        until = 1 << self.names[stmt.until.name] if stmt.until is not None else 0
        endless = isinstance(stmt, While) and stmt.cond == Lit(True)
        head = self.head[site.position] | (0 if endless else live)
        needed = self.is_needed(site, live, index)
        while True:
            head |= test if needed else 0
            start = self.block(site.blocks[0], head | live | (until if needed else 0))
            state = (head | start & ~index, self.is_needed(site, live, index))
            if state == (head, needed):
                break
            head, needed = state
        self.head[site.position], self.start[site.position] = head, start
        self.needed[site.position] = int(needed)
        return head | self.header(site) if needed else live

    def header(self, site: Site) -> int:
        return self.masks[site.position][0][1]

    def is_needed(self, site: Site, live: int, index: int) -> bool:
        """Say whether a loop has to stay, as far as is known."""
        return self.does_something(site) or bool(live & index) or self.must_evaluate(site, live)

    def does_something(self, site: Site) -> bool:
        return not self.needed_only or any(self.needed[inner.position] for block in site.blocks for inner in block)

    def must_evaluate(self, site: Site, live: int) -> bool:
        """Say whether the bounds or the condition have an effect of their own."""
        ((_, _, changes, _, required),) = self.masks[site.position]
        return required or bool(changes & live)
