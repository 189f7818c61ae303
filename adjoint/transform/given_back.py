"""Copies that give a name the value it has already are left out."""

from __future__ import annotations

from adjoint.analysis.effects import binds_of
from adjoint.ir import Block, Func, Let, Stmt, Var
from adjoint.ir.walk import map_blocks, statements, with_body


def drop_given_back(func: Func) -> Func:
    """Return an imperative program without `s = t` where `t = s` stands before, and both are what they were.

    The cotangent of a sum goes around each loop of a nest in that way, and each loop seems to change it: its iterations
    would have to come in order.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(s: float64, x: float64[:], n: int64):
    ...     for i in range(n):
    ...         t: float64 = s
    ...         for j in range(n):
    ...             u: float64 = t
    ...             x[j] = u
    ...             t = u
    ...         s = t
    ... ''')
    >>> print(text(drop_given_back(func)), end="")
    def f(s, x, n):
        for i in range(n):
            t = s
            for j in range(n):
                u = t
                x[j] = u
    """
    return with_body(func, _block(func.body, func))


def _block(block: Block, func: Func) -> Block:
    out: list[Stmt] = []
    copies: dict[str, str] = {}
    for stmt in block:
        stmt = map_blocks(stmt, lambda inner: _block(inner, func))
        match stmt:
            case Let(Var(name), Var(source)) if copies.get(name, name) == copies.get(source, source):
                continue
            case _:
                pass
        changed = {name for each in statements((stmt,)) for name in binds_of(each, func)} if copies else ()
        copies = {name: source for name, source in copies.items() if name not in changed and source not in changed}
        match stmt:
            case Let(Var(name), Var(source)) if func.types.get(name) == func.types.get(source, ""):
                copies[name] = copies.get(source, source)
            case _:
                pass
        out.append(stmt)
    return tuple(out)
