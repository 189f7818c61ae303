"""The forward sweep: the primal out of SSA, writing the tapes that the backward sweep reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from numba import types as nb

from adjoint.analysis.fitting import written
from adjoint.errors import BROADCAST_GUARD, INSIDE, STRETCHED
from adjoint.ir import Accum, Block, Call, Comment, Effect, Expr, For, If, Let, Lit, Return, Stmt, Store, Var, While
from adjoint.ir.walk import names_in
from adjoint.transform.fits import leave_if_empty, leave_if_unfit, leave_if_unwritten
from adjoint.transform.program import Program, part_of
from adjoint.transform.residuals import Residuals, When
from adjoint.transform.stores import has_array
from adjoint.transform.unbound import needs_value, placeholder


class ForwardSweep:
    """Rebuild a primal block in the imperative dialect.

    `trips` and `old` map statements (by identity) to the names of trip counts and overwritten values to provide.
    `replay` is the loop whose body, or a part of it, is rebuilt for its backward iteration; None for the whole program.
    """

    def __init__(
        self,
        residuals: Residuals,
        trips: Mapping[int, Var],
        old: Mapping[int, Var],
        shaped: Iterable[str] = (),
        replay: For | While | None = None,
    ) -> None:
        self.residuals = residuals
        self.replay = replay
        self.part = None if replay is None else residuals.replayed[id(replay)]
        self.trips = trips
        self.old = old
        program = residuals.program
        self.needed = needs_value(program.func.body, [*(name for name, _ in residuals.tapes), *shaped])
        self.checked: set[tuple[Expr, Expr]] = set()
        self.allocations: dict[int, list[Stmt]] = {}
        self.tapes = {k: t for k, t in residuals.tapes.items() if self.is_own(k)}
        for key, tape in self.tapes.items():
            outermost = residuals.loops(key[0], residuals.tape_places[key], key[1])[0]
            for loop, made in tape.made(outermost):
                self.allocations.setdefault(id(loop), []).append(made)

    def is_own(self, key: tuple[str, When]) -> bool:
        """Whether this sweep writes a tape, and not another one."""
        return self.residuals.sweep_of(key[0], self.residuals.tape_places[key], key[1]) is self.replay

    def block(self, block: Block) -> Block:
        runs = block if self.part is None else [stmt for stmt in block if id(stmt) in self.part.stmts]
        return tuple(new for stmt in runs for new in self.stmt(stmt))

    def binds(self, var: Var) -> bool:
        """Whether this sweep gives a name that a loop carries or a branch merges its value."""
        return self.part is None or var.name in self.part.names

    def stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case Let(target):
                return [*self.check(stmt), *self.check_empty(stmt), stmt, *self.write(target.name, "let")]
            case Store():
                return [*self.check(stmt), *self.check_written(stmt), *self.keep_old(stmt), stmt]
            case For() | While():
                return self.loop(stmt)
            case If():
                return self.branch(stmt)
            case Effect() | Comment() | Return() | Accum():
                return [stmt]

    def write(self, name: str, when: When) -> list[Stmt]:
        tape = self.tapes.get((name, when))
        return [] if tape is None else [tape.write(Var(name))]

    def check(self, stmt: Let | Store) -> list[Stmt]:
        """Return the statements that leave the function if sizes differ that the backward sweep takes for equal."""
        sizes = self.residuals.program.sums_over.get(id(stmt)) if self.replay is None else None
        return [*self.check_meetings(stmt), *([leave_if_unfit(sizes, stmt.loc)] if sizes else [])]

    def check_empty(self, stmt: Let) -> list[Stmt]:
        return leave_if_empty(stmt, self.residuals.program.shapes) if self.replay is None else []

    def check_meetings(self, stmt: Stmt) -> list[Stmt]:
        meetings = self.residuals.program.guards.get(id(stmt), []) if self.replay is None else []
        outermost = self.residuals.program.structure.home[id(stmt)].parent is None
        tests: list[Expr] = []
        for meeting in meetings:
            sizes = (
                Call("dim", (self.place(meeting.first), Lit(meeting.first_axis))),
                Call("dim", (self.place(meeting.second), Lit(meeting.second_axis))),
            )
            if sizes not in self.checked:
                tests.append(Call("ne", sizes, via="operator"))
            if outermost:
                self.checked.add(sizes)
        return [_leave_if(tests)] if tests else []

    def place(self, array: Expr) -> Expr:
        """Return the part of a written array that a name shows: the check doesn't keep the name from an increment."""
        program = self.residuals.program
        binding = program.structure.bindings.get(array.name) if isinstance(array, Var) else None
        match binding.stmt if binding is not None else None:
            case Let(Var(name), Call("getitem", (Var(), *index)) as part) if not has_array(index, program):
                return part if program.memory.is_written(name) else array
            case _:
                return array

    def check_written(self, stmt: Store) -> list[Stmt]:
        """Return the statement that leaves the function if what is written doesn't fit its place."""
        program = self.residuals.program
        sizes = written(stmt, program.shapes, program.structure) if self.replay is None else []
        tests = [
            Call("and", (Call("ne", (length, place), via="operator"), Call("ne", (own, Lit(1)), via="operator")))
            for length, place, own in sizes
        ]
        return [leave_if_unwritten(reduce(_or, tests), stmt.loc)] if tests else []

    def keep_old(self, stmt: Store) -> list[Stmt]:
        old = self.old.get(id(stmt))
        if old is None:
            return []
        read = part_of(stmt.array, stmt.index)
        if isinstance(self.residuals.program.types.get(old.name), nb.Array):
            read = Call("copy", (read,), via="method")
        return [Let(old, read, stmt.loc), *self.write(old.name, "let")]

    def loop(self, stmt: For | While) -> list[Stmt]:
        trips = self.trips.get(id(stmt))
        before: list[Stmt] = list(self.allocations.get(id(stmt), ()))
        carried = [c for c in stmt.carried if self.binds(c.phi)]
        before += [Let(c.phi, c.init, stmt.loc) for c in carried if c.init is not None]
        before += [self.unbound(c.phi) for c in carried if c.init is None and c.phi.name in self.needed]
        counted: list[Stmt] = []
        if trips is not None:
            before.append(Let(trips, Lit(0)))
            counted.append(Let(trips, Call("add", (trips, Lit(1)))))
        starts = [s for c in carried for s in self.write(c.phi.name, "phi")]
        body = (*counted, *starts, *self.block(stmt.body), *moves([(c.phi, c.next) for c in carried]))
        after = [s for c in carried for s in self.write(c.phi.name, "final")]
        after += self.write(trips.name, "let") if trips is not None else []
        if isinstance(stmt, For):
            new: Stmt = For(
                stmt.index,
                stmt.start,
                stmt.stop,
                stmt.step,
                body,
                until=stmt.until,
                parallel=stmt.parallel,
                loc=stmt.loc,
            )
        else:
            new = While(stmt.cond, body, until=stmt.until, loc=stmt.loc)
        return [*before, new, *after]

    def unbound(self, var: Var) -> Let:
        return Let(var, placeholder(self.residuals.program.types[var.name]))

    def merged(self, pairs: Sequence[tuple[Var, Expr | None]]) -> list[Stmt]:
        missing = [self.unbound(target) for target, value in pairs if value is None and target.name in self.needed]
        return [*missing, *moves([(target, value) for target, value in pairs if value is not None])]

    def branch(self, stmt: If) -> list[Stmt]:
        merges = [m for m in stmt.merges if self.binds(m.target)]
        then = (*self.block(stmt.then), *self.merged([(m.target, m.then) for m in merges]))
        orelse = (*self.block(stmt.orelse), *self.merged([(m.target, m.orelse) for m in merges]))
        after = [s for m in merges for s in self.write(m.target.name, "let")]
        return [If(stmt.cond, then, orelse, loc=stmt.loc), *after]


def moves(pairs: Sequence[tuple[Var, Expr]]) -> list[Stmt]:
    """Return statements for the parallel assignment of all pairs: in an order in which nothing is overwritten early,
    what remains in cycles at once."""
    left = [(target, value) for target, value in pairs if value != target]
    ordered: list[Stmt] = []
    while left:
        free = [
            (target, value)
            for target, value in left
            if not any(target.name in names_in(other) for other_target, other in left if other_target != target)
        ]
        if not free:
            targets, values = zip(*left, strict=True)
            return [*ordered, Effect(Call("move", (Call("tuple", tuple(targets)), Call("tuple", tuple(values)))))]
        ordered += [Let(target, value) for target, value in free]
        left = [pair for pair in left if pair not in free]
    return ordered


def check_sizes(program: Program) -> list[Stmt]:
    """Return the statements that leave the function if sizes of its arguments are not what they are taken for."""
    shapes = program.shapes
    tests: list[Expr] = [Call("ne", pair, via="operator") for pair in shapes.entry]
    short: list[Expr] = [Call("lt", (shapes.arguments[k], Lit(n)), via="operator") for k, n in shapes.least.items()]
    checks = [_leave_if(tests)] if tests else []
    return [*checks, *([_leave_if(short, INSIDE)] if short else [])]


def _leave_if(tests: list[Expr], assumption: str = STRETCHED) -> Stmt:
    text = f'ValueError("{BROADCAST_GUARD} {assumption}")'
    return If(reduce(_or, tests), (Effect(Call("raise", (Lit(text),))),))


def _or(a: Expr, b: Expr) -> Call:
    return Call("or", (a, b))
