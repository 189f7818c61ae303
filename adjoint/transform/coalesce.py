"""Leave SSA: give values that are never alive together one name, the user's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.effects import Action, actions, binds_of
from adjoint.analysis.liveness import Liveness, Site, liveness, sites
from adjoint.ir import Block, Call, Effect, For, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, mentioned
from adjoint.transform.dce import moves
from adjoint.transform.hints import all_hints, hint_of
from adjoint.transform.renaming import rename_block


def coalesce(func: Func, hints: Mapping[str, str] | None = None) -> Func:
    """Return an imperative program in which names that never interfere share a name.

    Merged are the two sides of a copy (`a = b`, also in a parallel `move`), and the versions of one user variable
    (names with the same hint; `x_1_bar` goes with `x_bar` as `x_1` does with `x`). Copies of a name to itself vanish.
    Names interfere if one is bound while the other is alive and may hold another value (Chaitin 1982). Never merged
    are names of different type or with different hints, two parameters, the index of a loop with what its body binds
    (copies of the index aside), and a name private to a parallel loop with one from outside.
    A merged name keeps the parameter's name, else a member's that is its own hint, else that of the first member with
    a hint.

    Args:
        func: the program, without dead code for best results; every name that is read has been bound before.
        hints: the user's names for values; by default `func.hints`.

    Cost: about one pass per level of loops, and one bit set operation for each pair of names considered.

    >>> from tests.ir_text import parse
    >>> from adjoint.ir.dump import dump
    >>> before = parse('''
    ... def f(x, n):
    ...     x_1 = x
    ...     for i in range(n):
    ...         _1 = x_1 * 2.0
    ...         x_2 = _1 + 1.0
    ...         x_1 = x_2
    ...     return x_1
    ... ''')
    >>> print(dump(coalesce(before)), end="")
    func f(x, n)
        for i in range(0, n, 1)
            _1 = mul(x, 2.0)
            x = add(_1, 1.0)
        return x
    """
    groups = _groups(func, all_hints(func, hints))
    for a, b in _copies(func, groups.facts.sites):
        groups.merge(a, b)
    groups.merge_versions()
    return groups.apply()


def adopt(func: Func) -> Func:
    """Merge only temporaries with what they are copied to or from: `_1 = e; x = _1` becomes `x = e`."""
    known = all_hints(func)
    if not any(hint_of(b, known) is None for _, b in _copies(func, sites(func))):
        return func
    groups = _groups(func, known)
    for a, b in _copies(func, groups.facts.sites):
        if hint_of(b, known) is None:
            groups.merge(a, b)
    return groups.apply()


def _groups(func: Func, hints: Mapping[str, str]) -> _Groups:
    facts = liveness(func, classes={})
    return _Groups(func, facts, _conflicts(func, facts), hints)


def _conflicts(func: Func, facts: Liveness) -> list[int]:
    """Return for each name, by bit, the names that may be alive with another value when it is bound."""
    found = [0] * len(facts.names)
    params = _mask([param.name for param in func.params], facts)
    for param in func.params:
        found[facts.names[param.name]] |= params
    for site in (inner for top in facts.sites for inner in top.within()):
        if isinstance(site.stmt, For):
            bit = facts.names[site.stmt.index.name]
            found[bit] |= facts.start[site.position] | _bound_in_body(site, func, facts)
        else:
            _bind(actions(site.stmt, func), facts.after[site.position], facts, found)
    return [mask & ~(1 << bit) for bit, mask in enumerate(found)]


def _bind(done: Sequence[Action], alive: int, facts: Liveness, found: list[int]) -> None:
    targets = {name for action in done for name in action.binds}
    for action in done:
        # After a parallel move a source that is itself a target has another value.
        same = 0 if action.copies is None or action.copies in targets else 1 << facts.names[action.copies]
        for name in action.binds:
            found[facts.names[name]] |= alive & ~same


def _bound_in_body(loop: Site, func: Func, facts: Liveness) -> int:
    """Return the names that the body of a loop binds to anything but the loop's index."""
    assert isinstance(loop.stmt, For)
    index = loop.stmt.index
    names: list[str] = []
    for site in (inner for block in loop.blocks for top in block for inner in top.within()):
        if loop.stmt.parallel or not (isinstance(site.stmt, Let) and site.stmt.value == index):
            names += binds_of(site.stmt, func)
    return _mask(names, facts)


def _mask(names: Sequence[str], facts: Liveness) -> int:
    mask = 0
    for name in names:
        mask |= 1 << facts.names[name]
    return mask


def _copies(func: Func, sites: Sequence[Site]) -> list[tuple[str, str]]:
    """Return the pairs of names in copies, those in the innermost loops first."""
    found = list(_copies_in(func, sites, 0))
    return [pair for _, pair in sorted(found, key=lambda item: -item[0])]


def _copies_in(func: Func, block: Sequence[Site], depth: int) -> Iterator[tuple[int, tuple[str, str]]]:
    for site in block:
        if not site.blocks:
            for action in actions(site.stmt, func):
                if action.copies is not None:
                    yield depth, (action.binds[0], action.copies)
        for inner in site.blocks:
            yield from _copies_in(func, inner, depth + (len(site.blocks) == 1))


def _regions(sites: Sequence[Site]) -> dict[str, int]:
    """Map the names that occur only inside a parallel loop to the innermost such loop."""
    everywhere = _occurrences(sites)
    found: dict[str, int] = {}
    for loop in (site for top in sites for site in top.within()):
        if isinstance(loop.stmt, For) and loop.stmt.parallel:
            inside = _occurrences(loop.blocks[0])
            found.update({name: loop.position for name, count in inside.items() if count == everywhere[name]})
    return found


def _occurrences(block: Sequence[Site]) -> Counter[str]:
    return Counter(name for top in block for site in top.within() for name in mentioned(site.stmt))


@dataclass
class _Group:
    members: list[str]
    mask: int
    conflicts: int
    hint: str | None
    kind: tuple[object, int]


@dataclass
class _Groups:
    """A partition of the names, from single names to what can share a name."""

    func: Func
    facts: Liveness
    conflicts: list[int]
    hints: Mapping[str, str]
    of: dict[str, _Group] = field(init=False)

    def __post_init__(self) -> None:
        regions = _regions(self.facts.sites)
        self.of = {
            name: _Group([name], 1 << bit, self.conflicts[bit], hint_of(name, self.hints), self.kind(name, regions))
            for name, bit in self.facts.names.items()
        }

    def kind(self, name: str, regions: Mapping[str, int]) -> tuple[object, int]:
        return self.func.types.get(name), regions.get(name, -1)

    def merge(self, a: str, b: str) -> bool:
        """Merge the groups of two names if they go together; say whether they are one group now."""
        first, second = self.of[a], self.of[b]
        if first is second:
            return True
        if first.kind != second.kind or None not in (first.hint, second.hint) and first.hint != second.hint:
            return False
        if first.conflicts & second.mask or second.conflicts & first.mask:
            return False
        first.members += second.members
        first.mask |= second.mask
        first.conflicts |= second.conflicts
        first.hint = second.hint if first.hint is None else first.hint
        for name in second.members:
            self.of[name] = first
        return True

    def merge_versions(self) -> None:
        """Merge the versions of each user variable, each into the first that it doesn't interfere with."""
        versions: dict[str, list[str]] = {}
        for name in self.facts.names:
            if (hint := hint_of(name, self.hints)) is not None:
                versions.setdefault(hint, []).append(name)
        for names in versions.values():
            for position, name in enumerate(names):
                any(self.merge(earlier, name) for earlier in names[:position])

    def final_names(self) -> dict[str, str]:
        """Map each name that loses to the name of its group."""
        final: dict[str, str] = {}
        for name in self.facts.names:
            group = self.of[name]
            if len(group.members) > 1 and name == min(group.members, key=self.facts.names.__getitem__):
                best = min(group.members, key=self.rank)
                final.update({member: best for member in group.members if member != best})
        return final

    def apply(self) -> Func:
        """Return the program with one name for each group."""
        final = self.final_names()
        body = _without_identities(rename_block(self.func.body, final))
        kept = {final.get(name, name): hint for name in self.facts.names if (hint := self.of[name].hint) is not None}
        return replace(self.func, body=body, hints={**self.func.hints, **kept})

    def rank(self, name: str) -> tuple[bool, bool, bool, int]:
        hint = hint_of(name, self.hints)
        is_param = any(param.name == name for param in self.func.params)
        return not is_param, name != hint, hint is None, self.facts.names[name]


def _without_identities(block: Block) -> Block:
    return tuple(done for stmt in block for done in _clean(stmt))


def _clean(stmt: Stmt) -> Sequence[Stmt]:
    match stmt:
        case Let(target, Var() as value) if target == value:
            return ()
        case Effect(Call("move", (Call(args=targets), Call(args=values)))):
            return moves([(t, v) for t, v in zip(targets, values, strict=True) if t != v], stmt)
        case _:
            return (map_blocks(stmt, _without_identities),)
