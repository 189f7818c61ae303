"""Where the arrays made in a block are used: which of them are nothing but elements, read and written in loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from adjoint.analysis.sharing import memory_classes, shared_names
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import blocks, mentioned, mentioned_within, names_in, operands, remembered, statements_of
from adjoint.rules.numba_types import Type, is_array

MADE = frozenset(("empty", "zeros"))

Index = tuple[Expr, ...]


@dataclass(slots=True)
class Uses:
    """The statement that makes an array, and whether everything else is elements of it."""

    made: Let | None = None
    whole: bool = False
    indices: set[Index] = field(default_factory=set["Index"])

    def add(self, index: Index | None, rank: int) -> None:
        """Note a use of the array, or of a part."""
        if index is not None and len(index) == rank and all(map(is_single, index)):
            self.indices.add(index)
        else:
            self.whole = True


def element_arrays(func: Func, kinds: Mapping[str, Type]) -> dict[str, Uses]:
    """Return the arrays that are bound once, to new memory, and of which only single elements are used."""
    ranks = tuple([(name, kinds[name].ndim) for name in _all_made(func) if is_array(kinds.get(name))])
    known = _element_arrays(func)
    if ranks not in known:
        known[ranks] = _found(func, dict(ranks))
    return dict(known[ranks])


@remembered
def _all_made(func: Func) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_made, statements_of(func)))))


@remembered
def _element_arrays(func: Func) -> dict[tuple[tuple[str, int], ...], dict[str, Uses]]:
    """Return what has been found out about a function, by the numbers of axes that its arrays had then."""
    return {}


def _found(func: Func, ranks: Mapping[str, int]) -> dict[str, Uses]:
    found = {name: Uses() for name in ranks}
    for stmt in statements_of(func) if found else ():
        if found.keys().isdisjoint(mentioned(stmt)):
            continue
        for name, index in _used(stmt):
            if name in found:
                found[name].add(index, ranks[name])
        match stmt:
            case Let(Var(name)) if name in found:
                uses = found[name]
                uses.whole |= uses.made is not None or _made(stmt) is None
                uses.made = stmt
            case _:
                pass
    others = shared_names(memory_classes(func)).union(p.name for p in func.params)
    return {name: uses for name, uses in found.items() if not uses.whole and name not in others}


def element_uses(func: Func, kinds: Mapping[str, Type]) -> Counter[str]:
    """Return how often single elements of each array are used."""
    used = (use for stmt in statements_of(func) for use in _used(stmt) if is_array(kinds.get(use[0])))
    single = ((name, index) for name, index in used if index is not None and all(map(is_single, index)))
    return Counter(name for name, index in single if len(index) == kinds[name].ndim)


def is_new_memory(value: Expr) -> TypeGuard[Call]:
    """Whether an expression makes an array by its size alone."""
    return isinstance(value, Call) and value.prim in MADE


def _made(stmt: Stmt) -> str | None:
    """Return the name that a statement binds to new memory."""
    return stmt.target.name if isinstance(stmt, Let) and is_new_memory(stmt.value) else None


@remembered
def _used(stmt: Stmt) -> tuple[tuple[str, Index | None], ...]:
    """Return the names that a statement itself uses, with the subscripts where it uses a part."""
    match stmt:
        case Let(_, value):
            return tuple(_used_in(value))
        case Store(Var(name), index, value) | Accum(Var(name), index, value):
            return ((name, index), *(each for expr in (*index, value) for each in _used_in(expr)))
        case _:
            read = tuple(each for expr in operands(stmt) for each in _used_in(expr))
            return (*read, *((name, None) for name in _bound_otherwise(stmt)))


def _used_in(expr: Expr) -> Iterator[tuple[str, Index | None]]:
    match expr:
        case Call("getitem", (Var(name), *index)):
            yield name, tuple(index)
            for each in index:
                yield from _used_in(each)
        case Call(_, args, kwargs):
            for each in (*args, *(value for _, value in kwargs)):
                yield from _used_in(each)
        case Var(name):
            yield name, None
        case Lit():
            pass


def _bound_otherwise(stmt: Stmt) -> Iterator[str]:
    match stmt:
        case Effect(Call("move", (targets, _))):
            yield from names_in(targets)
        case _:
            pass


def is_single(index: Expr) -> bool:
    """Whether an index is certainly no slice, new axis or ellipsis; names are numbers or this is no element."""
    match index:
        case Lit(value):
            return type(value) is int
        case Var():
            return True
        case Call(prim):
            return prim not in ("slice", "tuple", "list")


def mentions(stmt: Stmt, name: str) -> bool:
    """Whether a statement, or one nested in it, uses a name."""
    return name in mentioned_within(stmt)


@remembered
def open_indices(func: Func) -> frozenset[str]:
    """Return the loop indices that are read where they are not the index of a loop around."""
    indices = {stmt.index.name for stmt in statements_of(func) if isinstance(stmt, For)}
    found: set[str] = set()

    def visit(block: Block, inside: frozenset[str]) -> None:
        for stmt in block:
            if indices.isdisjoint(mentioned_within(stmt)):
                continue
            for expr in operands(stmt):
                found.update(name for name in names_in(expr) if name in indices and name not in inside)
            within = inside | {stmt.index.name} if isinstance(stmt, For) else inside
            for body in blocks(stmt):
                visit(body, within)

    visit(func.body, frozenset())
    return frozenset(found)
