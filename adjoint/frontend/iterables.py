"""What a `for` loop runs over: how many elements it has, and what the k-th is."""

from __future__ import annotations

from ast import AST
from dataclasses import dataclass

from numba import types

from adjoint.frontend.convert import atom, dim, items_of, type_of
from adjoint.frontend.frame import Frame
from adjoint.frontend.operators import binary, subscripts_of
from adjoint.frontend.values import (
    Atom,
    Display,
    Elements,
    Enumerate,
    Grid,
    Items,
    Iterable,
    Listed,
    Range,
    Record,
    Reversed,
    ShapeOf,
    Value,
    Zip,
)
from adjoint.ir import Call, Lit, Var
from adjoint.rules.typing import is_array

# A loop over more numbers than these is not unrolled.
_MAX_UNROLLED = 64


@dataclass(frozen=True, slots=True)
class Bounds:
    """The loop to run; its index is `k` of `element`."""

    start: Atom
    stop: Atom
    step: Atom
    parallel: bool = False


def iterable(frame: Frame, value: Value, node: AST) -> Iterable | Items:
    """Return a value as something to iterate over; `Items` if all its elements are known now.

    Raises
    ------
    UnsupportedError
        If it can't be iterated over.
    """
    match value:
        case Items() | Display() | ShapeOf():
            return Items(items_of(frame, value, node) or ())
        case Record(form) if form.kind != "data":
            return Items(items_of(frame, value, node) or ())
        case Listed(array):
            return Elements(array)
        case Var() if isinstance(frame.type_of(value), types.BaseTuple):
            return Items(items_of(frame, value, node) or ())
        case Var() if is_array(frame.type_of(value)) or isinstance(frame.type_of(value), types.List):
            return Elements(value)
        case Range() | Elements() | Enumerate() | Zip() | Reversed() | Grid():
            return _static(frame, value, node) or value
        case _:
            kind = type_of(frame, value)
            what = f"a value of type {kind}" if kind is not None else "this"
            raise frame.unsupported(
                f"iteration over {what}", node, "iterate over a range, an array, a list, `zip` or `enumerate`"
            )


def _static(frame: Frame, value: Iterable, node: AST) -> Items | None:
    """Return the elements of `zip`, `enumerate`, `reversed` of tuples."""
    match value:
        case Enumerate(source, Lit(int() as start)):
            inner = iterable(frame, source, node)
            if isinstance(inner, Items):
                return Items(tuple(Items((Lit(start + k), each)) for k, each in enumerate(inner.items)))
        case Reversed(source):
            inner = iterable(frame, source, node)
            return Items(inner.items[::-1]) if isinstance(inner, Items) else None
        case Zip(sources):
            parts = [iterable(frame, source, node) for source in sources]
            known = [part.items for part in parts if isinstance(part, Items)]
            if known and len(known) == len(parts):
                return Items(tuple(Items(row) for row in zip(*known, strict=False)))
            if known:
                raise frame.unsupported("`zip` of a tuple and an array", node, "make the tuple an array")
        case _:
            pass
    return None


def bounds(frame: Frame, value: Iterable, node: AST) -> Bounds:
    """Return the loop whose indices `element` takes; evaluates lengths where control is now."""
    match value:
        case Range(start, stop, step, parallel):
            return Bounds(start, stop, step, parallel)
        case Reversed(Range() as inner):
            return _backwards(frame, inner, node)
        case Reversed(inner):
            last = atom(frame, binary(frame, "sub", _length_of(frame, inner, node), Lit(1), node), node)
            return Bounds(last, Lit(-1), Lit(-1))
        case Enumerate(source):
            parallel = isinstance(source, Range) and source.parallel
            return Bounds(Lit(0), _length_of(frame, source, node), Lit(1), parallel)
        case _:
            return Bounds(Lit(0), _length(frame, value, node), Lit(1))


def known_range(limits: Bounds) -> range | None:
    """Return the numbers that a short loop counts, if they are known."""
    match limits:
        case Bounds(Lit(int() as start), Lit(int() as stop), Lit(int() as step)):
            known = range(start, stop, step)
            return known if len(known) <= _MAX_UNROLLED else None
        case _:
            return None


def element(frame: Frame, value: Iterable, k: Var, node: AST, hint: str | None = None) -> Value:
    """Return the element for index `k` of the loop of `bounds`."""
    match value:
        case Range() | Reversed(Range()):
            return k
        case Reversed(inner):
            return _element_of(frame, inner, k, node, hint)
        case _:
            return _element(frame, value, k, node, hint)


def _backwards(frame: Frame, inner: Range, node: AST) -> Bounds:
    def compute(prim: str, left: Value, right: Value) -> Value:
        return binary(frame, prim, left, right, node)

    count = _length(frame, inner, node)
    ahead = compute("mul", compute("sub", count, Lit(1)), inner.step) if inner.step != Lit(1) else None
    last = compute("add", inner.start, ahead) if ahead is not None else compute("sub", inner.stop, Lit(1))
    stop = compute("sub", inner.start, inner.step)
    back = compute("sub", Lit(0), inner.step)
    return Bounds(atom(frame, last, node), atom(frame, stop, node), atom(frame, back, node))


def _length_of(frame: Frame, value: Value, node: AST) -> Atom:
    inner = iterable(frame, value, node)
    if isinstance(inner, Items):
        return Lit(len(inner.items))
    return _length(frame, inner, node)


def _length(frame: Frame, value: Iterable, node: AST) -> Atom:
    match value:
        case Range(start, stop, step):
            return _range_length(frame, start, stop, step, node)
        case Elements(source):
            if is_array(frame.type_of(source)):
                return dim(frame, source, 0, node)
            return frame.emit(Call("len", (source,)), node)
        case Enumerate(source) | Reversed(source):
            return atom(frame, _length_of(frame, source, node), node)
        case Zip(sources):
            lengths = [atom(frame, _length_of(frame, source, node), node) for source in sources]
            shortest = lengths[0]
            for other in dict.fromkeys(lengths[1:]):
                if other != shortest:
                    shortest = frame.emit(Call("minimum", (shortest, other), via="builtin"), node)
            return shortest
        case Grid(lengths):
            total: Value = lengths[0]
            for other in lengths[1:]:
                total = binary(frame, "mul", total, other, node)
            return atom(frame, total, node)


def _range_length(frame: Frame, start: Atom, stop: Atom, step: Atom, node: AST) -> Atom:
    """`ceil((stop - start) / step)`, for either sign of the step."""

    def compute(prim: str, left: Value, right: Value) -> Atom:
        return atom(frame, binary(frame, prim, left, right, node), node)

    first, last = atom(frame, start, node), atom(frame, stop, node)
    if step == Lit(1):
        return last if first == Lit(0) else compute("sub", last, first)
    if step == Lit(-1):
        return compute("sub", first, last)
    steps = compute("floordiv", compute("sub", first, last), atom(frame, step, node))
    return compute("sub", Lit(0), steps)


def _element_of(frame: Frame, value: Value, k: Var, node: AST, hint: str | None = None) -> Value:
    inner = iterable(frame, value, node)
    assert not isinstance(inner, Items), "static iterables are unrolled"
    return _element(frame, inner, k, node, hint)


def _element(frame: Frame, value: Iterable, k: Var, node: AST, hint: str | None = None) -> Value:
    """Return the element number `k`, counted from 0."""
    match value:
        case Range(start, _, step):
            scaled = k if step == Lit(1) else binary(frame, "mul", k, step, node)
            return scaled if start == Lit(0) else binary(frame, "add", start, scaled, node, hint)
        case Elements(source):
            return frame.emit(Call("getitem", (source, k)), node, hint)
        case Enumerate(source, start):
            count = k if start == Lit(0) else binary(frame, "add", start, k, node)
            return Items((count, _element_of(frame, source, k, node)))
        case Zip(sources):
            return Items(tuple(_element_of(frame, source, k, node) for source in sources))
        case Reversed(source):
            last = binary(frame, "sub", _length_of(frame, source, node), Lit(1), node)
            back = frame.builder.emit(Call("sub", (atom(frame, last, node), k), via="operator"), frame.loc(node))
            return _element_of(frame, source, back, node)
        case Grid(lengths, array):
            return _grid_element(frame, lengths, array, k, node)


def _grid_element(frame: Frame, lengths: tuple[Atom, ...], array: Var | None, k: Var, node: AST) -> Value:
    index = tuple(atom(frame, each, node) for each in subscripts_of(frame, k, lengths, node))
    where = Items(index)
    return where if array is None else Items((where, frame.emit(Call("getitem", (array, *index)), node)))
