"""Arrays that each iteration of a loop makes or fills for itself get a row for each iteration of a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adjoint.analysis.ranges import ends
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Stmt, Store, Var
from adjoint.ir.walk import bound, items_of, map_blocks, map_expr, map_operands, mentioned, names_in, nested, statements
from adjoint.lower.context import Context
from adjoint.lower.filling import over, zero_of
from adjoint.lower.first_write import only_element
from adjoint.lower.products import FLOATS
from adjoint.lower.uses import Uses, element_arrays, mentions
from adjoint.rules.numba_types import Type, array, of_dtype, types


@dataclass(frozen=True, slots=True)
class OfRows:
    """A loop over the iterations of a block, from `first` to before `last`, and the arrays that have a row for each."""

    whole: For
    loop: For
    first: Var
    last: Var
    # The most iterations of a block.
    size: Expr
    made: Block
    # What the lengths of rows are, by the names of the arrays.
    lengths: dict[str, tuple[Expr, ...]]

    @property
    def row(self) -> Expr:
        return Call("sub", (self.loop.index, self.first))


@dataclass(slots=True)
class Rows:
    """Finds the arrays of one program, and gives them rows."""

    func: Func
    context: Context
    counts: Mapping[str, int]
    arrays: Mapping[str, Uses] = field(init=False)
    bindings: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.arrays = element_arrays(self.func, self.context.kinds)
        self.bindings = Counter(var.name for stmt in statements(self.func.body) for var in bound(stmt))

    def block(self, loop: For, size: int) -> OfRows | None:
        """Return a loop over so many iterations of another one; None if these have no arrays of their own."""
        found = list(self.own(loop)) if loop.step == Lit(1) else []
        if not found:
            return None
        first, last = (self.context.fresh(name, types.int64, name) for name in ("first", "last"))
        self.context.natural[first.name] = True
        self.context.first[loop.index.name] = first.name
        names: dict[str, Var] = {}
        for made in found:
            name = made.target.name
            kind: Type = self.context.kinds[name]
            base = f"{self.context.hint(name) or 'number'}_rows"
            names[name] = self.context.fresh(base, array(kind.dtype, kind.ndim + 1), base)
        body = _Rewriter(self.context, names, Call("sub", (loop.index, first))).block(loop.body)
        lengths = {names[made.target.name].name: _sizes(made) for made in found}
        lets = tuple(
            Let(names[made.target.name], _empty(made, (Lit(size), *_sizes(made)), self.context)) for made in found
        )
        inner = replace(loop, start=first, stop=last, body=body)
        return OfRows(loop, inner, first, last, Lit(size), lets, lengths)

    def own(self, loop: For) -> Iterator[Let]:
        """Yield what makes the arrays of which every iteration of a loop reads only what it has stored itself."""
        inside = Counter(name for stmt in nested(loop) for name in mentioned(stmt))
        moving = {var.name for stmt in statements((loop,)) for var in bound(stmt)}
        for name, uses in self.arrays.items():
            made = uses.made
            if name not in inside or made is None or not self.is_kept(made):
                continue
            here = any(stmt is made for stmt in loop.body)
            alone = inside[name] == self.counts[name] - (not here)
            used = {other for each in _sizes(made) for other in names_in(each)}
            fixed = moving.isdisjoint(used) and all(self.bindings[other] <= 1 for other in used)
            if alone and fixed and (here or not _is_made_in(loop, made) and self.is_filled(loop, name)):
                yield made

    def is_kept(self, made: Let) -> bool:
        """Whether an array is of a type that gets rows."""
        dtype = self.context.kinds[made.target.name].dtype
        return dtype in FLOATS or dtype == types.boolean and isinstance(made.value, Call) and made.value.prim == "empty"

    def is_filled(self, loop: For, name: str) -> bool:
        """Whether what a loop does first with an array is to store all elements, each before it is read."""
        stmt = next((each for each in loop.body if mentions(each, name)), None)
        loops: list[For] = []
        while isinstance(stmt, For) and stmt.until is None:
            loops.append(stmt)
            users = [each for each in stmt.body if mentions(each, name)]
            if self.context.covers(loops, name) and all(ends(each) is not None for each in loops):
                place = tuple(each.index for each in loops)
                return _stores(users[0], name, place) and all(only_element(user, name, place) for user in users)
            if len(users) != 1:
                return False
            stmt = users[0]
        return False


def _stores(stmt: Stmt, name: str, place: tuple[Expr, ...]) -> bool:
    """Whether a statement stores an element that it doesn't read."""
    match stmt:
        case Store(Var(array), index, value):
            return array == name and index == place and name not in names_in(value)
        case _:
            return False


def _is_made_in(loop: For, made: Let) -> bool:
    """Whether an array is made somewhere in a loop."""
    return any(stmt is made for stmt in nested(loop))


def _sizes(made: Let) -> tuple[Expr, ...]:
    assert isinstance(made.value, Call)
    return items_of(made.value.args[0])


def _empty(made: Let, sizes: Sequence[Expr], context: Context) -> Expr:
    return Call("empty", (Call("tuple", tuple(sizes)),), of_dtype(context.kinds[made.target.name].dtype))


@dataclass(frozen=True, slots=True)
class _Rewriter:
    """Puts a row of another array in the place of each array."""

    context: Context
    names: Mapping[str, Var]
    row: Expr

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self.stmt(stmt))

    def stmt(self, stmt: Stmt) -> Block:
        match stmt:
            case Let(Var(name), Call(prim)) if name in self.names:
                return self.zeros(stmt) if prim == "zeros" else ()
            case _:
                pass
        stmt = map_blocks(map_operands(stmt, lambda expr: map_expr(expr, self.read)), self.block)
        match stmt:
            case Store(Var(name), index) if name in self.names:
                return (replace(stmt, array=self.names[name], index=(self.row, *index)),)
            case Accum(Var(name), index) if name in self.names:
                return (replace(stmt, target=self.names[name], index=(self.row, *index)),)
            case _:
                return (stmt,)

    def zeros(self, made: Let) -> Block:
        sizes = _sizes(made)
        places = [self.context.fresh("place", types.int64, "place") for _ in sizes]
        self.context.natural |= {place.name: True for place in places}
        fill = Store(self.names[made.target.name], (self.row, *places), zero_of(made, self.context), made.loc)
        return over(places, sizes, fill)

    def read(self, expr: Expr) -> Expr:
        match expr:
            case Call("getitem", (Var(name), *index)) if name in self.names:
                return replace(expr, args=(self.names[name], self.row, *index))
            case _:
                return expr
