"""Where the arrays made in a block are used: which of them are nothing but elements, read and written in loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from adjoint.analysis.sharing import memory_classes, shared_names
from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import blocks, mentioned_within, names_in, operands, statements
from adjoint.rules.numba_types import Type, is_array

MADE = frozenset(("empty", "zeros"))


@dataclass(slots=True)
class Uses:
    """The statement that makes an array, and whether everything else is elements of it."""

    made: Let | None = None
    whole: bool = False
    indices: set[tuple[Expr, ...]] = field(default_factory=set[tuple[Expr, ...]])


def element_arrays(func: Func, kinds: Mapping[str, Type]) -> dict[str, Uses]:
    """Return the arrays that are bound once, to new memory, and of which only single elements are used."""
    shared = shared_names(memory_classes(func))
    found: dict[str, Uses] = {}
    for stmt in statements(func.body):
        match stmt:
            case Let(Var(name), Call(prim) as value) if prim in MADE and is_array(kinds.get(name)):
                uses = found.setdefault(name, Uses())
                uses.whole |= uses.made is not None
                uses.made = stmt
                _note(found, kinds, value)
            case Let(Var(name), value):
                found.setdefault(name, Uses()).whole = True
                _note(found, kinds, value)
            case Store(Var(name), index, value) | Accum(Var(name), index, value):
                _place(found, kinds, name, index)
                for expr in (*index, value):
                    _note(found, kinds, expr)
            case _:
                for expr in operands(stmt):
                    _note(found, kinds, expr)
                for name in _bound_otherwise(stmt):
                    found.setdefault(name, Uses()).whole = True
    params = {p.name for p in func.params}
    return {
        name: uses
        for name, uses in found.items()
        if uses.made is not None and not uses.whole and name not in params and name not in shared
    }


def _bound_otherwise(stmt: Stmt) -> Iterator[str]:
    match stmt:
        case Effect(Call("move", (targets, _))):
            yield from names_in(targets)
        case _:
            pass


def _place(found: dict[str, Uses], kinds: Mapping[str, Type], name: str, index: tuple[Expr, ...]) -> None:
    uses = found.setdefault(name, Uses())
    kind: Type = kinds.get(name)
    if is_array(kind) and len(index) == kind.ndim and all(map(is_single, index)):
        uses.indices.add(index)
    else:
        uses.whole = True


def _note(found: dict[str, Uses], kinds: Mapping[str, Type], expr: Expr) -> None:
    match expr:
        case Call("getitem", (Var(name), *index)):
            if is_array(kinds.get(name)):
                _place(found, kinds, name, tuple(index))
            for each in index:
                _note(found, kinds, each)
        case Call(_, args, kwargs):
            for each in (*args, *(value for _, value in kwargs)):
                _note(found, kinds, each)
        case Var(name):
            found.setdefault(name, Uses()).whole = True
        case Lit():
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


def open_indices(func: Func) -> frozenset[str]:
    """Return the loop indices that are read where they are not the index of a loop around."""
    indices = {stmt.index.name for stmt in statements(func.body) if isinstance(stmt, For)}
    found: set[str] = set()

    def visit(block: Block, inside: frozenset[str]) -> None:
        for stmt in block:
            for expr in operands(stmt):
                found.update(name for name in names_in(expr) if name in indices and name not in inside)
            within = inside | {stmt.index.name} if isinstance(stmt, For) else inside
            for body in blocks(stmt):
                visit(body, within)

    visit(func.body, frozenset())
    return frozenset(found)
