"""Lists that nobody reads any more, since lengths are taken from other arrays, go."""

from __future__ import annotations

from collections import Counter

from adjoint.ir import Block, Call, Effect, Expr, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, names_in, operands, statements_of, with_body


def drop_unread(func: Func) -> Func:
    """Remove lists of which nobody uses what is in them: they are made, appended to, and items are taken off.

    >>> from adjoint.ir.dump import dump
    >>> from tests.ir_text import parse
    >>> print(dump(drop_unread(parse('''
    ... def f(x, n):
    ...     tape = list()
    ...     for i in range(n):
    ...         append(tape, x)
    ...         x = x * 2.0
    ...     for i in range(n):
    ...         pop(tape)
    ...         x = x + 1.0
    ...     return x
    ... '''))), end="")
    func f(x, n)
        for i in range(0, n, 1)
            x = mul(x, 2.0)
        for i in range(0, n, 1)
            x = add(x, 1.0)
        return x
    """
    if not any(isinstance(stmt, Let) and _is_empty_list(stmt.value) for stmt in statements_of(func)):
        return func
    uses: Counter[str] = Counter()
    own: Counter[str] = Counter()
    made: set[str] = set()
    for stmt in statements_of(func):
        uses.update(name for expr in operands(stmt) for name in names_in(expr))
        match stmt:
            case Effect(Call("append", (Var(name), value))) if name not in names_in(value):
                own[name] += 1
            case Effect(Call("pop", (Var(name),))):
                own[name] += 1
            case Let(Var(name), value) if _is_empty_list(value):
                made.add(name)
            case Let(Var(name)):
                own[name] -= 1
            case _:
                pass
    unread = {name for name in made if uses[name] == own[name]} - {p.name for p in func.params}
    return with_body(func, _without(func.body, unread)) if unread else func


def _is_empty_list(value: Expr) -> bool:
    return isinstance(value, Call) and value.prim == "list" and not value.args


def _without(block: Block, names: set[str]) -> Block:
    return tuple(map_blocks(stmt, lambda inner: _without(inner, names)) for stmt in block if not _is_of(stmt, names))


def _is_of(stmt: Stmt, names: set[str]) -> bool:
    match stmt:
        case Effect(Call("append" | "pop", (Var(name), *_))) | Let(Var(name), Call("list", ())):
            return name in names
        case _:
            return False
