"""Temporaries that are used once go back into the expressions they were taken out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numba import types as nb

from adjoint.analysis.effects import actions, is_pure, observed
from adjoint.analysis.sharing import memory_classes
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.routine import Routine
from adjoint.ir.walk import (
    blocks,
    bound,
    map_blocks,
    map_operands,
    names_in,
    operands,
    remembered,
    subexpressions,
    substitute,
    with_body,
)
from adjoint.rules.spelling import OPERATORS
from adjoint.transform.hints import hint_of

_LINE = 88
_DEPTH = 8


def renest(func: Func) -> Func:
    """Put temporaries back into expressions.

    Requires the imperative dialect. A `Let` of a name without a hint disappears into its only use if that is in the
    same block, is evaluated once per evaluation of the `Let` (so not in the condition of a `while`), and nothing in
    between binds or writes what the expression reads. Values, their number of evaluations and the locations of the
    remaining statements stay; lines become at most about 88 characters wide.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], y: float64):
    ...     _1 = x[0]
    ...     _2 = _1 * y
    ...     _3 = x[1]
    ...     x[1] = _2
    ...     return sin(_2) + _3
    ... ''', default="float64")
    >>> print(text(renest(before)), end="")
    def f(x, y):
        _2 = x[0] * y
        _3 = x[1]
        x[1] = _2
        return math.sin(_2) + _3
    """
    nester = _Nester(func)
    return with_body(func, nester.block(func.body, indent=4))


@dataclass(frozen=True, slots=True)
class _Writes:
    """What executing a statement may bind, and the memory classes it may change."""

    names: frozenset[str]
    memory: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A `Let` that may move: where it stands, what it would put in its place, and what it depends on."""

    position: int
    value: Expr
    names: frozenset[str]
    memory: frozenset[str]

    def touched_by(self, writes: _Writes) -> bool:
        return bool(self.names & writes.names or self.memory & writes.memory)


class _Nester:
    def __init__(self, func: Func) -> None:
        self.func = func
        self.classes: Mapping[str, str] = memory_classes(func)
        self.movable = _local_temporaries(func)
        self.written: dict[int, tuple[Stmt, _Writes]] = {}

    def block(self, block: Block, indent: int) -> Block:
        out: list[Stmt | None] = []
        pending: dict[str, _Pending] = {}
        uses = _uses_ahead(block, self.movable)
        for position, stmt in enumerate(block):
            stmt, used = self.filled(stmt, pending, indent)
            for name in used:
                out[pending.pop(name).position] = None
            writes = self.writes(stmt)
            pending = {n: p for n, p in pending.items() if n not in writes.names and not p.touched_by(writes)}
            if isinstance(stmt, Let) and uses[position] == 1 and self.may_move(stmt):
                pending[stmt.target.name] = self.pending(len(out), stmt.value)
            out.append(map_blocks(stmt, lambda inner: self.block(inner, indent + 4)))
        return tuple(stmt for stmt in out if stmt is not None)

    def may_move(self, stmt: Let) -> bool:
        """Whether the value may as well be computed later; a name that it reads itself will be something else then."""
        if stmt.target.name in names_in(stmt.value) or not is_pure(stmt.value):
            return False
        return not any(isinstance(e, Call) and self.is_foreign(e.prim) for e in subexpressions(stmt.value))

    def is_foreign(self, prim: str) -> bool:
        """Whether a primitive calls a function of which we don't know what it does."""
        return prim.startswith("ref:") and not isinstance(self.func.refs.get(prim), Routine)

    def pending(self, position: int, value: Expr) -> _Pending:
        names, inspected = observed(value)
        memory = frozenset(self.classes[name] for name in inspected if name in self.classes)
        return _Pending(position, value, frozenset(names), memory)

    def filled(self, stmt: Stmt, pending: Mapping[str, _Pending], indent: int) -> tuple[Stmt, list[str]]:
        """Return a statement with pending values put in, as far as they fit, and their names."""
        used: list[str] = []
        for name in dict.fromkeys(_places(stmt)):
            if name in pending and self.fits(stmt, pending[name]):
                filled = _put(stmt, name, pending[name].value)
                if _width(filled) <= _LINE - indent and all(_depth(e) <= _DEPTH for e in operands(filled)):
                    stmt = filled
                    used.append(name)
        return stmt, used

    def fits(self, stmt: Stmt, candidate: _Pending) -> bool:
        """Whether a statement reads all of the value before it writes anything.

        Adding to part of an array in place doesn't: it goes element by element.
        """
        match stmt:
            case Accum(target, index) if self.classes.get(target.name) in candidate.memory:
                return self.is_element(target, index)
            case _:
                return True

    def is_element(self, array: Var, index: tuple[Expr, ...]) -> bool:
        kind = self.func.types.get(array.name)
        if not isinstance(kind, nb.Array) or len(index) != kind.ndim:
            return False
        return all(map(self.is_integer, index))

    def is_integer(self, index: Expr) -> bool:
        match index:
            case Lit(value):
                return type(value) is int
            case Var(name):
                return isinstance(self.func.types.get(name), nb.Integer)
            case Call(prim, args):
                return prim in ("add", "sub", "mul", "neg") and all(map(self.is_integer, args))

    def writes(self, stmt: Stmt) -> _Writes:
        known = self.written.get(id(stmt))
        if known is None or known[0] is not stmt:
            known = self.written[id(stmt)] = stmt, self._writes(stmt)
        return known[1]

    def _writes(self, stmt: Stmt) -> _Writes:
        names = {var.name for var in bound(stmt)}
        memory: set[str] = set()
        for action in actions(stmt, self.func):
            names.update(action.binds)
            memory.update(self.classes[name] for name in action.changes if name in self.classes)
        for inner in (self.writes(s) for block in blocks(stmt) for s in block):
            names |= inner.names
            memory |= inner.memory
        return _Writes(frozenset(names), frozenset(memory))


@remembered
def _places(stmt: Stmt) -> tuple[str, ...]:
    """Return the names that an expression may replace in a statement."""
    return tuple(name for expr in _open(stmt) for name in names_in(expr))


def _open(stmt: Stmt) -> tuple[Expr, ...]:
    match stmt:
        case Let(_, value) | Return(value):
            return (value,)
        case Store(_, index, value) | Accum(_, index, value):
            return (*index, value)
        case If(cond):
            return (cond,)
        case For(start=start, stop=stop, step=step):
            return (start, stop, step)
        case Effect(Call(prim, args)) if prim in _FIRST_IS_PLACE:
            return args[1:]
        case Effect(value):
            return value.args
        case While() | Comment():
            return ()


# Effects on their first argument, which has to stay a name.
_FIRST_IS_PLACE = frozenset("append move pop fill insert extend".split())


def _put(stmt: Stmt, name: str, value: Expr) -> Stmt:
    return map_operands(stmt, lambda expr: substitute(expr, {name: value}))


def _local_temporaries(func: Func) -> frozenset[str]:
    """Return the temporaries whose every use follows its `Let` in the same block.

    So one `Let` and the uses up to the next say all about a value, even where the name is bound again elsewhere.
    """
    candidates: dict[str, None] = {}
    excluded = {p.name for p in func.params}
    _scan(func.body, candidates, excluded)
    return frozenset(name for name in candidates if name not in excluded and hint_of(name, func.hints) is None)


def _scan(block: Block, candidates: dict[str, None], excluded: set[str]) -> set[str]:
    """Collect candidates; return the names that the block binds, at any depth."""
    here: set[str] = set()
    everywhere: set[str] = set()
    for stmt in block:
        excluded.update(_closed_reads(stmt))
        excluded.update(name for name in _places(stmt) if name not in here)
        inner: set[str] = set()
        for body in blocks(stmt):
            inner |= _scan(body, candidates, excluded)
        everywhere |= inner
        here -= inner
        if isinstance(stmt, Let):
            candidates[stmt.target.name] = None
            here.add(stmt.target.name)
            everywhere.add(stmt.target.name)
        else:
            others = {var.name for var in bound(stmt)}
            excluded |= others
            everywhere |= others
    return everywhere


@remembered
def _closed_reads(stmt: Stmt) -> tuple[str, ...]:
    """Return the names a statement uses where only a name may stand, or more than once."""
    left = [name for expr in operands(stmt) for name in names_in(expr)]
    for name in _places(stmt):
        if name in left:
            left.remove(name)
    return tuple(left)


def _uses_ahead(block: Block, movable: frozenset[str]) -> list[int]:
    """Return, for each statement, how often the temporary it binds is used before it is bound again."""
    counts = [0] * len(block)
    last: dict[str, int] = {}
    for position, stmt in enumerate(block):
        for name in _places(stmt):
            if name in last:
                counts[last[name]] += 1
        if isinstance(stmt, Let) and stmt.target.name in movable:
            last[stmt.target.name] = position
    return counts


def _depth(expr: Expr) -> int:
    return 1 + max(map(_depth, expr.args), default=0) if isinstance(expr, Call) else 0


def _width(stmt: Stmt) -> int:
    """Return about how many characters a statement takes, nested blocks aside."""
    match stmt:
        case Let(target, value):
            return len(target.name) + 3 + _length(value)
        case Store(target, index, value) | Accum(target, index, value):
            return len(target.name) + sum(_length(i) + 2 for i in index) + 4 + _length(value)
        case _:
            return 8 + sum(_length(expr) + 2 for expr in operands(stmt))


def _length(expr: Expr) -> int:
    match expr:
        case Var(name):
            return len(name)
        case Lit(value):
            return len(repr(value))
        case Call("slice", bounds):
            given = [_length(bound) for bound in bounds if bound != Lit(None)]
            return sum(given) + 3
        case Call(prim, args, kwargs):
            inside = sum(_length(arg) for arg in args) + sum(len(key) + 3 + _length(value) for key, value in kwargs)
            between = 3 if prim in OPERATORS and prim != "getitem" else 2
            name = 0 if prim in OPERATORS or prim in ("tuple", "list", "item", "dim") else len(prim) + 5
            return inside + between * max(len(args) - 1, 1) + name
