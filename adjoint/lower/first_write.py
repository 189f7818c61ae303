"""Arrays of zeros to whose every element something is added first are not filled with zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.analysis.linear import Linear, whole
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, operands, statements, with_body
from adjoint.lower.context import Span
from adjoint.lower.uses import mentions
from adjoint.lower.views import Shape


def first_write(func: Func, made: Mapping[str, Shape | None], spans: Mapping[str, Span | None]) -> Func:
    """Turn `x = zeros(n)` with `x[i] += e` in the loop over all of it into `x = empty(n)` with `x[i] = e`.

    The loop is the next statement of the block that uses the array, and `x[i]` is all that it uses of it. A sum may go
    through another array first (`t[i] = x[i] + e; x[i] = t[i]`), as in derivatives of gradients. `made` are the shapes
    of arrays, `spans` what loops run over.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(x: float64[:]):
    ...     x_bar: float64[:] = zeros_like(x)
    ...     x_bar += sin(x)
    ...     return x_bar
    ... '''))
    >>> print(text(first_write(func, context.made, context.spans)), end="")
    def f(x):
        x_bar = np.empty(x.shape[0])
        for i in range(x.shape[0]):
            x_bar[i] = np.sin(x[i])
        return x_bar
    """
    return with_body(func, _Zeros(made, spans).block(func.body))


class _Zeros:
    def __init__(self, made: Mapping[str, Shape | None], spans: Mapping[str, Span | None]) -> None:
        self.made = made
        self.spans = spans

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        for place, stmt in enumerate(stmts):
            match stmt:
                case Let(Var(name), Call("zeros")) if (shape := self.made.get(name)) is not None:
                    user = next((k for k in range(place + 1, len(stmts)) if mentions(stmts[k], name)), None)
                    if user is None:
                        continue
                    written = self.written(stmts[user], name, shape)
                    if written is not None:
                        stmts[user] = written
                        stmts[place] = replace(stmt, value=replace(stmt.value, prim="empty"))
                case _:
                    pass
        return tuple(stmts)

    def written(self, stmt: Stmt, name: str, shape: Shape) -> Stmt | None:
        """Return a loop with the first `+=` on the array made a `=`; None if it isn't one over all elements."""
        loops: list[For] = []
        while isinstance(stmt, For) and len(loops) < len(shape):
            loops.append(stmt)
            users = [inner for inner in stmt.body if mentions(inner, name)]
            if len(users) == 1 and isinstance(users[0], For):
                stmt = users[0]
                continue
            break
        if not loops or len(loops) != len(shape) or not all(map(self.covers, loops, shape)):
            return None
        place = tuple(loop.index for loop in loops)
        users = [inner for inner in loops[-1].body if mentions(inner, name)]
        if not all(only_element(inner, name, place) for inner in users):
            return None
        changes = _changes(users, name, place)
        return None if changes is None else _changed(loops, changes)

    def covers(self, loop: For, length: Linear) -> bool:
        return self.spans.get(loop.index.name) == Span(whole(0), length) and loop.until is None and not loop.parallel


def _changes(users: list[Stmt], name: str, place: tuple[Expr, ...]) -> dict[int, Stmt] | None:
    """Return what takes the place of statements (their `id`s) up to the first write of an element that is zero.

    Until then the element is only a term of sums that are stored.
    """
    here = Call("getitem", (Var(name), *place))
    changes: dict[int, Stmt] = {}
    for user in users:
        match user:
            case Accum(Var(target), index, value) if target == name and index == place and name not in names_in(value):
                return changes | {id(user): Store(user.target, user.index, value, user.loc)}
            case Store(Var(target), index, value) if not any(name in names_in(part) for part in index):
                own = target == name
                rest = value if own and name not in names_in(value) else _rest(value, name, here)
                if rest is None:
                    return None
                changes[id(user)] = replace(user, value=rest)
                if own:
                    return changes
            case _:
                return None
    return None


def _rest(value: Expr, name: str, here: Expr) -> Expr | None:
    """Return the other term of a sum of two; None if it isn't one, or holds the array, too."""
    match value:
        case Call("add", (first, second), ()) if here in (first, second):
            rest = second if first == here else first
            return None if name in names_in(rest) else rest
        case _:
            return None


def only_element(stmt: Stmt, name: str, place: tuple[Expr, ...]) -> bool:
    """Whether a statement uses one element of an array only."""
    here = Call("getitem", (Var(name), *place))
    for inner in statements((stmt,)):
        exprs = operands(inner)
        if isinstance(inner, Store | Accum):
            target = inner.array if isinstance(inner, Store) else inner.target
            if target.name == name and inner.index != place:
                return False
            exprs = exprs[1:]
        if any(_other_use(expr, name, here) for expr in exprs):
            return False
    return True


def _other_use(expr: Expr, name: str, here: Expr) -> bool:
    if expr == here:
        return False
    match expr:
        case Var(other):
            return other == name
        case Call(_, args, kwargs):
            return any(_other_use(arg, name, here) for arg in (*args, *(value for _, value in kwargs)))
        case Lit():
            return False


def _changed(loops: list[For], changes: Mapping[int, Stmt]) -> For:
    new: Stmt = replace(loops[-1], body=tuple(changes.get(id(stmt), stmt) for stmt in loops[-1].body))
    old: Stmt = loops[-1]
    for loop in reversed(loops[:-1]):
        body = tuple(new if stmt is old else stmt for stmt in loop.body)
        old, new = loop, replace(loop, body=body)
    assert isinstance(new, For)
    return new
