"""What the iterations of a loop have to do with memory and numbers, if they are to run side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adjoint.analysis.effects import is_pure
from adjoint.analysis.ranges import counts_by_one
from adjoint.ir import Accum, Block, Call, Expr, For, If, Let, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, items_of, names_in, nested, operands, statements, subexpressions
from adjoint.lower.context import Context
from adjoint.lower.guards import is_guard
from adjoint.lower.iteration import targets, written


@dataclass(frozen=True, slots=True)
class Element:
    """An element that a statement uses, and the indices of the loops around the statement, the outermost first."""

    name: str
    index: tuple[Expr, ...]
    loops: tuple[str, ...]
    writes: bool


def is_one(stmt: Stmt) -> bool:
    """Whether a statement is done for one iteration after the other as a whole: which of its parts run depends."""
    if isinstance(stmt, If) and is_guard(stmt):
        return False
    return isinstance(stmt, If | While) or isinstance(stmt, For) and not counts_by_one(stmt)


def side_by_side(block: Block) -> Iterator[Stmt]:
    """Yield the statements that are done for all iterations of a strip at a time, loops before what is in them."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, For) and not is_one(stmt):
            yield from side_by_side(stmt.body)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the iterations of a loop use arrays.

    `same` are names that have, at each point of an iteration, the same value in all of them, the arrays made by
    `same_arrays` among them; `varying` are the others that an iteration changes. `own` make an array for one iteration.
    `packed` are arrays of which an iteration uses the elements at its own index along one axis, which is not the last
    one; of these, `written` are changed, and of axes that are `fixed` all iterations use one place.
    """

    same: frozenset[str]
    varying: frozenset[str]
    same_arrays: tuple[Let, ...] = ()
    own: tuple[Let, ...] = ()
    packed: Mapping[str, int] = field(default_factory=dict[str, int])
    written: frozenset[str] = frozenset()
    fixed: Mapping[str, Mapping[int, Expr]] = field(default_factory=dict[str, Mapping[int, Expr]])

    def is_same(self, stmt: Stmt) -> bool:
        """Whether a statement does the same in all iterations, so that it needs doing once for a strip."""
        match stmt:
            case Let(Var(name)) | Accum(Var(name)) | Store(Var(name)):
                return name in self.same
            case If(cond) if is_guard(stmt):
                return self.varying.isdisjoint(names_in(cond))
            case _:
                return False


def layout(loop: For, own: Sequence[Let], totals: Collection[str], context: Context) -> Layout | None:
    """Return how the iterations of a loop use arrays; None if elements of one lie where a strip can't have them.

    Args:
        loop: a loop with numbers, elements and counted loops in it, whose bounds are the same in all iterations.
        own: the statements that make an array for one iteration.
        totals: numbers that the iterations only add to.
        context: what is known of the program.
    """
    same, varying = _same(loop, own, totals, context)
    packed = _packed(loop, {made.target.name for made in own}, context)
    if packed is None:
        return None
    changed = {element.name for element in elements(loop.body) if element.writes}
    shared, wide = [made for made in own if made.target.name in same], [m for m in own if m.target.name not in same]
    written, fixed = frozenset(packed).intersection(changed), _fixed(loop, packed)
    found = Layout(same, varying, tuple(shared), tuple(wide), packed, written, fixed)
    guards = [stmt for stmt in side_by_side(loop.body) if is_guard(stmt)]
    return found if all(map(found.is_same, guards)) else None


def changed_in(stmt: Stmt) -> set[str]:
    """Return the names that a statement binds, adds to or stores into, and those in it."""
    inner = list(statements((stmt,)))
    return {target.name for each in inner for target in targets(each)} | {n for each in inner for n in written(each)}


def sizes_of(made: Let) -> tuple[Expr, ...]:
    """Return the lengths of an array by the statement that makes it."""
    assert isinstance(made.value, Call)
    return items_of(made.value.args[0])


def elements(block: Block, loops: tuple[str, ...] = ()) -> Iterator[Element]:
    """Yield the elements that statements use."""
    for stmt in block:
        if isinstance(stmt, Store | Accum) and stmt.index:
            target = stmt.array if isinstance(stmt, Store) else stmt.target
            yield Element(target.name, stmt.index, loops, writes=True)
        for expr in operands(stmt):
            for part in subexpressions(expr):
                match part:
                    case Call("getitem", (Var(name), *index)):
                        yield Element(name, tuple(index), loops, writes=False)
                    case _:
                        pass
        inside = (*loops, stmt.index.name) if isinstance(stmt, For) else loops
        for inner in blocks(stmt):
            yield from elements(inner, inside)


def _same(
    loop: For, own: Sequence[Let], totals: Collection[str], context: Context
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that have the same value in all iterations, at each point of an iteration, and the others."""
    arrays = {made.target.name for made in own}
    changed = {context.class_of(name) for stmt in nested(loop) for name in written(stmt) if name not in arrays}
    varying = {loop.index.name, *totals}

    def is_same(expr: Expr) -> bool:
        names = names_in(expr)
        unknown = (context.class_of(name) in changed for name in names if name not in arrays)
        return varying.isdisjoint(names) and not any(unknown) and is_pure(expr)

    found: set[str] = set()
    while found != varying:
        found = set(varying)
        for stmt in side_by_side(loop.body):
            match stmt:
                case _ if is_one(stmt):
                    varying |= changed_in(stmt)
                case Let(Var(name), value) | Accum(Var(name), (), value):
                    varying |= set() if is_same(value) else {name}
                case Store(Var(name), index, value) | Accum(Var(name), index, value):
                    varying |= set() if name in arrays and all(map(is_same, (*index, value))) else {name}
                case _:
                    pass
    binds = {target.name for s in side_by_side(loop.body) if not isinstance(s, For) for target in targets(s)}
    return frozenset((binds | arrays) - varying), frozenset(varying)


def _packed(loop: For, own: Collection[str], context: Context) -> dict[str, int] | None:
    """Return the arrays to be packed, each with the axis along which the loop goes; None if that can't be done."""
    index = loop.index
    packed: dict[str, int] = {}
    other: set[str] = set()
    changed = {context.class_of(e.name) for e in elements(loop.body) if e.writes and e.name not in own}
    for element in elements(loop.body):
        where = [k for k, place in enumerate(element.index) if index.name in names_in(place)]
        if element.name in own:
            if where:
                return None
            continue
        if where == [len(element.index) - 1] and element.index[-1] == index or not where:
            other.add(element.name)
            continue
        axis = where[0]
        full = context.kinds[element.name].ndim == len(element.index)
        if len(where) > 1 or element.index[axis] != index or not full or packed.get(element.name, axis) != axis:
            if element.loops:
                return None
            other.add(element.name)
            continue
        packed[element.name] = axis
    used = {name: context.class_of(name) for name in (*packed, *other)}
    for name in packed:
        alone = name not in other and sum(cls == used[name] for cls in used.values()) == 1
        if used[name] in changed and not alone:
            return None
    return packed


def _fixed(loop: For, packed: Collection[str]) -> dict[str, dict[int, Expr]]:
    """Return the axes of arrays, and the place there, of which nothing else is used in a loop."""
    bound = {target.name for stmt in nested(loop) for target in targets(stmt)} | {loop.index.name}
    found: dict[str, dict[int, Expr]] = {}
    for element in elements(loop.body):
        if element.name in packed:
            places = enumerate(element.index)
            here = {k: p for k, p in places if bound.isdisjoint(names_in(p)) and not _reads(p)}
            known = found.setdefault(element.name, here)
            found[element.name] = {k: place for k, place in known.items() if here.get(k) == place}
    return found


def _reads(place: Expr) -> bool:
    """Whether a subscript is, or depends on, an element of an array."""
    return isinstance(place, Call) and "getitem" in place.prims
