"""Loops that add up products of elements of two matrices multiply blocks of the matrices instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import is_

from adjoint.ir import Block, Call, Comment, Expr, For, Func, If, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import map_blocks, names_in, statements, unshared, with_body
from adjoint.lower.context import Context
from adjoint.lower.factors import Factor, Group, Range, Term
from adjoint.lower.iteration import rejoined
from adjoint.lower.nests import Nest, Nests, Product
from adjoint.lower.of_rows import Rows
from adjoint.lower.own_names import own_names
from adjoint.lower.turns import ends_of, holds, identity, less, place, size, times, turned
from adjoint.rules.numba_types import Type, array, of_dtype, types
from adjoint.transform.renest import renest

BLOCK = 64  # rows of a triangle at a time: what is left over of it stays in loops
FEWEST = 32  # a product with a shorter side is as fast in loops
FEWER = 8  # the same where factors aren't rows of matrices, which loops don't read as they lie
SHORTEST = 4  # the same where several loops go along a side: short loops make poor vectors
LEAST = 4096  # products of elements: with fewer, putting the factors into matrices takes as long as loops


def multiply(func: Func, context: Context) -> Func:
    """Make loops around `z[i, j] += a * x[i, k] * y[j, k]` a product of matrices, of any two indices each.

    Factors and sums are elements of matrices, or anything that depends on two of three groups of indices: the outermost
    one, those of the loops in its loop, and those of the loops in these. Elements are then put into matrices of which
    several indices number the rows, and added up from one; for blocks of the outermost loop, so that these stay small.

    What is added up in a number of the middle loop, `s += x[i, k] * y[k, j]`, is kept in a matrix, as are numbers that
    go from one part of an iteration to another: the two outer loops do each part for all indices. So it is with numbers
    of the outer loop, and arrays that its iterations have for themselves: in blocks of it, these have rows. One of the
    inner loops may end, or start, at the index of the outer one: then blocks of rows are multiplied, and the small
    triangles that are left stay in loops, so that no other element is touched.

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
            packed = np.empty((x.shape[0], x.shape[1]))
            for i in range(x.shape[0]):
                for k in range(x.shape[1]):
                    packed[i, k] = 2.0 * x[i, k]
            product = np.dot(packed, y[0 : x.shape[1]])
            for i in range(x.shape[0]):
                for j in range(y.shape[1]):
                    z[i, j] += product[i, j]
    >>> func, context = expand(parse('''
    ... def f(z: float64[:, ::1], x: float64[:, ::1], w: float64[:, :, ::1], m: int64, n: int64):
    ...     for i in range(m):
    ...         for j in range(n):
    ...             for p in range(dim(w, 0)):
    ...                 for c in range(dim(w, 1)):
    ...                     z[i, j] += x[i + p, c] * w[p, c, j]
    ... '''))
    >>> print(text(multiply(func, context)).partition("    else:")[0], end="")
    def f(z, x, w, m, n):
        if m >= 4 and n >= 4 and w.shape[0] * w.shape[1] >= 4 and m * n * (w.shape[0] * w.shape[1]) >= 4096:
            packed_1 = np.empty((w.shape[0] * w.shape[1], n))
            for p in range(w.shape[0]):
                for c in range(w.shape[1]):
                    for j in range(n):
                        packed_1[p * w.shape[1] + c, j] = w[p, c, j]
            for first in range(0, m, 64):
                last = min(first + 64, m)
                packed = np.empty((w.shape[0] * w.shape[1], last - first))
                for p in range(w.shape[0]):
                    for c in range(w.shape[1]):
                        for i in range(first, last):
                            packed[p * w.shape[1] + c, i - first] = x[i + p, c]
                product = np.dot(packed.T, packed_1)
                for i in range(first, last):
                    for j in range(n):
                        z[i, j] += product[i - first, j]
    >>> func, context = expand(parse('''
    ... def f(z: float64[:, ::1], x: float64[:, ::1], n: int64):
    ...     s: float64[:] = empty(n)
    ...     for i in range(n):
    ...         total: float64 = 0.0
    ...         for j in range(n):
    ...             s[j] = exp(x[i, j])
    ...             total = total + s[j]
    ...         for k in range(n):
    ...             for j in range(n):
    ...                 z[i, k] += s[j] / total * x[k, j]
    ... '''))
    >>> print(text(multiply(func, context)).partition("    else:")[0], end="")
    def f(z, x, n):
        s = np.empty(n)
        if n >= 8 and n * n * n >= 4096 and x.shape[1] == n:
            s_rows = np.empty((64, n))
            total_kept = np.empty(64)
            for first in range(0, n, 64):
                last = min(first + 64, n)
                for i in range(first, last):
                    total = 0.0
                    for j in range(n):
                        s_rows[i - first, j] = math.exp(x[i, j])
                        total += s_rows[i - first, j]
                    total_kept[i - first] = total
                packed = np.empty((last - first, n))
                for i in range(first, last):
                    for j_1 in range(n):
                        packed[i - first, j_1] = s_rows[i - first, j_1] / total_kept[i - first]
                product = np.dot(packed, x[0:n].T)
                for i in range(first, last):
                    for k in range(n):
                        z[i, k] += product[i - first, k]
    """
    if not any(map(_is_deep, statements(func.body))):
        return func
    simpler = rejoined(own_names(renest(func), context), context.kinds)
    body = _Multiplier(simpler, context).block(simpler.body)
    return func if body is simpler.body else with_body(func, unshared(body))


def around_products(func: Func, context: Context) -> frozenset[str]:
    """Return the indices of loops of which products of matrices would be made, as they are.

    Where elements have to be put into matrices first, loops that are joined are better where that doesn't pay.
    """
    if not any(map(_is_deep, statements(func.body))):
        return frozenset()
    context = replace(context.copy(), taken=set(context.taken))
    simpler = rejoined(own_names(renest(func), context), context.kinds)
    nests = Nests(simpler, context)
    found = (nests.find(stmt) for stmt in statements(simpler.body) if isinstance(stmt, For))
    good = (nest for nest in found if nest is not None and not _never_pays(nest) and all(map(is_plain, nest.products)))
    return frozenset(nest.outer.index.name for nest in good)


def _is_deep(stmt: Stmt) -> bool:
    """Whether a statement is a loop with a loop in it that has a loop in it."""
    inner = [each for each in stmt.body if isinstance(each, For)] if isinstance(stmt, For) else []
    return any(isinstance(each, For) for loop in inner for each in loop.body)


class _Multiplier:
    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.nests = Nests(func, context)
        self.rows = Rows(func, context, self.nests.counts)

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            nest = self.nest(stmt) if isinstance(stmt, For) else None
            done = None if nest is None else parted(nest, self.context)
            out += (map_blocks(stmt, self.block),) if done is None else done
        return block if len(out) == len(block) and all(map(is_, out, block)) else tuple(out)

    def nest(self, loop: For) -> Nest | None:
        """Return a loop in parts; those of blocks of iterations, if there are more products in these."""
        taken = set(self.context.taken)
        count = _terms(self.blocked(loop))
        self.context.forget(self.context.taken - taken)
        nest = self.nests.find(loop)
        if count > _terms(nest):
            self.context.forget(self.context.taken - taken)
            nest = self.blocked(loop)
        return None if nest is None or _never_pays(nest) else nest

    def blocked(self, loop: For) -> Nest | None:
        """Return a loop in parts for blocks of its iterations, whose arrays have rows for these."""
        block = self.rows.block(loop, BLOCK)
        found = None if block is None else self.nests.find(block.loop, block)
        return None if found is None or any(product.bounds.side for product in found.products) else found


def _terms(nest: Nest | None) -> int:
    return 0 if nest is None else sum(len(product.terms) for product in nest.products)


# -- what it becomes ---------------------------------------------------------------------------------------------


def _never_pays(nest: Nest) -> bool:
    """Whether a side of a product is a number, and too short."""
    for product in nest.products:
        for group in product.bounds.groups:
            match size(group, product.bounds.ranges):
                case Lit(int() as side) if side < _least(product, nest) and product.bounds.moving not in group:
                    return True
                case _:
                    pass
    return False


def _least(product: Product, nest: Nest) -> int:
    """Return the length of the shortest side with which a product pays."""
    if is_plain(product) and not nest.apart:
        return FEWEST
    return FEWER if all(len(group) == 1 for group in product.bounds.groups) else SHORTEST


def is_plain(product: Product) -> bool:
    """Whether three loops multiply matrices of which one is used as it is."""
    return all(len(group) == 1 for group in product.bounds.groups) and all(t.right.matrix for t in product.terms)


def parted(nest: Nest, context: Context) -> Block:
    """Return a loop in parts, with matrix products where sides are long enough."""
    outer, whole, block = nest.outer, nest.whole, nest.block
    shared = _Shared(nest.changed)
    if block is not None:
        shared.rows = block.first, block.last
    elif outer.step == Lit(1) and _is_large(nest):
        shared.rows = first, last = _rows_of_block(context)
        outer = replace(outer, start=first, stop=last)
    done: list[Stmt] = []
    tests: list[Expr] = []
    for part in nest.parts:
        if part.product is not None:
            writer = _Writer(context, nest, part.product, shared)
            tests += [test for test in writer.tests() if test not in tests]
            done += writer.stmts()
        elif all(isinstance(stmt, Comment) for stmt in part.body):
            done += part.body
        else:
            done.append(replace(outer, body=(*part.before, *_around(part.middle, part.body), *part.after)))
    done = done if shared.rows is None else [*shared.before, _blocks(whole, shared.rows, tuple(done))]
    done = [*nest.made, *done]
    if not tests:
        return tuple(done)
    return (If(reduce(lambda a, b: Call("and", (a, b)), tests), tuple(done), (whole,), loc=whole.loc),)


def _is_large(nest: Nest) -> bool:
    """Whether factors have more elements once they are packed than arrays have; triangles have blocks of their own."""
    bounds = [product.bounds for product in nest.products]
    return any(len(group) > 1 for each in bounds for group in each.groups) and not any(each.side for each in bounds)


def _around(loops: Sequence[For], body: Block) -> Block:
    for loop in reversed(loops):
        body = (replace(loop, body=body),)
    return body


def _rows_of_block(context: Context) -> tuple[Var, Var]:
    first, last = (context.fresh(name, types.int64, name) for name in ("first", "last"))
    context.natural[first.name] = True
    return first, last


def _blocks(loop: For, rows: tuple[Var, Var], body: Block) -> For:
    """Return a loop over blocks of the rows of another."""
    first, last = rows
    low, high = ends_of(loop)
    end = Call("minimum", (Call("add", (first, Lit(BLOCK))), high), via="builtin")
    return For(first, low, high, Lit(BLOCK), (Let(last, end), *body), loc=loop.loc)


@dataclass(slots=True)
class _Shared:
    """What the products of a nest have in common: which arrays change in it, and factors that are in matrices already.

    They are for a block of rows, if there are `rows`; what is the same for all blocks is done before.
    """

    changed: frozenset[str]
    rows: tuple[Var, Var] | None = None
    packed: dict[object, Var] = field(default_factory=dict[object, Var])
    before: list[Stmt] = field(default_factory=list[Stmt])


class _Writer:
    """Writes products of matrices in the place of a loop, or, for a block of its iterations, in it."""

    def __init__(self, context: Context, whole: Nest, nest: Product, shared: _Shared) -> None:
        self.context = context
        self.whole = whole
        self.nest = nest
        self.bounds = nest.bounds
        self.terms = nest.terms
        self.shared = shared

    def stmts(self) -> tuple[Stmt, ...]:
        comments = tuple(stmt for stmt in self.nest.inner[-1].body if isinstance(stmt, Comment))
        rows = self.shared.rows
        ranges = self.bounds.ranges if rows is None else {**self.bounds.ranges, self.bounds.outer: rows}
        return (*comments, *((self.blocks(),) if self.bounds.side else self.products(ranges)))

    def tests(self) -> list[Expr]:
        """Return what tells whether the matrices are large enough, and have no other columns."""
        ranges = {**self.bounds.ranges, self.bounds.outer: ends_of(self.whole.whole)}
        sides = [group for group in self.bounds.groups if self.bounds.moving not in group]
        rows, *others = (size(group, ranges) for group in sides)
        least = _least(self.nest, self.whole)
        tests: list[Expr] = [Call("ge", (rows, Lit(2 * BLOCK if self.bounds.side else least)))]
        tests += [Call("ge", (size, Lit(least))) for size in others]
        if not is_plain(self.nest) or self.whole.apart:
            tests.append(Call("ge", (times(rows, *others), Lit(LEAST))))
            # Two negative lengths have a positive product.
            lengths = [less(*ranges[name]) for group in sides if len(group) > 1 for name in group]
            tests += [Call("ge", (n, Lit(1))) for n in lengths if not isinstance(n, Call) or n.prim != "dim"]
        for factor in (each for term in self.terms for each in (term.left, term.right)):
            if factor.matrix is not None and factor.matrix.name not in self.nest.made:
                (column,) = factor.axes[1]
                there, columns = self.whole.columns(factor.matrix), ranges[column][1]
                test = Call("eq", (there, columns))
                tests += [] if test in tests or columns == there else [test]
        return [test for test in dict.fromkeys(tests) if not holds(test)]

    def products(self, ranges: dict[str, Range]) -> Iterator[Stmt]:
        """Yield the products of blocks, factors that two of them have are put together once."""
        own: dict[object, Var] = {}
        made: dict[object, Var] = {}
        for term in self.terms:
            matrices: list[tuple[Factor, Var]] = []
            for factor in (term.left, term.right):
                steady = not self.bounds.side and self.shared.changed.isdisjoint(names_in(factor.value))
                known, key = self.shared.packed if steady else own, identity(factor, ranges)
                if factor.matrix is None and key not in known:
                    known[key] = self.context.fresh("packed", array(self.dtype(term), 2), "packed")
                    packing = self.packed(term, factor, known[key], ranges)
                    if steady and self.shared.rows is not None and self.bounds.groups[0] not in factor.axes:
                        self.shared.before += packing
                    else:
                        yield from packing
                matrices.append((factor, factor.matrix or known[key]))
            yield from self.product(term, matrices, ranges, made)

    def dtype(self, term: Term) -> Type:
        return self.context.kinds[term.add.target.name].dtype

    def blocks(self) -> For:
        """Return a loop over blocks of rows: what is whole of them is multiplied, the triangles stay in loops."""
        bounds, outer = self.bounds, self.bounds.outer
        first, last = _rows_of_block(self.context)
        full, rest = bounds.parted(first, last)
        ranges = bounds.ranges | {outer: (first, last), bounds.moving: full}
        made = If(Call("lt", full), tuple(self.products(ranges)))
        return _blocks(self.nest.outer, (first, last), (made, self.triangles((first, last), rest)))

    def triangles(self, rows: Range, rest: Range) -> Stmt:
        nest = self.nest
        moving = self.bounds.moving
        loops = [
            replace(loop, start=rest[0], stop=rest[1], step=Lit(1)) if loop.index.name == moving else loop
            for loop in (*nest.middle, *nest.inner)
        ]
        return replace(nest.outer, start=rows[0], stop=rows[1], step=Lit(1), body=_around(loops, loops[-1].body))

    def packed(self, term: Term, factor: Factor, packed: Var, ranges: dict[str, Range]) -> Iterator[Stmt]:
        """Yield what puts a factor of a block into a matrix."""
        sizes = Call("tuple", tuple(size(group, ranges) for group in factor.axes))
        yield Let(packed, Call("empty", (sizes,), of_dtype(self.dtype(term))))
        yield self.loops(factor.axes, ranges, Store(packed, place(factor.axes, ranges), factor.value, term.add.loc))

    def product(
        self, term: Term, factors: list[tuple[Factor, Var]], ranges: dict[str, Range], made: dict[object, Var]
    ) -> Iterator[Stmt]:
        """Yield the product of two blocks, if it isn't `made` yet, and the loops that add it."""
        first, second = term.axes
        left, right = factors if first in term.left.axes else factors[::-1]
        args = turned(*left, ranges, (first, term.over)), turned(*right, ranges, (term.over, second))
        if args not in made:
            made[args] = self.context.fresh("product", array(self.dtype(term), 2), "product")
            yield Let(made[args], Call("dot", args, via="np"), term.add.loc)
        element: Expr = Call("getitem", (made[args], *place(term.axes, ranges)))
        element = element if term.scale is None else Call("mul", (term.scale, element))
        yield self.loops(term.axes, ranges, replace(term.add, value=element))

    def loops(self, axes: Sequence[Group], ranges: dict[str, Range], stmt: Stmt) -> Stmt:
        for index in reversed([name for group in axes for name in group]):
            stmt = For(Var(index), *ranges[index], Lit(1), (stmt,), loc=self.nest.outer.loc)
        return stmt
