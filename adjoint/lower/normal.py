"""Expressions taken apart, so that every array statement is one tree, one reduction of a tree, or one call on names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from adjoint.ir import Call, Expr, Lit, Var
from adjoint.ir.walk import subexpressions
from adjoint.lower.context import Context
from adjoint.lower.elements import NotATree, Reader
from adjoint.lower.reductions import FOLDS
from adjoint.lower.slices import sliced
from adjoint.rules.numba_types import array, is_array
from adjoint.rules.spelling import is_elementwise

_VIEWS = frozenset("getitem transpose expand_dims broadcast_to".split())
_SAME_ELEMENTS = frozenset("copy ascontiguousarray asfortranarray asarray array".split())
_CONSTANT = frozenset("zeros_like ones_like empty_like full_like full zeros ones".split())
# Operands that are evaluated only sometimes stay where they are.
_LAZY = frozenset("select and or".split())
_LENGTHS = frozenset("dim len shape size".split())
_INTEGER_ARITHMETIC = frozenset("add sub mul neg dim len".split())


class Normal:
    """Takes expressions apart; `bind` emits the statement that gives a part a name."""

    def __init__(self, context: Context, bind: Callable[[Var, Expr], None]) -> None:
        self.context = context
        self.bind = bind

    def value(self, expr: Expr) -> Expr:
        """Return the right side of a statement: an atom, a tree, a reduction of a tree, a call on names and views."""
        if not isinstance(expr, Call):
            return expr
        if self.context.facts.is_array(expr):
            return self._array(expr)
        return self._other(expr)

    def parts(self, expr: Expr) -> Expr:
        """Return a result: tuples stay, what is in them becomes names."""
        if isinstance(expr, Call) and expr.prim == "tuple":
            return replace(expr, args=tuple(map(self.parts, expr.args)))
        return self.atom(expr) if self.context.facts.is_array(expr) else self.scalar(expr)

    def scalar(self, expr: Expr) -> Expr:
        """Return a value that is no array, with reductions named."""
        done = self.value(expr)
        return self._inner(done) if isinstance(done, Call) and self._is_reduction(done) else done

    def index(self, expr: Expr) -> Expr:
        """Return an index in which nothing but the arithmetic of integers is left to do."""
        if not isinstance(expr, Call):
            return expr
        if expr.prim in _LENGTHS:
            return self._length(expr) or expr
        if expr.prim in ("slice", "tuple"):
            return replace(expr, args=tuple(map(self.index, expr.args)))
        simple = all(not isinstance(e, Call) or e.prim in _INTEGER_ARITHMETIC for e in subexpressions(expr))
        return expr if simple and self.context.facts.is_scalar(expr) else self.atom(expr)

    def atom(self, expr: Expr) -> Expr:
        """Return a name for the value of an expression, or the literal that it is."""
        if not isinstance(expr, Call):
            return expr
        kind = self.context.facts.type_of(expr)
        if kind is None:
            return expr
        named = self.context.temporary(array(kind.dtype, kind.ndim, kind.layout) if is_array(kind) else kind)
        self.bind(named, expr)
        return named

    def is_view(self, call: Call) -> bool:
        return call.prim in _VIEWS

    def _array(self, call: Call) -> Expr:
        if self._is_node(call):
            tree = self._node(call)
            if self.is_tree(tree):
                return tree
            # Known to be element-wise, but not to us: its operands become names.
            call = tree
        return replace(call, args=tuple(map(self._given, call.args)))

    def _is_node(self, call: Call) -> bool:
        known = _VIEWS | _SAME_ELEMENTS | _CONSTANT | {"outer"}
        return call.prim in known or is_elementwise(call.prim) or call.prim.startswith("helper.unbroadcast_")

    def _node(self, call: Call) -> Call:
        """Return a node of a tree with its operands in order."""
        if call.prim in ("getitem", "broadcast_to", "expand_dims", "full", "zeros", "ones"):
            first = self.operand(call.args[0]) if self.context.facts.is_array(call.args[0]) else call.args[0]
            rest = map(self.operand if call.prim == "full" else self.index, call.args[1:])
            return replace(call, args=(first, *rest))
        if call.prim in _CONSTANT or call.prim.startswith("helper.unbroadcast_"):
            *sources, last = call.args
            if call.prim == "full_like":
                return replace(call, args=(self.atom(call.args[0]), self.operand(call.args[1])))
            return replace(call, args=(*map(self.operand, sources), self.atom(last)))
        return replace(call, args=tuple(map(self.operand, call.args)))

    def operand(self, expr: Expr) -> Expr:
        """Return an operand of a tree: a tree, or a name or literal."""
        if not isinstance(expr, Call):
            return expr
        if not self.context.facts.is_array(expr):
            return self.atom(expr)
        done = self._array(expr)
        return done if self.is_tree(done) else self.atom(done)

    def is_tree(self, expr: Expr) -> bool:
        try:
            Reader(self.context.facts).shape(expr)
        except NotATree:
            return False
        return True

    def _given(self, expr: Expr) -> Expr:
        """Return an operand of a call that stays: a name, or a view of one."""
        if not isinstance(expr, Call):
            return expr
        if expr.prim in ("tuple", "list", "slice"):
            return replace(expr, args=tuple(map(self._given, expr.args)))
        if self.context.facts.is_array(expr):
            done = self._array(expr)
            return done if isinstance(done, Call) and self._is_plain_view(done) else self.atom(done)
        return self._other(expr)

    def _is_plain_view(self, call: Call) -> bool:
        return call.prim in _VIEWS and isinstance(call.args[0], Var)

    def _other(self, call: Call) -> Expr:
        """A scalar, tuple or anything else that is no array."""
        if call.prim in _LAZY:
            return call
        if call.prim in FOLDS and call.args and self.context.facts.is_array(call.args[0]):
            return replace(call, args=(self.operand(call.args[0]),))
        if call.prim in ("dot", "matmul") and all(map(self.context.facts.is_array, call.args)):
            return replace(call, args=tuple(map(self.operand, call.args)))
        if call.prim in _LENGTHS and (found := self._length(call)) is not None:
            return found
        if call.prim == "getitem" and isinstance(call.args[0], Var):
            return self._element(replace(call, args=(call.args[0], *map(self.index, call.args[1:]))))
        return replace(call, args=tuple(map(self._inner, call.args)))

    def _inner(self, expr: Expr) -> Expr:
        """An operand of a scalar: reductions in it get a name."""
        return self.atom(expr) if isinstance(expr, Call) and self._is_reduction(expr) else self._given(expr)

    def _is_reduction(self, call: Call) -> bool:
        return (call.prim in FOLDS or call.prim in ("dot", "matmul")) and self.context.facts.is_scalar(call)

    def _length(self, call: Call) -> Expr | None:
        """Write lengths in terms of arrays that are there anyway."""
        facts = self.context.facts
        shape = facts.shape(call.args[0]) if isinstance(call.args[0], Var) else None
        if not shape:
            return None
        sizes = tuple(map(facts.symbols.expr, shape))
        match call:
            case Call("dim", (_, Lit(int() as axis))):
                return sizes[axis]
            case Call("len"):
                return sizes[0]
            case Call("shape"):
                return Call("tuple", sizes)
            case Call("size"):
                return reduce(lambda a, b: Call("mul", (a, b)), sizes)
            case _:
                return None

    def _element(self, call: Call) -> Expr:
        """One element of a view is one of its base."""
        source, *index = call.args
        assert isinstance(source, Var)
        view = self.context.facts.views.get(source.name)
        plain = all(self.context.facts.is_scalar(each) for each in index)
        if view is None or not plain or len(index) != len(view.shape):
            return call
        part = sliced(view, index, self.context.facts)
        return call if part is None else Call("getitem", (Var(view.base), *part.view.index(())))
