"""What the parts of `expand` share: facts, new names with their types, and the statements written so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

from adjoint.analysis.linear import Linear, whole
from adjoint.analysis.sharing import memory_classes
from adjoint.ir import Block, Call, Expr, For, Func, Let, Lit, Stmt, Var
from adjoint.ir.immutable import immutable
from adjoint.ir.walk import mentioned, names_in, statements, statements_of
from adjoint.lower.accesses import Accesses
from adjoint.lower.facts import Buffer, Facts
from adjoint.lower.views import Shape
from adjoint.rules import spelling
from adjoint.rules.numba_types import Type, array, is_array, of_dtype, types
from adjoint.rules.typing import name_types
from adjoint.transform.hints import all_hints, hint_of

_INDICES = "ijklmn"


@immutable
class Span:
    """The first value of a loop's index, and the first it doesn't have."""

    start: Linear
    stop: Linear


@dataclass(eq=False)
class Context:
    kinds: dict[str, Type]
    hints: dict[str, str]
    facts: Facts
    classes: dict[str, str]
    taken: set[str]
    spans: dict[str, Span | None] = field(default_factory=dict[str, "Span | None"])
    out: list[Stmt] = field(default_factory=list[Stmt])
    # For each index of a loop written here: the memory that arrays in it refer to.
    memory: dict[str, dict[str, Buffer]] = field(default_factory=dict[str, "dict[str, Buffer]"])
    # The symbol that a loop index is in the span of other loops.
    symbol: dict[str, str] = field(default_factory=dict[str, str])
    # Loop indices, and whether they are never negative.
    natural: dict[str, bool] = field(default_factory=dict[str, bool])
    # Loop indices, and the names of the numbers at which they start.
    first: dict[str, str] = field(default_factory=dict[str, str])
    # The shapes of the arrays that loops fill; None for a name with several.
    made: dict[str, Shape | None] = field(default_factory=dict[str, "Shape | None"])
    # The lengths of parameters by the symbols that they have throughout.
    entry: dict[str, Expr] = field(default_factory=dict[str, Expr])
    # Arrays whose last axis is a strip of iterations.
    in_strips: set[str] = field(default_factory=set[str])
    known: Accesses | None = None
    # Whether products of a matrix and a vector are loops.
    products: bool = True

    @staticmethod
    def of(func: Func, *, products: bool = True) -> Context:
        kinds = name_types(func)
        taken = {name for stmt in statements_of(func) for name in mentioned(stmt)}
        taken |= {*kinds, func.name, "np", "math", "numba", *(p.name for p in func.params)}
        taken |= {name.partition(":")[2] for name in func.refs}
        facts, classes = Facts(kinds, func.refs), dict(memory_classes(func))
        return Context(kinds, all_hints(func), facts, classes, taken, products=products)

    def copy(self) -> Context:
        """Return a context with tables of its own, for passes that are only tried."""
        tables = {f.name: dict(getattr(self, f.name)) for f in fields(self) if isinstance(getattr(self, f.name), dict)}
        return replace(self, **tables)

    def take(self, tried: Context) -> None:
        """Take over what a pass that was tried has found out."""
        for each in fields(self):
            setattr(self, each.name, getattr(tried, each.name))

    def accesses(self, func: Func) -> Accesses:
        """Return what the statements of a program read and write; some may be of a program before it."""
        self.known = Accesses(func, self.kinds, self.known)
        return self.known

    def emit(self, *stmts: Stmt) -> None:
        self.out.extend(stmts)

    def fresh(self, base: str, kind: Type, hint: str | None = None) -> Var:
        """Return a name not used so far; temporaries are called `_1`, `_2`."""
        number = 1 if base == "_" else 0
        name = f"{base}{number}" if base == "_" else base
        while name in self.taken:
            number += 1
            name = f"{base}{number}" if base == "_" else f"{base}_{number}"
        self.taken.add(name)
        self.kinds[name] = kind
        if hint is not None:
            self.hints[name] = hint
        return Var(name)

    def forget(self, names: Iterable[str]) -> None:
        """Give up names that are used nowhere."""
        for name in names:
            self.taken.discard(name)
            self.kinds.pop(name, None)
            self.hints.pop(name, None)
            self.natural.pop(name, None)

    def renewed(self, name: str) -> Var:
        """Return a new name for another value of the kind that a name has."""
        return self.fresh(name, self.kinds[name], self.hint(name))

    def hint(self, name: str) -> str | None:
        """Return the name the user knows a value by."""
        return hint_of(name, self.hints)

    def temporary(self, kind: Type) -> Var:
        return self.fresh("_", kind)

    def indices(self, shape: Shape) -> tuple[Var, ...]:
        """Return new loop indices that run over a shape."""
        made = tuple(self.fresh(_INDICES[k], types.int64, _INDICES[k]) for k in range(len(shape)))
        for index, size in zip(made, shape, strict=True):
            self.spans[index.name] = Span(whole(0), size)
            self.natural[index.name] = True
            self.symbol[index.name] = self.facts.symbols.named(index.name).symbols[0]
        return made

    def nest(self, indices: Sequence[Var], shape: Shape, body: Block) -> Block:
        """Put loops over a shape around statements."""
        arrays = {name for stmt in statements(body) for name in mentioned(stmt) if is_array(self.kinds.get(name))}
        for index in indices:
            self.memory[index.name] = {name: self.facts.buffer(name) for name in sorted(arrays)}
        for index, size in reversed(list(zip(indices, shape, strict=True))):
            body = (For(index, Lit(0), self.facts.symbols.bound(size), Lit(1), body),)
        return body

    def note_span(self, loop: For) -> Span | None:
        """Note what values the index of a loop has, if that is known: all whole numbers from one to another."""
        start, stop = self.facts.integer(loop.start), self.facts.integer(loop.stop)
        span = None
        if loop.until is None and not loop.parallel and start is not None and stop is not None:
            found = {Lit(1): Span(start, stop), Lit(-1): Span(stop.plus(1), start.plus(1))}
            span = found.get(loop.step) if isinstance(loop.step, Lit) else None
        self.spans[loop.index.name] = span
        return span

    def allocate(self, target: Var, shape: Shape, dtype: Type, how: str = "empty", fill: Expr | None = None) -> None:
        """Emit the statement that makes an array, and note its type and shape."""
        lengths = tuple(map(self.facts.symbols.expr, shape))
        sizes = lengths[0] if len(lengths) == 1 else Call("tuple", lengths)
        self.emit(Let(target, Call(how, (sizes,) if fill is None else (sizes, fill), of_dtype(dtype))))
        self.facts.bind(target.name, shape)
        self.facts.refers(target.name, None)
        self.note_made(target.name, shape)
        if not isinstance(self.kinds.get(target.name), types.Array):
            self.kinds[target.name] = array(dtype, len(shape))

    def result(self, target: Var, element: Expr, shape: Shape, kind: Type) -> Var:
        """Return the name under which to make a result: not the target where elements, or bounds of loops, read that.

        They may do so by way of views: an expression need not mention the target.
        """
        reads = {read for size in shape for name in size.symbols for read in self.facts.symbols.reads[name]}
        return self.temporary(kind) if target.name in reads or target.name in names_in(element) else target

    def note_made(self, name: str, shape: Shape) -> None:
        """Note the shape of an array that is made, if every array of this name has it."""
        self.made[name] = shape if self.made.get(name, shape) == shape else None

    def keep(self, stmt: Let, shape: Shape | None) -> None:
        """Emit a binding as it is, and note what is made or what of it is a view; `shape` is None if it isn't known."""
        self.join(stmt.target.name, stmt.value)
        if isinstance(stmt.value, Call) and stmt.value.prim == "empty" and shape is not None:
            self.note_made(stmt.target.name, shape)
        self.emit(stmt)

    def join(self, name: str, value: Expr) -> None:
        """Note that a name made here is a view of an array, as one of a form that isn't followed may be."""
        match value:
            case Call(prim, (Var(base), *_)) if name not in self.classes and is_array(self.kinds.get(name)) and (
                prim in ("getitem", "item") or spelling.is_view(prim)
            ):
                self.classes[name] = self.class_of(base)
            case _:
                pass

    def covers(self, loops: Sequence[For], name: str) -> bool:
        """Whether loops, each in the one before, run over the axes of an array that is made here."""
        shape = self.made.get(name)
        if shape is None or len(shape) != len(loops):
            return False
        return [self.spans.get(loop.index.name) for loop in loops] == [Span(whole(0), size) for size in shape]

    def class_of(self, name: str) -> str:
        return self.classes.get(name, name)

    def is_natural(self, expr: Expr) -> bool:
        """Whether a subscript is certainly not negative."""
        match expr:
            case Lit(int() as value):
                return value >= 0
            case Var(name):
                return self.natural.get(name, False)
            case Call("add", (left, right)):
                return self.is_natural(left) and self.is_natural(right)
            case Call("sub", (Var(name), Var(start))):
                return self.first.get(name) == start
            case Call("sub", (Var(name), Lit(int() as less))):
                span = self.spans.get(name)
                return span is not None and self.facts.symbols.never_negative(span.start.plus(-less))
            case Call(prim):
                return prim == "dim"
            case Lit():
                return False
