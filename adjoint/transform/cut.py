"""The cheapest things to keep so that what is wanted can be made of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping

# The two ends of a flow, and the two sides of what it goes through.
_Node = tuple[str, bool] | None
_FROM, _TO = ("", False), None
_ANY = float("inf")


def cheapest(
    costs: Mapping[str, float], made_of: Mapping[str, Collection[str]], wanted: Collection[str]
) -> frozenset[str]:
    """Return what to keep. What is made of nothing is kept, on equal costs, rather than what is made of it.

    Args:
        costs: what keeping costs; what has no cost can't be kept. All that is made of nothing has one.
        made_of: what else is needed to make something, if it isn't kept itself.
        wanted: what has to be there in the end.

    >>> sorted(cheapest({"u": 1, "v": 1, "w": 3, "t": 1}, {"t": ["u", "v"], "s": ["t", "w"]}, ["s"]))
    ['t', 'w']
    >>> sorted(cheapest({"u": 1, "t": 1, "s": 1}, {"t": ["u"], "s": ["u"]}, ["s", "t"]))
    ['u']
    """
    room: dict[_Node, dict[_Node, float]] = defaultdict(dict)
    names = dict.fromkeys((*costs, *made_of, *wanted))
    for name in names:
        _join(room, (name, False), (name, True), costs.get(name, _ANY))
        for part in made_of.get(name, ()):
            _join(room, (part, True), (name, False), _ANY)
        if not made_of.get(name):
            _join(room, _FROM, (name, False), _ANY)
    for name in wanted:
        _join(room, (name, True), _TO, _ANY)
    while _TO in (before := _reached(room)):
        _fill(room, before)
    return frozenset(name for name in names if (name, False) in before and (name, True) not in before)


def _join(room: dict[_Node, dict[_Node, float]], first: _Node, second: _Node, cost: float) -> None:
    room[first][second] = cost
    room[second].setdefault(first, 0)


def _reached(room: Mapping[_Node, Mapping[_Node, float]]) -> dict[_Node, _Node]:
    """Return where there is still a way to, and the step before on a shortest one."""
    before: dict[_Node, _Node] = {_FROM: _FROM}
    todo = deque[_Node]([_FROM])
    while todo and _TO not in before:
        node = todo.popleft()
        for other, left in room[node].items():
            if left > 0 and other not in before:
                before[other] = node
                todo.append(other)
    return before


def _fill(room: Mapping[_Node, dict[_Node, float]], before: Mapping[_Node, _Node]) -> None:
    """Send as much as there is room for along the way that was found."""
    steps: list[tuple[_Node, _Node]] = [(before[_TO], _TO)]
    while steps[-1][0] != _FROM:
        steps.append((before[steps[-1][0]], steps[-1][0]))
    most = min(room[first][second] for first, second in steps)
    for first, second in steps:
        room[first][second] -= most
        room[second][first] += most
