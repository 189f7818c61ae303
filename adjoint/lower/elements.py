"""Array expressions, element by element: their shape, and the scalar expression for one element.

A *tree* is an expression of array type made of element-wise primitives, views, constants in the shape of an array,
and outer products; its leaves are names and literals. `Reader` says which expressions are trees, and reads them.
Where sizes are not provably equal it takes them to be, and notes the `Demand`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from adjoint.analysis.linear import Linear, whole
from adjoint.errors import INSIDE, STRETCHED, AdjointError
from adjoint.ir import Call, Expr, If, Lit, Var
from adjoint.ir.walk import integers_of
from adjoint.lower.facts import Facts
from adjoint.lower.guards import refuse_if
from adjoint.lower.slices import sliced
from adjoint.lower.subset import number
from adjoint.lower.views import Shape, View, expanded, stretched, transposed
from adjoint.rules.numba_types import Type, is_array, is_number, types
from adjoint.rules.spelling import OPERATORS, is_elementwise
from adjoint.rules.typing import expr_type

MAX_RANK = 6
_ELEMENTS = (types.float64, types.float32, types.complex128, types.complex64, types.int64, types.boolean)
# Element-wise functions whose scalar form isn't the array form for one element.
_NOT_BY_ELEMENT = frozenset(
    "angle sinc nan_to_num fix isclose round clip ldexp complex stop_gradient modf frexp".split()
)
_SAME_ELEMENTS = frozenset("copy ascontiguousarray asfortranarray asarray array".split())
_LIKE = {"zeros_like": 0.0, "ones_like": 1.0, "empty_like": 0.0}
_FILLED = {"zeros": 0.0, "ones": 1.0}
ONE = whole(1)


@dataclass(frozen=True, slots=True)
class Demand:
    """What must hold for an expression to have the shape it is read with: forms are equal, or one isn't negative."""

    form: Linear
    equal: Linear | None = None


class NotATree(Exception):
    """The expression can't be read element by element."""


class Reader:
    """Reads trees with the facts that hold at one point."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.demands: list[Demand] = []

    # -- shapes ------------------------------------------------------------------------------------------------

    def shape(self, expr: Expr) -> Shape:
        """Return the shape of a tree.

        Raises
        ------
        NotATree
            If the expression isn't one.
        """
        if not isinstance(expr, Call):
            return self._leaf(expr)
        if self.facts.is_scalar(expr):
            raise NotATree
        match expr:
            case Call("outer", (a, b), ()):
                left, right = self.shape(a), self.shape(b)
                if len(left) != 1 or len(right) != 1:
                    raise NotATree
                return (*left, *right)
            case Call(prim, (like, *_), ()) if prim in _LIKE or prim == "full_like":
                self._constant(expr)
                return self._leaf(like)
            case Call("full" | "zeros" | "ones", (sizes, *_)):
                self._constant(expr)
                return self._found(self.facts.sizes(sizes))
            case Call(prim, (source, like)) if prim.startswith("helper.unbroadcast_"):
                return self._unbroadcast(source, like)
            case Call(prim, args, ()) if is_elementwise(prim) and prim not in _NOT_BY_ELEMENT:
                self._check_element(expr)
                return self._broadcast([self.shape(arg) for arg in args])
            case _:
                return self.view(expr).shape

    def _leaf(self, expr: Expr) -> Shape:
        shape = self._found(self.facts.shape(expr))
        kind = self.facts.type_of(expr)
        if isinstance(expr, Lit) and not isinstance(expr.value, int | float | complex):
            raise NotATree
        if is_array(kind) and (kind.dtype not in _ELEMENTS or not 0 < kind.ndim <= MAX_RANK):
            raise NotATree
        return shape

    def _found(self, shape: Shape | None) -> Shape:
        if shape is None:
            raise NotATree
        return shape

    def _unbroadcast(self, source: Expr, like: Expr) -> Shape:
        """An unbroadcast over no axis is its operand; lengths that aren't known to differ are taken to be equal."""
        shape, target = self.shape(source), self._leaf(like)
        if len(shape) != len(target) or any(b == ONE != a for a, b in zip(shape, target, strict=True)):
            raise NotATree
        for a, b in zip(shape, target, strict=True):
            self._demand(a, b)
        return shape

    def _broadcast(self, shapes: Sequence[Shape]) -> Shape:
        rank = max(map(len, shapes))
        sizes: list[Linear] = []
        for axis in range(rank):
            here = [shape[axis - rank + len(shape)] for shape in shapes if axis - rank + len(shape) >= 0]
            longer = [size for size in here if size != ONE]
            for size in longer[1:]:
                self._demand(longer[0], size)
            sizes.append(longer[0] if longer else ONE)
        return tuple(sizes)

    def _demand(self, a: Linear, b: Linear) -> None:
        if a != b:
            self._note(Demand(a, b))

    def _note(self, demand: Demand) -> None:
        if demand not in self.demands:
            self.demands.append(demand)

    def require_shape(self, shape: Shape, target: Shape) -> None:
        """Demand that an array of one shape can be stored where there is another."""
        if len(shape) > len(target):
            raise NotATree
        for a, b in zip(shape, target[len(target) - len(shape) :], strict=True):
            if a != ONE:
                self._demand(a, b)

    # -- types -------------------------------------------------------------------------------------------------

    def _check_element(self, call: Call) -> None:
        """The scalar form of a primitive must give what the array form gives: small integers widen, bools count."""
        kind = self.facts.type_of(call)
        if not is_array(kind) or kind.dtype not in _ELEMENTS:
            raise NotATree
        operands = [self.facts.type_of(arg) for arg in call.args]
        if None in operands:
            raise NotATree
        elements = [operand.dtype if is_array(operand) else operand for operand in operands]
        args = tuple(arg if isinstance(arg, Lit) else Var(f"operand{k}") for k, arg in enumerate(call.args))
        if _type_for(replace(_scalar_form(call), args=args), tuple(elements)) != kind.dtype:
            raise NotATree

    def _constant(self, call: Call) -> Expr:
        """Return the element of a constant array."""
        kind = self.facts.type_of(call)
        if not is_array(kind) or kind.dtype not in _ELEMENTS:
            raise NotATree
        value = _LIKE.get(call.prim, _FILLED.get(call.prim))
        if value is not None:
            return number(value, kind.dtype)
        fill = call.args[1]
        if isinstance(fill, Call) or not self.facts.is_scalar(fill):
            raise NotATree
        return cast_to(kind.dtype, fill, self.facts.type_of(fill))

    # -- views -------------------------------------------------------------------------------------------------

    def view(self, expr: Expr, *, shared: bool = False) -> View:
        """Return an expression as a view; with `shared`, only if it shares memory with the base."""
        match expr:
            case Var(name):
                self._leaf(expr)
                view = self.facts.view(name)
                if view is None:
                    raise NotATree
                return view
            case Call("getitem", (base, *index)):
                return self._sliced(self.view(base, shared=shared), index)
            case Call("transpose", (base,), ()):
                return transposed(self.view(base, shared=shared))
            case Call("transpose", (base,), (("axes", Call("tuple", axes)),)) if all(isinstance(a, Lit) for a in axes):
                view = self.view(base, shared=shared)
                order = [a.value % len(axes) for a in axes if isinstance(a, Lit) and isinstance(a.value, int)]
                return transposed(view, order)
            case Call("expand_dims", (base, place), ()) if (axes := integers_of(place)) is not None:
                return expanded(self.view(base, shared=shared), axes)
            case Call("broadcast_to", (base, sizes), ()):
                return self._stretched(self.view(base, shared=shared), self._found(self.facts.sizes(sizes)))
            case Call(prim, (base,), ()) if prim in _SAME_ELEMENTS and not shared and self.facts.is_array(base):
                return self.view(base)
            case _:
                raise NotATree

    def _sliced(self, view: View, index: Sequence[Expr]) -> View:
        found = sliced(view, index, self.facts)
        if found is None:
            raise NotATree
        for form in found.needs:
            self._note(Demand(form))
        return found.view

    def _stretched(self, view: View, shape: Shape) -> View:
        self.require_shape(view.shape, shape)
        return stretched(view, shape)

    # -- elements ----------------------------------------------------------------------------------------------

    def element(self, expr: Expr, at: Sequence[Expr]) -> Expr:
        """Return the element of a tree at a subscript; axes that the tree lacks are the first of the subscript."""
        if not isinstance(expr, Call):
            return self._read(self.view(expr), at) if self.facts.is_array(expr) else expr
        match expr:
            case Call("outer", (a, b), ()):
                return Call("mul", (self.element(a, at[-2:-1]), self.element(b, at[-1:])))
            case Call(prim) if prim in _LIKE or prim in _FILLED or prim in ("full", "full_like"):
                return self._constant(expr)
            case Call(prim, (source, _)) if prim.startswith("helper.unbroadcast_"):
                return self.element(source, at)
            case Call(prim, args, ()) if is_elementwise(prim) and prim not in _NOT_BY_ELEMENT:
                return replace(_scalar_form(expr), args=tuple(self.element(arg, at) for arg in args))
            case _:
                return self._read(self.view(expr), at)

    def _read(self, view: View, at: Sequence[Expr]) -> Expr:
        if not self.facts.is_array(Var(view.base)):
            return Var(view.base)  # a number, stretched to an array
        own = at[len(at) - len(view.shape) :]
        index = [Lit(0) if size == ONE else k for size, k in zip(view.shape, own, strict=True)]
        base = Var(view.base)
        # A number that is stretched has no axes, and is no array.
        return Call("getitem", (base, *view.index(index))) if self.facts.is_array(base) else base

    # -- guards ------------------------------------------------------------------------------------------------

    def guards(self) -> list[If]:
        """Return the checks of the demands so far, and take them to be passed from here on."""
        found: list[If] = []
        for demand in self.demands:
            form = self.facts.same(demand.form)
            equal = None if demand.equal is None else self.facts.same(demand.equal)
            if form == equal:
                continue
            self.facts.demand(form, equal)
            if equal is None:
                found.append(refuse_if(self.facts.symbols.negative(form), INSIDE))
            else:
                test = Call("ne", (self.facts.symbols.expr(form), self.facts.symbols.expr(equal)))
                found.append(refuse_if(test, STRETCHED))
                self.facts.make_equal(form, equal)
        self.demands.clear()
        return found


@cache
def _type_for(call: Call, kinds: tuple[Type, ...]) -> Type:
    """Return the type of a primitive applied to names `operand0`, ... of these types; None if it has none."""
    try:
        return expr_type(call, {f"operand{k}": kind for k, kind in enumerate(kinds)})
    except AdjointError:
        return None


def _scalar_form(call: Call) -> Call:
    """Return the primitive as it is written for numbers."""
    prim = "select" if call.prim == "where" else call.prim
    if prim.startswith("astype."):
        prim = prim.replace("astype.", "cast.", 1)
    # NumPy's functions give NumPy's numbers, which divide by zero and overflow as arrays do, in plain Python too.
    return Call(prim, call.args, call.kwargs, "" if prim in OPERATORS or prim == "select" else "np")


def cast_to(kind: Type, value: Expr, own: Type) -> Expr:
    """Return a scalar as one of a type; literals are written in it."""
    if own == kind:
        return value
    if isinstance(value, Lit) and isinstance(value.value, int | float) and is_number(kind):
        return number(value.value, kind)
    return Call(f"cast.{'bool' if kind == types.boolean else kind}", (value,))
