"""What the transforms know of the program they work on, and the names and types they add to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from numba import types as nb

from adjoint.analysis.layouts import not_in_rows
from adjoint.analysis.memory import Memory, memory
from adjoint.analysis.shapes import Meeting, Shape, Shapes, shapes
from adjoint.analysis.structure import Structure, structure
from adjoint.errors import AdjointError, Loc
from adjoint.ir import Block, Call, Expr, Func, Lit, Param, Stmt, Var
from adjoint.ir.walk import bound, statements_of
from adjoint.rules import spelling
from adjoint.rules.custom import Let as LetRule
from adjoint.rules.custom import Scope
from adjoint.rules.find import find
from adjoint.rules.numba_types import of_dtype
from adjoint.rules.rule import Rule
from adjoint.rules.typing import expr_type

Wanted: TypeAlias = Callable[[Expr], bool]


@dataclass(eq=False)
class Program:
    """An SSA program with the facts of all analyses; `types` and `hints` grow with the names a transform makes."""

    func: Func
    types: dict[str, object]
    hints: dict[str, str]
    structure: Structure
    memory: Memory
    shapes: Shapes
    taken: set[str] = field(default_factory=set[str])
    # Whether equal sizes may be taken for granted where a check is made; the checks, by the statement they precede.
    assume: bool = False
    guards: dict[int, list[Meeting]] = field(default_factory=dict[int, list[Meeting]])
    # Sizes that a product sums over, by the statement before which the forward sweep compares them.
    sums_over: dict[int, tuple[Expr, Expr]] = field(default_factory=dict[int, tuple[Expr, Expr]])
    refs: dict[str, object] = field(default_factory=dict[str, object])
    # Names of tuples of arrays that nobody else holds.
    unshared: set[str] = field(default_factory=set[str])

    @staticmethod
    def of(func: Func, *, assume: bool = False) -> Program:
        return Program._of(func, assume, structure(func), memory(func))

    @staticmethod
    def _of(func: Func, assume: bool, structure: Structure, memory: Memory) -> Program:
        bound_here = (var.name for stmt in statements_of(func) for var in bound(stmt))
        names = {*func.types, *(p.name for p in func.params), *bound_here, func.name}
        return Program(
            func,
            dict(func.types),
            dict(func.hints),
            structure,
            memory,
            shapes(func, assume=assume),
            names,
            assume,
            refs=dict(func.refs),
        )

    def again(self) -> Program:
        """Return the program of the same function without what a transform has made."""
        return Program._of(self.func, self.assume, self.structure, self.memory)

    def fresh(self, base: str, type_: object = None, *, hint: bool = True) -> Var:
        """Return a name not used so far; `hint` says whether it is worth showing to the reader."""
        name, number = base, 0
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        if type_ is not None:
            self.types[name] = type_
        if hint:
            self.hints[name] = base
        return Var(name)

    def type_of(self, expr: Expr) -> object:
        return expr_type(expr, self.types, self.refs)

    def rule_of(self, call: Call, let: LetRule, loc: Loc | None, wanted: Wanted = lambda _: True) -> Rule | None:
        """Return the rule of a primitive, or of the object that `ref:NAME` calls; `let` binds what its parts share.

        `wanted` says of which operands a cotangent is of use.
        """
        if not call.prim.startswith("ref:"):
            return find(call.prim)
        custom: Any = getattr(self.refs[call.prim], "__adjoint_rule__", None)
        try:
            return None if custom is None else custom(Scope(self.reference, let, partial(self._let_new, let), wanted))
        except AdjointError as error:
            raise type(error)(str(error.msg), error.loc or loc, help=error.help) from None

    def _let_new(self, let: LetRule, hint: str, value: Expr) -> Var:
        var = let(hint, value)
        self.unshared.add(var.name)
        return var

    def is_own(self, expr: Expr) -> bool:
        """Whether nobody else holds the array that an expression gives: a new one, or an item of new ones."""
        match expr:
            case Var(name) | Call("item", (Var(name), _)):
                return name in self.unshared
            case _:
                return is_fresh(expr)

    def zeros(self, name: str, like: str | None = None) -> Expr:
        """Return an array of zeros like that of a name, or `like` another one of its type, which has to be there.

        If the program writes the array and shows it in another shape, the zeros lie in rows: what is added to them in
        the other shape is added to a view. NumPy's `zeros_like` would have the order in memory that the array has.
        """
        shown = Var(like or name)
        if not self.memory.is_reshaped(name) or shown.name not in not_in_rows(self.func):
            return Call("zeros_like", (shown,), via="np")
        kind: Any = self.types[name]
        return Call("zeros", (Call("shape", (shown,)),), of_dtype(kind.dtype), via="np")

    def reference(self, name: str, function: object) -> str:
        """Return the primitive that calls a Python object, under this name if that is free."""
        for prim, known in self.refs.items():
            if known is function and prim.startswith("ref:"):
                return prim
        prim, number = f"ref:{name}", 0
        while prim in self.refs or prim.removeprefix("ref:") in self.taken:
            number += 1
            prim = f"ref:{name}_{number}"
        self.taken.add(prim.removeprefix("ref:"))
        self.refs[prim] = function
        return prim

    def type_at(self, expr: Expr, loc: Loc | None) -> object:
        """Return the type of an expression; errors point at `loc`."""
        try:
            return self.type_of(expr)
        except AdjointError as error:
            if error.loc is None and loc is not None:
                raise type(error)(str(error.msg), loc, help=error.help) from error
            raise

    def is_array(self, name: str) -> bool:
        return isinstance(self.types.get(name), nb.Array)

    def equal(self, left: Shape | None, right: Shape | None, stmt: Stmt) -> bool:
        """Whether two shapes are equal, for sure or by a check that the forward sweep makes before `stmt`."""
        if left is not None and left == right:
            return True
        meetings = self.shapes.equal_if(left, right, stmt) if self.assume else None
        if meetings is None:
            return False
        known = self.guards.setdefault(id(stmt), [])
        known += [meeting for meeting in meetings if meeting not in known]
        return True

    def must_fit(self, stmt: Stmt, product: Call) -> None:
        """Have the sizes compared that a product sums over: its derivative alone doesn't show that they differ."""
        first, second = product.args
        left, right = self.shapes.of(first), self.shapes.of(second)
        if not left or not right or product.prim == "vdot" and len(left) + len(right) > 2:
            return
        axes = len(left) - 1, max(0, len(right) - 2)
        if left[axes[0]] != right[axes[1]]:
            self.sums_over[id(stmt)] = self._size(first, axes[0]), self._size(second, axes[1])

    def _size(self, array: Expr, axis: int) -> Expr:
        shape = self.shapes.of(array) or ()
        known = shape[axis]
        if isinstance(known, int):
            return Lit(known)
        return self.shapes.arguments.get(known, Call("dim", (array, Lit(axis))))

    def label(self, name: str) -> str:
        """Return the name the user knows a value by, or the name itself."""
        return self.hints.get(name, name)

    def word(self, name: str, default: str) -> str:
        """Return what to call something that belongs to a value: the user's name for it, or a default."""
        label = self.label(name)
        return default if label.startswith("_") else label

    def finished(self, name: str, params: tuple[Param, ...], body: Block, refs: Mapping[str, object]) -> Func:
        known = {**refs, **self.refs}
        return Func(
            name,
            params,
            body,
            hints=self.hints,
            types=self.types,
            refs=known,
            loc=self.func.loc,
            inputs=self.func.inputs,
            layout=self.func.layout,
        )


def part_of(array: Var, index: tuple[Expr, ...]) -> Expr:
    """Return `array[index]`; the array itself for `array[...]`, which Numba can't compile for one dimension."""
    return array if index == (Lit(...),) else Call("getitem", (array, *index))


def is_fresh(expr: Expr) -> bool:
    """Whether evaluating an expression makes a new array, so that nobody else holds it."""
    return isinstance(expr, Call) and expr.prim not in ("getitem", "item", "select") and not spelling.is_view(expr.prim)


def zero_of(type_: object) -> Lit:
    """Return the zero of a scalar type."""
    return Lit(0j) if isinstance(type_, nb.Complex) else Lit(0.0)
