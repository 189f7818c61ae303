"""Loops around products of matrices, and what else is done in them: parts that may be done one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.ranges import counts_by_one, may_be_asked_again
from adjoint.ir import Accum, Block, Call, Comment, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import mentioned, mentioned_within, mentions_of, names_in, statements, substitute
from adjoint.lower.accesses import Access, in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.factors import Bounds, Term, is_arithmetic, terms, triangle, type_of
from adjoint.lower.kept import Kept, as_number_sum
from adjoint.lower.of_rows import OfRows
from adjoint.lower.uses import open_indices

LONGEST = 100  # statements of a loop that may stand twice

Loops = tuple[For, ...]  # each all that is done in the one before


@dataclass(frozen=True, slots=True)
class Product:
    """Loops in others that add up products, with what their indices run over and their sums."""

    outer: For
    middle: Loops
    inner: Loops
    bounds: Bounds
    terms: tuple[Term, ...]
    # Arrays that are made for it.
    made: frozenset[str]


@dataclass(slots=True)
class Part:
    """Statements that a loop, or loops in it, have in a row; or one that is a product, `was` before names were kept."""

    middle: Loops
    body: Block
    product: Product | None = None
    was: Block = ()
    # What is done before and after the loops in the outer one.
    before: Block = ()
    after: Block = ()


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop that may do all of one part before it does the next one, and what makes the arrays for that."""

    outer: For
    parts: tuple[Part, ...]
    made: Block
    # Arrays that aren't the same all over the loop.
    changed: frozenset[str]
    # Where the loop is over the iterations of a block.
    block: OfRows | None
    # Whether numbers or arrays that its iterations have for themselves go from part to part.
    apart: bool

    @property
    def whole(self) -> For:
        """Return the loop of which this is a block, or it is itself."""
        return self.outer if self.block is None else self.block.whole

    def columns(self, matrix: Var) -> Expr:
        """Return how long the rows of a matrix are."""
        known = {} if self.block is None else self.block.lengths
        return known[matrix.name][-1] if matrix.name in known else Call("dim", (matrix, Lit(1)))

    @property
    def products(self) -> tuple[Product, ...]:
        return tuple(part.product for part in self.parts if part.product is not None)


@dataclass(slots=True)
class Middle:
    """Loops in another one, or none: the numbers that each iteration makes for itself, and what keeps them."""

    loops: Loops
    # The first statement that mentions each.
    local: dict[str, Let]
    # Values that are the same wherever in the iteration they are computed.
    stable: dict[str, Expr]
    kept: Kept
    parts: list[Part] = field(default_factory=list[Part])


class Nests:
    """Finds the nests of one program."""

    def __init__(self, func: Func, context: Context) -> None:
        self.context = context
        self.accesses = context.accesses(func)
        self.counts = mentions_of(func)
        self.read_outside = open_indices(func)

    def find(self, outer: For, block: OfRows | None = None) -> Nest | None:
        """Return a loop in parts, of which at least one is a product; None if there is none, or parts may not part."""
        if not counts_by_one(outer) or not any(isinstance(s, For) and any(_splits(s)) for s in outer.body):
            return None
        if self.accesses.of(outer).effect or sum(1 for _ in statements((outer,))) > LONGEST:
            return None
        own = self.numbers(outer, (outer,), Kept(self.context, outer, (), block))
        parts: list[Part] = []
        middles: list[Middle] = []
        for stmt in outer.body:
            middle = self.middle(outer, stmt, own) if isinstance(stmt, For) else None
            if middle is not None:
                middles.append(middle)
                parts += middle.parts
            elif parts and not parts[-1].middle:
                parts[-1].body = parts[-1].was = (*parts[-1].body, stmt)
            else:
                parts.append(Part((), (stmt,), was=(stmt,)))
        local = {id(middle.loops[-1]): middle.local for middle in middles}
        if middles and self.may_part(outer, parts, local, own.local) and own.kept.share(parts, own.local, own.stable):
            made = [let for each in (own, *middles) for let in each.kept.lets()]
            changed = self.changed(outer) | {let.target.name for let in made}
            before = () if block is None else block.made
            apart = block is not None or bool(own.kept.arrays)
            return Nest(outer, tuple(parts), (*before, *made), changed, block, apart)
        for each in (own, *middles):
            each.kept.forget()
        return None

    def numbers(self, outer: For, loops: Loops, kept: Kept) -> Middle:
        """Return the numbers that each iteration of the last of some loops makes for itself."""
        local = self.local(loops[-1])
        return Middle(loops, local, self.stable(outer, loops, local), kept)

    def changed(self, outer: For) -> frozenset[str]:
        """Return the arrays that a loop changes, by whatever name."""
        accesses = self.accesses.of(outer).accesses
        written = {access.cls for access in accesses if access.writes}
        return frozenset(access.name for access in accesses if access.cls in written)

    # -- the loops in it ---------------------------------------------------------------------------------------

    def middle(self, outer: For, loop: For, own: Middle) -> Middle | None:
        """Return a loop in parts, or one with those in it, if one of them is a product."""
        found = (self.split(outer, loops, own) for loops in _splits(loop))
        return next((middle for middle in found if middle is not None), None)

    def split(self, outer: For, loops: Loops, own: Middle) -> Middle | None:
        """Return loops in parts, if one of these is a product."""
        if not all(map(counts_by_one, loops)) or not all(map(may_be_asked_again, loops)):
            return None
        found = self.numbers(outer, loops, Kept(self.context, outer, loops, own.kept.block))
        mark = own.kept.mark()
        for stmt in loops[-1].body:
            product = self.product(outer, found, own, stmt) if isinstance(stmt, For) else None
            if product is not None:
                found.parts.append(Part(loops, product[0], product[1], (stmt,)))
            elif found.parts and found.parts[-1].product is None:
                found.parts[-1].body = found.parts[-1].was = (*found.parts[-1].body, stmt)
            else:
                found.parts.append(Part(loops, (stmt,), was=(stmt,)))
        whole = all(part.product is None for part in found.parts)
        if whole or not found.kept.share(found.parts, found.local, found.stable):
            found.kept.forget()
            own.kept.forget(mark)
            return None
        return found

    def local(self, loop: For) -> dict[str, Let]:
        """Return the numbers that every iteration of a loop binds before it does anything else with them."""
        inside = Counter(name for stmt in statements((loop,)) for name in mentioned(stmt))
        seen = set(mentioned(loop))
        local: dict[str, Let] = {}
        for stmt in loop.body:
            match stmt:
                case Let(Var(name), value) if name not in seen and name not in names_in(value):
                    if inside[name] == self.counts[name]:
                        local[name] = stmt
                case _:
                    pass
            seen |= mentioned_within(stmt)
        return local

    def stable(self, outer: For, loops: Loops, local: Mapping[str, Let]) -> dict[str, Expr]:
        """Return what numbers are, in terms of the indices and of what the outer loop doesn't change."""
        done = self.accesses.of(outer)
        written = {access.cls for access in done.accesses if access.writes}
        bound = Counter(s.target.name for s in statements(loops[-1:]) if isinstance(s, Let | Accum))
        fixed = {loop.index.name for loop in (outer, *loops)}
        stable: dict[str, Expr] = {}
        for name, let in local.items():
            value = substitute(let.value, stable)
            moving = set(names_in(value)) & done.binds - fixed
            kind = self.context.kinds.get(name)
            same = bound[name] == 1 and written.isdisjoint(map(self.accesses.class_of, names_in(value))) and not moving
            if same and is_arithmetic(value) and kind == type_of(value, self.context.kinds):
                stable[name] = value
        return stable

    def product(self, outer: For, middle: Middle, own: Middle, loop: For) -> tuple[Block, Product] | None:
        """Return loops that add up products, in terms of arrays for numbers of the loops around, and all they do."""
        found = innermost(loop)
        if found is None:
            return None
        inner, body = found
        bounds = triangle(outer, middle.loops, inner)
        if bounds is None or not all(map(counts_by_one, inner)) or not self.has_own_names(outer, middle.loops, inner):
            return None
        if not self.stay((outer, *middle.loops, *inner), bounds):
            return None
        marks = [(each, each.kept.mark()) for each in (middle, own)]
        new = body
        for each, _ in marks:
            new = None if new is None else each.kept.without(new, each.local, each.stable)
        sums = terms(new, bounds, self.context.kinds, self.accesses) if new is not None else None
        if new is None or sums is None:
            for each, mark in marks:
                each.kept.forget(mark)
            return None
        made = frozenset(var.name for each, _ in marks for var in each.kept.arrays.values())
        inner = (*inner[:-1], replace(inner[-1], body=new))
        return new, Product(outer, middle.loops, inner, bounds, tuple(sums), made)

    # -- whether it may be done --------------------------------------------------------------------------------

    def has_own_names(self, outer: For, middle: Loops, inner: Loops) -> bool:
        """Whether what a loop binds is used there only, and subscripts never count from the end."""
        inside = Counter(name for stmt in statements(inner[:1]) for name in mentioned(stmt))
        bindings = (s for s in statements(inner[:1]) if isinstance(s, Let | Accum))
        lets = {stmt.target.name for stmt in map(as_number_sum, bindings) if isinstance(stmt, Let)}
        loops = (outer, *middle, *inner)
        indices = {loop.index.name for loop in loops}
        bound = {name for stmt in outer.body for name in self.accesses.of(stmt).binds if stmt is not middle[0]}
        bound |= {name for s in middle[-1].body for name in self.accesses.of(s).binds if s is not inner[0]}
        alone = all(inside[name] == self.counts[name] for name in lets)
        natural = all(self.context.natural.get(name, False) for name in indices)
        return alone and natural and len(indices) == len(loops) and not indices & (bound | self.read_outside | lets)

    def stay(self, loops: Loops, bounds: Bounds) -> bool:
        """Whether the ends of the loops mean the same all over the outer loop."""
        names = {name for end in bounds.ends() for name in names_in(end)}
        return not names & self.accesses.of(loops[0]).binds and all(map(may_be_asked_again, loops))

    def may_part(
        self, outer: For, parts: Sequence[Part], local: Mapping[int, Mapping[str, Let]], numbers: Mapping[str, Let]
    ) -> bool:
        """Whether the outer loop may do all of one part before it does the next one, if it keeps its numbers."""
        moving = self.accesses.of(outer).binds
        for k, first in enumerate(parts):
            for second in parts[k + 1 :]:
                together = bool(first.middle) and bool(second.middle) and first.middle[-1] is second.middle[-1]
                # Loops in the outer one hand its numbers on from iteration to iteration.
                own = local[id(first.middle[-1])].keys() if together else numbers.keys()
                loops = (outer, *first.middle) if together else (outer,)
                pairs = [(self.accesses.of(a), self.accesses.of(b)) for a in first.was for b in second.was]
                if any((a.binds & (b.binds | b.reads) | b.binds & a.reads) - own for a, b in pairs):
                    return False
                meetings = ((x, y) for a, b in pairs for x in a.accesses for y in b.accesses)
                if not all(self.in_step(x, y, loops, moving) for x, y in meetings):
                    return False
        return True

    def in_step(self, x: Access, y: Access, loops: Sequence[For], moving: set[str]) -> bool:
        """Whether two accesses meet in an element only in the same iteration of all loops, if order matters."""
        if x.cls != y.cls or not (x.writes or y.writes) or x.adds and y.adds:
            return True
        if x.name != y.name or x.index is None or y.index is None:
            return False
        pairs = list(zip(x.index, y.index, strict=True))
        natural = self.context.is_natural
        return all(
            any(in_lockstep(a, b, (loop.index, loop.index), moving, natural) for a, b in pairs) for loop in loops
        )


def _splits(loop: For) -> Iterator[Loops]:
    """Yield a loop, that with the one in it if that is all it does, and so on, as long as there are loops inside."""
    loops: Loops = (loop,)
    while True:
        inner = [stmt for stmt in loops[-1].body if isinstance(stmt, For)]
        if any(innermost(each) for each in inner):
            yield loops
        if len(inner) != 1 or not all(isinstance(s, Comment) for s in loops[-1].body if s is not inner[0]):
            return
        loops = (*loops, inner[0])


def innermost(loop: For) -> tuple[Loops, Block] | None:
    """Return a loop and those in it, and all that is done there: to bind names, to store and to add.

    Each loop is all that is done in the one before, but for names that are bound first; None if it is otherwise.
    """
    loops: Loops = (loop,)
    before: list[Stmt] = []
    while loops[-1].body:
        *first, last = loops[-1].body
        if not isinstance(last, For):
            plain = all(isinstance(stmt, Let | Store | Accum | Comment) for stmt in loops[-1].body)
            return (loops, (*before, *loops[-1].body)) if plain else None
        if not all(isinstance(as_number_sum(stmt), Let | Comment) for stmt in first):
            return None
        before += first
        loops = (*loops, last)
    return None
