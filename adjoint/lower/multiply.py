"""Loops that add up products of elements of two matrices multiply blocks of the matrices instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

from adjoint.ir import Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, statements, unshared
from adjoint.lower.context import Context
from adjoint.lower.factors import Term
from adjoint.lower.iteration import rejoined
from adjoint.lower.nests import Nest, Nests, Product
from adjoint.lower.own_names import own_names
from adjoint.rules.numba_types import Type, array, of_dtype, types
from adjoint.transform.renest import renest

BLOCK = 64  # rows of a triangle at a time: what is left over of it stays in loops
FEWEST = 32  # a product with a shorter side is as fast in loops


def multiply(func: Func, context: Context) -> Func:
    """Make three loops around `z[i, j] += a * x[i, k] * y[j, k]` a product of matrices, of any two indices each.

    What is added up in a number of the middle loop, `s += x[i, k] * y[k, j]`, is kept in a matrix, as are numbers that
    go from one part of an iteration to another: the two outer loops do each part for all indices. One of the inner
    loops may end, or start, at the index of the outer one: then blocks of rows are multiplied, and the small triangles
    that are left stay in loops, so that no other element is touched.

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
    simpler = rejoined(own_names(renest(func), context), context.kinds)
    body = _Multiplier(simpler, context).block(simpler.body)
    return func if body is simpler.body else replace(func, body=unshared(body))


def around_products(func: Func, context: Context) -> frozenset[str]:
    """Return the indices of loops of which products of matrices would be made, as they are."""
    if not any(_is_deep(stmt) for stmt in statements(func.body)):
        return frozenset()
    context = replace(context.copy(), taken=set(context.taken))
    simpler = rejoined(own_names(renest(func), context), context.kinds)
    nests = Nests(simpler, context)
    found = (nests.find(stmt) for stmt in statements(simpler.body) if isinstance(stmt, For))
    return frozenset(nest.outer.index.name for nest in found if nest is not None and not _never_pays(nest))


def _is_deep(stmt: Stmt) -> bool:
    """Whether a statement is a loop with a loop in it that has a loop in it."""
    inner = [each for each in stmt.body if isinstance(each, For)] if isinstance(stmt, For) else []
    return any(isinstance(each, For) for loop in inner for each in loop.body)


class _Multiplier:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.nests = Nests(func, context)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            nest = self.nests.find(stmt) if isinstance(stmt, For) else None
            done = None if nest is None or _never_pays(nest) else parted(nest, self.context)
            out.append(map_blocks(stmt, self.block) if done is None else done)
        return block if all(a is b for a, b in zip(out, block, strict=True)) else tuple(out)


# -- what it becomes ---------------------------------------------------------------------------------------------


def _never_pays(nest: Nest) -> bool:
    """Whether a side of a product is a number, and too short."""
    for product in nest.products:
        for ends in product.bounds.fixed():
            match _less(*ends):
                case Lit(int() as side) if side < FEWEST:
                    return True
                case _:
                    pass
    return False


def parted(nest: Nest, context: Context) -> Stmt:
    """Return a loop in parts, with matrix products where sides are long enough."""
    done: list[Stmt] = list(nest.made)
    tests: list[Expr] = []
    for part in nest.parts:
        if part.product is not None:
            writer = _Writer(context, part.product)
            tests += [test for test in writer.tests() if test not in tests]
            done += writer.stmts()
        elif all(isinstance(stmt, Comment) for stmt in part.body):
            done += part.body
        else:
            body = part.body if part.middle is None else (replace(part.middle, body=part.body),)
            done.append(replace(nest.outer, body=body))
    pays = reduce(lambda a, b: Call("and", (a, b)), tests)
    return If(pays, tuple(done), (nest.outer,), loc=nest.outer.loc)


class _Writer:
    """Writes products of matrices in the place of a loop."""

    def __init__(self, context: Context, nest: Product) -> None:
        self.context = context
        self.nest = nest
        self.bounds = nest.bounds
        self.terms = nest.terms
        self.fresh: Callable[[str], Var] = lambda name: context.fresh(name, types.int64, name)

    def stmts(self) -> tuple[Stmt, ...]:
        comments = tuple(stmt for stmt in self.nest.inner.body if isinstance(stmt, Comment))
        return (*comments, *(self.blocks() if self.bounds.side else self.products(self.bounds.ranges)))

    def tests(self) -> list[Expr]:
        """Return what tells whether the matrices are large enough, and have no other columns."""
        rows, *others = self.bounds.fixed()
        least = 2 * BLOCK if self.bounds.side else FEWEST
        tests = [Call("ge", (_less(*rows), Lit(least))), *(Call("ge", (_less(*r), Lit(FEWEST))) for r in others)]
        for term in self.terms:
            columns = self.bounds.ranges[term.right_axes[1]][1]
            test = Call("eq", (Call("dim", (term.right, Lit(1))), columns))
            tests += [] if test in tests or columns == test.args[0] or term.right.name in self.nest.made else [test]
        return list(tests)

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
        options = of_dtype(dtype)
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
    match low, high:
        case Lit(int() as first), Lit(int() as last):
            return Lit(last - first)
        case _:
            pass
    return high if low == Lit(0) else Call("sub", (high, low))


def _turned(matrix: Expr, axes: Sequence[str], wanted: Sequence[str]) -> Expr:
    return matrix if tuple(axes) == tuple(wanted) else Call("transpose", (matrix,))
