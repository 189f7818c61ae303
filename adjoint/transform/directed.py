"""Expressions in many directions at once: which are expressions of rows, and what any other is in one direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.analysis.directed import SHAPE_ONLY, carries, directed_names
from adjoint.errors import AdjointError
from adjoint.ir import Block, Call, Expr, Func, Lit, Var
from adjoint.ir.walk import map_blocks, map_expr, map_operands, mentioned, names_in, statements
from adjoint.rules.numba_types import Type, is_array, types
from adjoint.rules.typing import expr_type, name_types
from adjoint.transform.rows import Form, refusal

_REALS = (types.float32, types.float64)


class Directed:
    """The expressions of one program, of which the `directed` names hold tangents."""

    def __init__(self, func: Func, seeds: Sequence[str], form: Form) -> None:
        self.func = func
        self.form = form
        self.types: dict[str, Type] = dict(name_types(func))
        self.directed = directed_names(func, seeds)
        self.taken = {func.name, *self.types, *(name for stmt in statements(func.body) for name in mentioned(stmt))}
        for name in sorted(self.directed):
            if not self.is_real(self.types.get(name)):
                raise refusal(f"a tangent of type {self.types.get(name)}")
        if any(p.name in self.directed and p.name not in seeds for p in func.params):
            raise refusal("an argument that shares memory with a tangent")

    def tangent(self, name: str, kind: Type) -> Var:
        """Return a name, not used so far, of a tangent."""
        own = self.named(name, kind)
        self.directed |= {own.name}
        return own

    # -- expressions ------------------------------------------------------------------------------------------------

    def row(self, expr: Expr, kind: Type, *, kept: bool) -> Expr | None:
        """Return an expression of type `kind` as one of rows; None if it has to be evaluated direction by direction."""
        if not carries(expr, self.directed):
            return self.form.row(expr, kind) if self.number_type(expr) is not None else None
        if self.number_type(expr) != kind:
            return None
        match expr:
            case Var():
                return expr
            case Call("add" | "sub", (left, right)):
                return self.rows(expr, (left, right), kind, (True, True))
            case Call("mul", (left, right)):
                ways = carries(left, self.directed), carries(right, self.directed)
                return None if all(ways) else self.rows(expr, (left, right), kind, ways)
            case Call("div", (left, right)):
                return None if carries(right, self.directed) else self.rows(expr, (left, right), kind, (True, False))
            case Call("neg" | "pos", (operand,)):
                return self.rows(expr, (operand,), kind, (True,))
            case Call("select", (cond, then, orelse)) if not carries(cond, self.directed):
                rows = [self.row(part, kind, kept=kept) for part in (then, orelse)]
                return None if None in rows else replace(expr, args=(cond, *(r for r in rows if r is not None)))
            case Call("getitem", (source, *index)) if not any(carries(i, self.directed) for i in index):
                array = self.array(source)
                return None if array is None else self.form.element(replace(expr, args=(array, *index)), kept=kept)
            case _:
                return None

    def rows(self, expr: Call, parts: Sequence[Expr], kind: Type, ways: Sequence[bool]) -> Expr | None:
        """Return an operation on rows, where `ways` says so, and numbers."""
        found: list[Expr] = []
        for part, way in zip(parts, ways, strict=True):
            new = self.row(part, kind, kept=False) if way else part
            if new is None:
                return None
            found.append(new)
        return replace(expr, args=tuple(found), via="operator")

    def array(self, expr: Expr) -> Expr | None:
        """Return an array of numbers as one of rows, where it is a name or a section of one; else None."""
        match expr:
            case Var(name) if name in self.directed:
                return expr
            case Call("getitem", (source, *index)) if self.is_basic(index):
                if any(carries(i, self.directed) for i in index) or not is_array(self.type_of(expr)):
                    return None
                array = self.array(source)
                return None if array is None else self.form.section(replace(expr, args=(array, *index)))
            case Call("copy" | "zeros_like" | "empty_like", (source,)) if is_array(self.type_of(source)):
                array = self.array(source)
                return None if array is None else replace(expr, args=(array,))
            case _:
                return None

    def one(self, expr: Expr, direction: Var) -> Expr:
        """Return an expression as it is in one direction."""
        sized = isinstance(expr, Call) and expr.prim in SHAPE_ONLY and not expr.prim.endswith("_like")
        if sized or self.directed.isdisjoint(names_in(expr)):
            return expr
        kind = self.type_of(expr) if carries(expr, self.directed) else None
        if is_array(kind):
            array = self.array(expr)
            if array is not None:
                return self.form.one(array, kind, direction)
        elif kind is not None and (isinstance(expr, Var) or isinstance(expr, Call) and expr.prim == "getitem"):
            row = self.row(expr, kind, kept=False)
            if row is not None:
                return self.form.one(row, kind, direction)
        if isinstance(expr, Var):
            raise refusal(f"a tangent of type {kind}")
        assert isinstance(expr, Call)
        args = tuple(self.one(arg, direction) for arg in expr.args)
        return replace(expr, args=args, kwargs=tuple((key, self.one(v, direction)) for key, v in expr.kwargs))

    # -- facts ------------------------------------------------------------------------------------------------------

    def type_of(self, expr: Expr) -> Type | None:
        try:
            return expr_type(expr, self.types, self.func.refs)
        except AdjointError:
            return None

    def is_real(self, kind: Type) -> bool:
        """Whether a type is that of a float or of an array of floats."""
        return (kind.dtype if is_array(kind) and kind.ndim > 0 else kind) in _REALS

    def number_type(self, expr: Expr) -> Type | None:
        kind = self.type_of(expr)
        return kind if isinstance(kind, types.Float | types.Integer | types.Boolean) else None

    def is_basic(self, index: Sequence[Expr]) -> bool:
        """Whether an index makes a view: whole numbers, slices and `...`."""
        return all(
            i == Lit(...) or isinstance(i, Call) and i.prim == "slice" or isinstance(self.type_of(i), types.Integer)
            for i in index
        )

    def is_element(self, array: Var, index: Sequence[Expr]) -> bool:
        whole = all(isinstance(self.type_of(i), types.Integer) for i in index)
        return whole and len(index) == self.types[array.name].ndim

    def named(self, name: str, kind: Type) -> Var:
        """Return a name that is free."""
        own, number = name, 0
        while own in self.taken:
            number += 1
            own = f"{name}_{number}"
        self.taken.add(own)
        self.types[own] = kind
        return Var(own)

    def sized(self, block: Block) -> Block:
        """Let what is asked of the shape of a tangent have the answer that it had."""

        def change(expr: Expr) -> Expr:
            if not isinstance(expr, Call) or expr.prim not in SHAPE_ONLY or expr.prim.endswith("_like"):
                return expr
            if not carries(expr.args[0], self.directed):
                return expr
            array = self.array(expr.args[0])
            if array is None:
                raise refusal("the shape of an expression")
            return self.form.sized(replace(expr, args=(array, *expr.args[1:])))

        return tuple(map_blocks(map_operands(s, lambda e: map_expr(e, change)), self.sized) for s in block)
