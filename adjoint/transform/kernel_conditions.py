"""What the conditions around a statement say about whole numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adjoint.ir import Block, Call, Expr, If, Lit, Stmt, Var
from adjoint.ir.walk import blocks

# Comparisons with their operands exchanged.
TURNED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def conjuncts(cond: Expr, holds: bool, lets: Mapping[str, Expr]) -> Iterator[tuple[Expr, bool]]:
    """Yield the conditions that hold, or don't, where a condition does; `lets` are what names stand for."""
    match cond, holds:
        case Var(name), _ if isinstance(lets.get(name), Call):
            yield from conjuncts(lets[name], holds, {n: value for n, value in lets.items() if n != name})
        case Call("not", (inner,)), _:
            yield from conjuncts(inner, not holds, lets)
        case (Call("and", (a, b)), True) | (Call("or", (a, b)), False):
            yield from conjuncts(a, holds, lets)
            yield from conjuncts(b, holds, lets)
        case _:
            yield cond, holds


_NEGATION = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def least(asked: Sequence[tuple[Expr, bool]]) -> dict[str, int]:
    """Return the least values that names have where conditions hold."""
    found: dict[str, int] = {}
    for cond, holds in asked:
        match cond:
            case Call(prim, (Var(name), Lit(int() as number))) if prim in _NEGATION:
                relation = prim if holds else _NEGATION[prim]
            case Call(prim, (Lit(int() as number), Var(name))) if prim in _NEGATION:
                relation = TURNED[prim if holds else _NEGATION[prim]]
            case _:
                continue
        if relation in ("ge", "gt"):
            found[name] = max(found.get(name, 0), number + (relation == "gt"))
    return found


def bounds_at(
    block: Block, wanted: Stmt, known: Mapping[str, int], lets: Mapping[str, Expr]
) -> Iterator[Mapping[str, int]]:
    for stmt in block:
        if stmt is wanted:
            yield known
        if isinstance(stmt, If):
            for body, holds in ((stmt.then, True), (stmt.orelse, False)):
                new = least(list(conjuncts(stmt.cond, holds, lets)))
                both = {n: max(known.get(n, 0), new.get(n, 0)) for n in {*known, *new}}
                yield from bounds_at(body, wanted, both, lets)
        else:
            for body in blocks(stmt):
                yield from bounds_at(body, wanted, known, lets)
