"""Which names may share memory, which memory is written, and when.

Arrays and lists are references. A *memory class* groups the names that may refer to the same memory: a view and
its base, a phi and what flows into it, a list and the arrays in it. A class with a `Store` in it is *written*;
the others behave like values. Inside a class `root` follows views to the array whose memory they show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from numba import types as nb

from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Stmt, Store, Var, While
from adjoint.ir.routine import Routine
from adjoint.ir.walk import blocks, statements
from adjoint.rules import spelling
from adjoint.rules.kernels import is_barrier
from adjoint.rules.numba_types import is_subclass, is_tuple

# These return their operand if it is already what they make of it, and a copy if not.
CONVERSIONS = frozenset({"asarray", "ascontiguousarray", "asfortranarray"})
_GROWING = ("append", "pop")
_RESHAPES = ("reshape", "ravel")


@dataclass(eq=False)
class Memory:
    """Facts about the memory of one SSA program."""

    parent: dict[str, str] = field(default_factory=dict[str, str])
    written: frozenset[str] = frozenset()
    reshaped: frozenset[str] = frozenset()
    base: dict[str, str] = field(default_factory=dict[str, str])
    before: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    after: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])

    def cls(self, name: str) -> str:
        """Return the representative of the memory class of a name; the name itself if it shares with nobody."""
        while (up := self.parent.get(name, name)) != name:
            name = up
        return name

    def is_written(self, name: str) -> bool:
        return self.cls(name) in self.written

    def is_reshaped(self, name: str) -> bool:
        """Whether memory is written and shown in another shape: what stands for it has to be laid out as it is."""
        return self.is_written(name) and self.cls(name) in self.reshaped

    def root(self, name: str) -> str:
        """Return the name whose memory a view shows, as far as views go."""
        while name in self.base:
            name = self.base[name]
        return name


def is_memory(kind: object) -> bool:
    """Whether a value of this type is a reference to memory that can be written."""
    return is_subclass(type(kind), nb.Array, nb.List)


def memory(func: Func) -> Memory:
    """Return the memory classes of an SSA program, the written ones, and the version of each at every statement.

    `before[id(stmt)][cls]` and `after[...]` number the states of a written class; two equal numbers in the
    same iteration mean the same contents.
    """
    facts = Memory()
    everything = list(statements(func.body))
    for stmt in everything:
        _share(stmt, func, facts)
    facts.written = frozenset(facts.cls(name) for stmt in everything if (name := written_name(stmt)) is not None)
    shapes = [stmt for stmt in everything if isinstance(stmt, Let) and is_reshape(stmt.value) and shows(stmt, func)]
    facts.reshaped = frozenset(facts.cls(stmt.target.name) for stmt in shapes)
    _Versions(facts).block(func.body, {})
    return facts


def written_name(stmt: Stmt) -> str | None:
    """Return the name whose memory a statement writes, if it does."""
    match stmt:
        case Store(Var(name)):
            return name
        case Accum(Var(name), index) if index:
            return name
        case Effect(Call(prim, (Var(name), *_))) | Let(_, Call(prim, (Var(name), *_))) if prim in _GROWING:
            return name
        case _:
            return None


def changed_names(stmt: Stmt) -> tuple[str, ...]:
    """Return the names whose memory may have other contents after a statement; at a barrier others have written."""
    if isinstance(stmt, Effect) and is_barrier(stmt.value):
        return tuple(arg.name for arg in stmt.value.args if isinstance(arg, Var))
    name = written_name(stmt)
    return () if name is None else (name,)


def _share(stmt: Stmt, func: Func, facts: Memory) -> None:  # noqa: C901 (one case per statement)
    def join(a: Expr | None, b: Expr | None) -> None:
        if isinstance(a, Var) and isinstance(b, Var) and is_memory(func.types.get(a.name)):
            facts.parent[facts.cls(a.name)] = facts.cls(b.name)

    match stmt:
        case Let(target, Var() as value):
            join(target, value)
        case Let(target, Call(prim, args)) if is_memory(func.types.get(target.name)):
            if shows(stmt, func):
                assert isinstance(args[0], Var)
                facts.base[target.name] = args[0].name
                join(target, args[0])
            elif prim in ("list", "pop") or (prim.startswith("ref:") and _may_return(func.refs.get(prim))):
                for arg in args:
                    join(arg, target)
            elif prim == "item" and isinstance(args[0], Var) and args[0].name in facts.parent:
                join(target, args[0])
        case Let(target, Call(prim, args)) if is_tuple(func.types.get(target.name)):
            routine = func.refs.get(prim)
            if isinstance(routine, Routine) and routine.shares:
                for arg in args:
                    join(arg, target)
        case Store(array, _, value) if isinstance(func.types.get(array.name), nb.List):
            join(value, array)
        case Effect(Call("append", (array, value))):
            join(value, array)
        case For(carried=carried) | While(carried=carried):
            for carry in carried:
                join(carry.phi, carry.init)
                join(carry.phi, carry.next)
        case If(merges=merges):
            for merge in merges:
                join(merge.target, merge.then)
                join(merge.target, merge.orelse)
        case _:
            pass


def is_reshape(value: Expr) -> bool:
    """Whether an expression is an array in another shape: a view of it if it lies in C order in memory."""
    return isinstance(value, Call) and value.prim in _RESHAPES


def _may_return(obj: object) -> bool:
    """Whether a function may return its argument. What a routine returns is new, even if Python's isn't."""
    return not isinstance(obj, Routine) or obj.shares


def shows(stmt: Let, func: Func) -> bool:
    """Whether a `Let` binds a view of its first operand, or an element that is itself memory."""
    if not (isinstance(stmt.value, Call) and stmt.value.args and isinstance(stmt.value.args[0], Var)):
        return False
    if not is_memory(func.types.get(stmt.target.name)) or not is_memory(func.types.get(stmt.value.args[0].name)):
        return False
    if stmt.value.prim == "getitem":
        return not any(isinstance(func.types.get(i.name), nb.Array) for i in stmt.value.args[1:] if isinstance(i, Var))
    if stmt.value.prim in CONVERSIONS and func.types[stmt.target.name] != func.types[stmt.value.args[0].name]:
        return False
    if stmt.value.prim == "ravel" and getattr(func.types.get(stmt.value.args[0].name), "layout", "C") != "C":
        return False  # elements in another order than that of memory are copied
    # Parts and diagonals have memory of their own wherever that makes a difference: see `transform.hidden_views`.
    return spelling.is_view(stmt.value.prim) and stmt.value.prim not in spelling.HIDDEN_VIEWS


class _Versions:
    """Number the states of every written class in the order of execution."""

    def __init__(self, facts: Memory) -> None:
        self.facts = facts
        self.count = 0

    def block(self, block: Block, now: dict[str, int]) -> dict[str, int]:
        for stmt in block:
            self.facts.before[id(stmt)] = now
            now = self.stmt(stmt, now)
            self.facts.after[id(stmt)] = now
        return now

    def stmt(self, stmt: Stmt, now: dict[str, int]) -> dict[str, int]:
        if names := changed_names(stmt):
            return self.renewed(now, [self.facts.cls(name) for name in names])
        inner = blocks(stmt)
        if not inner:
            return now
        changed = sorted(
            {self.facts.cls(n) for body in inner for s in statements(body) for n in changed_names(s)}
        )
        # A loop body starts from what the iteration before left.
        start = now if isinstance(stmt, If) else self.renewed(now, changed)
        for body in inner:
            self.block(body, start)
        return self.renewed(now, changed)

    def renewed(self, now: dict[str, int], changed: list[str]) -> dict[str, int]:
        new = dict(now)
        for cls in changed:
            self.count += 1
            new[cls] = self.count
        return new if changed else now
