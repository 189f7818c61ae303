"""Adjoints of reading and writing parts of arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numba import types as nb

from adjoint.analysis.memory import changed_names, is_memory
from adjoint.analysis.shapes import Shape
from adjoint.ir import Accum, Block, Call, Expr, For, Func, Let, Lit, Store, Var
from adjoint.ir.walk import blocks, names_in, operands, statements
from adjoint.rules.numba_types import element_type, is_array
from adjoint.transform.fancy import fancy_index
from adjoint.transform.fancy import read as read_fancy
from adjoint.transform.fancy import write as write_fancy
from adjoint.transform.program import Program, part_of

if TYPE_CHECKING:
    from adjoint.transform.reverse import Reverse

Index = tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Increment:
    """A `Store` of the form `a[i] = a[i] + e` or `a[i] = a[i] - e`: `total` makes that of `old`, which is `a[i]`.

    `lets` are the statements it is made of.
    """

    value: Expr
    negative: bool
    old: Var
    total: Let
    lets: tuple[int, ...]


def scalar_or_element(type_: object) -> object:
    return element_type(type_) if isinstance(type_, nb.Array | nb.List) else type_


def increments(func: Func, program: Program) -> dict[int, Increment]:
    """Return the increments among the `Store`s of a program, by the identity of the statement."""
    uses: dict[str, int] = {}
    for stmt in statements(func.body):
        for expr in operands(stmt):
            for name in names_in(expr):
                uses[name] = uses.get(name, 0) + 1
    found: dict[int, Increment] = {}
    for block in _all_blocks(func.body):
        _increments_in(block, uses, program, found)
    return found


def _all_blocks(block: Block) -> list[Block]:
    return [block, *(inner for stmt in block for nested in blocks(stmt) for inner in _all_blocks(nested))]


def _increments_in(block: Block, uses: dict[str, int], program: Program, found: dict[int, Increment]) -> None:
    lets = {stmt.target.name: k for k, stmt in enumerate(block) if isinstance(stmt, Let)}
    for position, stmt in enumerate(block):
        match stmt:
            case Store(array, index, Var(total)) if (
                uses[total] == 1 and total in lets and not has_array(index, program)
            ):
                increment = _match(block, lets, uses, array, index, lets[total])
                if increment is not None and _undisturbed(block, increment, array, position, program):
                    found[id(stmt)] = increment
            case _:
                pass


def _match(
    block: Block, lets: dict[str, int], uses: dict[str, int], array: Var, index: Index, at: int
) -> Increment | None:
    total = block[at]
    assert isinstance(total, Let)
    match total.value:
        case Call("add", (Var() as old, value)) if _reads(block, lets, uses, old, array, index):
            negative = False
        case Call("sub", (Var() as old, value)) if _reads(block, lets, uses, old, array, index):
            negative = True
        case Call("add", (value, Var() as old)) if _reads(block, lets, uses, old, array, index):
            negative = False
        case _:
            return None
    first = lets.get(old.name) if old != array else None
    return Increment(value, negative, old, total, (id(total), *(() if first is None else (id(block[first]),))))


def _reads(block: Block, lets: dict[str, int], uses: dict[str, int], old: Var, array: Var, index: Index) -> bool:
    """Whether `old` is `array[index]`, read for this statement alone."""
    if old == array:
        return index == (Lit(...),)
    if old.name not in lets or uses[old.name] != 1:
        return False
    definition = block[lets[old.name]]
    assert isinstance(definition, Let)
    return definition.value == Call("getitem", (array, *index))


def _undisturbed(block: Block, increment: Increment, array: Var, position: int, program: Program) -> bool:
    start = min(k for k, stmt in enumerate(block) if id(stmt) in increment.lets)
    cls = program.memory.cls(array.name)
    between = [s for stmt in block[start:position] for s in statements((stmt,))]
    return not any(program.memory.cls(name) == cls for s in between for name in changed_names(s))


def has_array(index: Iterable[Expr], program: Program) -> bool:
    return any(isinstance(program.types.get(i.name), nb.Array) for i in index if isinstance(i, Var))


def read(reverse: Reverse, source: str, index: Index, name: str) -> None:
    """Adjoint of `name = source[index]`."""
    bars, program = reverse.bars, reverse.program
    if source not in reverse.active:
        return
    reverse.residuals.ensure_all(*index)
    bars.ensure_buffer(source)
    reverse.residuals.ensure(bars.bar(name).name)
    fancy = fancy_index(source, index, program)
    if fancy is None:
        reverse.emit(Accum(bars.bar(source), index, bars.bar(name)))
    else:
        read_fancy(reverse, source, index, bars.bar(name), fancy)


def spread(reverse: Reverse, source: str, bar: Var) -> None:
    """Adjoint of `np.array(source)` for a list."""
    reverse.bars.ensure_buffer(source)
    k = reverse.program.fresh("k", nb.int64)
    body = Accum(reverse.bars.bar(source), (k,), Call("getitem", (bar, k)))
    reverse.emit(For(k, Lit(0), Call("dim", (bar, Lit(0))), Lit(1), (body,)))


def write(reverse: Reverse, stmt: Store) -> None:
    """Adjoint of `array[index] = value`, the contents being restored already."""
    bars, array = reverse.bars, stmt.array.name
    if array not in reverse.active:
        return
    if not bars.has(array) and not any(bars.has(link) for link in bars.links(array)):
        return
    if array in bars.mirrored and is_memory(scalar_or_element(reverse.program.types[array])):
        return  # a reference is stored; its shadow has been too
    bars.ensure_buffer(array)
    reverse.comment(stmt)
    increment = reverse.increments.get(id(stmt))
    if increment is not None:
        _write_increment(reverse, stmt, increment)
    elif (fancy := fancy_index(array, stmt.index, reverse.program)) is not None:
        write_fancy(reverse, stmt, fancy, lambda seed: _pass_seed(reverse, stmt, seed))
    else:
        _write_basic(reverse, stmt)


def _write_increment(reverse: Reverse, stmt: Store, increment: Increment) -> None:
    value = increment.value
    if not isinstance(value, Var) or value.name not in reverse.active:
        return
    place = part_of(reverse.bars.bar(stmt.array.name), stmt.index)
    shape = reverse.program.shapes.of(increment.old)
    _pass_on(reverse, increment.total, place, shape, value, negative=increment.negative)


def _write_basic(reverse: Reverse, stmt: Store) -> None:
    bars = reverse.bars
    bar = bars.bar(stmt.array.name)
    value = stmt.value
    if isinstance(value, Var) and value.name in reverse.active:
        place = part_of(bar, stmt.index)
        seed_type = reverse.program.type_at(place, stmt.loc)
        read_: Expr = Call("copy", (place,), via="method") if is_array(seed_type) else place
        seed = reverse.program.fresh(f"{reverse.program.word(stmt.array.name, 'array')}_seed", seed_type, hint=False)
        reverse.emit(Let(seed, read_))
        reverse.emit(Store(bar, stmt.index, Lit(0.0)))
        _pass_on(reverse, stmt, seed, shape_of(reverse, stmt), value, negative=False, fresh=True)
    else:
        reverse.emit(Store(bar, stmt.index, Lit(0.0)))


def _pass_seed(reverse: Reverse, stmt: Store, seed: Var) -> None:
    assert isinstance(stmt.value, Var)
    _pass_on(reverse, stmt, seed, shape_of(reverse, stmt), stmt.value, negative=False, fresh=True)


def shape_of(reverse: Reverse, stmt: Store) -> Shape | None:
    """Return the shape of what a statement writes."""
    shapes = reverse.program.shapes
    return shapes.of(stmt.array) if stmt.index == (Lit(...),) else shapes.indexed(stmt)


def _pass_on(
    reverse: Reverse,
    stmt: Let | Store,
    seed: Expr,
    shape: Shape | None,
    value: Var,
    *,
    negative: bool,
    fresh: bool = False,
) -> None:
    """Contribute the cotangent of the written part to that of the value, undoing the broadcast in `stmt`."""
    program, bars = reverse.program, reverse.bars
    have, want = program.type_at(seed, stmt.loc), program.types[value.name]
    target: Expr = Call("neg", (seed,)) if negative else seed
    if isinstance(have, nb.Array) and not isinstance(want, nb.Array):
        target = Call("sum", (target,), via="np")
    elif isinstance(have, nb.Array) and isinstance(want, nb.Array):
        target = bars.unbroadcast(target, shape, value.name, stmt)
    target = bars.cast(target, value.name)
    if target == seed and not fresh and isinstance(have, nb.Array) and not bars.has(value.name):
        # A view of the shadow would change with it.
        target = Call("copy", (seed,), via="method")
    bars.contribute(value.name, target, owned=fresh if target == seed else None)
