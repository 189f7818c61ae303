"""Stores into elements that all get other values before anybody reads one of them are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from adjoint.analysis.effects import is_pure
from adjoint.analysis.linear import Linear, whole
from adjoint.analysis.written import shifted
from adjoint.ir import Accum, Block, Call, Expr, For, Func, If, Let, Lit, Stmt, Store, While
from adjoint.ir.walk import bound, items_of, map_blocks, names_in, operands, statements, with_body
from adjoint.lower.context import Context, Span
from adjoint.lower.uses import element_arrays, mentions


def drop_overwritten(func: Func, context: Context) -> Func:
    """Remove stores into an array that is filled anew, in the same block, before it is read.

    The backward sweep puts back what a loop has overwritten, step by step. Where nothing reads what is there between
    two of these steps the last one does; then the values of the others need not be recorded either.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:, :], t: float64[:, :], n: int64):
    ...     s: float64 = 0.0
    ...     y: float64[:] = empty(n)
    ...     for i in range(n):
    ...         for j in range(i + 1, n):
    ...             y[j] = t[i, j]
    ...         for j in range(n):
    ...             y[j] = x[i, j]
    ...         for j in range(n):
    ...             s += y[j] * x[i, j]
    ...     return s
    ... ''')
    >>> from adjoint.lower.expand import expand
    >>> print(text(drop_overwritten(*expand(before))), end="")
    def f(x, t, n):
        s = 0.0
        y = np.empty(n)
        for i in range(n):
            for j in range(i + 1, n):
                pass
            for j_1 in range(n):
                y[j_1] = x[i, j_1]
            for j_2 in range(n):
                s += y[j_2] * x[i, j_2]
        return s
    """
    sizes: dict[str, tuple[Expr, ...]] = {}
    bound_once = Counter(var.name for stmt in statements(func.body) for var in bound(stmt))
    bound_once.update(p.name for p in func.params)
    for name, uses in element_arrays(func, context.kinds).items():
        if uses.made is not None and isinstance(uses.made.value, Call):
            found = items_of(uses.made.value.args[0])
            if all(bound_once[read] <= 1 for size in found for read in names_in(size)):
                sizes[name] = found
    return with_body(func, _Stores(sizes, context).block(func.body)) if sizes else func


class _Stores:
    def __init__(self, sizes: Mapping[str, tuple[Expr, ...]], context: Context) -> None:
        # The lengths of arrays of which nothing but elements is used, in names that keep their values.
        self.sizes = sizes
        self.context = context

    def block(self, block: Block) -> Block:
        stmts = [map_blocks(stmt, self.block) for stmt in block]
        for place in range(len(stmts) - 1, 0, -1):
            name = self.filled(stmts[place])
            if name is not None:
                self.clear(stmts, place, name)
        return tuple(stmts)

    def clear(self, stmts: list[Stmt], place: int, name: str) -> None:
        """Remove stores into an array from what comes before the place where it is filled, back to where it is read."""
        for k in range(place - 1, -1, -1):
            stmt = stmts[k]
            if not mentions(stmt, name):
                continue
            if not isinstance(stmt, For | While | If) or _is_read((stmt,), name):
                return
            stmts[k] = _without(stmt, name)

    def filled(self, stmt: Stmt) -> str | None:
        """Return the array of which loops store to every element, and read none."""
        loops: list[For] = []
        start = stmt
        while isinstance(stmt, For) and stmt.until is None and not stmt.parallel:
            loops.append(stmt)
            inner = [each for each in stmt.body if isinstance(each, For)]
            stores = [each for each in stmt.body if isinstance(each, Store) and each.array.name in self.sizes]
            found = next((each.array.name for each in stores if self.is_whole(each, loops)), None)
            if found is not None:
                return None if _is_read((start,), found) else found
            if len(inner) != 1:
                return None
            stmt = inner[0]
        return None

    def is_whole(self, store: Store, loops: Sequence[For]) -> bool:
        name = store.array.name
        sizes = self.sizes[name]
        if store.index != tuple(loop.index for loop in loops) or len(sizes) != len(loops):
            return False
        shape = self.context.made.get(name) or (None,) * len(sizes)
        return all(map(self.is_range, loops, sizes, shape))

    def is_range(self, loop: For, size: Expr, length: Linear | None) -> bool:
        """Whether a loop runs over an axis, in one direction or the other."""
        upwards, downwards = (Lit(0), size, Lit(1)), (shifted(size, -1), Lit(-1), Lit(-1))
        if (loop.start, loop.stop, loop.step) in (upwards, downwards):
            return True
        return length is not None and self.context.spans.get(loop.index.name) == Span(whole(0), length)


def _is_read(block: Block, name: str) -> bool:
    """Whether statements do anything with an array but store to elements what is there anyway."""
    for stmt in statements(block):
        exprs: Sequence[Expr] = operands(stmt)
        if isinstance(stmt, Store) and stmt.array.name == name:
            if not is_pure(stmt.value):
                return True
            exprs = (*stmt.index, stmt.value)
        elif isinstance(stmt, Accum) and stmt.target.name == name or isinstance(stmt, Let) and stmt.target.name == name:
            return True
        if any(name in names_in(expr) for expr in exprs):
            return True
    return False


def _without(stmt: Stmt, name: str) -> Stmt:
    def kept(block: Block) -> Block:
        left = (each for each in block if not (isinstance(each, Store) and each.array.name == name))
        return tuple(_without(each, name) for each in left)

    return map_blocks(stmt, kept)
