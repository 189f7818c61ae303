"""Scatter to gather for kernels: each thread fetches what others would have added to its element.

Iterations of a nest of loops add to elements at constant distances from their own: `u[i - 1] += v; u[i + 1] += w`. As
threads they would have to add atomically. Instead an iteration of a new nest does, for each distance, what the
iteration at that distance does, and adds up what is for its own element. All else stays in the nest that was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from adjoint.analysis.dependence import Dependence
from adjoint.analysis.effects import binds_of
from adjoint.analysis.iterations import exposed, map_loops
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.threads import Threads, threads
from adjoint.analysis.written import offset_from, shifted
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import map_blocks, names_in, nested, operands, statements, subexpressions, unshared
from adjoint.rules.numba_types import element_type, is_array, types

# More distances than these are not worth doing everything again for each.
MOST = 9
_Offsets = tuple[int, ...]


def gather_nests(func: Func) -> Func:
    """Let iterations fetch what is to be added to elements of their own, where they add at constant distances.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     for i in range(1, n):
    ...         x[i - 1] += y[i]
    ...         x[i] += y[i]
    ... ''')
    >>> print(text(gather_nests(func)), end="")
    def f(x, y, n):
        if 1 < n:
            for own in range(n):
                total = 0.0
                i = own + 1
                if i < n:
                    total += y[i]
                i = own
                if i >= 1:
                    total += y[i]
                x[own] += total
    """
    func = replace(func, body=unshared(func.body))
    maker = _Maker(func, Dependence(func), memory_classes(func), dict(func.types))
    body = map_loops(func, maker.change)
    return replace(func, body=unshared(body), types=maker.types)


@dataclass(frozen=True, slots=True)
class _Target:
    """An array that iterations add to: for each axis the loop along it (a number: no loop), and the distances."""

    name: str
    axes: tuple[int | Lit, ...]
    offsets: tuple[_Offsets, ...]


@dataclass(eq=False)
class _Maker:
    func: Func
    uses: Dependence
    classes: Mapping[str, str]
    types: dict[str, object]

    def fresh(self, word: str, kind: object) -> Var:
        name, number = word, 1
        while name in self.types:
            number += 1
            name = f"{word}_{number}"
        self.types[name] = kind
        return Var(name)

    def change(self, loop: For, live: frozenset[str], depth: int) -> Sequence[Stmt] | None:
        found = threads(self.func, loop, depth, live, self.uses)
        return self.nest(loop, found, live, depth) if isinstance(found, Threads) else None

    def nest(self, loop: For, found: Threads, live: frozenset[str], depth: int) -> Sequence[Stmt]:
        loops = _perfect(loop)
        added = None if loops is None else self.added(loops, found, live, depth)
        if loops is None or added is None:
            return [loop]
        body = loops[-1].body
        targets = [t for name in added if (t := self.target(name, loops, body)) is not None]
        for target in targets:
            if not self.may_do_again(target, loops, body):
                return [loop]
        if not targets:
            return [loop]
        names = {target.name for target in targets}
        rest = _without(body, names)
        totals = [name for name, _ in found.totals]
        made = [_around(loops, rest)] if _does(rest, self.func, totals) else []
        gathered = tuple(self.gathered(target, loops, body) for target in targets)
        some = reduce(_both, (Call("lt", (each.start, each.stop)) for each in loops))
        return [*made, If(some, gathered)]

    def added(self, loops: Sequence[For], found: Threads, live: frozenset[str], depth: int) -> Sequence[str] | None:
        """Return the arrays to which several iterations of one of the loops add; None if these are no threads."""
        names = list(found.added)
        for k, each in enumerate(loops[1:], 1):
            live |= exposed(loops[k - 1].body, (), self.func)[0]
            inner = threads(self.func, each, depth + k, live, self.uses)
            if not isinstance(inner, Threads):
                return None
            names += inner.added
        return list(dict.fromkeys(names))

    # -- whether it can be done ------------------------------------------------------------------------------

    def target(self, name: str, loops: Sequence[For], body: Block) -> _Target | None:
        """Return at which distances iterations add to an array, if these are constant."""
        adds = [s for s in statements(body) if isinstance(s, Accum) and s.index and self.root(s) == name]
        places = [_place(stmt.index, loops) if stmt.target.name == name else None for stmt in adds]
        known = [place for place in places if place is not None]
        if not known or len(known) < len(places) or len({axes for axes, _ in known}) > 1:
            return None
        offsets = tuple(dict.fromkeys(offset for _, offset in known))
        lowest = [min(offset[k] for offset in offsets) for k in range(len(loops))]
        starts = [loop.start.value if isinstance(loop.start, Lit) else None for loop in loops]
        if any(not isinstance(s, int) or s + low < 0 for s, low in zip(starts, lowest, strict=True)):
            return None
        inside = [s for stmt in statements(body) if isinstance(stmt, For | While) for s in nested(stmt)]
        if any(stmt is inner for stmt in adds for inner in inside):
            return None
        return _Target(name, known[0][0], offsets) if 2 <= len(offsets) <= MOST else None

    def root(self, stmt: Accum) -> str | None:
        access = self.uses.uses.writes.get(id(stmt))
        return None if access is None else access.root

    def may_do_again(self, target: _Target, loops: Sequence[For], body: Block) -> bool:
        """Whether what is to be added can be computed after the nest: from what it leaves as it is, or in its place."""
        part = self.part(target, None, loops, body, Var("="))  # a number, which no name of the program stands for
        assert part, "what is added is needed"
        if any(isinstance(stmt, While | For) for stmt in statements(part)):
            return False
        read = {n for s in statements(part) for e in operands(s) for n in names_in(e)} - {"="}
        if any(self.memory(name) == self.memory(target.name) for name in read):
            return False
        for stmt in statements(body):
            if isinstance(stmt, Store) or isinstance(stmt, Accum) and stmt.index:
                name = stmt.array.name if isinstance(stmt, Store) else stmt.target.name
                again = name != target.name and any(self.memory(name) == self.memory(n) for n in read)
                if again and not self.stays(stmt, name, body, read):
                    return False
        return True

    def memory(self, name: str) -> str:
        return self.classes.get(name, name)

    def stays(self, stmt: Store | Accum, name: str, body: Block, read: set[str]) -> bool:
        """Whether all reads of an array are of the element that an iteration has stored, once, before."""
        if not isinstance(stmt, Store) or any(n != name and self.memory(n) == self.memory(name) for n in read):
            return False
        position = next((k for k, other in enumerate(body) if other is stmt), None)
        writes = [s for s in statements(body) if isinstance(s, Store | Accum) and _array(s) == name]
        if position is None or writes != [stmt]:
            return False
        places = [(k, args) for k, other in enumerate(body) for args in _reads(other, name)]
        return all(k > position and args == stmt.index for k, args in places)

    # -- what is done ----------------------------------------------------------------------------------------

    def part(
        self, target: _Target, offset: _Offsets | None, loops: Sequence[For], body: Block, total: Var
    ) -> Block:
        """Return what an iteration does for the elements at a distance (None: at any): it adds to a number."""

        def keep(block: Block) -> Block:
            made: list[Stmt] = []
            for stmt in block:
                match stmt:
                    case Accum(Var(name), index, value) if index and name == target.name:
                        if offset is None or _place(index, loops) == (target.axes, offset):
                            made.append(Accum(total, (), value, stmt.loc))
                    case Store() | Accum() if isinstance(stmt, Store) or stmt.index:
                        pass
                    case Comment():
                        pass
                    case _:
                        made.append(map_blocks(stmt, keep))
            return tuple(made)

        return _needed(keep(body), total.name, self.func)

    def gathered(self, target: _Target, loops: Sequence[For], body: Block) -> For:
        """Return the nest in which each iteration fetches what is for its own element."""
        own = [self.fresh("own", types.int64) for _ in loops]
        kind = self.types.get(target.name)
        assert is_array(kind)
        total = self.fresh("total", element_type(kind))
        inner: list[Stmt] = [Let(total, Lit(0.0))]
        for offset in target.offsets:
            tests: list[Expr] = []
            for k, loop in enumerate(loops):
                inner.append(Let(loop.index, shifted(own[k], -offset[k])))
                tests += _inside(loop, offset[k], [each[k] for each in target.offsets])
            part = self.part(target, offset, loops, body, total)
            inner += [If(reduce(_both, tests), part)] if tests else part
        index = tuple(own[axis] if isinstance(axis, int) else axis for axis in target.axes)
        made: Block = (*inner, Accum(Var(target.name), index, total, loops[0].loc))
        for k in reversed(range(len(loops))):
            low, high = (choose(offset[k] for offset in target.offsets) for choose in (min, max))
            start, stop = shifted(loops[k].start, low), shifted(loops[k].stop, high)
            made = (For(own[k], start, stop, Lit(1), made, loc=loops[0].loc),)
        (nest,) = made
        assert isinstance(nest, For)
        return nest


def _inside(loop: For, by: int, all_: Sequence[int]) -> Iterator[Expr]:
    """Yield the tests that there is an iteration at a distance; the nest goes over all elements at any."""
    if by > min(all_):
        yield Call("ge", (loop.index, loop.start))
    if by < max(all_):
        yield Call("lt", (loop.index, loop.stop))


def _both(first: Expr, second: Expr) -> Expr:
    return Call("and", (first, second))


def _perfect(loop: For) -> list[For] | None:
    """Return loops each of which is all that the one before does, running upwards; None if it isn't so."""
    found: list[For] = []
    ahead: Stmt = loop
    while isinstance(ahead, For):
        if ahead.until is not None or ahead.step not in (Lit(1), Lit(-1)):
            return None
        upwards = ahead
        if ahead.step == Lit(-1):
            upwards = replace(ahead, start=shifted(ahead.stop, 1), stop=shifted(ahead.start, 1), step=Lit(1))
        found.append(upwards)
        if len(ahead.body) != 1:
            break
        ahead = ahead.body[0]
    indices = {each.index.name for each in found}
    fixed = not indices & {name for each in found for e in (each.start, each.stop) for name in names_in(e)}
    changed = {s.target.name for s in statements(found[-1].body) if isinstance(s, Let)}
    again = {name for each in found for e in (each.start, each.stop) for name in names_in(e)}
    return found if fixed and not changed & (again | indices) and len(indices) == len(found) <= 3 else None


def _place(index: Sequence[Expr], loops: Sequence[For]) -> tuple[tuple[int | Lit, ...], _Offsets] | None:
    """Return along which axis each loop goes, and how far from its index the element is."""
    axes: list[int | Lit] = []
    offsets: dict[int, int] = {}
    for expr in index:
        if isinstance(expr, Lit):
            axes.append(expr)
            continue
        known = [(k, by) for k, each in enumerate(loops) if (by := offset_from(expr, each.index.name)) is not None]
        if len(known) != 1 or known[0][0] in offsets:
            return None
        axes.append(known[0][0])
        offsets[known[0][0]] = known[0][1]
    if len(offsets) != len(loops):
        return None
    return tuple(axes), tuple(offsets[k] for k in range(len(loops)))


def _without(block: Block, names: set[str]) -> Block:
    """Return statements without the additions to arrays."""

    def kept(stmt: Stmt) -> bool:
        return not (isinstance(stmt, Accum) and stmt.index and stmt.target.name in names)

    return tuple(map_blocks(stmt, lambda inner: _without(inner, names)) for stmt in block if kept(stmt))


def _does(block: Block, func: Func, totals: Sequence[str]) -> bool:
    """Whether statements do more than find numbers of their own."""
    for stmt in statements(block):
        if isinstance(stmt, Store) or isinstance(stmt, Accum) and stmt.index:
            return True
        if set(binds_of(stmt, func)) & set(totals):
            return True
    return False


def _around(loops: Sequence[For], body: Block) -> For:
    for loop in reversed(loops):
        body = (replace(loop, body=body),)
    (nest,) = body
    assert isinstance(nest, For)
    return nest


def _needed(block: Block, total: str, func: Func) -> Block:
    """Return the statements that a number is found with."""
    needed, before = {total}, set[str]()
    while needed != before:
        before = set(needed)
        for stmt in statements(block):
            within = {name for s in (stmt, *nested(stmt)) for name in binds_of(s, func)}
            if within & needed:
                needed |= {name for e in operands(stmt) for name in names_in(e)}

    def keep(inner: Block) -> Block:
        made = [map_blocks(stmt, keep) for stmt in inner]
        return tuple(stmt for stmt in made if _binds(stmt, needed, func))

    return keep(block)


def _binds(stmt: Stmt, names: set[str], func: Func) -> bool:
    return any(name in names for s in (stmt, *nested(stmt)) for name in binds_of(s, func))


def _array(stmt: Store | Accum) -> str:
    return stmt.array.name if isinstance(stmt, Store) else stmt.target.name


def _reads(stmt: Stmt, name: str) -> Iterator[tuple[Expr, ...]]:
    """Yield the subscripts with which an array is read in a statement and those nested in it; () for any other use."""
    for each in (stmt, *nested(stmt)):
        exprs = (*each.index, each.value) if isinstance(each, Store | Accum) else operands(each)
        for part in (inner for expr in exprs for inner in subexpressions(expr)):
            if isinstance(part, Call) and part.prim not in ("dim", "size") and Var(name) in part.args:
                yield part.args[1:] if part.prim == "getitem" and part.args[0] == Var(name) else ()
            elif part == Var(name) and part in exprs:
                yield ()
