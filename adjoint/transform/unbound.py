"""Names that a branch or an empty loop may leave unbound: they get a value where one of them is recorded.

Python has no value to put on the tape then, and compiled code would read whatever is there. The value is never used.
"""

from __future__ import annotations

from collections.abc import Iterable

from numba import types as nb

from adjoint.ir import Block, Call, Expr, For, If, Lit, Var, While
from adjoint.ir.walk import statements
from adjoint.rules.numba_types import element_type
from adjoint.rules.typing import Type


def needs_value(body: Block, recorded: Iterable[str]) -> frozenset[str]:
    """Return the recorded names and those whose values they may be: the ones that must be bound on every path."""
    sources: dict[str, list[str]] = {}
    for stmt in statements(body):
        match stmt:
            case For(carried=carried) | While(carried=carried):
                for carry in carried:
                    sources[carry.phi.name] = [e.name for e in (carry.init, carry.next) if isinstance(e, Var)]
            case If(merges=merges):
                for merge in merges:
                    sources[merge.target.name] = [e.name for e in (merge.then, merge.orelse) if isinstance(e, Var)]
            case _:
                pass
    found: set[str] = set()
    todo = sorted(set(recorded) & sources.keys())
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [source for source in sources[name] if source in sources]
    return frozenset(found)


def placeholder(type_: Type) -> Expr:
    """Return some value of a type, for a name that is unbound."""
    match type_:
        case nb.Boolean():
            return Lit(False)
        case nb.Integer():
            return Lit(0)
        case nb.Complex():
            return Lit(0j)
        case nb.Array():
            shape = Call("tuple", (Lit(0),) * type_.ndim)
            element = element_type(type_)
            dtype = "bool" if isinstance(element, nb.Boolean) else str(element)
            return Call("empty", (shape,), (("dtype", Lit(dtype)),), via="np")
        case nb.List():
            # Numba has no type for a list that is written without an item.
            return Call("mul", (Call("list", (placeholder(element_type(type_)),)), Lit(0)))
        case _:
            return Lit(0.0)
