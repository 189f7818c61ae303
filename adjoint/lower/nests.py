"""Loops around products of matrices, and what else is done in them: parts that may be done one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.ranges import counts_by_one, may_be_asked_again
from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Accum, Block, Comment, Expr, For, Func, Let, Store, Var
from adjoint.ir.walk import mentioned, mentioned_within, names_in, statements, substitute
from adjoint.lower.accesses import Access, Accesses, in_lockstep
from adjoint.lower.context import Context
from adjoint.lower.factors import Bounds, Term, is_arithmetic, terms, triangle, type_of
from adjoint.lower.kept import Kept, as_number_sum
from adjoint.lower.uses import open_indices

LONGEST = 60  # statements of a loop that may stand twice


@dataclass(frozen=True, slots=True)
class Product:
    """A loop in two others that adds up products, with what its indices run over and its sums."""

    outer: For
    middle: For
    inner: For
    bounds: Bounds
    terms: tuple[Term, ...]
    # Arrays that are made for it.
    made: frozenset[str]


@dataclass(slots=True)
class Part:
    """Statements that a loop, or a loop in it, has in a row; or one that is a product, `was` before names were kept."""

    middle: For | None
    body: Block
    product: Product | None = None
    was: Block = ()


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop that may do all of one part before it does the next one, and what makes the arrays for that."""

    outer: For
    parts: tuple[Part, ...]
    made: Block

    @property
    def products(self) -> tuple[Product, ...]:
        return tuple(part.product for part in self.parts if part.product is not None)


@dataclass(slots=True)
class Middle:
    """A loop in another one: the numbers that each iteration makes for itself, and what keeps them."""

    loop: For
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
        self.accesses = Accesses(func, context.kinds, memory_classes(func))
        self.counts = Counter(name for stmt in statements(func.body) for name in mentioned(stmt))
        self.read_outside = open_indices(func)

    def find(self, outer: For) -> Nest | None:
        """Return a loop in parts, of which at least one is a product; None if there is none, or parts may not part."""
        if not counts_by_one(outer) or not any(isinstance(s, For) and any(_inner(s)) for s in outer.body):
            return None
        if self.accesses.of(outer).effect or sum(1 for _ in statements((outer,))) > LONGEST:
            return None
        parts: list[Part] = []
        middles: list[Middle] = []
        for stmt in outer.body:
            middle = self.middle(outer, stmt) if isinstance(stmt, For) else None
            if middle is not None:
                middles.append(middle)
                parts += middle.parts
            elif parts and parts[-1].middle is None:
                parts[-1].body = parts[-1].was = (*parts[-1].body, stmt)
            else:
                parts.append(Part(None, (stmt,), was=(stmt,)))
        local = {id(middle.loop): middle.local for middle in middles}
        if not middles or not self.may_part(outer, parts, local):
            for middle in middles:
                middle.kept.forget()
            return None
        return Nest(outer, tuple(parts), tuple(let for middle in middles for let in middle.kept.lets()))

    # -- the loops in it ---------------------------------------------------------------------------------------

    def middle(self, outer: For, loop: For) -> Middle | None:
        """Return a loop in parts, if one of them is a product."""
        if not counts_by_one(loop) or not any(_inner(loop)) or not may_be_asked_again(loop):
            return None
        local = self.local(loop)
        found = Middle(loop, local, self.stable(outer, loop, local), Kept(self.context, outer, loop))
        for stmt in loop.body:
            product = self.product(outer, found, stmt) if isinstance(stmt, For) else None
            if product is not None:
                found.parts.append(Part(loop, (product.inner,), product, (stmt,)))
            elif found.parts and found.parts[-1].product is None:
                found.parts[-1].body = found.parts[-1].was = (*found.parts[-1].body, stmt)
            else:
                found.parts.append(Part(loop, (stmt,), was=(stmt,)))
        if all(part.product is None for part in found.parts) or not found.kept.share(found.parts, local, found.stable):
            found.kept.forget()
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

    def stable(self, outer: For, loop: For, local: Mapping[str, Let]) -> dict[str, Expr]:
        """Return what numbers are, in terms of the indices and of what the outer loop doesn't change."""
        done = self.accesses.of(outer)
        written = {access.cls for access in done.accesses if access.writes}
        bound = Counter(s.target.name for s in statements((loop,)) if isinstance(s, Let | Accum))
        fixed = {outer.index.name, loop.index.name}
        stable: dict[str, Expr] = {}
        for name, let in local.items():
            value = substitute(let.value, stable)
            moving = set(names_in(value)) & done.binds - fixed
            kind = self.context.kinds.get(name)
            same = bound[name] == 1 and written.isdisjoint(map(self.accesses.class_of, names_in(value))) and not moving
            if same and is_arithmetic(value) and kind == type_of(value, self.context.kinds):
                stable[name] = value
        return stable

    def product(self, outer: For, middle: Middle, inner: For) -> Product | None:
        """Return a loop that adds up products, in terms of arrays for numbers of the loop around it."""
        bounds = triangle(outer, middle.loop, inner)
        if bounds is None or not counts_by_one(inner) or not self.has_own_names(outer, middle.loop, inner):
            return None
        if not self.stay((outer, middle.loop, inner), bounds):
            return None
        mark = middle.kept.mark()
        body = middle.kept.without(inner.body, middle.local, middle.stable)
        found = terms(body, bounds, self.context.kinds, self.accesses) if body is not None else None
        if body is None or found is None or self.moves(outer, (middle.loop, inner), found):
            middle.kept.forget(mark)
            return None
        made = frozenset(var.name for var in middle.kept.arrays.values())
        return Product(outer, middle.loop, replace(inner, body=body), bounds, tuple(found), made)

    # -- whether it may be done --------------------------------------------------------------------------------

    def has_own_names(self, outer: For, middle: For, inner: For) -> bool:
        """Whether what a loop binds is used there only, and subscripts never count from the end."""
        inside = Counter(name for stmt in statements((inner,)) for name in mentioned(stmt))
        lets = {stmt.target.name for stmt in map(as_number_sum, inner.body) if isinstance(stmt, Let)}
        indices = {loop.index.name for loop in (outer, middle, inner)}
        bound = {name for stmt in outer.body for name in self.accesses.of(stmt).binds if stmt is not middle}
        bound |= {name for stmt in middle.body for name in self.accesses.of(stmt).binds if stmt is not inner}
        alone = all(inside[name] == self.counts[name] for name in lets)
        natural = all(self.context.natural.get(name, False) for name in indices)
        return alone and natural and len(indices) == 3 and not indices & (bound | self.read_outside | lets)

    def stay(self, loops: tuple[For, For, For], bounds: Bounds) -> bool:
        """Whether the ends of the loops mean the same all over the outer loop."""
        names = {name for end in bounds.ends() for name in names_in(end)}
        return not names & self.accesses.of(loops[0]).binds and all(map(may_be_asked_again, loops))

    def moves(self, outer: For, inner: Sequence[For], found: Sequence[Term]) -> bool:
        """Whether a name in a product is bound in the outer loop: it may stand for something else in another row."""
        names = {name for term in found for name in (*names_in(term.left), term.right.name, term.add.target.name)}
        indices = {loop.index.name for loop in (outer, *inner)}
        return bool((names - indices) & self.accesses.of(outer).binds)

    def may_part(self, outer: For, parts: Sequence[Part], local: Mapping[int, Mapping[str, Let]]) -> bool:
        """Whether the outer loop may do all of one part before it does the next one."""
        moving = self.accesses.of(outer).binds
        for k, first in enumerate(parts):
            for second in parts[k + 1 :]:
                loop = first.middle
                together = loop is not None and loop is second.middle
                own = local[id(loop)].keys() if together and loop is not None else set[str]()
                loops = (outer, loop) if together and loop is not None else (outer,)
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


def _inner(loop: For) -> Iterator[For]:
    """Yield the loops in a loop that do nothing but bind names, store and add."""
    for stmt in loop.body:
        if isinstance(stmt, For) and all(isinstance(each, Let | Store | Accum | Comment) for each in stmt.body):
            yield stmt
