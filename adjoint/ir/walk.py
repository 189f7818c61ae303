"""Reading and rebuilding programs: free names, substitution, nested blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from adjoint.errors import Loc
from adjoint.ir.nodes import (
    Accum,
    Block,
    Call,
    Carry,
    Comment,
    Effect,
    Expr,
    For,
    If,
    Let,
    Lit,
    Return,
    Stmt,
    Store,
    Var,
    While,
)


def names_in(expr: Expr | None) -> tuple[str, ...]:
    """Return the names an expression reads, left to right, with repetitions."""
    match expr:
        case Var(name):
            return (name,)
        case Call():
            return expr.names
        case Lit() | None:
            return ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it, outermost first."""
    yield expr
    if isinstance(expr, Call):
        for arg in (*expr.args, *(value for _, value in expr.kwargs)):
            yield from subexpressions(arg)


def map_expr(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Rebuild an expression bottom-up, passing every node through `change`."""
    if isinstance(expr, Call):
        args = tuple(map_expr(arg, change) for arg in expr.args)
        kwargs = tuple((name, map_expr(arg, change)) for name, arg in expr.kwargs)
        if args != expr.args or kwargs != expr.kwargs:
            expr = replace(expr, args=args, kwargs=kwargs)
    return change(expr)


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """Replace names by expressions, all at once."""
    return map_expr(expr, lambda node: values.get(node.name, node) if isinstance(node, Var) else node)


def operands(stmt: Stmt) -> tuple[Expr, ...]:
    """Return the expressions a statement evaluates itself, not those in its nested blocks.

    The initial and next values of loops and the merged values of branches count; phis and targets don't.
    """
    match stmt:
        case Let(_, value) | Return(value) | Effect(value):
            return (value,)
        case Store(array, index, value):
            return (array, *index, value)
        case Accum(target, index, value):
            return (target, *index, value)
        case For(start=start, stop=stop, step=step, carried=carried, until=until):
            return (start, stop, step, *_carry_values(carried), *_optional(until))
        case While(cond, carried=carried, until=until):
            return (cond, *_carry_values(carried), *_optional(until))
        case If(cond, merges=merges):
            return (cond, *(e for m in merges for e in (*_optional(m.then), *_optional(m.orelse))))
        case Comment():
            return ()


def _carry_values(carried: tuple[Carry, ...]) -> tuple[Expr, ...]:
    return tuple(e for c in carried for e in (*_optional(c.init), c.next))


def _optional(expr: Expr | None) -> tuple[Expr, ...]:
    return () if expr is None else (expr,)


def blocks(stmt: Stmt) -> tuple[Block, ...]:
    """Return the blocks nested directly in a statement."""
    match stmt:
        case For(body=body) | While(body=body):
            return (body,)
        case If(then=then, orelse=orelse):
            return (then, orelse)
        case Let() | Store() | Accum() | Effect() | Comment() | Return():
            return ()


def bound(stmt: Stmt) -> tuple[Var, ...]:
    """Return the names a statement binds itself: targets, loop indices, phis, merges."""
    match stmt:
        case Let(target):
            return (target,)
        case For(index, carried=carried):
            return (index, *(c.phi for c in carried))
        case While(carried=carried):
            return tuple(c.phi for c in carried)
        case If(merges=merges):
            return tuple(m.target for m in merges)
        case Accum(target, ()):
            return (target,)
        case Store() | Accum() | Effect() | Comment() | Return():
            return ()


def statements(block: Block) -> Iterator[Stmt]:
    """Yield every statement, nested ones after the statement that holds them."""
    for stmt in block:
        yield stmt
        for inner in blocks(stmt):
            yield from statements(inner)


def map_operands(stmt: Stmt, change: Callable[[Expr], Expr]) -> Stmt:
    """Rebuild a statement with `change` applied to each whole operand; nested blocks and targets stay."""
    match stmt:
        case Let() | Return():
            return replace(stmt, value=change(stmt.value))
        case Effect(value):
            changed = change(value)
            assert isinstance(changed, Call)
            return replace(stmt, value=changed)
        case Store() | Accum():
            return replace(stmt, index=tuple(change(i) for i in stmt.index), value=change(stmt.value))
        case For(carried=carried):
            return replace(
                stmt,
                start=change(stmt.start),
                stop=change(stmt.stop),
                step=change(stmt.step),
                carried=_map_carried(carried, change),
            )
        case While(carried=carried):
            return replace(
                stmt,
                cond=change(stmt.cond),
                carried=_map_carried(carried, change),
            )
        case If(merges=merges):
            return replace(
                stmt,
                cond=change(stmt.cond),
                merges=tuple(
                    replace(
                        m,
                        then=None if m.then is None else change(m.then),
                        orelse=None if m.orelse is None else change(m.orelse),
                    )
                    for m in merges
                ),
            )
        case Comment():
            return stmt


def _map_carried(carried: tuple[Carry, ...], change: Callable[[Expr], Expr]) -> tuple[Carry, ...]:
    return tuple(replace(c, init=None if c.init is None else change(c.init), next=change(c.next)) for c in carried)


def map_blocks(stmt: Stmt, change: Callable[[Block], Block]) -> Stmt:
    """Rebuild a statement with `change` applied to each block nested directly in it."""
    match stmt:
        case For() | While():
            return replace(stmt, body=change(stmt.body))
        case If():
            return replace(stmt, then=change(stmt.then), orelse=change(stmt.orelse))
        case Let() | Store() | Accum() | Effect() | Comment() | Return():
            return stmt


def located(stmt: Stmt, loc: Loc | None) -> Stmt:
    """Give a place to a statement, and to those nested in it, where they have none."""
    if loc is None or isinstance(stmt, Comment):
        return stmt
    filled = map_blocks(stmt, lambda block: tuple(located(inner, loc) for inner in block))
    if isinstance(filled, Comment) or filled.loc is not None:
        return filled
    return replace(filled, loc=loc)


def rename(block: Block, names: Mapping[str, str]) -> Block:
    """Replace names everywhere in an SSA block, where they are read and where memory is written through them."""
    values: dict[str, Expr] = {old: Var(new) for old, new in names.items()}

    def one(stmt: Stmt) -> Stmt:
        stmt = map_operands(stmt, lambda expr: substitute(expr, values))
        if isinstance(stmt, Store) and stmt.array.name in names:
            stmt = replace(stmt, array=Var(names[stmt.array.name]))
        if isinstance(stmt, For | While) and stmt.until is not None and stmt.until.name in names:
            stmt = replace(stmt, until=Var(names[stmt.until.name]))
        return map_blocks(stmt, lambda inner: rename(inner, names))

    return tuple(one(stmt) for stmt in block)
