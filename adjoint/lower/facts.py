"""What is known of the arrays and whole numbers of an imperative program at one point of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adjoint.analysis.linear import Linear, symbol, whole
from adjoint.errors import AdjointError
from adjoint.ir import Call, Expr, Lit, Var
from adjoint.lower.symbols import Symbols
from adjoint.lower.views import Shape, View, whole_view
from adjoint.rules.numba_types import Type, is_array, is_number, types
from adjoint.rules.typing import expr_type


@dataclass(frozen=True, slots=True)
class Buffer:
    """The memory that a name refers to: made at a time, or only first seen then."""

    time: int
    fresh: bool = False

    def apart_from(self, other: Buffer) -> bool:
        """Whether this is certainly other memory: one of the two was made when the other was there already."""
        return self.fresh and other.time < self.time or other.fresh and self.time < other.time


@dataclass(eq=False)
class Facts:
    """Shapes of arrays, values of integers, views and lists, by name; `equal` are symbols that guards made equal.

    Facts about a name end when it is bound again. `lists` has the shape of all elements of a list of arrays.
    `demanded` are the checks that had to be made so far, in what is certainly run: two forms are equal, or one isn't
    negative. Those in `filled` are asked for because nothing has no extreme.
    """

    kinds: Mapping[str, Type]
    refs: Mapping[str, object]
    symbols: Symbols = field(default_factory=Symbols)
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    integers: dict[str, Linear] = field(default_factory=dict[str, Linear])
    views: dict[str, View] = field(default_factory=dict[str, View])
    lists: dict[str, Shape | None] = field(default_factory=dict[str, "Shape | None"])  # None: still empty
    equal: dict[str, Linear] = field(default_factory=dict[str, Linear])
    memory: dict[str, Buffer] = field(default_factory=dict[str, "Buffer"])
    demanded: list[tuple[Linear, Linear | None]] = field(default_factory=list[tuple[Linear, "Linear | None"]])
    filled: set[Linear] = field(default_factory=set[Linear])

    def copy(self) -> Facts:
        own = dict(self.shapes), dict(self.integers), dict(self.views), dict(self.lists), dict(self.equal)
        return Facts(self.kinds, self.refs, self.symbols, *own, dict(self.memory), self.demanded, self.filled)

    def restore(self, other: Facts) -> None:
        """Know what `other` knows, and nothing else."""
        self.shapes, self.integers, self.views = other.shapes, other.integers, other.views
        self.lists, self.equal, self.memory = other.lists, other.equal, other.memory

    # -- types -------------------------------------------------------------------------------------------------

    def type_of(self, expr: Expr) -> Type:
        try:
            return expr_type(expr, self.kinds, self.refs)
        except AdjointError:
            return None

    def is_array(self, expr: Expr) -> bool:
        return is_array(self.type_of(expr))

    def is_scalar(self, expr: Expr) -> bool:
        kind = self.type_of(expr)
        return kind is not None and is_number(kind)

    def demand(self, form: Linear, equal: Linear | None) -> None:
        """Note that two forms have to be equal or, without `equal`, that one isn't negative in any iteration."""
        self.demanded.append((form if equal is not None else self.same(self.symbols.least(form)), equal))

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
                return self.same(left + right if prim == "add" else left - right)
            case Call("neg", (other,)) if isinstance(self.type_of(expr), types.Integer):
                form = self.integer(other)
                return None if form is None else form.times(-1)
            case Call("mul", (Lit(int() as factor), other)) | Call("mul", (other, Lit(int() as factor))):
                form = self.integer(other)
                return None if form is None or isinstance(factor, bool) else form.times(factor)
            case _:
                return None

    def same(self, form: Linear, seen: tuple[str, ...] = ()) -> Linear:
        """Return a form with symbols replaced by what they are known to equal.

        No symbol is replaced again in what stands for it: from `max(m - 1, 0)` being `max(n - 1, 0)`, and `n` being
        `m`, one would come back to where one started.
        """
        for name in form.symbols:
            new = None if name in seen else self._known(name, seen)
            if new is not None:
                return self.same(form.replaced({name: new}), (*seen, name))
        return form

    def _known(self, name: str, seen: tuple[str, ...] = ()) -> Linear | None:
        """Return what a symbol is replaced by: what it equals, or `max(n, 0)` with what `n` is replaced by."""
        new = self.equal.get(name)
        if new is None and name in self.symbols.inside:
            inner = self.symbols.inside[name]
            changed = self.same(inner, (*seen, name))
            new = None if changed == inner else self.symbols.clipped(changed)
        return new

    def make_equal(self, a: Linear, b: Linear) -> None:
        """Note that two forms have the same value."""
        a, b = self.same(a), self.same(b)
        for name, factor in (*b.terms, *a.terms):
            rest = a - b if (name, factor) in a.terms else b - a
            times = dict(rest.terms).get(name, 0)
            if abs(times) == 1:
                new = symbol(name) - rest if times == 1 else symbol(name) + rest
                self._learn({name: new, **self.equal})
                return

    def _learn(self, forms: Mapping[str, Linear]) -> None:
        """Take symbols for what they equal, unless one came to stand for itself.

        From `max(m - 1, 0)` being `max(n - 1, 0)` and `m` being `n`, the latter is enough.
        """
        self.equal = dict(forms)
        if not self._any_turns():
            return
        self.equal = {}
        for name in sorted(forms, key=lambda each: each in self.symbols.inside):
            self.equal[name] = forms[name]
            if self._any_turns():
                del self.equal[name]

    def _any_turns(self) -> bool:
        return any(self._turns(each, ()) for each in (*self.symbols.inside, *self.equal))

    def _turns(self, name: str, seen: tuple[str, ...]) -> bool:
        """Whether a symbol is found again in what it is replaced by."""
        if name in seen:
            return True
        inner = self.symbols.inside.get(name, Linear()) if name not in self.equal else Linear()
        if any(self._turns(part, (*seen, name)) for part in inner.symbols):
            return True
        new = self._known(name)
        return new is not None and any(self._turns(part, (*seen, name)) for part in new.symbols)

    def shape(self, expr: Expr) -> Shape | None:
        """Return the shape of a name or a number; None for anything else."""
        if isinstance(expr, Lit):
            return ()
        if not isinstance(expr, Var):
            return None
        kind: Type = self.kinds.get(expr.name)
        if kind is not None and is_number(kind):
            return ()
        if kind is None or not is_array(kind):
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

    def bind(self, name: str, shape: Shape | None = None, integer: Linear | None = None) -> None:
        """Note that a name is bound anew, to an array of a shape or to an integer."""
        self.forget((name,))
        if shape is not None and self._alive(shape):
            self.shapes[name] = shape
        if integer is not None and self._alive((integer,)):
            self.integers[name] = integer

    def is_view(self, name: str, view: View | None) -> None:
        """Note that an array just bound is a view."""
        if view is not None and name != view.base and name not in view.names and self._alive(view.shape):
            self.views[name] = view

    def _alive(self, shape: Shape) -> bool:
        return not any(self.symbols.dead.intersection(form.symbols) for form in shape)

    # -- memory ------------------------------------------------------------------------------------------------

    def buffer(self, name: str) -> Buffer:
        """Return the memory that an array refers to."""
        if name not in self.memory:
            self.memory[name] = Buffer(self.symbols.tick())
        return self.memory[name]

    def refers(self, name: str, buffer: Buffer | None) -> None:
        """Note what an array just bound refers to; None is memory that was made for it."""
        self.memory[name] = Buffer(self.symbols.tick(), fresh=True) if buffer is None else buffer

    def distinct(self, first: str, second: str) -> bool:
        """Whether two arrays certainly share no memory."""
        return self.buffer(first).apart_from(self.buffer(second))

    def forget(self, names: Iterable[str]) -> None:
        """Forget what depends on the values that names have had so far."""
        for name in names:
            gone = self.symbols.rebind(name)
            for known in (self.shapes, self.integers, self.lists, self.memory):
                known.pop(name, None)
            self.views = {v: view for v, view in self.views.items() if not _stale(v, view, name, gone)}
            if not gone:
                continue
            self.shapes = {n: shape for n, shape in self.shapes.items() if not _mentions(shape, gone)}
            self.integers = {n: form for n, form in self.integers.items() if not gone.intersection(form.symbols)}
            self.lists = {n: s for n, s in self.lists.items() if s is None or not _mentions(s, gone)}
            self.equal = {s: form for s, form in self.equal.items() if s not in gone and not _mentions((form,), gone)}


def _stale(name: str, view: View, bound: str, gone: frozenset[str]) -> bool:
    return bound in (name, view.base) or bound in view.names or _mentions(view.shape, gone)


def _mentions(shape: Shape, gone: frozenset[str]) -> bool:
    return any(gone.intersection(form.symbols) for form in shape)
