"""Reading and rebuilding programs: free names, substitution, nested blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from itertools import chain
from operator import is_
from typing import TypeVar, cast

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
    Func,
    If,
    Let,
    Lit,
    Merge,
    Remembering,
    Return,
    Stmt,
    Store,
    Var,
    While,
)

K = TypeVar("K", bound=Remembering)
T = TypeVar("T")
H = TypeVar("H", bound=For | While | If)

_HOLDERS = (For, While, If)


def remembered(ask: Callable[[K], T]) -> Callable[[K], T]:
    """Ask about each statement once; for questions whose answer rests on nothing but the statement.

    Or about each function: it rests on the types of the names in it, and these stay. Nobody changes the answer.
    """

    @wraps(ask)
    def answer(of: K) -> T:
        # No exceptions: a third of the questions are new.
        found = getattr(of, "found", None)
        if found is None:
            found = of.found = {}
        elif ask in found:
            return found[ask]
        told = found[ask] = ask(of)
        return told

    return answer


def names_in(expr: Expr | None) -> tuple[str, ...]:
    """Return the names an expression reads, left to right, with repetitions."""
    if isinstance(expr, Call):
        return expr.names
    return (expr.name,) if isinstance(expr, Var) else ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything inside it, outermost first."""
    ahead = [expr]
    while ahead:
        part = ahead.pop()
        yield part
        if isinstance(part, Call):
            ahead.extend(value for _, value in reversed(part.kwargs))
            ahead.extend(reversed(part.args))


def items_of(expr: Expr) -> tuple[Expr, ...]:
    """Return the items of a tuple that is written out; anything else is one item, as in `np.zeros(n)`."""
    return expr.args if isinstance(expr, Call) and expr.prim == "tuple" else (expr,)


def integers_of(expr: Expr | None) -> tuple[int, ...] | None:
    """Return the whole numbers of an option such as `axis`, a number or a tuple; None if it is anything else."""
    items = expr.args if isinstance(expr, Call) and expr.prim in ("tuple", "list") else (expr,)
    values = [item.value for item in items if isinstance(item, Lit)]
    numbers = tuple(v for v in values if isinstance(v, int) and not isinstance(v, bool))
    return numbers if len(numbers) == len(items) else None


def map_expr(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Rebuild an expression bottom-up, passing every node through `change`."""
    if isinstance(expr, Call):
        expr = _with_parts(expr, lambda arg: map_expr(arg, change))
    return change(expr)


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """Replace names by expressions, all at once."""
    if isinstance(expr, Var):
        return values.get(expr.name, expr)
    if isinstance(expr, Lit) or values.keys().isdisjoint(expr.names):
        return expr
    return _with_parts(expr, lambda arg: substitute(arg, values))


def _with_parts(call: Call, change: Callable[[Expr], Expr]) -> Call:
    """Return a call with its operands changed; the call itself if none is."""
    args = _each(call.args, change)
    kwargs = call.kwargs and tuple((name, change(arg)) for name, arg in call.kwargs)
    return call if args is call.args and kwargs == call.kwargs else Call(call.prim, args, kwargs, call.via)


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


@remembered
def mentioned(stmt: Stmt) -> tuple[str, ...]:
    """Return the names a statement itself binds or reads, with repetitions."""
    return (*(var.name for var in bound(stmt)), *(name for expr in operands(stmt) for name in names_in(expr)))


@remembered
def mentioned_within(stmt: Stmt) -> frozenset[str]:
    """Return the names that a statement and those nested in it bind or read."""
    inner = (mentioned_within(each) for block in blocks(stmt) for each in block)
    return frozenset(mentioned(stmt)).union(*inner)


@remembered
def _names_within(stmt: Stmt) -> tuple[str, ...]:
    inner = (_names_within(each) for block in blocks(stmt) for each in block)
    return tuple(dict.fromkeys(chain(mentioned(stmt), chain.from_iterable(inner))))


@remembered
def names_of(func: Func) -> tuple[str, ...]:
    """Return the names that the statements of a function bind or read, each once, in the order of the text."""
    return tuple(dict.fromkeys(chain.from_iterable(map(_names_within, func.body))))


def blocks(stmt: Stmt) -> tuple[Block, ...]:
    """Return the blocks nested directly in a statement."""
    if not isinstance(stmt, _HOLDERS):
        return ()
    return (stmt.then, stmt.orelse) if isinstance(stmt, If) else (stmt.body,)


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


@remembered
def statements_of(func: Func) -> tuple[Stmt, ...]:
    """Return all statements of a function, in the order of `statements`."""
    return tuple(statements(func.body))


def statements(block: Block) -> Iterator[Stmt]:
    """Yield every statement, nested ones after the statement that holds them."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, _HOLDERS):
            yield from nested(stmt)


@remembered
def nested(stmt: Stmt) -> tuple[Stmt, ...]:
    """Return all statements within a statement, in the order of `statements`."""
    found: list[Stmt] = []
    for block in blocks(stmt):
        for inner in block:
            found.append(inner)
            if isinstance(inner, _HOLDERS):
                found.extend(nested(inner))
    return tuple(found)


@remembered
def mentions_of(func: Func) -> Counter[str]:
    """Return how often the statements of a function bind or read each name."""
    return Counter(chain.from_iterable(map(mentioned, statements_of(func))))


def with_body(func: Func, body: Block) -> Func:
    """Return a function with other statements; if they are the very same, the function, and what is known of it."""
    return func if same_block(body, func.body) else replace(func, body=body)


def map_operands(stmt: Stmt, change: Callable[[Expr], Expr]) -> Stmt:
    """Rebuild a statement with `change` applied to each whole operand; nested blocks and targets stay.

    A statement in which nothing changes is returned as it is, here and in `map_blocks`, and what is known of it stays.
    """
    match stmt:
        case Let(target, value, loc):
            changed = change(value)
            return stmt if changed is value else Let(target, changed, loc)
        case Return(value, loc):
            changed = change(value)
            return stmt if changed is value else Return(changed, loc)
        case Effect(value, loc):
            changed = change(value)
            assert isinstance(changed, Call)
            return stmt if changed is value else Effect(changed, loc)
        case Store(array, index, value, loc):
            places, changed = _each(index, change), change(value)
            return stmt if places is index and changed is value else Store(array, places, changed, loc)
        case Accum(target, index, value, loc):
            places, changed = _each(index, change), change(value)
            return stmt if places is index and changed is value else Accum(target, places, changed, loc)
        case For(start=start, stop=stop, step=step):
            bounds = (start, stop, step)
            (first, last, by), carried = _each(bounds, change), _map_carried(stmt.carried, change)
            if first is start and last is stop and by is step and carried is stmt.carried:
                return stmt
            return replace(stmt, start=first, stop=last, step=by, carried=carried)
        case While(cond):
            changed, carried = change(cond), _map_carried(stmt.carried, change)
            return stmt if changed is cond and carried is stmt.carried else replace(stmt, cond=changed, carried=carried)
        case If(cond):
            changed, merges = change(cond), _each(stmt.merges, lambda merge: _map_merge(merge, change))
            return stmt if changed is cond and merges is stmt.merges else replace(stmt, cond=changed, merges=merges)
        case Comment():
            return stmt


def _each(items: tuple[T, ...], change: Callable[[T], T]) -> tuple[T, ...]:
    """Return all items changed; the tuple itself if none is."""
    changed = tuple(map(change, items))
    return items if all(map(is_, changed, items)) else changed


def _map_carried(carried: tuple[Carry, ...], change: Callable[[Expr], Expr]) -> tuple[Carry, ...]:
    return _each(carried, lambda c: _map_carry(c, change))


def _map_carry(carry: Carry, change: Callable[[Expr], Expr]) -> Carry:
    init, next_ = None if carry.init is None else change(carry.init), change(carry.next)
    return carry if init is carry.init and next_ is carry.next else replace(carry, init=init, next=next_)


def _map_merge(merge: Merge, change: Callable[[Expr], Expr]) -> Merge:
    then = None if merge.then is None else change(merge.then)
    orelse = None if merge.orelse is None else change(merge.orelse)
    return merge if then is merge.then and orelse is merge.orelse else replace(merge, then=then, orelse=orelse)


def map_blocks(stmt: Stmt, change: Callable[[Block], Block]) -> Stmt:
    """Rebuild a statement with `change` applied to each block nested directly in it."""
    if not isinstance(stmt, _HOLDERS):
        return stmt
    if isinstance(stmt, If):
        first, second = change(stmt.then), change(stmt.orelse)
        if same_block(first, stmt.then) and same_block(second, stmt.orelse):
            return stmt
        return If(stmt.cond, first, second, stmt.merges, stmt.loc)
    changed = change(stmt.body)
    if same_block(changed, stmt.body):
        return stmt
    if isinstance(stmt, While):
        return While(stmt.cond, changed, stmt.carried, stmt.until, stmt.loc)
    bounds = stmt.start, stmt.stop, stmt.step
    return For(stmt.index, *bounds, changed, stmt.carried, stmt.until, stmt.parallel, stmt.loc)


def with_blocks(stmt: H, *nested: Block) -> H:
    """Return a loop with another body, a branch with other blocks; the statement itself if they are the very same."""
    ahead = iter(nested)
    return cast("H", map_blocks(stmt, lambda _: next(ahead)))


def same_block(a: Block, b: Block) -> bool:
    """Whether two blocks hold the very same statements."""
    return a is b or len(a) == len(b) and all(map(is_, a, b))


def unshared(block: Block, seen: dict[int, Stmt] | None = None) -> Block:
    """Return a block in which each statement stands once, as an object: what is known of statements goes by that."""
    known = {} if seen is None else seen

    def own(stmt: Stmt) -> Stmt:
        stmt = map_blocks(stmt, lambda inner: unshared(inner, known))
        stmt = replace(stmt) if id(stmt) in known else stmt
        known[id(stmt)] = stmt
        return stmt

    return tuple(map(own, block))


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
