"""Counted loops over numbers and elements, written so that what belongs to one iteration is seen to do so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from adjoint.analysis.ranges import counts_by_one, ends
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import (
    bound,
    map_blocks,
    mentioned,
    mentions_of,
    names_in,
    nested,
    operands,
    statements,
    subexpressions,
    with_body,
)
from adjoint.lower.uses import Uses, element_arrays, mentions
from adjoint.rules.numba_types import Type, is_number
from adjoint.transform.renaming import rename_block


def separated(func: Func, kinds: Mapping[str, Type]) -> Func:
    """Write sums as such, and make arrays in the iterations of a loop that fill and read them, each on its own.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     y: float64[:] = empty(n)
    ...     for i in range(n):
    ...         for j in range(n):
    ...             y[j] = x[j]
    ...         for j in range(n):
    ...             t: float64 = s + y[j]
    ...             s = t
    ...     return s
    ... ''')
    >>> print(text(separated(func, func.types)), end="")
    def f(x, n):
        s = 0.0
        for i in range(n):
            y = np.empty(n)
            for j in range(n):
                y[j] = x[j]
            for j in range(n):
                s += y[j]
        return s
    """
    counts = mentions_of(func)
    func = with_body(func, settled(func.body, counts))
    return with_body(func, _Mover(func, element_arrays(func, kinds)).block(func.body))


def rejoined(func: Func, kinds: Mapping[str, Type]) -> Func:
    """Write sums as such, and `t = s; ...; s = t` without `t`, where nothing, in between or elsewhere, needs both.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 0.0
    ...     for i in range(n):
    ...         t: float64 = s
    ...         for j in range(n):
    ...             t += x[j]
    ...         s = t
    ...     return s
    ... ''')
    >>> print(dump(rejoined(func, func.types)), end="")
    func f(x, n)
        s = 0.0
        for i in range(0, n, 1)
            for j in range(0, n, 1)
                s += getitem(x, j)
        return s
    """
    counts = mentions_of(func)
    return with_body(func, _rejoined(settled(func.body, counts), counts, kinds))


def _rejoined(block: Block, counts: Mapping[str, int], kinds: Mapping[str, Type]) -> Block:
    out = [map_blocks(stmt, lambda inner: _rejoined(inner, counts, kinds)) for stmt in block]
    position = 0
    while position < len(out):
        match out[position]:
            case Let(Var(name), Var(source)) if name != source and is_number(kinds.get(name)):
                end = _given_back(out, position, name, source, counts[name])
                if end is not None and kinds.get(name) == kinds.get(source):
                    out[position : end + 1] = rename_block(tuple(out[position + 1 : end]), {name: source})
                    continue
            case _:
                pass
        position += 1
    return tuple(out)


def _given_back(block: Sequence[Stmt], start: int, name: str, source: str, count: int) -> int | None:
    """Return where a name gets back the value of another one, which is mentioned so often, all of it up to there."""
    found = mentioned(block[start]).count(name)
    for position in range(start + 1, len(block)):
        stmt = block[position]
        found += sum(mentioned(each).count(name) for each in statements((stmt,)))
        if isinstance(stmt, Let) and stmt.target.name == source and stmt.value == Var(name):
            return position if found == count else None
        if mentions(stmt, source):
            return None
    return None


def is_candidate(loop: For) -> bool:
    """Whether a loop has nothing in it but numbers, elements and counted loops, one of which at least."""
    return loop.step == Lit(1) and _is_plain(loop) and any(isinstance(stmt, For) for stmt in loop.body)


def _is_plain(loop: For) -> bool:
    if not counts_by_one(loop):
        return False
    return all(_is_plain_stmt(stmt) for stmt in loop.body)


def _is_plain_stmt(stmt: Stmt) -> bool:
    match stmt:
        case For():
            return _is_plain(stmt)
        case Store() | Accum() | Let() | Comment():
            return True
        case _:
            return False


def targets(stmt: Stmt) -> Iterator[Var]:
    match stmt:
        case Let(target) | Accum(target, ()):
            yield target
        case For(index):
            yield index
        case _:
            pass


def written(stmt: Stmt) -> Iterator[str]:
    match stmt:
        case Store(Var(name), _) | Accum(Var(name), (_, *_)):
            yield name
        case _:
            pass


def places(stmt: Stmt) -> Iterator[tuple[Expr, ...]]:
    """Yield the subscripts of all elements that a statement uses."""
    if isinstance(stmt, Store | Accum):
        yield stmt.index
    for expr in operands(stmt):
        yield from (p.args[1:] for p in subexpressions(expr) if isinstance(p, Call) and p.prim == "getitem")


def settled(block: Block, counts: Mapping[str, int]) -> Block:
    """Write `t = s + x; ...; s = t` as `s = s + x; ...` where `t` is used nowhere else: sums are seen as such.

    `counts` says how often the whole program mentions each name.
    """
    out = [map_blocks(stmt, lambda inner: settled(inner, counts)) for stmt in block]
    position = 0
    while position < len(out):
        stmt = out[position]
        match stmt:
            case Let(Var(name), Var(source)) if counts[source] == 2:
                made = _made_at(out, position, name, source)
                if made is not None:
                    out[made] = replace(out[made], target=stmt.target)
                    del out[position]
                    continue
            case _:
                pass
        position += 1
    return tuple(out)


def _made_at(block: Sequence[Stmt], end: int, name: str, source: str) -> int | None:
    """Return where a name is bound whose value another name may have from there on."""
    for position in range(end - 1, -1, -1):
        stmt = block[position]
        if isinstance(stmt, Let) and stmt.target.name == source:
            return position
        if mentions(stmt, name) or mentions(stmt, source):
            return None
    return None


class _Mover:
    """Makes arrays in the iterations of a loop that fill and read them, each on its own."""

    def __init__(self, func: Func, arrays: Mapping[str, Uses]) -> None:
        self.arrays = {n for n, uses in arrays.items() if uses.made and is_empty(uses.made.value)}
        self.counts = mentions_of(func)
        self.bindings = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))

    def block(self, block: Block) -> Block:
        out = [map_blocks(stmt, self.block) for stmt in block]
        for made in [stmt for stmt in out if isinstance(stmt, Let) and stmt.target.name in self.arrays]:
            name = made.target.name
            place = next((k for k, stmt in enumerate(out) if stmt is not made and mentions(stmt, name)), None)
            loop = None if place is None else out[place]
            if place is not None and isinstance(loop, For) and self.is_private(name, made, loop):
                out[place] = replace(loop, body=(made, *loop.body))
                out.remove(made)
        return tuple(out)

    def is_private(self, name: str, made: Let, loop: For) -> bool:
        """Whether an array of one axis is used in a loop only, and what is read of it has been written just before."""
        inside = sum(mentioned(stmt).count(name) for stmt in nested(loop))
        fixed = all(self.bindings[other] <= 1 for other in names_in(made.value))
        users = [stmt for stmt in loop.body if mentions(stmt, name)]
        if not is_candidate(loop) or inside + 1 != self.counts[name] or not fixed:
            return False
        first, *others = users
        if not isinstance(first, For) or not any(_stores(stmt, name, first.index) for stmt in first.body):
            return False
        if any(name in names_in(expr) for stmt in nested(first) for expr in _read_by(stmt)):
            return False
        return all(isinstance(user, For) and ends(user) == ends(first) and _reads_at(user, name) for user in others)


def is_empty(value: Expr) -> bool:
    """Whether a value is memory for an array that nothing has been stored in."""
    return isinstance(value, Call) and value.prim == "empty"


def _stores(stmt: Stmt, name: str, index: Var) -> bool:
    return isinstance(stmt, Store) and stmt.array.name == name and stmt.index == (index,)


def _read_by(stmt: Stmt) -> tuple[Expr, ...]:
    """Return what a statement reads, the elements it writes left out, but for sums."""
    return (*stmt.index, stmt.value) if isinstance(stmt, Store) else operands(stmt)


def _reads_at(loop: For, name: str) -> bool:
    """Whether all that a loop does with an array of one axis is to read the element of its index."""
    there = Call("getitem", (Var(name), loop.index))
    again = any(loop.index in targets(stmt) for stmt in nested(loop))
    if again or any(isinstance(stmt, Store | Accum) and name in written(stmt) for stmt in nested(loop)):
        return False
    for stmt in nested(loop):
        for expr in operands(stmt):
            reads = sum(part == there for part in subexpressions(expr))
            if names_in(expr).count(name) != reads:
                return False
    return True
