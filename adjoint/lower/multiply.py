"""Loops that add up products of elements of two matrices multiply blocks of the matrices instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from adjoint.analysis.ranges import may_be_asked_again
from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, mentioned, mentioned_within, names_in, statements, unshared
from adjoint.lower.accesses import Access, Accesses, in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.factors import Bounds, Term, terms, triangle
from adjoint.lower.uses import open_indices
from adjoint.rules.numba_types import Type, array, types

BLOCK = 64  # rows of a triangle at a time: what is left over of it stays in loops
FEWEST = 32  # a product with a shorter side is as fast in loops
LONGEST = 40  # statements of a loop that may stand twice


def multiply(func: Func, context: Context) -> Func:
    """Make three loops around `z[i, j] += a * x[i, k] * y[j, k]` a product of matrices, of any two indices each.

    One of the inner loops may end, or start, at the index of the outer one: then blocks of rows are multiplied, and
    the small triangles that are left stay in loops, so that no other element is touched. What else the outer loop
    does is done before, or after, where that is the same.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> func, context = expand(parse('''
    ... def f(z: float64[:, ::1], x: float64[:, ::1], y: float64[:, ::1]):
    ...     for i in range(dim(x, 0)):
    ...         for j in range(dim(y, 1)):
    ...             for k in range(dim(x, 1)):
    ...                 z[i, j] += 2.0 * x[i, k] * y[k, j]
    ... '''))
    >>> print(text(multiply(func, context)).partition("    else:")[0], end="")
    def f(z, x, y):
        if x.shape[0] >= 32 and y.shape[1] >= 32 and x.shape[1] >= 32:
            _1 = np.empty((x.shape[0], x.shape[1]))
            for i in range(x.shape[0]):
                for k in range(x.shape[1]):
                    _1[i, k] = 2.0 * x[i, k]
            product = np.dot(_1, y[0 : x.shape[1]])
            for i in range(x.shape[0]):
                for j in range(y.shape[1]):
                    z[i, j] += product[i, j]
    """
    work = _Multiplier(func, context)
    body = work.block(func.body)
    return func if body is func.body else replace(func, body=unshared(body))


@dataclass(frozen=True, slots=True)
class _Nest:
    """Three loops: the outer one with statements around the inner two, which have nothing but each other."""

    outer: For
    before: Block
    middle: For
    after: Block
    inner: For

    @property
    def loops(self) -> tuple[For, For, For]:
        return self.outer, self.middle, self.inner


class _Multiplier:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = Accesses(func, context.kinds, memory_classes(func))
        self.counts = Counter(name for stmt in statements(func.body) for name in mentioned(stmt))
        self.read_outside = open_indices(func)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            done = self.product(stmt) if isinstance(stmt, For) else None
            out.append(map_blocks(stmt, self.block) if done is None else done)
        return block if all(a is b for a, b in zip(out, block, strict=True)) else tuple(out)

    def product(self, loop: For) -> Stmt | None:
        """Return a loop with matrix products in its place where they pay; None if it has none."""
        nest = _nest(loop)
        if nest is None or not self.has_own_names(nest) or not self.may_part(nest):
            return None
        bounds = triangle(*nest.loops)
        if bounds is None or not self.stay(nest, bounds):
            return None
        found = terms(nest.inner.body, bounds, self.context.kinds, self.accesses)
        if found is None or self.moves(nest, found):
            return None
        return _Writer(self.context, nest, bounds, found).stmt()

    # -- is it one? --------------------------------------------------------------------------------------------

    def has_own_names(self, nest: _Nest) -> bool:
        """Whether what the inner loops bind is used there only, and subscripts never count from the end."""
        inside = Counter(name for stmt in statements((nest.middle,)) for name in mentioned(stmt))
        lets = {stmt.target.name for stmt in nest.inner.body if isinstance(stmt, Let)}
        own = lets | {nest.middle.index.name, nest.inner.index.name}
        indices = {loop.index.name for loop in nest.loops}
        alone = all(inside[name] == self.counts[name] for name in lets)
        others = {name for stmt in (*nest.before, *nest.after) for name in mentioned_within(stmt)}
        bound = {name for stmt in (*nest.before, *nest.after) for name in self.accesses.of(stmt).binds}
        natural = all(self.context.natural.get(name, False) for name in indices)
        inside_only = not indices & (bound | self.read_outside) and not own & others
        return alone and natural and len(indices) == 3 and inside_only

    def may_part(self, nest: _Nest) -> bool:
        """Whether the outer loop may do all of one part of its body before it does the next one."""
        moving = self.accesses.of(nest.outer).binds
        parts = [nest.before, (nest.middle,), nest.after]
        if self.accesses.of(nest.outer).effect:
            return False
        for k, first in enumerate(parts):
            for second in parts[k + 1 :]:
                pairs = [(self.accesses.of(a), self.accesses.of(b)) for a in first for b in second]
                if any(a.binds & (b.binds | b.reads) or b.binds & a.reads for a, b in pairs):
                    return False
                meetings = ((x, y) for a, b in pairs for x in a.accesses for y in b.accesses)
                if not all(self.in_step(x, y, nest.outer, moving) for x, y in meetings):
                    return False
        return True

    def in_step(self, x: Access, y: Access, outer: For, moving: set[str]) -> bool:
        """Whether two accesses meet in an element only in the same iteration of the outer loop, if order matters."""
        if x.cls != y.cls or not (x.writes or y.writes) or x.adds and y.adds:
            return True
        if x.name != y.name or x.index is None or y.index is None:
            return False
        both, natural = (outer.index, outer.index), self.context.is_natural
        return any(in_lockstep(a, b, both, moving, natural) for a, b in zip(x.index, y.index, strict=True))

    def stay(self, nest: _Nest, bounds: Bounds) -> bool:
        """Whether the ends of the loops mean the same all over the outer loop."""
        names = {name for end in bounds.ends() for name in names_in(end)}
        return not names & self.accesses.of(nest.outer).binds and all(map(may_be_asked_again, nest.loops))

    def moves(self, nest: _Nest, found: Sequence[Term]) -> bool:
        """Whether a name in a product is bound in the outer loop: it may stand for something else in another row."""
        names = {name for term in found for name in (*names_in(term.left), term.right.name, term.add.target.name)}
        return bool((names - {loop.index.name for loop in nest.loops}) & self.accesses.of(nest.outer).binds)


def _nest(loop: For) -> _Nest | None:
    """Return three loops, of which the last two do nothing but sums."""
    places = [k for k, stmt in enumerate(loop.body) if isinstance(stmt, For) and _only_loop(stmt) is not None]
    if not _is_plain(loop) or len(places) != 1 or sum(1 for _ in statements((loop,))) > LONGEST:
        return None
    place = places[0]
    middle = loop.body[place]
    assert isinstance(middle, For)
    inner = _only_loop(middle)
    if inner is None or not _is_plain(middle) or not _is_plain(inner):
        return None
    return _Nest(loop, loop.body[:place], middle, loop.body[place + 1 :], inner)


def _only_loop(loop: For) -> For | None:
    inner = [stmt for stmt in loop.body if not isinstance(stmt, Comment)]
    return inner[0] if len(inner) == 1 and isinstance(inner[0], For) else None


def _is_plain(loop: For) -> bool:
    return loop.until is None and not loop.parallel and not loop.carried and loop.step in (Lit(1), Lit(-1))


# -- what it becomes ---------------------------------------------------------------------------------------------


class _Writer:
    """Writes the products in the place of a nest."""

    def __init__(self, context: Context, nest: _Nest, bounds: Bounds, found: Sequence[Term]) -> None:
        self.context = context
        self.nest = nest
        self.bounds = bounds
        self.terms = found
        self.fresh: Callable[[str], Var] = lambda name: context.fresh(name, types.int64, name)

    def stmt(self) -> Stmt:
        nest = self.nest
        comments = tuple(s for s in (*nest.middle.body, *nest.inner.body) if isinstance(s, Comment))
        products = tuple(self.blocks() if self.bounds.side else self.products(self.bounds.ranges))
        before, after = map(self.around, (nest.before, nest.after))
        return If(self.pays(), (*before, *comments, *products, *after), (nest.outer,), loc=nest.outer.loc)

    def around(self, part: Block) -> Block:
        """Return the outer loop with a part of its body; comments alone need no loop."""
        return part if all(isinstance(stmt, Comment) for stmt in part) else (replace(self.nest.outer, body=part),)

    def pays(self) -> Expr:
        """Return whether the matrices are large enough, and have no other columns."""
        rows, *others = self.bounds.fixed()
        least = 2 * BLOCK if self.bounds.side else FEWEST
        tests = [Call("ge", (_less(*rows), Lit(least))), *(Call("ge", (_less(*r), Lit(FEWEST))) for r in others)]
        for term in self.terms:
            columns = self.bounds.ranges[term.right_axes[1]][1]
            test = Call("eq", (Call("dim", (term.right, Lit(1))), columns))
            tests += [] if test in tests or columns == test.args[0] else [test]
        return reduce(lambda a, b: Call("and", (a, b)), tests)

    def products(self, ranges: dict[str, tuple[Expr, Expr]]) -> Iterator[Stmt]:
        """Yield the products of blocks, factors that two of them have are put together once."""
        known: dict[Expr, Var] = {}
        for term in self.terms:
            if term.left not in known:
                known[term.left] = self.context.fresh("_", array(self.dtype(term), 2))
                yield from self.packed(term, known[term.left], ranges)
            yield from self.product(term, known[term.left], ranges)

    def dtype(self, term: Term) -> Type:
        return self.context.kinds[term.add.target.name].dtype

    def blocks(self) -> Iterator[Stmt]:
        """Yield a loop over blocks of rows: what is whole of them is multiplied, the triangles stay in loops."""
        bounds, outer = self.bounds, self.nest.outer.index.name
        low, high = bounds.ranges[outer]
        first, last = self.fresh("first"), self.fresh("last")
        self.context.natural[first.name] = True
        end = Call("minimum", (Call("add", (first, Lit(BLOCK))), high), via="builtin")
        full, rest = bounds.parted(first, last)
        made: list[Stmt] = [Let(last, end)]
        ranges = bounds.ranges | {outer: (first, last), bounds.moving: full}
        made.append(If(Call("lt", full), tuple(self.products(ranges))))
        made.append(self.triangles((first, last), rest))
        yield For(first, low, high, Lit(BLOCK), tuple(made), loc=self.nest.outer.loc)

    def triangles(self, rows: tuple[Expr, Expr], rest: tuple[Expr, Expr]) -> Stmt:
        nest = self.nest
        inner = nest.inner
        if inner.index.name == self.bounds.moving:
            inner = replace(inner, start=rest[0], stop=rest[1], step=Lit(1))
        middle = replace(nest.middle, body=(inner,))
        if middle.index.name == self.bounds.moving:
            middle = replace(middle, start=rest[0], stop=rest[1], step=Lit(1))
        return replace(nest.outer, start=rows[0], stop=rows[1], step=Lit(1), body=(middle,))

    def packed(self, term: Term, packed: Var, ranges: dict[str, tuple[Expr, Expr]]) -> Iterator[Stmt]:
        """Yield what puts the left factor of a block into a matrix."""
        dtype, axes = self.dtype(term), term.left_axes
        options = () if dtype == types.float64 else (("dtype", Lit(str(dtype))),)
        sizes = Call("tuple", tuple(_less(*ranges[axis]) for axis in axes))
        yield Let(packed, Call("empty", (sizes,), options))
        yield self.loops(axes, ranges, Store(packed, _place(axes, ranges), term.left, term.add.loc))

    def product(self, term: Term, packed: Var, ranges: dict[str, tuple[Expr, Expr]]) -> Iterator[Stmt]:
        """Yield the product of two blocks, and the loops that add it."""
        rows = Call("slice", (*ranges[term.right_axes[0]], Lit(None)))
        view = Call("getitem", (term.right, rows))
        first, second = (name for each in term.add.index for name in names_in(each))
        factors = [(packed, term.left_axes), (view, term.right_axes)]
        (left, there), (right, here) = factors if first in term.left_axes else factors[::-1]
        product = Call("dot", (_turned(left, there, (first, term.over)), _turned(right, here, (term.over, second))))
        made = self.context.fresh("product", array(self.dtype(term), 2), "product")
        yield Let(made, replace(product, via="np"), term.add.loc)
        element = Call("getitem", (made, *_place((first, second), ranges)))
        yield self.loops((first, second), ranges, replace(term.add, value=element))

    def loops(self, axes: Sequence[str], ranges: dict[str, tuple[Expr, Expr]], stmt: Stmt) -> Stmt:
        for axis in reversed(axes):
            stmt = For(Var(axis), *ranges[axis], Lit(1), (stmt,), loc=self.nest.outer.loc)
        return stmt


def _place(axes: Sequence[str], ranges: dict[str, tuple[Expr, Expr]]) -> tuple[Expr, ...]:
    """Return where the element of some indices is in a block."""
    return tuple(_less(ranges[axis][0], Var(axis)) for axis in axes)


def _less(low: Expr, high: Expr) -> Expr:
    return high if low == Lit(0) else Call("sub", (high, low))


def _turned(matrix: Expr, axes: Sequence[str], wanted: Sequence[str]) -> Expr:
    return matrix if tuple(axes) == tuple(wanted) else Call("transpose", (matrix,))
