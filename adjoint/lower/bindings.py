"""Which names a program binds, and to what: new memory, or something that others hold."""

from __future__ import annotations

from collections import Counter

from adjoint.analysis.effects import binds_of
from adjoint.ir import Call, Effect, Expr, Func, Stmt, Var
from adjoint.ir.walk import statements, statements_of
from adjoint.rules import spelling


def is_fresh(value: Expr) -> bool:
    """Whether a value is memory that nobody else refers to."""
    if not isinstance(value, Call) or value.prim in ("getitem", "item", "select", "pop"):
        return False
    return not spelling.is_view(value.prim) and not value.prim.startswith(("ref:", "helper.", "const:"))


def bound_often(func: Func) -> frozenset[str]:
    """Return the names that are bound more than once, parameters by the call."""
    times = Counter([p.name for p in func.params])
    for stmt in statements_of(func):
        for name in binds_of(stmt, func):
            times[name] += 1
    return frozenset(name for name, count in times.items() if count > 1)


def lists_in(stmt: Stmt) -> list[str]:
    """Return the lists that something is appended to in a statement."""
    found: dict[str, None] = {}
    for inner in statements((stmt,)):
        match inner:
            case Effect(Call("append", (Var(name), _))):
                found[name] = None
            case _:
                pass
    return list(found)
