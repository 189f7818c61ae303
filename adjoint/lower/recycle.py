"""New arrays take the memory of arrays that are read for the last time where the new ones are filled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from adjoint.analysis.liveness import Liveness, Site, liveness
from adjoint.analysis.sharing import memory_classes, shared_names
from adjoint.ir import Block, Call, Effect, Expr, For, Func, Let, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, mentioned, mentioned_within, statements, with_body
from adjoint.lower.bindings import bound_often
from adjoint.lower.context import Context
from adjoint.lower.first_write import only_element
from adjoint.lower.slots import Slots
from adjoint.rules.numba_types import is_array
from adjoint.transform.renaming import rename_block


def recycle(func: Func, context: Context) -> Func:
    """Let `y = empty(n)` be an old array `x` if all `x` is needed for is to give each element of `y` its value.

    Both were made in the same block and have one shape. In the loops that fill `y`, each iteration has an element of
    its own, and looks at nothing of `x` after it has set the element of `y`; after them `x` isn't used.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(t: float64[:]):
    ...     x: float64[:] = sin(t)
    ...     s: float64 = sum(x)
    ...     y: float64[:] = x * s
    ...     return y
    ... '''))
    >>> print(text(recycle(func, context)), end="")
    def f(t):
        x = np.empty(t.shape[0])
        for i in range(t.shape[0]):
            x[i] = np.sin(t[i])
        s = 0.0
        for i_1 in range(t.shape[0]):
            s += x[i_1]
        for i_2 in range(t.shape[0]):
            x[i_2] *= s
        return x
    """
    if sum(_made(stmt) is not None for stmt in statements(func.body)) < 2:
        return func
    finder = _Finder(func, context)
    finder.block(finder.facts.sites)
    if not finder.names:
        return func
    return with_body(func, _changing(rename_block(_without(func.body, finder.gone), finder.names)))


def _made(stmt: Stmt) -> str | None:
    match stmt:
        case Let(Var(name), Call("empty")):
            return name
        case _:
            return None


def _without(block: Block, gone: Sequence[Stmt]) -> Block:
    kept = (stmt for stmt in block if not any(stmt is each for each in gone))
    return tuple(map_blocks(stmt, lambda body: _without(body, gone)) for stmt in kept)


def _changing(block: Block) -> Block:
    """Leave out elements set to what they are."""
    return tuple(map_blocks(stmt, _changing) for stmt in block if not _is_idle(stmt))


def _is_idle(stmt: Stmt) -> bool:
    return isinstance(stmt, Store) and stmt.value == Call("getitem", (stmt.array, *stmt.index))


@dataclass(slots=True)
class _Memory:
    """A piece of memory: the names of all arrays that it serves, one after the other."""

    names: list[str]


class _Finder:
    """Finds for arrays the memory that they may take: `names` are the arrays, and how they are called then."""

    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.facts: Liveness = liveness(func, classes={})
        self.shared = shared_names(memory_classes(func))
        self.often = bound_often(func)
        self.held = {n for stmt in statements(func.body) if isinstance(stmt, Effect) for n in mentioned(stmt)}
        self.names: dict[str, str] = {}
        self.gone: list[Stmt] = []

    def block(self, sites: Sequence[Site]) -> None:
        there: list[_Memory] = []
        slots = Slots([site.stmt for site in sites])
        for site in sites:
            name = _made(site.stmt)
            if name is not None and isinstance(site.stmt, Let) and name not in self.often:
                users = [sites[k] for k, _ in islice(slots.users(name), 2)]
                if users[0] is not site or not self.taken(site.stmt, name, users[1:], there):
                    there.append(_Memory([name]))
            for inner in site.blocks:
                self.block(inner)

    def taken(self, made: Let, name: str, users: Sequence[Site], there: list[_Memory]) -> bool:
        """Give an array a piece of memory that is there, if one fits; the statement that makes it goes."""
        user = next(iter(users), None)
        loops = [] if user is None else self.filling(user.stmt, name)
        if user is None or not loops:
            return False
        for memory in there:
            if self.fits(memory, name) and self.is_spent(memory, user) and _is_last(loops, name, memory.names):
                self.names[name] = memory.names[0]
                memory.names.append(name)
                self.gone.append(made)
                return True
        return False

    def is_spent(self, memory: _Memory, site: Site) -> bool:
        """Whether the arrays in a piece of memory are not used after a statement."""
        return not any(self.facts.is_live_after(site, name) for name in memory.names)

    def fits(self, memory: _Memory, name: str) -> bool:
        """Whether an array has the type and shape of those in a piece of memory, which nothing else refers to."""
        kinds, made = self.context.kinds, self.context.made
        shape = made.get(name)
        if shape is None or not is_array(kinds.get(name)) or not self.shared.isdisjoint(memory.names):
            return False
        return all(kinds.get(n) == kinds[name] and made.get(n) == shape and n not in self.held for n in memory.names)

    def filling(self, stmt: Stmt, name: str) -> list[For]:
        """Return loops in each other that set an element of an array in each iteration; none if it isn't so."""
        shape = self.context.made.get(name)
        loops: list[For] = []
        while isinstance(stmt, For) and stmt.until is None and not stmt.parallel and shape is not None:
            loops.append(stmt)
            users = _users(stmt, (name,))
            if len(loops) == len(shape):
                place = tuple(loop.index for loop in loops)
                filled = _sets(users[0], name, place) and all(only_element(each, name, place) for each in users)
                return loops if filled else []
            if len(users) != 1:
                return []
            stmt = users[0]
        return []


def _users(loop: For, names: Collection[str]) -> list[Stmt]:
    return [stmt for stmt in loop.body if not mentioned_within(stmt).isdisjoint(names)]


def _sets(stmt: Stmt, name: str, place: tuple[Expr, ...]) -> bool:
    return isinstance(stmt, Store) and stmt.array.name == name and stmt.index == place


def _is_last(loops: Sequence[For], name: str, old: Collection[str]) -> bool:
    """Whether loops look at elements of arrays only where, and before, they set the one of the new array."""
    for outer, inner in pairwise(loops):
        if any(stmt is not inner for stmt in _users(outer, old)):
            return False
    place = tuple(loop.index for loop in loops)
    first = _users(loops[-1], (name,))[0]
    users = _users(loops[-1], old)
    body = loops[-1].body
    late = body[next(k for k, stmt in enumerate(body) if stmt is first) + 1 :]
    if any(stmt is user for stmt in late for user in users):
        return False
    return all(only_element(user, each, place) for user in users for each in old)
