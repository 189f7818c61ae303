"""Two-level checkpointing: a counted loop becomes a loop over segments, each of which can be run again.

    for i in range(n):                        length = ceil(sqrt(n))
        body                        ->        for k in range(segments):
                                                  u = u.copy()
                                                  for i in range(k * length, min((k + 1) * length, n)):
                                                      body

The loop over the segments is then replayed (see `replay`): it records what a segment starts from, and its backward
iteration runs the segment again, with a tape for the length of one segment. So about `2 * sqrt(n)` states are kept
instead of what `n` iterations record, and the loop is run twice. A state that the body writes is copied first, so that
a segment writes nothing but what it has made itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from numba import types as nb

from adjoint.analysis.memory import is_memory
from adjoint.errors import Loc, UnsupportedError
from adjoint.ir import Call, Carry, Expr, For, Func, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import names_in, operands, rename, statements
from adjoint.rules.numba_types import Type, is_array
from adjoint.transform.aliasing import roots
from adjoint.transform.program import Program
from adjoint.transform.unbound import placeholder

_LINEAR = frozenset(("add", "sub", "mul", "slice"))
_HELP = "leave out `memory_limit`, or make it a loop over a range that changes arrays of its own or makes new ones"


def in_segments(func: Func, loops: Sequence[For | While], assume: bool) -> tuple[Func, list[For]]:
    """Return an SSA program in which some loops of its outermost block run in segments, and the loops over those.

    Loops that fill arrays stay as they are.

    Raises:
        UnsupportedError: a loop can't be run again from what it carries.
    """
    program, wanted, made = Program.of(func, assume=assume), set[str](), set[str]()
    for loop in loops:
        if not isinstance(loop, For):
            raise refused("a `while` loop", loop.loc)
        if not fills(program, loop):
            if all(loop is not stmt for stmt in func.body):
                raise refused("a loop in a branch", loop.loc)
            wanted.add(loop.index.name)
    for place in reversed(range(len(func.body))):
        stmt = func.body[place]
        if isinstance(stmt, For) and stmt.index.name in wanted:
            new = _Segments(Program.of(func, assume=assume), stmt)
            loop = new.loop()
            made.add(loop.index.name)
            body = (*func.body[:place], *new.before, loop, *rename(func.body[place + 1 :], new.after))
            func = replace(func, body=body, types=new.types, hints=new.hints)
    return func, [stmt for stmt in func.body if isinstance(stmt, For) and stmt.index.name in made]


def fills(program: Program, loop: For) -> bool:
    """Whether a loop fills arrays from before it along its index: what it records is in proportion to these."""
    moving, inside = {loop.index.name}, program.structure.place(loop)
    for stmt in statements(loop.body):
        match stmt:
            case Let(Var(name), Call(prim) as value) if prim in _LINEAR and not moving.isdisjoint(value.names):
                moving.add(name)
            case Store(array, index) if any(not moving.isdisjoint(names_in(each)) for each in index):
                made = program.structure.of(program.memory.root(array.name))
                if not made.place.inside(inside):
                    return True
            case _:
                pass
    return False


def refused(what: str, loc: Loc | None) -> UnsupportedError:
    return UnsupportedError(f"{what} can't be run again in segments, which `memory_limit` asks for", loc, help=_HELP)


@dataclass
class _Segments:
    """One loop in segments; `before` are the statements before it, `after` the new names of arrays from there on."""

    program: Program
    stmt: For
    before: list[Stmt] = field(default_factory=list[Stmt])
    after: dict[str, str] = field(default_factory=dict[str, str])
    # Of the loop over segments: what it carries, what its body starts with, what that ends with.
    carried: list[Carry] = field(default_factory=list[Carry])
    first: list[Stmt] = field(default_factory=list[Stmt])
    last: list[Stmt] = field(default_factory=list[Stmt])
    segment: Var = field(default_factory=lambda: Var("segment"))

    def __post_init__(self) -> None:
        self.types, self.hints = dict(self.program.types), dict(self.program.hints)

    def loop(self) -> For:
        stmt = self.stmt
        if stmt.until is not None or stmt.parallel:
            raise refused("a loop that may be left early" if stmt.until is not None else "a parallel loop", stmt.loc)
        if not isinstance(stmt.step, Lit) or not isinstance(stmt.step.value, int) or not stmt.step.value:
            raise refused("a loop whose step is not a constant", stmt.loc)
        inner, names = self.phis()
        names |= self.states()
        segments, start, stop = self.range(stmt.step.value)
        within = tuple(replace(carry, next=_renamed(carry.next, names)) for carry in inner)
        again = For(stmt.index, start, stop, stmt.step, rename(stmt.body, names), within, loc=stmt.loc)
        body = (*self.first, again, *self.last)
        return For(self.segment, Lit(0), segments, Lit(1), body, tuple(self.carried), loc=stmt.loc)

    # -- names -------------------------------------------------------------------------------------------------

    def new(self, base: str, type_: object, hint: str | None = None) -> Var:
        var = self.program.fresh(base, type_, hint=False)
        self.types[var.name] = type_
        if hint is not None:
            self.hints[var.name] = hint
        return var

    def let(self, block: list[Stmt], prim: str, *args: Expr, type_: object = nb.int64, hint: str | None = None) -> Var:
        var = self.new(hint or "_count", type_, hint)
        via = "builtin" if prim in ("minimum", "maximum") else ""
        block.append(Let(var, Call(prim, args, via=via), self.stmt.loc))
        return var

    def copy(self, block: list[Stmt], array: Var, hint: str | None) -> Var:
        type_: Type = self.types[array.name]
        if not is_array(type_) or type_.layout == "A":
            what = "an array with strides of its own" if is_array(type_) else "a list"
            raise refused(f"a loop that writes `{hint or array.name}`, {what},", self.stmt.loc)
        own = self.new(f"{array.name}_segment", type_, hint)
        block.append(Let(own, Call("copy", (array,), via="method"), self.stmt.loc))
        return own

    # -- what is carried -----------------------------------------------------------------------------------------

    def phis(self) -> tuple[list[Carry], dict[str, str]]:
        """Return what the loop carries within a segment, and the new names of the phis; the segments keep the old."""
        inner: list[Carry] = []
        names: dict[str, str] = {}
        for carry in self.stmt.carried:
            phi, hint = carry.phi, self.hints.get(carry.phi.name)
            type_ = self.types[phi.name]
            own = self.new(f"{phi.name}_segment", type_, hint)
            names[phi.name] = own.name
            start, end = phi, own
            if is_memory(type_) and self.program.memory.is_written(phi.name):
                start, end = self.copy(self.first, phi, hint), self.copy(self.last, own, hint)
            inner.append(Carry(own, start, carry.next))
            init = carry.init
            if init is None:
                if is_memory(type_) or isinstance(type_, nb.BaseTuple):
                    raise refused(f"a loop that binds `{hint or phi.name}` first", self.stmt.loc)
                init = self.new(f"{phi.name}_start", type_, hint)
                self.before.append(Let(init, placeholder(type_), self.stmt.loc))
            self.carried.append(Carry(phi, init, end))
        return inner, names

    def states(self) -> dict[str, str]:
        """Return the names, in a segment, of arrays that are written in the loop and come from before it."""
        program, names = self.program, dict[str, str]()
        inside = program.structure.place(self.stmt)
        # What a phi starts with is copied under the name of the phi.
        phis = {root for carry in self.stmt.carried for root in roots(carry.phi.name, program)}
        stores = [stmt.array.name for stmt in statements(self.stmt.body) if isinstance(stmt, Store)]
        for root in sorted({root for array in stores for root in roots(array, program)} - phis):
            if not program.structure.of(root).place.inside(inside):
                self.check_alone(root)
                names[root] = self.state(root)
        return names

    def state(self, root: str) -> str:
        hint = self.hints.get(root)
        whole = self.new(f"{root}_segments", self.types[root], hint)
        own = self.copy(self.first, whole, hint)
        self.carried.append(Carry(whole, Var(root), own))
        self.after[root] = whole.name
        return own.name

    def check_alone(self, root: str) -> None:
        """Refuse an array that other names from before the loop may show, if these are used in it or after it."""
        program = self.program
        inside = program.structure.place(self.stmt)
        cls, seen = program.memory.cls(root), False
        for stmt in statements(program.func.body):
            seen |= stmt is self.stmt
            if not seen:
                continue
            for name in {n for expr in operands(stmt) for n in names_in(expr)} - {root}:
                binding = program.structure.bindings.get(name)
                if binding is None or not is_memory(program.types.get(name)) or program.memory.cls(name) != cls:
                    continue
                if seen and not binding.place.inside(inside) and _is_older(program, name, self.stmt):
                    label = program.label(name)
                    raise refused(f"a loop that writes `{program.label(root)}`, which `{label}` shows,", self.stmt.loc)

    # -- how often -----------------------------------------------------------------------------------------------

    def range(self, step: int) -> tuple[Expr, Expr, Expr]:
        """Return the number of segments, and the bounds of one."""
        stmt, once = self.stmt, self.before
        low, high = (stmt.start, stmt.stop) if step > 0 else (stmt.stop, stmt.start)
        count: Expr = high if low == Lit(0) else self.let(once, "sub", high, low)
        if abs(step) > 1:
            more = self.let(once, "add", count, Lit(abs(step) - 1))
            count = self.let(once, "floordiv", more, Lit(abs(step)))
        count = self.let(once, "maximum", count, Lit(1), hint="steps")
        root = self.let(once, "sqrt", count, type_=nb.float64)
        length = self.let(once, "int_ceil", root, hint="length")
        most = self.let(once, "sub", self.let(once, "add", count, length), Lit(1))
        segments = self.let(once, "floordiv", most, length, hint="segments")
        self.segment = self.new("segment", nb.int64, "segment")
        passed: Expr = self.let(self.first, "mul", self.segment, length, hint="first" if stmt.start == Lit(0) else None)
        passed = passed if step == 1 else self.let(self.first, "mul", passed, Lit(step))
        start = passed if stmt.start == Lit(0) else self.let(self.first, "add", stmt.start, passed, hint="first")
        wide: Expr = length if step == 1 else self.let(once, "mul", length, Lit(step))
        end = self.let(self.first, "add", start, wide)
        last = "minimum" if step > 0 else "maximum"
        stop = self.let(self.first, last, end, stmt.stop, hint="last")
        return segments, start, stop


def _renamed(expr: Expr, names: dict[str, str]) -> Expr:
    return Var(names[expr.name]) if isinstance(expr, Var) and expr.name in names else expr


def _is_older(program: Program, name: str, loop: For) -> bool:
    """Whether a name is bound before a loop of the outermost block."""
    stmt = program.structure.of(name).stmt
    for each in program.func.body:
        if each is loop:
            return False
        if stmt is None or any(inner is stmt for inner in statements((each,))):
            return True
    return stmt is None

