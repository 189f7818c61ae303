"""Elements that an innermost loop only reads, always the same, are read before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adjoint.analysis.ranges import may_be_asked_again, runs
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, operands, subexpressions, with_body
from adjoint.lower.context import Context
from adjoint.rules.numba_types import Type, is_array, is_number

FEWEST = 8  # pairs of an element that is read and one that is written: LLVM tests so few before the loop itself
MOST = 16
_CHOOSING = frozenset("select and or".split())


def invariants(func: Func, context: Context) -> Func:
    """Give names to elements `x[i]` in a loop over `j` that writes into other arrays.

    LLVM can't tell that what the loop writes is elsewhere. It tests a few pairs of places before the loop, but reads
    them again and again, without vectors, where there are many. They are read only if the loop has an iteration.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(x: float64[:], i: int64, n: int64):
    ...     y: float64[:, :] = zeros((n, 3))
    ...     for j in range(n):
    ...         y[j, 0] += x[i] * x[j]
    ...         y[j, 1] += x[0]
    ...         y[j, 2] += x[1]
    ...     return y
    ... ''')
    >>> print(text(invariants(func, Context.of(func))), end="")
    def f(x, i, n):
        y = np.zeros((n, 3))
        if 0 < n:
            _1 = x[i]
            _2 = x[0]
            _3 = x[1]
            for j in range(n):
                y[j, 0] += _1 * x[j]
                y[j, 1] += _2
                y[j, 2] += _3
        return y
    """
    return with_body(func, _Reader(func, context).block(func.body, None))


class _Reader:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)

    def block(self, block: Block, known: Expr | None) -> Block:
        """Change loops in a block; `known` is the condition under which the block is done."""
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, If):
                then, orelse = self.block(stmt.then, stmt.cond), self.block(stmt.orelse, None)
                same = then == stmt.then and orelse == stmt.orelse
                out.append(stmt if same else replace(stmt, then=then, orelse=orelse))
                continue
            stmt = map_blocks(stmt, lambda inner: self.block(inner, None))
            out += self.loop(stmt, known) if isinstance(stmt, For) and _is_plain(stmt) else [stmt]
        return tuple(out)

    def loop(self, loop: For, known: Expr | None) -> list[Stmt]:
        facts = self.accesses.of(loop)
        stores = {(access.name, access.index): access.cls for access in facts.accesses if access.writes}
        written = set(stores.values())
        if not written or facts.effect:
            return [loop]
        moving = facts.binds | {loop.index.name}
        elements = dict.fromkeys(e for stmt in loop.body for e in self.fixed(stmt, moving, written))
        if len(elements) * len(stores) <= FEWEST or len(elements) > MOST:
            return [loop]
        names: dict[Expr, Expr] = {element: self.named(element) for element in elements}
        body = tuple(map_operands(stmt, lambda expr: map_expr(expr, lambda e: names.get(e, e))) for stmt in loop.body)
        made: list[Stmt] = [Let(var, element, loop.loc) for element, var in names.items() if isinstance(var, Var)]
        whole, condition = [*made, replace(loop, body=body)], runs(loop)
        assert condition is not None
        return whole if condition == known else [If(condition, tuple(whole))]

    def fixed(self, stmt: Stmt, moving: set[str], written: set[str]) -> Iterator[Call]:
        """Yield the elements that a statement reads in any case, and that no iteration moves or writes."""
        for expr in operands(stmt):
            if not isinstance(expr, Call) or not _CHOOSING.isdisjoint(expr.prims):
                continue
            for part in subexpressions(expr):
                match part:
                    case Call("getitem", (Var(name), *index)) if not moving & set(part.names):
                        if self.is_element(name, index) and self.accesses.class_of(name) not in written:
                            yield part
                    case _:
                        pass

    def is_element(self, name: str, index: list[Expr]) -> bool:
        kinds = self.context.kinds
        kind: Type = kinds.get(name)
        plain = all(isinstance(e, Lit) or self.is_index(e) for e in index)
        return is_array(kind) and kind.ndim == len(index) and plain and is_number(kind.dtype)

    def is_index(self, place: Expr) -> bool:
        """Whether a subscript is a number that has a name, or is beyond one."""
        match place:
            case Call("add" | "sub", (Var(name), Lit(int()))) | Var(name):
                return is_number(self.context.kinds.get(name))
            case _:
                return False

    def named(self, element: Call) -> Var:
        return self.context.temporary(self.context.kinds[element.names[0]].dtype)


def _is_plain(loop: For) -> bool:
    """Whether a loop may be asked for its bounds twice, and has nothing in it but numbers and elements."""
    if loop.until is not None or loop.parallel or loop.step != Lit(1):
        return False
    return may_be_asked_again(loop) and all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loop.body)
