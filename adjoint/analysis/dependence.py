"""Whether what a statement writes into an array may be read later: a test of subscripts, element by element.

A read at one point of a program can see a write at another only if there are iterations of the loops around both such
that the one of the read comes later, and both mean the same element. That is a system of equations and inequalities
between whole numbers, linear where the subscripts are. If it certainly has no solution, the read doesn't see the write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product

from adjoint.analysis.access import Access, Atoms, Axis, Point, Renewal, Span, Uses
from adjoint.analysis.linear import Linear, may_hold, symbol
from adjoint.analysis.origins import Origins, sweeps
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.subscripts import accesses
from adjoint.ir import Accum, Func, Let, Store
from adjoint.ir.walk import statements

# So many pairs of accesses are looked at in one program; all others count as dependent.
MOST = 10_000


class Dependence:
    """The uses of arrays in an imperative program, and which of them meet.

    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(n: int64):
    ...     a: float64[:] = zeros(n)
    ...     for i in range(n):
    ...         a[i] = 1.0
    ...         s: float64 = a[i + 1]
    ...     return s
    ... ''')
    >>> Dependence(func).is_read_later(func.body[1].body[0])
    False
    """

    def __init__(self, func: Func, origins: Origins | None = None) -> None:
        """Take stock of a program; `origins` say where the arrays of its primal are made."""
        self.func = func
        self.origins = Origins() if origins is None else origins
        self.sweeps = sweeps(func)
        self.uses = accesses(func, self.origins.arrays, self.origins.tapes)
        self.renewals = _renewals(func, self.uses)
        self.classes = memory_classes(func)
        self.params = {param.name for param in func.params}
        self.tests = 0
        self._reads: dict[str | None, list[Access]] = {}
        self.from_end: dict[tuple[int, int], bool] = {}
        self._instances: dict[tuple[int, int, str], _Instance] = {}

    def is_read_later(self, stmt: Store | Accum) -> bool:
        """Whether any read may see what a statement writes, in the program or, if it is a parameter's, after it."""
        return self.leaves(stmt) or self.reader(stmt) is not None

    def leaves(self, stmt: Store | Accum) -> bool:
        """Whether what a statement writes may be looked at after the program."""
        root = self.uses.writes[id(stmt)].root
        return root is None or root in self.params

    def reader(self, stmt: Store | Accum) -> Access | None:
        """Return a read that may see what a statement writes, if there is one in the program."""
        write = self.uses.writes[id(stmt)]
        return next((read for read in self._reads_of(write.root) if self._meet(write, read)), None)

    def _reads_of(self, root: str | None) -> Sequence[Access]:
        """Return the reads of an array, and those that aren't followed."""
        if root not in self._reads:
            self._reads[root] = [read for read in self.uses.reads if read.root is None or read.root == root]
        return self._reads[root]

    def _meet(self, write: Access, read: Access) -> bool:
        if read.position < self.sweeps.start < write.position:
            return False
        lowest, common = 0, _common(write, read)
        origin = self.origins.arrays.get(write.root or "")
        if origin is not None and read.name in self.origins.names and self.sweeps.is_undone(write.position, origin):
            # Each iteration has an array of its own, that is not looked at in those to come.
            lowest = origin.depth
            if read.root is None and read.name not in origin.shown:
                return False
        if read.root is None:
            return lowest <= common and self.is_unknown(read, write)
        return read.root == write.root and any(
            self._meet_from(write, read, level) for level in range(lowest, common + 1)
        )

    def is_written_later(self, read: Access, write: Access) -> bool:
        """Whether a write may change what a read of an array has read before."""
        if read.root is None or write.root is None:
            return True
        levels = range(_common(read, write) + 1)
        return read.root == write.root and any(self._meet_from(read, write, level) for level in levels)

    def _meet_from(self, write: Access, read: Access, level: int) -> bool:
        """Whether they may meet in one iteration of the first `level` loops, the read in a later one of the next."""
        common = _common(write, read)
        if level == common and not _follows(read, write):
            return False
        if any(self._between(renewal, write, read, level) for renewal in self.renewals.get(read.root or "", ())):
            return False
        self.tests += 1
        if self.tests > MOST:
            return True
        first, second = self._instance(write, level, "w."), self._instance(read, level, "r.")
        facts = [*first.facts, *second.facts]
        if level < common and (round_ := write.rounds[level]).sign:
            later = second.form(symbol(round_.counter)) - first.form(symbol(round_.counter))
            facts.append(later.plus(-1))
        return self._may_be_same(write, read, first, second, facts)

    def _between(self, renewal: Renewal, write: Access, read: Access, level: int) -> bool:
        """Whether what is read is certainly written again after a write and before the read.

        The read is in the same iteration of the first `level` of the loops around both, and in a later one of the next.
        """
        common = _common(write, read)
        around, depth = renewal.rounds, level + (level < common)
        if len(around) < depth or not all(round_.sign for round_ in around) or not self._covers(renewal, read):
            return False
        # In the last iteration of the loops around it that the write belongs to, or in the one of the read.
        with_write = around == write.rounds[: len(around)] and set(renewal.branches) <= set(write.branches)
        with_read = around == read.rounds[: len(around)] and set(renewal.branches) <= set(read.branches)
        if self._varies(renewal, level):
            with_write = False  # another iteration writes elsewhere
        after, before = renewal.first > write.position, renewal.last < read.position
        if level < common:
            return with_write and after or with_read and before
        return (with_write or with_read) and after and before

    def _covers(self, renewal: Renewal, read: Access) -> bool:
        """Whether what is read is among what is written, in one iteration of the loops around the latter."""
        depth, depths = len(renewal.rounds), self.uses.atoms.depth
        return all(
            axis == Span()
            or axis == place
            and all(depths[name] <= depth for form in _forms_in((axis,)) for name in form.symbols)
            for axis, place in zip(renewal.index, read.index, strict=True)
        )

    def _varies(self, renewal: Renewal, level: int) -> bool:
        """Whether what is written depends on more than the first `level` loops."""
        depths = self.uses.atoms.depth
        return any(depths[name] > level for form in _forms_in(renewal.index) for name in form.symbols)

    def is_unknown(self, read: Access, write: Access) -> bool:
        """Whether a read isn't followed and may be one of what a write writes."""
        return read.root is None and self.classes.get(read.name, read.name) == self.classes.get(write.name, write.name)

    def meet_apart(self, first: Access, second: Access, level: int, distance: int) -> bool:
        """Whether two accesses may mean the same element, the second more than `distance` iterations of a loop later.

        Both are in the loop, which has `level` loops around it.
        """
        if first.root is None or second.root is None:
            return True
        self.tests += 1
        if self.tests > MOST:
            return True
        one, two = self._instance(first, level, "w."), self._instance(second, level, "r.")
        counter = symbol(first.rounds[level].counter)
        later = (two.form(counter) - one.form(counter)).plus(-1 - distance)
        return self._may_be_same(first, second, one, two, [*one.facts, *two.facts, later])

    def _may_be_same(
        self, write: Access, read: Access, first: _Instance, second: _Instance, facts: Sequence[Linear]
    ) -> bool:
        axes: list[list[_Way]] = []
        for k, size in enumerate(first.shape):
            places = _places(first.axes[k], size, self._may_wrap(write, k))
            others = _places(second.axes[k], size, self._may_wrap(read, k))
            axes.append([way for place in places for other in others for way in _same_place(place, other)])
        return all(axes) and any(
            may_hold([e for equal, _ in ways for e in equal], [*facts, *(b for _, bounds in ways for b in bounds)])
            for ways in product(*axes)
        )

    def _instance(self, access: Access, level: int, prefix: str) -> _Instance:
        """Return one execution of an access, which meets many others."""
        key = id(access), level, prefix
        if key not in self._instances:
            self._instances[key] = _Instance(self.uses.atoms, access, level, prefix)
        return self._instances[key]

    def _may_wrap(self, access: Access, axis: int) -> bool:
        """Whether a subscript may count from the end."""
        place = access.index[axis]
        if not isinstance(place, Point):
            return False
        if (id(access), axis) not in self.from_end:
            whole = self._instance(access, len(access.rounds), "")
            self.from_end[id(access), axis] = may_hold([], [*whole.facts, place.at.plus(1).times(-1)])
        return self.from_end[id(access), axis]


def _common(write: Access, read: Access) -> int:
    """Return the number of loops that are around both."""
    pairs = zip(write.rounds, read.rounds, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(write.rounds), len(read.rounds)))


def _follows(read: Access, write: Access) -> bool:
    """Whether the read comes after the write where all loops around both are in one iteration."""
    arms = dict(write.branches)
    return read.position > write.position and all(arms.get(branch, arm) == arm for branch, arm in read.branches)


def _renewals(func: Func, uses: Uses) -> dict[str, list[Renewal]]:
    """Return by root what is certainly written; left out are names that stand for more than one array."""
    bound = Counter([param.name for param in func.params])
    bound.update(stmt.target.name for stmt in statements(func.body) if isinstance(stmt, Let))
    found: dict[str, list[Renewal]] = {}
    for renewal in uses.renewals:
        if bound[renewal.root] == 1:
            found.setdefault(renewal.root, []).append(renewal)
    return found


class _Instance:
    """One execution of an access: what may differ from the other one gets names of its own."""

    def __init__(self, atoms: Atoms, access: Access, level: int, prefix: str) -> None:
        self.atoms = atoms
        self.access = access
        self.level = level
        self.prefix = prefix
        self.shape = [self.form(size) for size in access.shape]
        self.axes = [self.axis(axis) for axis in access.index]

    def form(self, form: Linear) -> Linear:
        names = form.symbols
        return form.renamed({n: f"{self.prefix}{n}" for n in names if self.atoms.depth[n] > self.level})

    def axis(self, axis: Axis) -> Axis:
        match axis:
            case Point(at):
                return Point(self.form(at))
            case Span(low, high):
                return replace(axis, low=self.form(low), high=None if high is None else self.form(high))
            case None:
                return None

    @cached_property
    def facts(self) -> list[Linear]:
        """All that is known to be not negative: of the loops around, the subscripts, and what they mention."""
        own = self.access.facts
        names = [round_.counter for round_ in self.access.rounds]
        names += [name for form in (*own, *_forms(self.access)) for name in form.symbols]
        return [self.form(form) for form in (*own, *self.atoms.known(names))]


def _forms(access: Access) -> Iterator[Linear]:
    yield from access.shape
    yield from _forms_in(access.index)


def _forms_in(index: Iterable[Axis]) -> Iterator[Linear]:
    """Yield the forms in the places of an index."""
    for axis in index:
        match axis:
            case Point(at):
                yield at
            case Span(low, high):
                yield low
                if high is not None:
                    yield high
            case None:
                pass


# A place along an axis, counted from the start, and what is not negative if it is meant.
_Place = tuple[Linear | Span | None, tuple[Linear, ...]]
# A way to be at the same place: forms that are zero, and forms that are not negative.
_Way = tuple[tuple[Linear, ...], tuple[Linear, ...]]


def _same_place(first: _Place, second: _Place) -> Iterator[_Way]:
    facts = (*first[1], *second[1])
    match first[0], second[0]:
        case Linear() as place, Linear() as other:
            apart = place - other
            if apart.terms or not apart.constant:
                yield (apart,), facts
        case (Linear() as place, Span(low, high)) | (Span(low, high), Linear() as place):
            yield (), (*facts, place - low, *_below(place, high))
        case Span(low, high), Span(other_low, other_high):
            yield (), (*facts, *_below(low, other_high), *_below(other_low, high))
        case _:
            yield (), facts


def _below(low: Linear, high: Linear | None) -> tuple[Linear, ...]:
    return () if high is None else ((high - low).plus(-1),)


def _places(axis: Axis, size: Linear, may_wrap: bool) -> list[_Place]:
    """Return the places that a subscript may mean."""
    if not isinstance(axis, Point):
        return [(axis, ())]
    at = axis.at
    found: list[_Place] = [(at, (at, (size - at).plus(-1)))]
    if may_wrap:
        found.append((at + size, (at.plus(1).times(-1), at + size)))
    return found
