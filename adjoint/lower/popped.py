"""Arrays that the backward sweep takes from lists have names of their own, and the lengths that they were made with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from adjoint.ir import Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Var
from adjoint.ir.walk import (
    bound,
    items_of,
    map_blocks,
    map_expr,
    map_operands,
    mentions_of,
    names_in,
    statements,
    with_body,
)
from adjoint.lower.context import Context
from adjoint.lower.guards import is_guard
from adjoint.lower.uses import is_new_memory, mentions
from adjoint.transform.renaming import rename_block


def popped(func: Func, context: Context) -> Func:
    """Tell what is popped from what was appended, but not how long it is.

    An array on a list is as long as the statement says that made it, if the list has arrays of one statement only. So
    no length has to be asked for, or compared.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], n: int64):
    ...     tape: List(float64[::1]) = list()
    ...     for i in range(n):
    ...         e: float64[::1] = empty(dim(x, 0))
    ...         e[0] = x[i]
    ...         append(tape, e)
    ...     for i in range(n - 1, -1, -1):
    ...         e = pop(tape)
    ...         for j in range(dim(e, 0)):
    ...             x[j] += e[j]
    ... ''')
    >>> print(text(popped(func, Context.of(func))), end="")
    def f(x, n):
        tape = []
        for i in range(n):
            e = np.empty(x.shape[0])
            e[0] = x[i]
            tape.append(e)
        for i in range(n - 1, -1, -1):
            e_1 = tape.pop()
            for j in range(x.shape[0]):
                x[j] += e_1[j]
    """
    lists = {s.target.name for s in statements(func.body) if isinstance(s, Let) and s.value == Call("list")}
    if not lists:
        return func
    return with_body(func, _Reader(func, context, lists).block(func.body))


@dataclass(slots=True)
class _List:
    """What is appended to a list, and popped from it, if that is done at one place each."""

    appended: list[str] = field(default_factory=list[str])
    taken: list[str] = field(default_factory=list[str])


class _Reader:
    def __init__(self, func: Func, context: Context, lists: set[str]) -> None:
        self.context = context
        everything = list(statements(func.body))
        self.uses = mentions_of(func)
        self.bound = Counter(var.name for stmt in everything for var in bound(stmt))
        # Names that mean the same all through the function.
        self.lasting = {name for name, times in self.bound.items() if times == 1}
        self.lasting &= {var.name for stmt in func.body if isinstance(stmt, Let) for var in bound(stmt)}
        self.lasting |= {param.name for param in func.params if not self.bound[param.name]}
        self.made = {s.target.name: s for s in everything if isinstance(s, Let) and is_new_memory(s.value)}
        self.lists = {name: _List() for name in lists}
        for stmt in everything:
            match stmt:
                case Effect(Call("append", (Var(name), Var(item)))) if name in lists:
                    self.lists[name].appended.append(item)
                case Let(Var(item), Call("pop", (Var(name),))) if name in lists:
                    self.lists[name].taken.append(item)
                case _:
                    pass

    def block(self, block: Block) -> Block:
        out = [self.inside(stmt, block[place + 1 :]) for place, stmt in enumerate(block)]
        return tuple(stmt for stmt in out if not _never_raises(stmt))

    def inside(self, stmt: Stmt, after: Block) -> Stmt:
        if isinstance(stmt, For):
            for name in _taken(stmt.body):
                stmt = self.own(stmt, name, after)
        return map_blocks(stmt, self.block)

    def own(self, loop: For, name: str, after: Block) -> For:
        """Return a loop in which what it pops has a name of its own, and known lengths."""
        times = Counter(var.name for stmt in statements(loop.body) for var in bound(stmt))
        if times[name] != 1 or any(mentions(stmt, name) for stmt in after) or _is_early(loop.body, name):
            return loop
        sizes = self.sizes(loop, name)
        if self.bound[name] > 1:
            kind = self.context.kinds[name]
            new = self.context.fresh(name, kind, self.context.hint(name))
            if name in self.context.made:
                self.context.made[new.name] = self.context.made[name]
            (renamed,) = rename_block((loop,), {name: new.name})
            assert isinstance(renamed, For)
            loop, name = renamed, new.name
        return loop if sizes is None else replace(loop, body=_with_sizes(loop.body, name, sizes))

    def sizes(self, loop: For, name: str) -> tuple[Expr, ...] | None:
        """Return the lengths of an array that a loop pops, of what means the same there as where it was made."""
        tape = next((tape for tape in self.lists if name in self.lists[tape].taken), None)
        if tape is None:  # a list of lists, or one that comes from elsewhere
            return None
        known = self.lists[tape]
        if self.uses[tape] != 3 or len(known.appended) != 1 or len(known.taken) != 1:
            return None
        made = self.made.get(known.appended[0])
        if made is None or not isinstance(made.value, Call):
            return None
        if self.bound[made.target.name] != 1 + (made.target.name == name):
            return None
        sizes = items_of(made.value.args[0])
        return sizes if all(name in self.lasting for size in sizes for name in names_in(size)) else None


def _taken(block: Block) -> list[str]:
    """Return the names of what is popped in a block and the branches in it."""
    found: list[str] = []
    for stmt in block:
        match stmt:
            case Let(Var(name), Call("pop")):
                found.append(name)
            case If(_, then, orelse):
                found += (*_taken(then), *_taken(orelse))
            case _:
                pass
    return found


def _is_early(block: Block, name: str) -> bool:
    """Whether a name is used before it is popped, or beside where."""
    users = [stmt for stmt in block if mentions(stmt, name)]
    match users[0]:
        case Let(Var(own)) if own == name:
            return False
        case If(_, then, orelse) if len(users) == 1:
            sides = [side for side in (then, orelse) if any(mentions(stmt, name) for stmt in side)]
            return len(sides) != 1 or _is_early(sides[0], name)
        case _:
            return True


def _with_sizes(block: Block, name: str, sizes: tuple[Expr, ...]) -> Block:
    def length(expr: Expr) -> Expr:
        match expr:
            case Call("dim", (Var(own), Lit(int() as axis))) if own == name:
                return sizes[axis]
            case _:
                return expr

    def change(stmt: Stmt) -> Stmt:
        stmt = map_operands(stmt, lambda expr: map_expr(expr, length))
        return map_blocks(stmt, lambda inner: _with_sizes(inner, name, sizes))

    return tuple(change(stmt) if mentions(stmt, name) else stmt for stmt in block)


def _never_raises(stmt: Stmt) -> bool:
    """Whether a check compares something with itself."""
    return isinstance(stmt, If) and is_guard(stmt) and isinstance(stmt.cond, Call) and _is_false(stmt.cond)


def _is_false(cond: Call) -> bool:
    return cond.prim == "ne" and cond.args[0] == cond.args[1]
