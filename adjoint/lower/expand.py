"""Whole-array statements become loops over elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adjoint.analysis.effects import binds_of
from adjoint.analysis.linear import Linear
from adjoint.ir import (
    Accum,
    Block,
    Call,
    Comment,
    Effect,
    Expr,
    For,
    Func,
    If,
    Let,
    Lit,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from adjoint.ir.walk import located, names_in, operands, statements
from adjoint.lower import reductions
from adjoint.lower.assumptions import assumed, on_entry
from adjoint.lower.bindings import bound_often, is_fresh, lists_in
from adjoint.lower.context import Context, Span
from adjoint.lower.elements import NotATree, Reader
from adjoint.lower.facts import Facts
from adjoint.lower.guards import is_guard
from adjoint.lower.normal import Normal
from adjoint.lower.regions import regions
from adjoint.lower.result_shapes import partly_known, result_shape
from adjoint.lower.uses import open_indices
from adjoint.lower.versions import versions
from adjoint.lower.views import Shape, View
from adjoint.lower.writes import Writes, attempt
from adjoint.rules.numba_types import Type, array, is_array, is_list, is_number, types
from adjoint.transform.renaming import rename_block


def expand(func: Func, *, products: bool = True) -> tuple[Func, Context]:
    """Return a program in which element-wise statements, stores of slices and reductions are loops.

    So are `products` of a matrix and a vector. The loops run in C order over all axes; arrays they fill are allocated
    before. What can't be followed stays as it is. Also returns the context, in which the spans of loops are known.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], y: float64):
    ...     z: float64[:] = sin(x) * y
    ...     s: float64 = sum(z)
    ...     return s
    ... ''')
    >>> print(text(expand(before)[0]), end="")
    def f(x, y):
        z = np.empty(x.shape[0])
        for i in range(x.shape[0]):
            z[i] = np.sin(x[i]) * y
        s = 0.0
        for i_1 in range(x.shape[0]):
            s += z[i_1]
        return s
    """
    done, context = _expanded(func, products)
    checked = on_entry(func, context)
    return (done, context) if checked is None else _expanded(checked, products)


def _expanded(func: Func, products: bool) -> tuple[Func, Context]:
    context = Context.of(func, products=products)
    func = versions(regions(func, context.kinds, context.renewed), context.kinds, context.renewed)
    expander = Expander(func, context)
    body = (*expander.lengths_of_parameters(), *expander.block(func.body))
    # They hold the expander: what it knows is large, and the garbage collector comes late.
    del expander.normal, expander.writes
    return replace(func, body=body, types=context.kinds, hints=context.hints), context


class Expander:
    def __init__(self, func: Func, context: Context) -> None:
        self.func = func
        self.context = context
        self.normal = Normal(context, self.let)
        self.writes = Writes(context, self.normal)
        self.open = open_indices(func)
        self.rebound = frozenset[str]()
        # Whether nothing but checks has been seen so far.
        self.on_entry = True

    @property
    def facts(self) -> Facts:
        return self.context.facts

    def block(self, block: Block) -> Block:
        """Expand a block; what it binds is known afterwards."""
        outer, self.context.out = self.context.out, []
        for stmt in block:
            self.on_entry &= isinstance(stmt, If) and is_guard(stmt)
            start = len(self.context.out)
            self.stmt(stmt)
            new = self.context.out[start:]
            self.context.out[start:] = [located(each, getattr(stmt, "loc", None)) for each in new]
        done, self.context.out = self.context.out, outer
        return tuple(done)

    def stmt(self, stmt: Stmt) -> None:
        # What is there now is older than what the statement makes.
        for name in (name for expr in operands(stmt) for name in names_in(expr)):
            if is_array(self.context.kinds.get(name)):
                self.facts.buffer(name)
        match stmt:
            case Let(target, value):
                self.let(target, value, stmt)
            case Store(array, index, value):
                self.writes.write(stmt, array, index, value)
            case Accum(target, index, value):
                self.writes.write(stmt, target, index, value)
            case For():
                self.loop(stmt)
            case While():
                self.loop(stmt)
            case If():
                self.branch(stmt)
            case Effect(value):
                self.effect(stmt, value)
            case Return(value):
                self.context.emit(replace(stmt, value=self.normal.parts(value)))
            case Comment():
                self.context.emit(stmt)

    # -- lengths -----------------------------------------------------------------------------------------------

    def lengths_of_parameters(self) -> Block:
        """Return statements that keep the lengths of parameters that are bound to something else later on."""
        self.rebound = bound_often(self.func)
        return tuple(s for p in self.func.params if p.name in self.rebound for s in self.lengths(p.name, first=True))

    def lengths(self, name: str, *, first: bool = False) -> list[Let]:
        """Give the lengths of an array names that stay, and note them; `first` says that it is the argument."""
        kind: Type = self.context.kinds.get(name)
        if not is_array(kind) or name in self.facts.shapes:
            return []
        made = [self.context.temporary(types.int64) for _ in range(kind.ndim)]
        shape = tuple(self.facts.symbols.named(each.name) for each in made)
        for form in shape:
            self.facts.symbols.lengths.add(form.symbols[0])
        self.facts.shapes[name] = shape
        if first:
            here = (Call("dim", (Var(name), Lit(axis))) for axis in range(len(made)))
            self.context.entry.update((form.symbols[0], length) for form, length in zip(shape, here, strict=True))
        return [Let(each, Call("dim", (Var(name), Lit(axis)))) for axis, each in enumerate(made)]

    # -- bindings ----------------------------------------------------------------------------------------------

    def let(self, target: Var, value: Expr, stmt: Let | None = None) -> None:
        stmt = Let(target, value) if stmt is None else stmt
        value = self.normal.value(value)
        kind = self.context.kinds.get(target.name)
        fits = is_array(kind) or kind is not None and is_number(kind)
        if fits and isinstance(value, Call) and attempt(self.context, lambda: self.computed(target, value)):
            return
        self.keep(replace(stmt, value=value))

    def computed(self, target: Var, value: Call) -> bool:
        """Emit the loops that compute a value; false if no loop does."""
        job = reductions.reduction(value, self.context)
        if job is not None and not (job.prim == "sum" and not job.axes):
            reductions.write(target, job, self.context)
            return True
        if not is_array(self.context.kinds.get(target.name)) or self.normal.is_view(value):
            return False
        self.fill(target, value)
        return True

    def fill(self, target: Var, tree: Call) -> None:
        """Make an array of the elements of a tree."""
        reader = Reader(self.facts)
        shape = reader.shape(tree)
        self.context.emit(*reader.guards())
        shape = tuple(map(self.facts.same, shape))
        dtype, own = self.facts.type_of(tree).dtype, target
        if _is_zero(tree):
            self.context.allocate(own, shape, dtype, "zeros")
        else:
            indices = self.context.indices(shape)
            element = reader.element(tree, indices)
            own = self.context.result(target, element, shape, array(dtype, len(shape)))
            self.context.allocate(own, shape, dtype)
            self.context.emit(*self.context.nest(indices, shape, (Store(own, indices, element),)))
        if own != target:
            self.context.emit(Let(target, own))
            buffer = self.facts.buffer(own.name)
            self.facts.bind(target.name, shape)
            self.facts.refers(target.name, buffer)

    def keep(self, stmt: Let) -> None:
        """Leave a binding as it is, and note what is known of the value."""
        facts, value, name = self.facts, stmt.value, stmt.target.name
        kind = self.context.kinds.get(name)
        shape, view = self.known(value) if is_array(kind) else (None, None)
        integer = facts.integer(value) if isinstance(kind, types.Integer) else None
        self.context.keep(stmt, shape)
        if is_list(kind) and isinstance(value, Var):
            facts.lists.pop(value.name, None)
        buffer = None if view is None else facts.buffer(view.base)
        facts.bind(name, shape, integer)
        if shape is None and is_array(kind) and (part := partly_known(name, value, facts)) is not None:
            facts.shapes[name] = part
        facts.is_view(name, view)
        if is_array(kind) and (buffer is not None or is_fresh(value)):
            facts.refers(name, buffer)
        if name in self.rebound:
            self.context.emit(*self.lengths(name))
        if value == Call("list"):
            facts.lists[name] = None

    def known(self, value: Expr) -> tuple[Shape | None, View | None]:
        reader = Reader(self.facts)
        try:
            view = reader.view(value, shared=True)
        except NotATree:
            return result_shape(value, self.facts), None
        if reader.demands:
            # A slice that may be clipped has a length that isn't known, unless that is found out on entry.
            for demand in reader.demands:
                self.facts.demand(demand.form, demand.equal)
            return None, None
        return view.shape, view

    # -- effects -----------------------------------------------------------------------------------------------

    def effect(self, stmt: Effect, call: Call) -> None:
        facts = self.facts
        match call:
            case Call("move", (Call("tuple", targets), Call("tuple", values))):
                shapes = [facts.shape(value) for value in values]
                self.context.emit(stmt)
                facts.forget(name for target in targets for name in names_in(target))
                for target, shape in zip(targets, shapes, strict=True):
                    if isinstance(target, Var) and is_array(self.context.kinds.get(target.name)):
                        facts.bind(target.name, shape)
            case Call("append", (Var(name), value)):
                value = self.normal.atom(value)
                self.context.emit(replace(stmt, value=replace(call, args=(call.args[0], value))))
                self.appended(name, value)
            case _:
                self.context.emit(stmt)
                for name in names_in(call):
                    facts.lists.pop(name, None)

    def appended(self, name: str, value: Expr) -> None:
        lists = self.facts.lists
        shape = self.facts.shape(value)
        if name in lists and lists[name] is None and shape:
            lists[name] = shape
        elif name in lists and lists[name] != shape:
            del lists[name]

    # -- control flow ------------------------------------------------------------------------------------------

    def loop(self, stmt: For | While) -> None:
        """Expand a loop. Arrays bound in it are taken to keep their shapes, until it turns out that they don't."""
        if isinstance(stmt, For):
            stmt = self.own_index(stmt)
            bounds = {each: self.normal.value(getattr(stmt, each)) for each in ("start", "stop", "step")}
            stmt = replace(stmt, **bounds)
        span = self.context.note_span(stmt) if isinstance(stmt, For) else None
        names = tuple(dict.fromkeys(self.bound(stmt)))
        before, asked, symbols = self.facts.copy(), len(self.facts.demanded), self.facts.symbols
        ranges = symbols.ranges
        kept = {name: shape for name in names if (shape := before.shapes.get(name)) is not None}
        lists: dict[str, Shape | None] = {n: before.lists[n] for n in lists_in(stmt) if n in before.lists}
        while True:
            self.enter(before, names, kept, lists)
            symbols.ranges = dict(ranges)
            self.index(stmt, span)
            body = self.block(stmt.body)
            moved = {n for n, shape in kept.items() if not self.still(n, shape)}
            grown = {n: self.facts.lists.get(n) for n, s in lists.items() if self.facts.lists.get(n, ()) != s}
            if not moved and not grown:
                break
            kept = {name: shape for name, shape in kept.items() if name not in moved}
            lists = self.widened(lists, grown, names)
        symbols.ranges = ranges
        self.enter(before, names, kept, lists)
        if isinstance(stmt, While):
            del self.facts.demanded[asked:]
        self.context.emit(replace(stmt, body=body))

    def enter(
        self, before: Facts, names: Sequence[str], kept: dict[str, Shape], lists: dict[str, Shape | None]
    ) -> None:
        """Know what was known before a loop or branch, apart from the names that it binds."""
        self.facts.restore(before.copy())
        for name in lists:
            self.facts.lists.pop(name, None)
        self.facts.forget(names)
        for name, shape in kept.items():
            self.facts.bind(name, shape)
        self.facts.lists |= lists

    def still(self, name: str, shape: Shape) -> bool:
        known = self.facts.shapes.get(name)
        return known is not None and tuple(map(self.facts.same, known)) == tuple(map(self.facts.same, shape))

    def widened(
        self, lists: dict[str, Shape | None], grown: dict[str, Shape | None], names: Sequence[str]
    ) -> dict[str, Shape | None]:
        """Return what lists hold in any iteration: what was appended, if that was the same shape in all."""
        found = {name: shape for name, shape in lists.items() if name not in grown}
        for name, shape in grown.items():
            inside = {read for size in shape or () for s in size.symbols for read in self.facts.symbols.reads[s]}
            if lists[name] is None and shape and not inside.intersection(names):
                found[name] = shape
        return found

    def own_index(self, stmt: For) -> For:
        """Give the index of a loop a name of its own."""
        name = stmt.index.name
        if name not in self.context.spans or name in self.open:
            return stmt
        index = self.context.fresh(name, self.context.kinds[name], self.context.hint(name))
        return replace(stmt, index=index, body=rename_block(stmt.body, {name: index.name}))

    def index(self, stmt: For | While, span: Span | None) -> None:
        """Note that an index is never negative, where that is certain."""
        if not isinstance(stmt, For):
            return
        self.context.symbol[stmt.index.name] = self.facts.symbols.named(stmt.index.name).symbols[0]
        if span is not None:
            ends = span.start, span.stop.plus(-1)
            self.facts.symbols.ranges[self.context.symbol[stmt.index.name]] = ends
        start = self.facts.integer(stmt.start) if stmt.step == Lit(1) else None
        up = start is not None and self.facts.symbols.never_negative(start)
        down = isinstance(stmt.step, Lit) and stmt.step.value == -1 and stmt.stop in (Lit(-1), Lit(0), Lit(1))
        name = stmt.index.name
        self.context.natural[name] = (up or down) and self.context.natural.get(name, True)
        if up or down:
            self.facts.symbols.lengths.add(self.facts.symbols.named(stmt.index.name).symbols[0])

    def bound(self, stmt: Stmt) -> Iterator[str]:
        for inner in statements((stmt,)):
            yield from binds_of(inner, self.func)

    def checked(self, guard: If) -> None:
        """Leave a check as it is, unless it can't fail, and take what it says to hold from here on."""
        found = assumed(guard, self.facts)
        if all(each is not None and self.holds(*each) for each in found):
            return
        self.context.emit(guard)
        for form, equal in filter(None, found):
            if not self.holds(form, equal):
                self.facts.demand(form, equal)
            if equal is not None:
                self.facts.make_equal(form, equal)
            elif self.on_entry:
                self.facts.symbols.at_least_zero.append(form)

    def holds(self, form: Linear, equal: Linear | None) -> bool:
        return self.facts.symbols.never_negative(form) if equal is None else form == equal

    def branch(self, stmt: If) -> None:
        if is_guard(stmt):
            self.checked(stmt)
            return
        stmt = replace(stmt, cond=self.normal.value(stmt.cond))
        before = self.facts.copy()
        names = tuple(dict.fromkeys(self.bound(stmt)))
        asked = len(self.facts.demanded)
        blocks: list[Block] = []
        ends: list[Facts] = []
        for body in (stmt.then, stmt.orelse):
            self.facts.restore(before.copy())
            blocks.append(self.block(body))
            ends.append(self.facts.copy())
        self.enter(before, names, {}, {})
        del self.facts.demanded[asked:]
        first, second = ends
        for name in names:
            shape = first.shapes.get(name)
            if shape is not None and second.shapes.get(name) == shape:
                self.facts.bind(name, shape)
        for name in lists_in(stmt):
            if first.lists.get(name, ()) != second.lists.get(name, ()) or name not in first.lists:
                self.facts.lists.pop(name, None)
            else:
                self.facts.lists[name] = first.lists[name]
        self.context.emit(replace(stmt, then=blocks[0], orelse=blocks[1]))


def _is_zero(tree: Call) -> bool:
    filled = tree.prim in ("full_like", "full") and tree.args[1] in (Lit(0.0), Lit(0))
    return filled or tree.prim in ("zeros_like", "zeros", "empty_like")
