"""Activity: which values depend on the independent variables and reach the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from numba import types as nb

from adjoint.analysis.memory import Memory, is_memory
from adjoint.ir import Accum, Call, Effect, Expr, For, Func, If, Let, Return, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, statements_of
from adjoint.rules.build import is_complex
from adjoint.rules.find import kind
from adjoint.rules.numba_types import element_type, is_subclass, is_tuple, item_types
from adjoint.rules.zero import STEPS_OF_REALS

# These primitives look at a value's form, not at its contents.
_BLIND = frozenset({"dim", "shape", "size", "ndim", "len", "zeros_like", "ones_like", "empty_like", "zeros", "empty"})


def is_differentiable(type_: object) -> bool:
    """Whether values of a Numba type have tangents: floats, complex numbers, arrays, lists, tuples of them."""
    if is_memory(type_):
        return is_differentiable(element_type(type_))
    if is_tuple(type_):
        return any(is_differentiable(item) for item in item_types(type_))
    return is_subclass(type(type_), nb.Float, nb.Complex)


def active(func: Func, memory: Memory, wrt: Iterable[str]) -> frozenset[str]:
    """Return the names that are both varied (depend on `wrt`) and useful (the result depends on them).

    Flow-insensitive, hence conservative; memory is tracked by class.
    """
    varied = varied_names(func, memory, wrt)
    useful = useful_names(func, memory)
    return frozenset(name for name in varied & useful if is_differentiable(func.types.get(name)))


def varied_names(func: Func, memory: Memory, wrt: Iterable[str]) -> frozenset[str]:
    """Return the names whose value depends on `wrt` through differentiable values."""
    facts = _Facts(func, memory)
    facts.add(wrt)
    return facts.close(lambda source, target: (source, target))


def useful_names(func: Func, memory: Memory) -> frozenset[str]:
    """Return the names the result of the function depends on through differentiable values."""
    facts = _Facts(func, memory)
    for stmt in func.body:
        if isinstance(stmt, Return):
            facts.add(names_in(stmt.value))
    return facts.close(lambda source, target: (target, source))


class _Facts:
    """A set of names closed under the flow of values; a name of a memory class stands for the whole class."""

    def __init__(self, func: Func, memory: Memory) -> None:
        self.func = func
        self.memory = memory
        self.found: set[str] = set()

    def key(self, name: str) -> str:
        return self.memory.cls(name) if is_memory(self.func.types.get(name)) else name

    def add(self, names: Iterable[str]) -> None:
        self.found.update(self.key(name) for name in names)

    def close(self, direct: Callable[[str, str], tuple[str, str]]) -> frozenset[str]:
        edges: dict[str, list[str]] = {}
        for stmt in statements_of(self.func):
            for source, target in _flows(stmt, self.func):
                if is_differentiable(self.func.types.get(source)) and is_differentiable(self.func.types.get(target)):
                    before, after = direct(self.key(source), self.key(target))
                    edges.setdefault(before, []).append(after)
        todo = sorted(self.found)
        while todo:
            for name in edges.get(todo.pop(), ()):
                if name not in self.found:
                    self.found.add(name)
                    todo.append(name)
        return frozenset(name for name in self.func.types if self.key(name) in self.found)


def _flows(stmt: Stmt, func: Func) -> list[tuple[str, str]]:
    """Return the pairs (name read, name that depends on it) of one statement."""
    match stmt:
        case Let(target, value):
            return [(name, target.name) for name in _read(value, func)]
        case Store(array, _, value) | Accum(array, _, value):
            return [(name, array.name) for name in names_in(value)]
        case Effect(Call("append", (Var(name), value))):
            return [(source, name) for source in names_in(value)]
        case For(carried=carried) | While(carried=carried):
            return [(s, c.phi.name) for c in carried for e in (c.init, c.next) for s in names_in(e)]
        case If(merges=merges):
            return [(s, m.target.name) for m in merges for e in (m.then, m.orelse) for s in names_in(e)]
        case _:
            return []


def _read(value: Expr, func: Func) -> list[str]:
    if not isinstance(value, Call):
        return list(names_in(value))
    if value.prim in STEPS_OF_REALS:
        return [name for name in names_in(value) if is_complex(func.types.get(name))]
    if value.prim in _BLIND or kind(value.prim) == "zero":
        return []
    if value.prim == "getitem":
        return list(names_in(value.args[0]))
    return list(names_in(value))
