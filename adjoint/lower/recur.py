"""Numbers that a loop hands on are made again by the loop that would read them from a tape."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from adjoint.analysis.effects import binds_of
from adjoint.analysis.ranges import may_be_asked_again
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import mentions_of, names_in, statements, subexpressions, substitute
from adjoint.lower.uses import mentions
from adjoint.rules.numba_types import Type, is_number

_CHEAP = frozenset("add sub mul neg".split())
MOST = 3  # operations of a turn: more cost as much as reading a tape


def recur(block: Block, func: Func, fresh: Callable[[str], Var]) -> Block:
    """Do without a tape of `p` where a loop makes `p = p * t`, and another one over the same range reads the tape.

    The second loop hands on a number of its own, which `fresh` names, and which is the same in each turn. `block` is
    one of `func` that makes, fills and reads the tapes.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], y: float64[:], t: float64):
    ...     s: float64 = 0.0
    ...     tape: float64[:] = empty(dim(x, 0))
    ...     p: float64 = 1.0
    ...     for j in range(dim(x, 0)):
    ...         tape[j] = p
    ...         s += p * x[j]
    ...         p = p * t
    ...     for k in range(dim(x, 0)):
    ...         q: float64 = tape[k]
    ...         y[k] = s * q
    ... ''')
    >>> print(text(replace(func, body=recur(func.body, func, lambda name: Var(name + "_again")))), end="")
    def f(x, y, t):
        s = 0.0
        p = 1.0
        for j in range(x.shape[0]):
            s += p * x[j]
            p *= t
        q_again = 1.0
        for k in range(x.shape[0]):
            q = q_again
            q_again = q * t
            y[k] = s * q
    """
    counts = mentions_of(func)
    for made in [stmt for stmt in block if isinstance(stmt, Let)]:
        if counts[made.target.name] == 3 and isinstance(made.value, Call) and made.value.prim == "empty":
            block = _without(block, made, func, fresh)
    return block


@dataclass(frozen=True, slots=True)
class _Tape:
    """A store in a loop, of a number that changes once in a turn, after the store."""

    store: Store
    number: Var
    change: Expr


@dataclass(frozen=True, slots=True)
class _Loops:
    """Where the loops are in a block that fill a tape and read it."""

    block: Block
    places: tuple[int, int]
    func: Func

    def ends(self) -> tuple[For, For] | None:
        first, second = (self.block[place] for place in self.places)
        return (first, second) if isinstance(first, For) and isinstance(second, For) else None

    def bound(self, start: int) -> set[str]:
        """Return the names that statements from one of the block to the second loop bind."""
        inside = statements(self.block[start : self.places[1] + 1])
        return {name for stmt in inside for name in _binds(stmt, self.func)}


def _binds(stmt: Stmt, func: Func) -> Collection[str]:
    return (stmt.target.name,) if isinstance(stmt, Accum) and not stmt.index else binds_of(stmt, func)


def _without(block: Block, made: Let, func: Func, fresh: Callable[[str], Var]) -> Block:
    """Return a block without a tape, if it can do without."""
    name = made.target.name
    users = [k for k, stmt in enumerate(block) if stmt is not made and mentions(stmt, name)]
    if len(users) != 2:
        return block
    found = _Loops(block, (users[0], users[1]), func)
    loops = found.ends()
    if loops is None or not _are_alike(*loops, found.bound(users[0])):
        return block
    tape, read = _tape(loops[0], name, found), _read(loops[1], name)
    start = None if tape is None else _start(tape.number, found)
    kind: Type = func.types.get(name)
    if tape is None or read is None or start is None:
        return block
    if any(func.types.get(each) != kind.dtype for each in (tape.number.name, read.target.name)):
        return block
    again = fresh(read.target.name)
    renamed: dict[str, Expr] = {tape.number.name: read.target, loops[0].index.name: loops[1].index}
    turn = (replace(read, value=again), Let(again, substitute(tape.change, renamed), read.loc))
    first = replace(loops[0], body=tuple(s for s in loops[0].body if s is not tape.store))
    second = replace(loops[1], body=tuple(s for each in loops[1].body for s in (turn if each is read else (each,))))
    new: dict[int, Block] = {id(made): (), id(loops[0]): (first,), id(loops[1]): (Let(again, start), second)}
    return tuple(s for stmt in block for s in new.get(id(stmt), (stmt,)))


def _are_alike(first: For, second: For, bound: set[str]) -> bool:
    """Whether two loops have the same turns in the same order."""
    for loop in (first, second):
        if loop.until or loop.parallel or loop.carried or not may_be_asked_again(loop):
            return False
    ends = [(loop.start, loop.stop, loop.step) for loop in (first, second)]
    names = {name for end in ends[0] for name in names_in(end)}
    return ends[0] == ends[1] and isinstance(first.step, Lit) and not names & bound


def _tape(loop: For, name: str, found: _Loops) -> _Tape | None:
    """Return the store into a tape if it is of a number that changes after it, the same way whenever the loop runs."""
    stores = [k for k, s in enumerate(loop.body) if isinstance(s, Store) and s.array.name == name]
    store = loop.body[stores[0]] if len(stores) == 1 else None
    if not isinstance(store, Store) or store.index != (loop.index,) or not isinstance(store.value, Var):
        return None
    number = store.value
    changes = [stmt for stmt in statements(loop.body) if number.name in _binds(stmt, found.func)]
    if len(changes) != 1 or not any(changes[0] is stmt for stmt in loop.body[stores[0] :]):
        return None
    match changes[0]:
        case Let(_, change):
            pass
        case Accum(_, (), value):
            change: Expr = Call("add", (number, value))
        case _:
            return None
    again = any(isinstance(stmt, For) and stmt.index == loop.index for stmt in statements(loop.body))
    moving = found.bound(found.places[0]) - {number.name, loop.index.name}
    fixed = not moving & set(names_in(change))
    return _Tape(store, number, change) if fixed and not again and _is_cheap(change, found.func) else None


def _is_cheap(change: Expr, func: Func) -> bool:
    """Whether an expression is a little arithmetic with numbers that have names."""
    parts = [part for part in subexpressions(change) if isinstance(part, Call)]
    numbers = all(is_number(func.types[each]) for each in names_in(change) if each in func.types)
    known = all(each in func.types for each in names_in(change))
    return len(parts) <= MOST and all(part.prim in _CHEAP for part in parts) and known and numbers


def _read(loop: For, name: str) -> Let | None:
    """Return the statement that reads a tape, if that is all it does, in every turn."""
    there = Call("getitem", (Var(name), loop.index))
    again = any(isinstance(stmt, For) and stmt.index == loop.index for stmt in statements(loop.body))
    return next((s for s in loop.body if isinstance(s, Let) and s.value == there and not again), None)


def _start(number: Var, found: _Loops) -> Expr | None:
    """Return what a number is before the first loop, if that is a constant, or a name that stays."""
    for place in range(found.places[0] - 1, -1, -1):
        stmt = found.block[place]
        if not any(number.name in _binds(inner, found.func) for inner in statements((stmt,))):
            continue
        match stmt:
            case Let(_, Lit() as value):
                return value
            case Let(_, Var(other) as value) if other != number.name and other not in found.bound(place):
                return value
            case _:
                return None
    return None
