"""Stores and in-place additions of arrays become loops over the elements they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adjoint.ir import Accum, Call, Expr, Lit, Store, Var
from adjoint.ir.walk import names_in, subexpressions
from adjoint.lower import reductions
from adjoint.lower.context import Context
from adjoint.lower.elements import NotATree, Reader, cast_to
from adjoint.lower.facts import Facts
from adjoint.lower.normal import Normal
from adjoint.lower.views import View
from adjoint.rules.numba_types import Type, array, is_array, types


def attempt(context: Context, work: Callable[[], bool]) -> bool:
    """Do something that may turn out not to work; then it is as if it had not been tried."""
    before, written, asked = context.facts.copy(), len(context.out), len(context.facts.demanded)
    try:
        if work():
            return True
    except NotATree:
        pass
    context.facts.restore(before)
    del context.out[written:], context.facts.demanded[asked:]
    return False


class Writes:
    def __init__(self, context: Context, normal: Normal) -> None:
        self.context = context
        self.normal = normal

    @property
    def facts(self) -> Facts:
        return self.context.facts

    def write(self, stmt: Store | Accum, target: Var, index: tuple[Expr, ...], value: Expr) -> None:
        value = self.normal.value(value)
        index = tuple(map(self.normal.index, index))
        if is_array(self.context.kinds.get(target.name)) and self.facts.is_array(value):
            if isinstance(stmt, Accum) and attempt(self.context, lambda: self.added(target, index, value)):
                return
            value = self.normal.operand(value)
        elif isinstance(value, Call) and self.facts.is_scalar(value):
            value = self.normal.scalar(value)
        stmt = replace(stmt, index=index, value=value)
        if not is_array(self.context.kinds.get(target.name)):
            self.context.emit(stmt)
            self.facts.bind(target.name) if not index else None
        elif not attempt(self.context, lambda: self.region(stmt, target, index, value)):
            self.context.emit(stmt)

    def region(self, stmt: Store | Accum, target: Var, index: tuple[Expr, ...], value: Expr) -> bool:
        """Emit the loops that write elements; for a single one, the statement in terms of the base of a view."""
        reader = Reader(self.facts)
        view = reader.view(Call("getitem", (target, *index)) if index else target, shared=True)
        shape = reader.shape(value) if self.facts.is_array(value) else ()
        if not shape and not self.facts.is_scalar(value):
            return False
        reader.require_shape(shape, view.shape)
        self.context.emit(*reader.guards())
        sizes = tuple(map(self.facts.same, view.shape))
        indices = self.context.indices(sizes)
        place = view.index(indices)
        if isinstance(value, Call) and sizes and not shape:
            value = self.normal.atom(value)
        element = reader.element(value, indices) if shape else self.as_stored(view, value)
        if shape and self.overlaps(Var(view.base), place, element):
            copied = self.context.temporary(array(self.facts.type_of(value).dtype, len(shape)))
            self.normal.bind(copied, Call("copy", (value,)))
            element = reader.element(copied, indices)
        base = Var(view.base)
        new = replace(stmt, array=base) if isinstance(stmt, Store) else replace(stmt, target=base)
        self.context.emit(*self.context.nest(indices, sizes, (replace(new, index=place, value=element),)))
        return True

    def added(self, target: Var, index: tuple[Expr, ...], value: Expr) -> bool:
        """Emit the loops that add the sums along axes of a tree to what is there."""
        job = reductions.reduction(value, self.context) if isinstance(value, Call) else None
        if job is None or job.prim != "sum" or not job.axes:
            return False
        reader = Reader(self.facts)
        view = reader.view(Call("getitem", (target, *index)) if index else target, shared=True)
        shape = reader.shape(job.tree)
        reader.require_shape(sizes := job.sizes(shape), view.shape)
        self.context.emit(*reader.guards())
        shape = tuple(map(self.facts.same, shape))
        if len(view.shape) != len(sizes):
            return False
        indices = self.context.indices(shape)
        element = reader.element(job.tree, indices)
        place = view.index(job.place(indices))
        if any(self.may_share(view.base, name) for name in names_in(element)):
            return False
        self.context.emit(*self.context.nest(indices, shape, (Accum(Var(view.base), place, element),)))
        return True

    def as_stored(self, view: View, value: Expr) -> Expr:
        kind: Type = self.context.kinds.get(view.base)
        if isinstance(value, Lit) and is_array(kind) and isinstance(kind.dtype, types.Float):
            return cast_to(kind.dtype, value, self.facts.type_of(value))
        return value

    def overlaps(self, base: Var, place: tuple[Expr, ...], element: Expr) -> bool:
        """Whether an element reads the array that is written, anywhere but where it is written."""
        here = Call("getitem", (base, *place))
        return any(
            isinstance(part, Call)
            and part.prim == "getitem"
            and part != here
            and isinstance(part.args[0], Var)
            and self.may_share(base.name, part.args[0].name)
            for part in subexpressions(element)
        )

    def may_share(self, first: str, second: str) -> bool:
        if self.context.class_of(first) != self.context.class_of(second):
            return False
        return first == second or not self.facts.distinct(first, second)
