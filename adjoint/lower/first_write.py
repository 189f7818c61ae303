"""Arrays of zeros to whose every element something is added first are not filled with zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adjoint.analysis.linear import Linear, whole
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, operands, statements
from adjoint.lower.context import Span
from adjoint.lower.uses import mentions
from adjoint.lower.views import Shape


def first_write(func: Func, made: Mapping[str, Shape | None], spans: Mapping[str, Span | None]) -> Func:
    """Turn `x = zeros(n)` with `x[i] += e` in the loop over all of it into `x = empty(n)` with `x[i] = e`.

    The loop is the next statement of the block that uses the array, and `x[i]` is all that it uses of it. `made` are
    the shapes of arrays, `spans` what loops run over.

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
    return replace(func, body=_Zeros(made, spans).block(func.body))


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
        if (
            not users
            or not _adds(users[0], name, place)
            or not all(only_element(inner, name, place) for inner in users)
        ):
            return None
        return _changed(loops, users[0])

    def covers(self, loop: For, length: Linear) -> bool:
        return self.spans.get(loop.index.name) == Span(whole(0), length) and loop.until is None and not loop.parallel


def _adds(stmt: Stmt, name: str, place: tuple[Expr, ...]) -> bool:
    return (
        isinstance(stmt, Accum)
        and stmt.target.name == name
        and stmt.index == place
        and name not in names_in(stmt.value)
    )


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


def _changed(loops: list[For], accum: Stmt) -> For:
    assert isinstance(accum, Accum)
    new: Stmt = Store(accum.target, accum.index, accum.value, accum.loc)
    old: Stmt = accum
    for loop in reversed(loops):
        body = tuple(new if stmt is old else stmt for stmt in loop.body)
        old, new = loop, replace(loop, body=body)
    assert isinstance(new, For)
    return new
