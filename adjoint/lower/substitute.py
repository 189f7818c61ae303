"""Arrays whose elements are next to nothing to compute are not made: each element is computed where it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.analysis.written import shifted
from adjoint.errors import AdjointError
from adjoint.ir import Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import (
    blocks,
    map_blocks,
    map_expr,
    map_operands,
    mentioned,
    mentions_of,
    names_in,
    operands,
    statements,
    subexpressions,
    substitute,
    with_body,
)
from adjoint.lower.context import Context
from adjoint.lower.contract import contract
from adjoint.lower.fuse import fuse
from adjoint.lower.slots import Slots
from adjoint.lower.uses import Uses, element_arrays, mentions
from adjoint.rules.numba_types import is_array
from adjoint.rules.typing import expr_type

_CHEAP = frozenset("add sub mul neg eq ne lt le gt ge".split())
MOST_OPERATIONS = 4
MOST_READS = 3


def substitute_cheap(func: Func, context: Context) -> Func:
    """Replace the elements of an array that a loop fills by the sums, products and comparisons that they are.

    That is for arrays that would still be there when loops have been joined (`fuse`, `contract`). All uses are in the
    block of that loop, nothing changes what the elements are computed from until the last of them, and none is in more
    loops than the array has axes: nothing is computed more often than it is read from memory.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:], y: float64[:], a: float64[:, :]):
    ...     t: float64[:, :] = outer(x, y)
    ...     a += transpose(t)
    ...     return a
    ... '''))
    >>> print(text(substitute_cheap(func, context)), end="")
    def f(x, y, a):
        if y.shape[0] != a.shape[0] or x.shape[0] != a.shape[1]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        for i_1 in range(y.shape[0]):
            for j_1 in range(x.shape[0]):
                a[i_1, j_1] += x[j_1] * y[i_1]
        return a
    """
    names = {name for name in element_arrays(func, context.kinds) if context.made.get(name)}
    left = names & _left(func, context) if names else names
    return with_body(func, _Substituter(func, context, names, left).block(func.body)) if left else func


def _left(func: Func, context: Context) -> set[str]:
    """Return the arrays that are made in a program once its loops have been joined."""
    trial = context.copy()
    joined = contract(replace(fuse(func, trial), types=trial.kinds), trial.kinds)
    bound = {stmt.target.name for stmt in statements(joined.body) if isinstance(stmt, Let)}
    return {name for name in bound if is_array(trial.kinds.get(name))}


@dataclass(frozen=True, slots=True)
class _Definition:
    """The elements of an array: `array[indices] = value` for all of it."""

    array: str
    indices: tuple[Var, ...]
    value: Expr

    @property
    def work(self) -> int:
        return _work(self.value)


class _Substituter:
    def __init__(self, func: Func, context: Context, names: set[str], left: set[str]) -> None:
        self.context = context
        self.left = left
        found = element_arrays(func, context.kinds)
        self.uses: Mapping[str, Uses] = {name: uses for name, uses in found.items() if name in names}
        self.accesses = context.accesses(func)
        self.total = mentions_of(func)
        self.local: set[str] = set()

    def block(self, block: Block) -> Block:
        self.note(block)
        slots = Slots([map_blocks(stmt, self.block) for stmt in block])
        for place, stmt in enumerate(slots.stmts):
            found = None if stmt is None else self.definition(stmt)
            if found is not None:
                self.substitute(slots, place, found)
        return slots.block()

    def note(self, block: Block) -> None:
        """Note the arrays that are made in a block and used nowhere else."""
        made = {s.target.name for s in block if isinstance(s, Let) and s.target.name in self.uses}
        if made:
            here = Counter(n for stmt in statements(block) for n in mentioned(stmt) if n in made)
            self.local |= {name for name in made if here[name] == self.total[name]}

    def definition(self, stmt: Stmt) -> _Definition | None:
        """Return the array that loops fill with cheap elements, and do nothing else."""
        loops: list[For] = []
        while isinstance(stmt, For):
            inner = [each for each in stmt.body if not isinstance(each, Comment)]
            if len(inner) != 1 or stmt.until is not None or stmt.parallel:
                return None
            loops.append(stmt)
            stmt = inner[0]
        indices = tuple(loop.index for loop in loops)
        if not isinstance(stmt, Store) or stmt.index != indices or stmt.array.name not in self.local:
            return None
        if not self.context.covers(loops, stmt.array.name):
            return None
        found = _Definition(stmt.array.name, indices, stmt.value)
        return found if self.is_cheap(found) else None

    def is_cheap(self, found: _Definition) -> bool:
        if found.array in names_in(found.value) or not isinstance(found.value, Call):
            return False
        # What is the same in a whole row is read once for it.
        reads = [read for read in _reads(found.value) if found.indices[-1].name in names_in(read)]
        if found.work > MOST_OPERATIONS or len(reads) > MOST_READS or not _is_arithmetic(found.value):
            return False
        if not all(self.is_near(read, found.indices[-1]) for read in reads):
            return False
        try:
            kind = expr_type(found.value, self.context.kinds)
        except AdjointError:
            return False
        return bool(kind == self.context.kinds[found.array].dtype)

    def is_near(self, read: Call, last: Var) -> bool:
        """Whether elements that are read one after the other are so in memory."""
        index = read.args[1:]
        moving = [k for k, each in enumerate(index) if last.name in names_in(each)]
        return all(_offset(each) is not None for each in index) and moving in ([], [len(index) - 1])

    def substitute(self, slots: Slots, place: int, found: _Definition) -> None:
        """Let the loops that fill an array go, unless it has to be there."""
        (first, made), *uses = slots.users(found.array)
        users = [(k, stmt) for k, stmt in uses if k != place]
        if not users or users[0][0] < place or made is not self.uses[found.array].made:
            return
        if not (self.is_worth(found) if found.array in self.left else self.feeds(slots, users)):
            return
        sites = [self.sites(stmt, found.array) for _, stmt in users]
        count = sum(len(each or ()) for each in sites)
        most = MOST_OPERATIONS * (4 if self.is_light(found) else 2)
        if None in sites or count * found.work > most or count > 2 * MOST_OPERATIONS:
            return
        if any(depth > len(found.indices) for each in sites for depth in each or ()):
            return
        names = set(names_in(found.value)) - {index.name for index in found.indices}
        if any(self.accesses.changes(stmt, names) for stmt in slots.between(place + 1, users[-1][0] + 1)):
            return
        reader = _Reader(found)
        for k, stmt in users:
            slots.put(k, reader.stmt(stmt))
        slots.put(first, None)
        slots.put(place, None)

    def is_worth(self, found: _Definition) -> bool:
        """Whether no other arrays have to be kept for the sake of the elements, that would not be there."""
        return not any(name in self.uses and name not in self.left for name in names_in(found.value))

    def feeds(self, slots: Slots, users: Sequence[tuple[int, Stmt]]) -> bool:
        """Whether elements that would become numbers are only for another array, of those that would be kept."""
        while len(users) == 1:
            ((place, stmt),) = users
            user = self.definition(stmt)
            if user is None or user.array in self.left:
                return user is not None
            users = [*slots.users(user.array, place + 1)]
        return False

    def is_light(self, found: _Definition) -> bool:
        """Whether at most one element has to be fetched from an array as large."""
        rank = len(found.indices)
        return sum(len(read.args) > rank for read in _reads(found.value)) <= 1

    def sites(self, stmt: Stmt, name: str) -> list[int] | None:
        """Return in how many loops a statement reads each element of an array; None if that isn't all it does."""
        found: list[int] = []
        for expr in operands(stmt):
            for part in subexpressions(expr):
                match part:
                    case Call("getitem", (Var(array), *index)) if array == name:
                        if not all(_offset(each) is not None and self.context.is_natural(each) for each in index):
                            return None
                        found.append(0)
                    case _:
                        pass
        if sum(n == name for n in mentioned(stmt)) != len(found):
            return None
        for inner in (each for body in blocks(stmt) for each in body):
            deeper = self.sites(inner, name)
            if deeper is None:
                return None
            found += [depth + isinstance(stmt, For | While) for depth in deeper]
        return found


def _reads(expr: Expr) -> Iterator[Call]:
    """Yield the elements that arithmetic is about."""
    if isinstance(expr, Call) and expr.prim == "getitem":
        yield expr
    elif isinstance(expr, Call):
        for arg in expr.args:
            yield from _reads(arg)


def _is_arithmetic(expr: Expr) -> bool:
    match expr:
        case Call("getitem", (Var(), *_)):
            return True
        case Call(prim, args, ()):
            return prim in _CHEAP and all(map(_is_arithmetic, args))
        case _:
            return not isinstance(expr, Call)


def _work(expr: Expr) -> int:
    """Count the operations of arithmetic."""
    if not isinstance(expr, Call) or expr.prim == "getitem":
        return 0
    return 1 + sum(map(_work, expr.args))


def _offset(index: Expr) -> int | None:
    """Return the number that is added to a name in a subscript; None if it is something else."""
    match index:
        case Var() | Lit(int()):
            return 0
        case Call("add", (Var(), Lit(int() as value))):
            return value
        case Call("sub", (Var(), Lit(int() as value))):
            return -value
        case _:
            return None


class _Reader:
    """Writes the elements of an array where they are read."""

    def __init__(self, found: _Definition) -> None:
        self.found = found

    def stmt(self, stmt: Stmt) -> Stmt:
        if not mentions(stmt, self.found.array):
            return stmt
        stmt = map_operands(stmt, lambda expr: map_expr(expr, self.element))
        return map_blocks(stmt, lambda block: tuple(map(self.stmt, block)))

    def element(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(array), *index)) if array == self.found.array:
                at = {own.name: each for own, each in zip(self.found.indices, index, strict=True)}
                return _placed(self.found.value, at)
            case _:
                return expr


def _placed(expr: Expr, at: Mapping[str, Expr]) -> Expr:
    """Return arithmetic on elements for other values of the indices."""
    match expr:
        case Var(name):
            return at.get(name, expr)
        case Call("getitem", (array, *index)):
            return replace(expr, args=(array, *(_subscript(each, at) for each in index)))
        case Call(_, args):
            return replace(expr, args=tuple(_placed(arg, at) for arg in args))
        case Lit():
            return expr


def _subscript(index: Expr, at: Mapping[str, Expr]) -> Expr:
    match index:
        case Var(name):
            return at.get(name, index)
        case Call(_, (Var(name), Lit())) if name in at:
            return shifted(at[name], _offset(index) or 0)
        case _:
            return substitute(index, at)
