"""How the tangents of many directions are written: as rows of NumPy for people, as vectors for Numba.

A *row* is what a tangent that was a number becomes: a number for each direction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import Call, Effect, Expr, Let, Lit, Stmt, Store, Var
from adjoint.rules.numba_types import Type, array, is_array, of_dtype, types
from adjoint.transform.at_line import at_line

_FULL = Call("slice", (Lit(None), Lit(None), Lit(None)))


def refusal(what: str, loc: Loc | None = None) -> UnsupportedError:
    return UnsupportedError(f"{what}, in a sweep of many directions", loc, help="use one sweep for each direction")


class Form(ABC):
    """How rows, and arrays of rows, are written; `products` says whether products of matrices are loops."""

    products = False

    def __init__(self, width: int) -> None:
        self.width = width

    @abstractmethod
    def entered(self, seed: Var, kind: Type) -> list[Stmt]:
        """Return what makes a tangent of a parameter, an array with the directions as its last axis."""

    @abstractmethod
    def returned(self, value: Expr, kind: Type) -> Expr:
        """Return a row, or an array of rows, as an array with the directions as its last axis."""

    @abstractmethod
    def row(self, value: Expr, kind: Type) -> Expr:
        """Return the row that has this value in every direction."""

    @abstractmethod
    def fresh(self, call: Call, kind: Type) -> Expr:
        """Return the array of rows that an allocation of an array of numbers stands for."""

    @abstractmethod
    def like(self, value: Expr, kind: Type) -> Expr:
        """Return an array of rows, not yet written, of the shape of an array of numbers."""

    @abstractmethod
    def element(self, read: Call, *, kept: bool) -> Expr:
        """Return the row that an index reads; `kept` if it is to stay what it is when the array is written."""

    @abstractmethod
    def section(self, read: Call) -> Expr:
        """Return the view of an array of rows that an index makes."""

    @abstractmethod
    def one(self, value: Expr, kind: Type, direction: Var) -> Expr:
        """Return the number, or the array of numbers, in one direction."""

    @abstractmethod
    def place(self, target: Var, kind: Type, direction: Var, value: Expr) -> Stmt:
        """Write the number, or the array of numbers, of one direction."""

    @abstractmethod
    def part(self, array: Var, direction: Var) -> Expr:
        """Return the view of an array of rows that shows one direction."""

    def sized(self, call: Call) -> Expr:
        """Return the shape of an array of rows, or part of it, without the directions."""
        return call

    @abstractmethod
    def kind(self, kind: Type) -> Type:
        """Return the type that a name of a tangent has, for the printer."""


def widened(call: Call, kind: Type, width: int) -> Expr:
    """Return an allocation with one more axis."""
    prim = call.prim.removesuffix("_like")
    options = of_dtype(kind.dtype)
    shape: Expr = Call("shape", (call.args[0],)) if prim != call.prim else call.args[0]
    match shape:
        case Call("tuple", sizes):
            pass
        case Call("shape", (array,)):
            sizes = tuple(Call("dim", (array, Lit(axis))) for axis in range(kind.ndim))
        case _ if kind.ndim == 1:
            sizes = (shape,)
        case _:
            return Call(prim, (Call("add", (shape, Call("tuple", (Lit(width),))), via="operator"),), options)
    return Call(prim, (Call("tuple", (*sizes, Lit(width))),), options)


class Rows(Form):
    """Rows as NumPy arrays: the text for people."""

    def entered(self, seed: Var, kind: Type) -> list[Stmt]:
        return []

    def returned(self, value: Expr, kind: Type) -> Expr:
        return value

    def row(self, value: Expr, kind: Type) -> Expr:
        options = of_dtype(kind)
        if value == Lit(0.0) or value == Lit(0):
            return Call("zeros", (Lit(self.width),), options)
        return Call("full", (Lit(self.width), value), options)

    def fresh(self, call: Call, kind: Type) -> Expr:
        return widened(call, kind, self.width)

    def like(self, value: Expr, kind: Type) -> Expr:
        return self.fresh(Call("empty_like", (value,)), kind)

    def element(self, read: Call, *, kept: bool) -> Expr:
        return Call("copy", (read,), via="method") if kept else read

    def section(self, read: Call) -> Expr:
        if Lit(...) not in read.args:
            return read
        return replace(read, args=(*read.args, _FULL))

    def one(self, value: Expr, kind: Type, direction: Var) -> Expr:
        index = (Lit(...), direction) if is_array(kind) else (direction,)
        return Call("getitem", (value, *index))

    def place(self, target: Var, kind: Type, direction: Var, value: Expr) -> Stmt:
        return Store(target, (Lit(...), direction) if is_array(kind) else (direction,), value)

    def part(self, array: Var, direction: Var) -> Expr:
        return Call("getitem", (array, Lit(...), direction))

    def sized(self, call: Call) -> Expr:
        match call:
            case Call("dim", (_, Lit(int() as axis))) if axis >= 0:
                return call
            case Call("dim", (array, Lit(int() as axis))):
                return replace(call, args=(array, Lit(axis - 1)))
            case Call("len"):
                return call
            case Call("shape"):
                return Call("getitem", (call, Call("slice", (Lit(None), Lit(-1), Lit(None)))))
            case Call("size"):
                return Call("floordiv", (call, Lit(self.width)), via="operator")
            case _:
                raise refusal("the rank of a tangent")

    def kind(self, kind: Type) -> Type:
        if is_array(kind):
            return kind.copy(ndim=kind.ndim + 1)
        return array(kind, 1)


class Lanes(Form):
    """Rows as vectors of the processor, by the functions of `backends.lanes`: the text for Numba."""

    products = True

    def entered(self, seed: Var, kind: Type) -> list[Stmt]:
        call = "packed" if is_array(kind) else "loaded"
        return [Let(seed, self.call(call, seed))]

    def call(self, name: str, *args: Expr) -> Call:
        return Call(f"lanes.{name}_{self.width}", args)

    def returned(self, value: Expr, kind: Type) -> Expr:
        return Call("lanes.unpacked" if is_array(kind) else "lanes.stored", (value,))

    def row(self, value: Expr, kind: Type) -> Expr:
        return self.call("row" if kind == types.float64 else "row_of_float32", value)

    def fresh(self, call: Call, kind: Type) -> Expr:
        return self.call("packed", at_line(widened(call, kind, self.width), kind.dtype.bitwidth // 8))

    def like(self, value: Expr, kind: Type) -> Expr:
        return self.fresh(Call("empty_like", (value,)), kind)

    def element(self, read: Call, *, kept: bool) -> Expr:
        return read

    def section(self, read: Call) -> Expr:
        return read

    def one(self, value: Expr, kind: Type, direction: Var) -> Expr:
        return Call("lanes.one" if is_array(kind) else "lanes.lane", (value, direction))

    def place(self, target: Var, kind: Type, direction: Var, value: Expr) -> Stmt:
        if is_array(kind):
            return Effect(Call("lanes.place", (target, direction, value)))
        return Let(target, Call("lanes.with_lane", (target, direction, value)))

    def part(self, array: Var, direction: Var) -> Expr:
        return Call("lanes.part", (array, direction))

    def kind(self, kind: Type) -> Type:
        return kind
