"""What is known of the arrays and whole numbers of an imperative program at one point of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adjoint.errors import AdjointError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.lower.linear import Linear, symbol, whole
from adjoint.lower.symbols import Symbols
from adjoint.lower.views import Shape, View, whole_view
from adjoint.rules.numba_types import Type, is_array, is_number, types
from adjoint.rules.typing import expr_type


@dataclass(eq=False)
class Facts:
    """Shapes of arrays, values of integers, views and lists, by name; `equal` are symbols that guards made equal.

    Facts about a name end when it is bound again (`forget`). `local` counts the names bound where control is now.
    """

    kinds: Mapping[str, Type]
    refs: Mapping[str, object]
    symbols: Symbols = field(default_factory=Symbols)
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    integers: dict[str, Linear] = field(default_factory=dict[str, Linear])
    views: dict[str, View] = field(default_factory=dict[str, View])
    lists: dict[str, Shape | None] = field(default_factory=dict[str, "Shape | None"])
    equal: dict[str, Linear] = field(default_factory=dict[str, Linear])

    def copy(self) -> Facts:
        return replace(
            self,
            shapes=dict(self.shapes),
            integers=dict(self.integers),
            views=dict(self.views),
            lists=dict(self.lists),
            equal=dict(self.equal),
        )

    def restore(self, other: Facts) -> None:
        """Know what `other` knows, and nothing else."""
        self.shapes, self.integers, self.views = other.shapes, other.integers, other.views
        self.lists, self.equal = other.lists, other.equal

    # -- types -------------------------------------------------------------------------------------------------

    def type_of(self, expr: Expr) -> Type | None:
        try:
            return expr_type(expr, self.kinds, self.refs)
        except AdjointError:
            return None

    def is_array(self, expr: Expr) -> bool:
        return is_array(self.type_of(expr))

    def is_scalar(self, expr: Expr) -> bool:
        kind = self.type_of(expr)
        return kind is not None and is_number(kind)

    # -- integers and shapes -----------------------------------------------------------------------------------

    def integer(self, expr: Expr) -> Linear | None:
        """Return an integer as a linear form; None if the expression is none."""
        match expr:
            case Lit(bool()):
                return None
            case Lit(int() as value):
                return whole(value)
            case Var(name):
                if name not in self.integers and isinstance(self.kinds.get(name), types.Integer):
                    return self.symbols.named(name)
                return self.integers.get(name)
            case Call("dim", (Var() as array, Lit(int() as axis))) if (shape := self.shape(array)) is not None:
                return shape[axis % len(shape)] if shape else None
            case Call("add" | "sub" as prim, (a, b)) if isinstance(self.type_of(expr), types.Integer):
                left, right = self.integer(a), self.integer(b)
                if left is None or right is None:
                    return None
                return self.same(left.plus(right, 1 if prim == "add" else -1))
            case Call("mul", (Lit(int() as factor), other)) | Call("mul", (other, Lit(int() as factor))):
                form = self.integer(other)
                return None if form is None or isinstance(factor, bool) else form.times(factor)
            case _:
                return None

    def same(self, form: Linear) -> Linear:
        """Return a form with symbols replaced by what they are known to equal."""
        while any(name in self.equal for name in form.symbols):
            form = form.replaced(self.equal)
        return form

    def make_equal(self, a: Linear, b: Linear) -> None:
        """Note that two forms have the same value."""
        a, b = self.same(a), self.same(b)
        for name, factor in (*a.terms, *b.terms):
            rest = a.minus(b) if (name, factor) in a.terms else b.minus(a)
            times = dict(rest.terms).get(name, 0)
            if abs(times) == 1:
                self.equal[name] = symbol(name).minus(rest) if times == 1 else symbol(name).plus(rest)
                return

    def shape(self, expr: Expr) -> Shape | None:
        """Return the shape of a name or a number; None for anything else."""
        if isinstance(expr, Lit):
            return ()
        if not isinstance(expr, Var):
            return None
        kind = self.kinds.get(expr.name)
        if kind is not None and is_number(kind):
            return ()
        if not is_array(kind):
            return None
        known = self.shapes.get(expr.name)
        if known is None:
            known = tuple(self.symbols.length(expr.name, k) for k in range(kind.ndim))
            self.shapes[expr.name] = known
        return tuple(map(self.same, known))

    def sizes(self, shape: Expr) -> Shape | None:
        """Return the shape that a shape argument stands for: a tuple written out, an integer, `x.shape`."""
        match shape:
            case Call("shape", (Var() as array,)):
                return self.shape(array)
            case Call("tuple", items):
                forms = [self.size(item) for item in items]
            case _:
                forms = [self.size(shape)]
        return None if None in forms else tuple(form for form in forms if form is not None)

    def size(self, item: Expr) -> Linear | None:
        form = self.integer(item)
        if form is None and isinstance(self.type_of(item), types.Integer):
            return self.symbols.opaque(item)
        return form

    def view(self, name: str) -> View | None:
        """Return what an array that a name holds is a view of: at least, the whole of itself."""
        known = self.views.get(name)
        if known is not None:
            return replace(known, shape=tuple(map(self.same, known.shape)))
        shape = self.shape(Var(name))
        return None if shape is None else whole_view(name, shape)

    # -- what happens ------------------------------------------------------------------------------------------

    def forget(self, names: Iterable[str]) -> None:
        """Forget what depends on the values that names have had so far."""
        for name in names:
            gone = self.symbols.rebind(name)
            self.shapes.pop(name, None)
            self.integers.pop(name, None)
            self.lists.pop(name, None)
            self.views = {v: view for v, view in self.views.items() if not _stale(v, view, name, gone)}
            self.shapes = {n: shape for n, shape in self.shapes.items() if not _mentions(shape, gone)}
            self.integers = {n: form for n, form in self.integers.items() if not gone.intersection(form.symbols)}
            self.lists = {n: None if s and _mentions(s, gone) else s for n, s in self.lists.items()}
            self.equal = {s: form for s, form in self.equal.items() if s not in gone and not _mentions((form,), gone)}


def _stale(name: str, view: View, bound: str, gone: frozenset[str]) -> bool:
    return bound in (name, view.base) or bound in view.names() or _mentions(view.shape, gone)


def _mentions(shape: Shape, gone: frozenset[str]) -> bool:
    return any(gone.intersection(form.symbols) for form in shape)
