"""Which names of an imperative program may share memory.

Arrays and lists are references. Names that may refer to the same memory (a view and its base, two names of one
array, a list and the arrays in it, the sides of a swap) form a *memory class*; the classes hold for the whole
function. What is not known counts as shared: a name without a type may be an array, and an opaque call may return
any of its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from numba import types as nb

from adjoint.ir import Accum, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.routine import Routine
from adjoint.ir.walk import bound, names_in, names_of, remembered, statements_of
from adjoint.rules import spelling
from adjoint.rules.numba_types import is_array, is_subclass, is_tuple

_HOLDERS = frozenset(("tuple", "list", "select", "item", "pop"))
KEEPERS = frozenset(("append", "insert", "extend"))
_SCALAR_RESULT = frozenset("dim size ndim len lt le gt ge eq ne is is_not in not and or".split())
_TEXTS: tuple[Any, ...] = (nb.UnicodeType, nb.StringLiteral)
_NO_MEMORY: tuple[Any, ...] = (nb.Number, nb.Boolean, nb.NoneType, *_TEXTS, nb.EnumMember, nb.DType)


def holds_memory(kind: object) -> bool:
    """Say whether a value of this type may be, or contain, a reference to memory; `None` is an unknown type."""
    if is_tuple(kind):
        return any(map(holds_memory, cast(Any, kind).types))
    return not is_subclass(type(kind), *_NO_MEMORY)


@remembered
def memory_classes(func: Func) -> Mapping[str, str]:
    """Map each name that may refer to memory to the representative of its class, its first name in the program.

    Scalars are in no class.

    >>> from tests.ir_text import parse
    >>> program = '''
    ... def f(x: float64[:], n: int64):
    ...     row: float64[:] = x[1:]
    ...     x_bar: float64[:] = zeros_like(x)
    ...     x_bar[n] += row[n]
    ...     return x_bar
    ... '''
    >>> memory_classes(parse(program))
    {'x': 'x', 'row': 'x', 'x_bar': 'x_bar'}
    """
    sharing = Sharing(func)
    for stmt in sharing.everything:
        if not isinstance(stmt, Let):
            sharing.share(stmt)
        elif stmt.target.name in sharing.order:
            sharing.join(stmt.target, stmt.value)
    return {name: sharing.find(name) for name in sharing.order}


def shared_names(classes: Mapping[str, str]) -> frozenset[str]:
    """Return the names that share a memory class with another one.

    >>> sorted(shared_names({"x": "x", "row": "x", "x_bar": "x_bar"}))
    ['row', 'x']
    """
    return frozenset(each for pair in classes.items() if pair[0] != pair[1] for each in pair)


@remembered
def external_names(func: Func) -> frozenset[str]:
    """Return the names bound to memory from outside that is no parameter: constants and opaque results."""
    found: set[str] = set()
    for stmt in statements_of(func):
        outer = _outer(stmt.value.prims) if isinstance(stmt, Let) and isinstance(stmt.value, Call) else ()
        if isinstance(stmt, Let) and outer and any(not _is_routine(prim, func) for prim in outer):
            found.add(stmt.target.name)
    return frozenset(found)


@lru_cache(4096)
def _outer(prims: frozenset[str]) -> tuple[str, ...]:
    """Return the constants and the objects of the user's among some primitives."""
    return tuple(prim for prim in prims if prim.startswith(("const:", "ref:")))


class Sharing:
    """Union-find over the names that may hold memory; the earlier name represents."""

    def __init__(self, func: Func) -> None:
        self.func = func
        self.types = func.types
        self.everything = statements_of(func)
        names = dict.fromkeys(chain((p.name for p in func.params), names_of(func)))
        kinds = {name: func.types.get(name) for name in names}
        known = {id(kind): holds_memory(kind) for kind in {id(kind): kind for kind in kinds.values()}.values()}
        untyped = {name for name in names if name not in func.types}
        bindings = _bindings(func, self.everything) if untyped else {}
        scalars = _untyped_scalars(func, self.everything, bindings) if untyped else frozenset[str]()
        memory = (name for name, kind in kinds.items() if known[id(kind)] and name not in scalars)
        self.order = {name: position for position, name in enumerate(memory)}
        self.parent = {name: name for name in self.order}
        self.made = _only_made(func, bindings)

    def find(self, name: str) -> str:
        root = name
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[name] != root:
            self.parent[name], name = root, self.parent[name]
        return root

    def join(self, target: Expr, value: Expr) -> None:
        if isinstance(target, Var) and target.name in self.order:
            for name in self.sources(value):
                first, second = sorted((self.find(target.name), self.find(name)), key=self.order.__getitem__)
                self.parent[second] = first

    def share(self, stmt: Stmt) -> None:
        match stmt:
            case Store(array, _, value) if not self.is_array(array.name):
                self.join(array, value)
            case Effect(Call("move", (Call(args=targets), Call(args=values)))):
                for target, value in zip(targets, values, strict=True):
                    self.join(target, value)
            case Effect(Call(prim, (target, *values))) if prim in KEEPERS or prim.startswith("ref:"):
                for value in values:
                    self.join(target, value)
            case _:
                pass

    def sources(self, value: Expr) -> Iterator[str]:
        """Yield the names whose memory the value of an expression may show."""
        match value:
            case Var(name):
                if name in self.order:
                    yield name
            case Lit():
                pass
            case Call("getitem", (base, *index)):
                if not any(self.is_fancy(i) for i in index):
                    yield from self.sources(base)
            case Call(prim) if _is_routine(prim, self.func):
                pass  # what it returns is new
            case Call(prim, args) if prim in _HOLDERS or spelling.is_view(prim) or prim.startswith(("ref:", "helper.")):
                for arg in args:
                    yield from self.sources(arg)
            case Call():
                pass

    def is_array(self, name: str) -> bool:
        """Whether a name is certainly an array, no list, so that a store into it copies."""
        return name in self.made or is_array(self.types.get(name))

    def is_fancy(self, index: Expr) -> bool:
        return isinstance(index, Var) and is_array(self.types.get(index.name))


def _is_routine(prim: str, func: Func) -> bool:
    return isinstance(func.refs.get(prim), Routine)


def _bindings(func: Func, everything: Sequence[Stmt]) -> dict[str, list[Expr]]:
    """Map each name bound by `Let` to its values; names that anything else binds are left out."""
    found: dict[str, list[Expr]] = {}
    other = {param.name for param in func.params}
    for stmt in everything:
        match stmt:
            case Let(target, value):
                found.setdefault(target.name, []).append(value)
            case Effect(Call("move", (targets, _))):
                other.update(names_in(targets))
            case For() | While() | If() | Accum():
                other.update(var.name for var in bound(stmt))
            case _:
                pass
    return {name: values for name, values in found.items() if name not in other}


def _untyped_scalars(
    func: Func, everything: Sequence[Stmt], bindings: Mapping[str, Sequence[Expr]]
) -> frozenset[str]:
    """Return the names without a type that can only be scalars: loop indices, constants, sizes, comparisons."""
    indices = {stmt.index.name for stmt in everything if isinstance(stmt, For)}
    lets = {name for name, values in bindings.items() if all(map(_is_scalar, values))}
    return frozenset(name for name in indices | lets if name not in func.types)


def _is_scalar(value: Expr) -> bool:
    match value:
        case Lit():
            return True
        case Call(prim):
            return prim in _SCALAR_RESULT or prim.startswith("cast.")
        case Var():
            return False


def _only_made(func: Func, bindings: Mapping[str, Sequence[Expr]]) -> frozenset[str]:
    """Return the names without a type that are bound to new arrays only."""
    return frozenset(
        name
        for name, values in bindings.items()
        if name not in func.types and all(isinstance(v, Call) and spelling.allocates(v.prim) for v in values)
    )
