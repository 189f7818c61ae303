"""A loop that is run again to record its values is not run again where its first run can record them.

The backward sweep may repeat a part of the forward sweep (`transform.replay`). Once both are in one loop, nothing
has changed in between: the first run writes the tapes as well, and the second one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product

from adjoint.analysis.effects import is_pure
from adjoint.analysis.ranges import counts_by_one
from adjoint.ir import Block, Call, Expr, For, Func, Let, Lit, Stmt, Var, While
from adjoint.ir.walk import map_blocks, mentioned, mentions_of, names_in, statements, with_body
from adjoint.lower.accesses import Accesses, Summary
from adjoint.lower.context import Context
from adjoint.lower.iteration import is_empty
from adjoint.lower.joint import Joint, lets, may_be_one, merged, stored, sums
from adjoint.lower.layout import sizes_of
from adjoint.lower.rows import Row, in_rows
from adjoint.lower.uses import Uses, element_arrays, open_indices
from adjoint.rules.numba_types import is_number

MOST = 6  # ways to pair arrays that a loop fills with those that its repetition fills


def again(func: Func, context: Context) -> Func:
    """Leave out loops that compute what an earlier loop of the block has computed, but for stores into other arrays.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     s: float64 = 1.0
    ...     for i in range(n):
    ...         s = s * x[i]
    ...     r: float64 = s * 2.0
    ...     tape: float64[:] = empty(n)
    ...     s = 1.0
    ...     for i in range(n):
    ...         tape[i] = s
    ...         s = s * x[i]
    ...     return r + tape[0] + s
    ... ''')
    >>> print(text(again(func, Context.of(func))), end="")
    def f(x, n):
        s = 1.0
        tape = np.empty(n)
        for i in range(n):
            tape[i] = s
            s *= x[i]
        r = s * 2.0
        return r + tape[0] + s
    """
    return with_body(func, _Finder(func, context).block(func.body))


class _Places:
    """Where the loops of a block are, by what they do, and what makes its arrays."""

    def __init__(self, stmts: Sequence[Stmt]) -> None:
        self.loops: dict[str, list[int]] = {}  # by names that they bind or add to; under "" all loops
        self.empty: dict[str, list[tuple[int, Let]]] = {}
        for place, stmt in enumerate(stmts):
            if isinstance(stmt, For | While):
                for name in ("", *lets(stmt), *sums(stmt)):
                    self.loops.setdefault(name, []).append(place)
            elif isinstance(stmt, Let) and is_empty(stmt.value):
                self.empty.setdefault(stmt.target.name, []).append((place, stmt))

    def like(self, loop: For | While, end: int) -> Iterator[int]:
        """Yield the places of loops before `end`, latest first, that bind and add to the names that a loop does."""
        own = (name for name in sums(loop) if name not in stored(loop))
        names = (*lets(loop), *own) if isinstance(loop, For) else ()
        least = min(("", *names), key=lambda name: len(self.loops[name]))
        return (place for place in reversed(self.loops[least]) if place < end)

    def made(self, names: Iterable[str], where: range) -> list[Let]:
        """Return what makes arrays of these names, in order."""
        found = (each for name in names for each in self.empty.get(name, ()) if each[0] in where)
        return [stmt for _, stmt in sorted(found, key=lambda each: each[0])]


class _Finder:
    def __init__(self, func: Func, context: Context) -> None:
        self.accesses = context.accesses(func)
        self.read_outside = open_indices(func)
        self.own = element_arrays(func, context.kinds)
        self.counts = mentions_of(func)

    def block(self, block: Block) -> Block:
        stmts = self.bound_once([map_blocks(stmt, self.block) for stmt in block])
        position, places = 0, _Places(stmts)
        while position < len(stmts):
            found = self.without(stmts, position, places)
            position += 1
            if found is not None:
                stmts, position = found
                places = _Places(stmts)
        return tuple(stmts)

    def bound_once(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        """Leave out what gives a name the number it has already: it would stand between the two runs of a loop."""
        known: dict[str, Expr] = {}
        made_of: dict[str | tuple[str], set[str]] = {}  # names, and memory by its class
        out: list[Stmt] = []
        for stmt in stmts:
            plain = isinstance(stmt, Let) and self.is_arithmetic(stmt)
            if isinstance(stmt, Let) and plain and known.get(stmt.target.name) == stmt.value:
                continue
            out.append(stmt)
            done = self.accesses.of(stmt)
            for name in done.binds:
                known.pop(name, None)
            for changed in (*done.binds, *((x.cls,) for x in done.accesses if x.writes)):
                for other in made_of.pop(changed, ()):
                    known.pop(other, None)
            if isinstance(stmt, Let) and plain and stmt.target.name not in names_in(stmt.value):
                known[stmt.target.name] = stmt.value
                for used in (*names_in(stmt.value), *((x.cls,) for x in done.accesses)):
                    made_of.setdefault(used, set()).add(stmt.target.name)
        return out

    def is_arithmetic(self, stmt: Let) -> bool:
        """Whether a statement makes a number of numbers and elements, always the same of the same."""
        calls = stmt.value.prims if isinstance(stmt.value, Call) else frozenset[str]()
        own = any(prim.startswith(("ref:", "helper.")) for prim in calls)
        elements = all(access.index is not None for access in self.accesses.of(stmt).accesses)
        plain = is_pure(stmt.value) and elements and not own
        return plain and is_number(self.accesses.kinds.get(stmt.target.name))

    def without(self, stmts: Sequence[Stmt], second: int, places: _Places) -> tuple[list[Stmt], int] | None:
        """Return a block without a loop that an earlier one can stand for, and the place of that."""
        loop = stmts[second]
        if not isinstance(loop, For | While):
            return None
        for first in places.like(loop, second):
            found = self.repeat(stmts, first, second)
            if found is None:
                variants = self.with_rows(stmts, first, second, places)
                repeats = (self.repeat(each, first + k, second + k) for each, k in variants)
                found = next((each for each in repeats if each is not None and each[0].is_one()), None)
            if found is not None:
                repeat, both = found
                return (repeat.left_out(both), repeat.first) if repeat.is_one() else None
        return None

    def repeat(self, stmts: Sequence[Stmt], first: int, second: int) -> tuple[_Repeat, Stmt] | None:
        """Return two loops that differ in nothing that both compute, and the loop that does what both do."""
        joint = Joint()
        both = merged(stmts[first], stmts[second], joint)
        if both is None or self.read_outside.intersection(joint.indices):
            return None
        return _Repeat(self.accesses, stmts, first, second, joint), both

    def with_rows(
        self, stmts: Sequence[Stmt], first: int, second: int, places: _Places
    ) -> Iterator[tuple[list[Stmt], int]]:
        """Yield blocks whose first loop fills the arrays that the second one fills, if it has others of their sizes.

        What the first loop makes for each of its iterations becomes rows of an array that is made before the second.
        The number says how many statements a block has more than before.
        """
        loop, repeated = stmts[first], stmts[second]
        if not isinstance(loop, For) or not isinstance(repeated, For) or not may_be_one(loop, repeated):
            return
        tapes = places.made(stored(repeated), range(first + 1, second))
        if not tapes:
            return
        made = [((), own) for own in places.made(stored(loop), range(first))]
        choices: list[list[tuple[str, Row, Let]]] = []
        for around, own in (*made, *_made_inside(loop)):
            name = own.target.name
            fitting = [tape for tape in tapes if _is_row(own, tape, len(around))]
            if fitting and self.own.get(name, Uses()).made == own:
                choices.append([(name, (tape.target, *(each.index for each in around)), tape) for tape in fitting])
        for chosen in islice(product(*choices), MOST):
            rows, taken = {name: row for name, row, _ in chosen}, [tape for *_, tape in chosen]
            if not rows or len({tape.target.name for tape in taken}) < len(taken):
                continue
            (same,) = in_rows((loop,), rows)
            if merged(same, repeated, Joint()) and not any(self.is_used_beyond(n, stmts[:second]) for n in rows):
                variant = [*taken, *in_rows(tuple(stmts[:second]), rows), *stmts[second:]]
                yield variant, len(variant) - len(stmts)

    def is_used_beyond(self, name: str, stmts: Sequence[Stmt]) -> bool:
        return self.counts[name] != sum(mentioned(stmt).count(name) for stmt in statements(tuple(stmts)))


class _Repeat:
    """A loop at `second` of a block that repeats the one at `first`."""

    def __init__(self, accesses: Accesses, stmts: Sequence[Stmt], first: int, second: int, joint: Joint) -> None:
        self.accesses = accesses
        self.stmts = stmts
        self.first, self.second = first, second
        self.joint = joint
        self.between = range(first + 1, second)
        self.a, self.b = self.of(first), self.of(second)
        self.tapes = {store.array.name for store in joint.stores} | joint.lists
        self.tape_classes = set(map(accesses.class_of, self.tapes))
        written = [each for each in self.b.accesses if each.writes and each.cls not in self.tape_classes]
        self.written = {each.name for each in written}
        self.written_classes = {each.cls for each in written}
        self.own = (self.b.binds | self.written) - joint.counts
        self.resets = [p for p in self.between if self.binds_one_of(p, self.own)]
        self.allocations = [p for p in self.between if self.binds_one_of(p, self.tapes | joint.counts)]

    def of(self, position: int) -> Summary:
        return self.accesses.of(self.stmts[position])

    def binds_one_of(self, position: int, names: set[str]) -> bool:
        return bool(self.of(position).binds & names)

    def left_out(self, both: Stmt) -> list[Stmt]:
        gone = {*self.resets, *self.allocations, self.second}
        kept = {p: stmt for p, stmt in enumerate(self.stmts) if p not in gone}
        kept[self.first] = both
        before = [self.stmts[p] for p in self.allocations]
        return [s for p, stmt in kept.items() for s in ((*before, stmt) if p == self.first else (stmt,))]

    def is_one(self) -> bool:
        """Whether the second loop finds everything as the first one did, and all it leaves behind is still there."""
        return (
            not (self.a.effect or self.b.effect)
            and self.has_own_tapes()
            and self.ignores_the_rest()
            and self.starts_the_same()
            and all(map(self.leaves_alone, self.between))
            and all(map(self.is_reset, self.resets))
            and all(map(self.is_allocation, self.allocations))
        )

    def has_own_tapes(self) -> bool:
        """Whether nothing else uses the arrays that only the second loop writes, until that has run."""
        others = [x for s in (self.first, *self.between) for x in self.of(s).accesses]
        inside = [x for x in self.b.accesses if not x.writes and x.name not in self.joint.lists]
        if not all(self.counts_nothing(p) for p in (self.first, *self.between)):
            return False
        return not any(x.cls in self.tape_classes for x in (*others, *inside)) and not self.tape_classes & {
            self.accesses.class_of(name) for name in self.written
        }

    def counts_nothing(self, position: int) -> bool:
        """Whether a statement has nothing to do with what only the second loop counts, but for setting it."""
        done = self.of(position)
        used = done.reads if position in self.allocations else done.reads | done.binds
        return used.isdisjoint(self.joint.counts)

    def ignores_the_rest(self) -> bool:
        """Whether what only the first loop does makes no difference to the second one."""
        used = {x.cls for x in self.b.accesses}
        for stmt in self.joint.only_first:
            done = self.accesses.of(stmt)
            if done.binds & (self.b.reads | self.b.binds) or any(x.writes and x.cls in used for x in done.accesses):
                return False
        return True

    def starts_the_same(self) -> bool:
        reset = {name for p in self.resets for name in self.of(p).binds}
        if self.b.exposed & self.b.binds - self.joint.counts - reset or self.written - reset:
            return False
        rest = self.b.exposed - self.own
        memory = {x.cls for x in self.b.accesses} - self.written_classes
        return not self.a.binds & rest and not any(x.writes and x.cls in memory for x in self.a.accesses)

    def leaves_alone(self, position: int) -> bool:
        """Whether a statement in between changes nothing that the second loop uses, and sees none of its arrays."""
        if position in self.resets or position in self.allocations:
            return True
        done = self.of(position)
        if done.effect or done.binds & (self.b.reads | self.b.binds):
            return False
        reads_elements = all(x.index is not None for x in done.accesses if x.cls in self.written_classes)
        used = {x.cls for x in self.b.accesses}
        return reads_elements and not any(x.writes and x.cls in used for x in done.accesses)

    def is_reset(self, position: int) -> bool:
        """Whether a statement gives a name the value it had before the first loop, for the second one only."""
        stmt = self.stmts[position]
        if not isinstance(stmt, Let) or not self.is_plain(stmt):
            return False
        name, cls = stmt.target.name, self.accesses.class_of(stmt.target.name)
        later = [self.of(p) for p in self.between if p > position]
        if any(name in s.reads | s.binds or any(x.cls == cls for x in s.accesses) for s in later):
            return False
        before = next((p for p in range(self.first - 1, -1, -1) if self.binds_one_of(p, {name})), None)
        return before is not None and self.stmts[before] == stmt and self.stays(stmt, before, self.second)

    def is_allocation(self, position: int) -> bool:
        stmt = self.stmts[position]
        return isinstance(stmt, Let) and self.is_plain(stmt) and self.stays(stmt, self.first - 1, self.second)

    def is_plain(self, stmt: Let) -> bool:
        """Whether a statement makes a new array, or a number of numbers and elements."""
        elements = all(access.index is not None for access in self.accesses.of(stmt).accesses)
        new = not isinstance(stmt.value, Var) or is_number(self.accesses.kinds.get(stmt.value.name))
        return is_pure(stmt.value) and elements and new

    def stays(self, stmt: Let, start: int, end: int) -> bool:
        """Whether what a value is made of keeps its value between two statements."""
        needed = set(names_in(stmt.value))
        return not any(self.accesses.changes(self.stmts[p], needed) for p in range(start + 1, end))


def _made_inside(loop: For, around: tuple[For, ...] = ()) -> Iterator[tuple[tuple[For, ...], Let]]:
    """Yield what makes an array in each iteration of a nest of loops that count from zero, with the loops."""
    around = (*around, loop)
    if loop.start != Lit(0) or not counts_by_one(loop):
        return
    for stmt in loop.body:
        if isinstance(stmt, Let) and is_empty(stmt.value):
            yield around, stmt
        if isinstance(stmt, For):
            yield from _made_inside(stmt, around)


def _is_row(made: Let, tape: Let, depth: int) -> bool:
    """Whether an array is as large as the rows of another, and of one type with them."""
    assert isinstance(made.value, Call)
    assert isinstance(tape.value, Call)
    sizes = sizes_of(tape)
    return len(sizes) >= depth and sizes[depth:] == sizes_of(made) and made.value.kwargs == tape.value.kwargs
