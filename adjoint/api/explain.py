"""The report of `.explain`: what the compiler found out about a function, and what it made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from adjoint.analysis.activity import is_differentiable
from adjoint.analysis.memory import memory
from adjoint.analysis.reasons import Activity, activities
from adjoint.api import compiler
from adjoint.api.compiler import TIDY
from adjoint.backends.request import FORWARD, NumbaType, Request
from adjoint.codegen.emit import text
from adjoint.errors import Loc
from adjoint.ir import Call, Expr, For, Func, Lit, Return, While
from adjoint.ir.walk import names_in, statements
from adjoint.lower import lower as fuse_loops
from adjoint.lower.loops import Fact, Kept, Loop, Nest, loops
from adjoint.transform.containers import active_leaves, arguments
from adjoint.transform.dce import eliminate
from adjoint.transform.forward import forward
from adjoint.transform.parallel import Note, parallelise
from adjoint.transform.recorded import Carried, Recorded, carried, recorded


def explain(request: Request, arg_types: tuple[NumbaType, ...]) -> str:
    """Return the report on the gradient of `request.fun` for arguments of these types.

    Raises what making the gradient would raise.
    """
    func = compiler.lower_primal(request.fun, arg_types)
    asked = [arguments(func)[k] for k in request.argnums]
    compiler.check_arguments(func, asked)
    wrt = [name for argument in asked for name in active_leaves(func, argument)]
    report = _Report(func, tuple(wrt))
    lines = [f"{request.mode} of {func.name} with respect to {', '.join(wrt)}", report.signature(), ""]
    lines += report.activity()
    if request.mode in (*FORWARD, "primal"):
        transformed = forward(func, wrt, name=f"{func.name}_{request.mode}")
        lines += ["", "Nothing is recorded: this is forward mode."]
    else:
        state = compiler.adjoint_of(func, wrt, request)
        cleaned = transformed = state.built
        for _, change in TIDY[: [stage for stage, _ in TIDY].index("coalesce")]:
            cleaned = eliminate(change(cleaned))
        lines += ["", *report.tapes(recorded(state, cleaned)), *report.shadows(carried(state))]
    if request.options.fuse and not request.options.nan_check:
        lines += ["", *report.loops(fuse_loops(transformed))]
    if request.options.parallel:
        notes: list[Note] = []
        parallelise(compiler.tidy(fuse_loops(transformed) if request.options.fuse else transformed), notes)
        lines += ["", *report.parallel(notes)]
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class _Report:
    func: Func
    wrt: tuple[str, ...]

    # -- words -------------------------------------------------------------------------------------------------

    def line(self, loc: Loc) -> str:
        """Return how to call a line of the user's; lines of another file come with its name."""
        here = self.func.loc is None or loc.file == self.func.loc.file
        return f"line {loc.line}" + ("" if here else f" of {PurePath(loc.file).name}")

    def quoted(self, loc: Loc) -> str:
        return f"{self.line(loc)}: {loc.text}"

    def expr(self, expr: Expr) -> str:
        written = text(Func("f", (), (Return(expr),), types=self.func.types, refs=self.func.refs))
        return written.partition("return ")[2].strip()

    # -- values ------------------------------------------------------------------------------------------------

    def signature(self) -> str:
        return ", ".join(f"{p.name}: {self.func.types[p.name]}" for p in self.func.params if p.name in self.func.types)

    def activity(self) -> Iterator[str]:
        found = activities(self.func, memory(self.func), self.wrt)
        named = [name for name, what in found.items() if what is Activity.ACTIVE]
        yield f"Active, so they have a cotangent: {', '.join(named) or 'none'}"
        others = [name for name, what in found.items() if what is not Activity.ACTIVE]
        if others:
            yield "Not active:"
        width = max(map(len, others), default=0)
        for name in others:
            yield f"    {name:{width}}  {self.because(name, found[name])}"

    def because(self, name: str, activity: Activity) -> str:
        match activity:
            case Activity.NO_DERIVATIVE:
                return f"{self.type_of(name)} has no derivative"
            case Activity.CONSTANT:
                return f"does not depend on {' or '.join(self.wrt)}"
            case _:
                return "the result does not depend on it"

    def type_of(self, label: str) -> object:
        """Return the type of the first value of a variable that has no derivative."""
        values = [name for name in self.func.types if self.func.hints.get(name, name) == label]
        return next(kind for name in values if not is_differentiable(kind := self.func.types[name]))

    # -- tapes -------------------------------------------------------------------------------------------------

    def tapes(self, records: tuple[Recorded, ...]) -> Iterator[str]:
        if not records:
            yield "Nothing is recorded: the backward sweep makes again what it needs."
            return
        yield "Recorded for the backward sweep:"
        for record in records:
            yield f"    {record.label}"
            yield f"        {self.bytes(record)}, in {' and '.join(self.quoted(loc) for loc in record.loops)}"
            for need in record.needs:
                why = "to put back what was overwritten in" if need.restores else "for the derivative of"
                yield f"        {why} {self.quoted(need.loc)}"
        yield f"In all: {self.total(records)}"

    def sizes(self, record: Recorded) -> str:
        return " * ".join(
            f"(times round {self.line(size)})" if isinstance(size, Loc) else self.factor(size) for size in record.sizes
        )

    def factor(self, size: Expr) -> str:
        written = self.expr(size)
        plain = not isinstance(size, Call) or size.prim in ("dim", "size", "len", "getitem")
        return written if plain else f"({written})"

    def bytes(self, record: Recorded) -> str:
        if record.width == 0:
            return f"{self.sizes(record)} references to parts of arrays"
        return f"{record.width} * {self.sizes(record)} bytes"

    def total(self, records: Iterable[Recorded]) -> str:
        widths: dict[str, int] = {}
        for record in records:
            if record.width:
                sizes = self.sizes(record)
                widths[sizes] = widths.get(sizes, 0) + record.width
        return (" + ".join(f"{width} * {sizes}" for sizes, width in widths.items()) or "0") + " bytes"

    def shadows(self, classes: tuple[Carried, ...]) -> Iterator[str]:
        if classes:
            yield "Shadows carried along, since it depends on the run what shares memory with what:"
        for each in classes:
            place = "" if each.loc is None else f", {self.quoted(each.loc)}"
            yield f"    {', '.join(each.labels) or 'temporaries'}: {each.because}{place}"

    # -- loops -------------------------------------------------------------------------------------------------

    def loops(self, lowered: Func) -> Iterator[str]:
        own = [s.loc for s in statements(self.func.body) if isinstance(s, For | While) and s.loc is not None]
        lines = [line for fact in loops(lowered, own) for line in self.fact(fact, 1)]
        yield "Loops of the compiled text:" if lines else "The compiled text has no loops."
        yield from lines

    def fact(self, fact: Fact, depth: int) -> Iterator[str]:
        pad = "    " * depth
        match fact:
            case Nest(loc, inside):
                yield pad + ("a loop" if loc is None else f"{_backward(loc)}{self.quoted(loc)}")
                for each in inside:
                    yield from self.fact(each, depth + 1)
            case Loop(count, places, apart):
                yield f"{pad}one loop{self.over(count)}: {', '.join(self.computed(places))}"
                if apart:
                    yield f"{pad}    not joined to the loop before: {apart}"
            case Kept(prim, loc):
                place = "" if loc is None else f", {_backward(loc)}{self.line(loc)}"
                yield f"{pad}a call: {prim}{place}"

    def parallel(self, notes: Iterable[Note]) -> Iterator[str]:
        """Yield how loops of the user's `prange` and their adjoints run, and why."""
        lines = [self.note(note) for note in notes]
        yield "Parallel loops:" if lines else "No loop is parallel: none is over `prange`."
        yield from lines

    def note(self, note: Note) -> str:
        loc = note.loop.loc
        place = "a loop" if loc is None else f"{_backward(loc)}{self.quoted(loc).rstrip(':')}"
        return f"    {place}: {note.how}{f', as {note.why}' if note.why else ''}"

    def over(self, count: Expr | None) -> str:
        """Return over what a loop runs, if that can be said in the user's words."""
        if count is None or isinstance(count, Lit) or any(name.startswith("_") for name in names_in(count)):
            return ""
        return f" over {self.expr(count)}"

    def computed(self, places: tuple[Loc, ...]) -> list[str]:
        return list(dict.fromkeys(f"{_backward(loc)}{self.line(loc)}" for loc in places))


def _backward(loc: Loc) -> str:
    return f"{loc.role} of " if loc.role else ""
