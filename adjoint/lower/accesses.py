"""What statements read and write, element by element where they do: the ground on which loops are moved and joined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from adjoint.analysis.apart import Partners, partners
from adjoint.analysis.effects import actions
from adjoint.analysis.sharing import memory_classes
from adjoint.analysis.written import offset_from
from adjoint.ir import Accum, Call, Effect, Expr, For, Func, If, Let, Lit, Return, Stmt, Store, Var, While
from adjoint.ir.immutable import immutable
from adjoint.ir.walk import blocks, mentioned_within, names_in, operands, substitute
from adjoint.lower.guards import is_guard
from adjoint.rules import spelling
from adjoint.rules.numba_types import Type, is_array, is_number


@immutable
class Access:
    """One use of the contents of an array; `index` is None if it may be any of its elements, or its memory."""

    name: str
    cls: str
    index: tuple[Expr, ...] | None
    writes: bool = False
    adds: bool = False


@dataclass(slots=True)
class Summary:
    """All that a statement does, nested ones included.

    `exposed` are the names that may be read before the statement itself binds them.
    """

    binds: set[str] = field(default_factory=set[str])
    exposed: set[str] = field(default_factory=set[str])
    reads: set[str] = field(default_factory=set[str])
    accesses: list[Access] = field(default_factory=list[Access])
    effect: bool = False
    # The memory that is read, written or added to, and that which is not only read; found when first asked for.
    _used: tuple[set[str], set[str]] | None = field(default=None, init=False, compare=False, repr=False)
    # What the last of the accesses are taken from: they may be thousands, of few arrays.
    _within: list[Summary] = field(default_factory=list["Summary"], init=False, compare=False, repr=False)

    def used(self) -> tuple[set[str], set[str]]:
        if self._used is None:
            inner = [done.used() for done in self._within]
            own = self.accesses[: len(self.accesses) - sum(len(done.accesses) for done in self._within)]
            used = {x.cls for x in own}.union(*(each for each, _ in inner))
            self._used = used, {x.cls for x in own if x.writes}.union(*(each for _, each in inner))
        return self._used

    def include(self, inner: Summary) -> None:
        """Add what a nested statement does, but for what is `exposed`."""
        self.binds |= inner.binds
        self.reads |= inner.reads
        self.effect |= inner.effect
        self.accesses += inner.accesses
        self._within.append(inner)

    def conflicts(self, other: Summary) -> bool:
        """Whether two statements may not change places."""
        if self.effect and other.effect:
            return True
        if self.binds and not (self.binds.isdisjoint(other.reads) and self.binds.isdisjoint(other.binds)):
            return True
        if not other.binds.isdisjoint(self.reads):
            return True
        (used, written), (theirs, changed) = self.used(), other.used()
        shared = (written & theirs) | (changed & used)
        if not shared:
            return False
        theirs_there = [b for b in other.accesses if b.cls in shared]
        return any(clash(a, b) for a in self.accesses if a.cls in shared for b in theirs_there)


class Together:
    """What some statements do, taken together: whether one of them may conflict with another is asked of all at once.

    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64):
    ...     y: float64 = x + 1.0
    ...     z: float64 = y * y
    ...     return x
    ... ''')
    >>> first, second, last = map(Accesses(func, {}).of, func.body)
    >>> together = Together()
    >>> together.add(first)
    >>> together.conflicts(second), together.conflicts(last)
    (True, False)
    """

    def __init__(self) -> None:
        self.all: list[Summary] = []
        self.binds: set[str] = set()
        self.names: set[str] = set()
        self.used: set[str] = set()
        self.written: set[str] = set()
        self.effect = False

    def add(self, done: Summary) -> None:
        self.all.append(done)
        self.binds |= done.binds
        self.names |= done.binds
        self.names |= done.reads
        self.effect |= done.effect
        used, written = done.used()
        self.used |= used
        self.written |= written

    def conflicts(self, done: Summary) -> bool:
        """Whether another statement and one of these may not change places."""
        if self.effect and done.effect:
            return True
        if not (done.binds.isdisjoint(self.names) and self.binds.isdisjoint(done.reads)):
            return True
        used, written = done.used()
        apart = self.written.isdisjoint(used) and written.isdisjoint(self.used)
        return not apart and any(done.conflicts(each) for each in self.all)


def clash(a: Access, b: Access) -> bool:
    """Whether two accesses may be to the same memory, and the order matters: one changes it, and not both add to it."""
    return a.cls == b.cls and (a.writes or b.writes) and not (a.adds and b.adds)


def in_lockstep(
    a: Expr, b: Expr, indices: tuple[Var, Var], moving: set[str], is_natural: Callable[[Expr], bool]
) -> bool:
    """Whether a subscript with one index means the same as one with another only if the indices are equal.

    Negative subscripts count from the end, so that there are two for each element: they must be known not to occur.
    """
    i, k = indices
    if a != substitute(b, {k.name: i}):
        return False
    match a:
        case Var():
            depends = a == i
        case Call("add" | "sub", (Var() as index, offset)) | Call("add", (offset, Var() as index)) if index == i:
            depends = not any(name in moving for name in names_in(offset))
        case _:
            return False
    return depends and is_natural(a)


def apart(a: Expr, b: Expr, moving: Collection[str], is_natural: Callable[[Expr], bool]) -> bool:
    """Whether two subscripts are never the same while `moving` names change: they differ by a number, and count up."""
    for base in {name for name in (*names_in(a), *names_in(b)) if name not in moving} or {""}:
        x, y = offset_from(a, base), offset_from(b, base)
        if x is not None and y is not None and x != y:
            return is_natural(a) and is_natural(b)
    return False


def _differing(first: Mapping[str, object], second: Mapping[str, object]) -> set[str]:
    """Return the keys under which two tables don't have the same, or one nothing."""
    if first == second:
        return set()
    return {key for key in {**first, **second} if key not in first or key not in second or first[key] != second[key]}


class Accesses:
    """Summaries of the statements of one program, each made once: those of a program `before` it still hold.

    But not if they are about names whose type, or whose memory, is another now.
    """

    def __init__(self, func: Func, kinds: Mapping[str, Type], before: Accesses | None = None) -> None:
        self.func = func
        self.kinds = kinds
        self.classes = memory_classes(func)
        self._kinds = dict(kinds)
        self._known: dict[int, tuple[Stmt, Summary]] = {} if before is None else self._still_known(before)
        self._partners: dict[int, tuple[For, Partners]] | None = None

    def of(self, stmt: Stmt) -> Summary:
        known = self._known.get(id(stmt))
        if known is None or known[0] is not stmt:
            known = self._known[id(stmt)] = (stmt, self._summary(stmt))
        return known[1]

    def _still_known(self, before: Accesses) -> dict[int, tuple[Stmt, Summary]]:
        others = {*_differing(before._kinds, self._kinds), *_differing(before.classes, self.classes)}
        if not others:
            return before._known
        known = before._known.items()
        return {key: pair for key, pair in known if others.isdisjoint(mentioned_within(pair[0]))}

    def alone(self, loop: For) -> set[str]:
        """Return the names whose memory no other name in a loop of the program shares, as far as it is known.

        So buffers that change places outside of the loop are told apart. It holds between accesses of one iteration or
        several, and says nothing of statements around the loop.
        """
        if self._partners is None:
            self._partners = partners(self.func, self.classes)
        known, done = self._partners.get(id(loop)), self.of(loop)
        if known is None or known[0] is not loop:
            return set()
        names = {access.name for access in done.accesses}
        moving = {self.class_of(name) for name in done.binds}
        return {n for n in names if self.class_of(n) not in moving and names.isdisjoint(known[1].get(n, ()))}

    def within(self, loop: For) -> Summary:
        """Return the summary of a loop in which names that are alone are classes of their own."""
        done, alone = self.of(loop), self.alone(loop)
        return replace(done, accesses=[replace(a, cls=a.name) if a.name in alone else a for a in done.accesses])

    def changes(self, stmt: Stmt, names: Collection[str]) -> bool:
        """Whether a statement changes what is computed from these names: one of them, or memory of one."""
        done, classes = self.of(stmt), set(map(self.class_of, names))
        return not done.binds.isdisjoint(names) or any(x.writes and x.cls in classes for x in done.accesses)

    def _summary(self, stmt: Stmt) -> Summary:
        found = Summary()
        match stmt:
            case Let(target, value):
                self._reading(value, found)
                found.binds.add(target.name)
                self._general(stmt, found)
            case Store(array, index, value) | Accum(array, index, value) if self._is_element(array.name, index):
                for expr in (*index, value):
                    self._reading(expr, found)
                found.reads.add(array.name)
                adds = isinstance(stmt, Accum)
                found.accesses.append(Access(array.name, self.class_of(array.name), index, writes=True, adds=adds))
            case Accum(target, (), value) if not is_array(self.kinds.get(target.name)):
                self._reading(value, found)
                found.reads.add(target.name)
                found.binds.add(target.name)
            case For() | While() | If():
                self._compound(stmt, found)
            case Return():
                found.effect = True
                self._opaque(stmt, found)
            case Store() | Accum() | Effect():
                self._opaque(stmt, found)
            case _:
                pass
        if not isinstance(stmt, For | While | If):
            found.exposed = set(found.reads)
        return found

    def _compound(self, stmt: For | While | If, found: Summary) -> None:
        for expr in operands(stmt):
            self._reading(expr, found)
        if isinstance(stmt, For | While) and stmt.until is not None:
            found.reads.discard(stmt.until.name)
        found.exposed |= found.reads
        if isinstance(stmt, For):
            found.binds.add(stmt.index.name)
        for body in blocks(stmt):
            before = {stmt.index.name} if isinstance(stmt, For) else set[str]()
            for inner in body:
                done = self.of(inner)
                found.exposed |= done.exposed - before
                if not isinstance(inner, For | While | If):
                    before |= done.binds
                elif isinstance(inner, If):
                    before |= self._always(inner)
                found.include(done)
        if isinstance(stmt, For | While) and stmt.until is not None:
            found.reads.add(stmt.until.name)
        found.effect &= not is_guard(stmt)

    def _always(self, stmt: If) -> set[str]:
        """Return the names that both branches bind."""
        both = [{name for s in body if isinstance(s, Let) for name in (s.target.name,)} for body in blocks(stmt)]
        return both[0] & both[1]

    # -- expressions -------------------------------------------------------------------------------------------

    def _is_element(self, name: str, index: tuple[Expr, ...]) -> bool:
        kind: Type = self.kinds.get(name)
        return is_array(kind) and len(index) == kind.ndim and all(map(self._is_integer, index))

    def _is_integer(self, index: Expr) -> bool:
        match index:
            case Lit(value):
                return type(value) is int
            case Var(name):
                kind = self.kinds.get(name)
                return kind is not None and is_number(kind)
            case Call("slice" | "tuple" | "list"):
                return False
            case Call("dim"):
                return True
            case Call(prim, args):
                return (
                    prim in ("add", "sub", "mul", "neg", "floordiv", "mod", "maximum", "minimum")
                    and all(map(self._is_integer, args))
                    or self._is_scalar_call(index)
                )

    def _is_scalar_call(self, call: Call) -> bool:
        return (
            call.prim.startswith("cast.")
            or call.prim == "getitem"
            and isinstance(call.args[0], Var)
            and (self._is_element(call.args[0].name, call.args[1:]))
        )

    def _reading(self, expr: Expr, found: Summary) -> None:
        """Add what evaluating an expression reads."""
        match expr:
            case Var(name):
                found.reads.add(name)
                if not self._is_number(name):
                    found.accesses.append(Access(name, self.class_of(name), None))
            case Call("getitem", (Var(name), *index)) if self._is_element(name, tuple(index)):
                found.reads.add(name)
                found.accesses.append(Access(name, self.class_of(name), tuple(index)))
                for each in index:
                    self._reading(each, found)
            case Call(prim, (Var(name), *rest)) if prim in spelling.SIZES and is_array(self.kinds.get(name)):
                found.reads.add(name)
                for each in rest:
                    self._reading(each, found)
            case Call(_, args, kwargs):
                for each in (*args, *(value for _, value in kwargs)):
                    self._reading(each, found)
            case Lit():
                pass

    def _is_number(self, name: str) -> bool:
        kind = self.kinds.get(name)
        return kind is not None and is_number(kind)

    def class_of(self, name: str) -> str:
        return self.classes.get(name, name)

    def _general(self, stmt: Stmt, found: Summary) -> None:
        """Add what the table of effects says beyond reading and binding: a `pop`, a random draw."""
        for action in actions(stmt, self.func):
            found.effect |= action.required
            for name in action.changes:
                found.accesses.append(Access(name, self.class_of(name), None, writes=True))

    def _opaque(self, stmt: Stmt, found: Summary) -> None:
        for action in actions(stmt, self.func):
            found.effect |= action.required
            found.binds |= set(action.binds)
            found.reads |= set(action.reads)
            for name in action.inspects:
                found.accesses.append(Access(name, self.class_of(name), None))
            for name in action.changes:
                found.accesses.append(Access(name, self.class_of(name), None, writes=True))
