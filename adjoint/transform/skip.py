"""Loops that only add multiples of a cotangent are skipped where a selection has made that zero.

The adjoint of `nearest = min(nearest, distance)` passes its cotangent on to one operand, and zero to the other. What
follows from the zero, the adjoint of the loop that computed `distance`, has nothing to add.

The test is that of the selection, not whether the cotangent is zero: a cotangent that is zero by chance has a
derivative, which would get lost with the loop if the generated function is differentiated once more.
"""

from __future__ import annotations

from functools import cached_property

from numba import types as nb

from adjoint.analysis.effects import is_pure, observed
from adjoint.analysis.liveness import Liveness, Site, holds_memory, liveness, sites
from adjoint.analysis.sharing import memory_classes
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
from adjoint.ir.walk import bound, map_blocks, names_in, statements, subexpressions, with_body

# Names that are zero unless a condition holds. `Lit(False)`: always, so far.
Zeros = dict[str, Expr]

NEVER, ALWAYS = Lit(False), Lit(True)

# A condition of more parts than this costs more than it saves.
MOST = 12


def skip(func: Func) -> Func:
    """Return an imperative program in which such loops are run on condition.

    >>> from adjoint.codegen.emit import text
    >>> from tests.ir_text import parse
    >>> func = parse('''
    ... def f(y: float64, t: float64, x: float64[:], x_bar: float64[:]):
    ...     b: float64 = select(t < y, 2.0, 0.0)
    ...     for i in range(dim(x, 0)):
    ...         x_bar[i] += b * x[i]
    ...     return x_bar
    ... ''')
    >>> print(text(skip(func)), end="")
    def f(y, t, x, x_bar):
        b = 2.0 if t < y else 0.0
        if t < y:
            for i in range(x.shape[0]):
                x_bar[i] += b * x[i]
        return x_bar
    """
    if not any(isinstance(s, Let) and has_zero(s.value) for s in statements(func.body)):
        return func
    skipper = Skipper(func)
    return with_body(func, skipper.block(skipper.sites, {}))


_ZERO = Lit(0.0)


def has_zero(value: Expr) -> bool:
    if isinstance(value, Call):
        return any(map(has_zero, value.args)) or any(has_zero(each) for _, each in value.kwargs)
    return isinstance(value, Lit) and value == _ZERO


class Skipper:
    def __init__(self, func: Func) -> None:
        self.func = func
        self.types = func.types
        self.sites = sites(func)
        self.classes = memory_classes(func)

    @cached_property
    def facts(self) -> Liveness:
        return liveness(self.func, classes={})

    def block(self, sites: tuple[Site, ...], zeros: Zeros) -> Block:
        """Return a block with loops made conditional; `zeros` is brought up to its end."""
        return tuple(self.stmt(site, zeros) for site in sites)

    def stmt(self, site: Site, zeros: Zeros) -> Stmt:
        stmt = site.stmt
        match stmt:
            case For() | While():
                test = self.test(stmt, site, zeros) if isinstance(stmt, For) else None
                self.forget(stmt, zeros)
                inner = {name: unless for name, unless in zeros.items() if unless != test}
                done = map_blocks(stmt, lambda _: self.block(site.blocks[0], inner))
                return done if test is None else If(test, (done,))
            case If(cond):
                # Where a condition holds, what is zero unless it does may be anything.
                arms = {name: unless for name, unless in zeros.items() if unless != cond}, dict(zeros)
                blocks = [self.block(block, arm) for block, arm in zip(site.blocks, arms, strict=False)]
                self.forget(stmt, zeros)
                if is_pure(cond) and not self.may_change(list(statements((stmt,))), cond):
                    zeros |= {n: unless for n, unless in _joined(cond, arms, stmt).items() if n not in zeros}
                ahead = iter(blocks)
                return map_blocks(stmt, lambda _: next(ahead))
            case Let(Var(name), value):
                unless = self.unless(value, zeros)
                self.forget(stmt, zeros)
                small = len(list(subexpressions(unless))) <= MOST
                if small and unless != ALWAYS and isinstance(self.types.get(name), nb.Float):
                    zeros |= {} if name in names_in(unless) else {name: unless}
                return stmt
            case _:
                self.forget(stmt, zeros)
                return stmt

    def forget(self, stmt: Stmt, zeros: Zeros) -> None:
        """Leave out what doesn't hold any more once a statement has run."""
        if not zeros:
            return
        inner = list(statements((stmt,)))
        gone = _changed(inner)
        for name, unless in list(zeros.items()):
            if name in gone or gone.intersection(names_in(unless)) or self.may_change(inner, unless):
                del zeros[name]

    def may_change(self, stmts: list[Stmt], expr: Expr) -> bool:
        """Whether statements may change what an array or a list holds that an expression depends on."""
        read = self.memory_of(expr)
        return bool(read) and any(cls is None or cls in read for stmt in stmts for cls in self.written(stmt))

    def memory_of(self, expr: Expr) -> set[str]:
        """Return the memory whose contents an expression depends on."""
        return {self.class_of(name) for name in observed(expr)[1] if holds_memory(self.types.get(name))}

    def class_of(self, name: str) -> str:
        return self.classes.get(name, name)

    def written(self, stmt: Stmt) -> tuple[str | None, ...]:
        """Return the memory that a statement itself may change; None is any."""
        match stmt:
            case Let(_, value):
                return () if is_pure(value) else (None,)
            case Store(Var(name)) | Accum(Var(name)):
                return (self.class_of(name),)
            case If() | For() | While() | Comment():
                return ()
            case Effect() | Return():
                return (None,)

    def unless(self, value: Expr, zeros: Zeros) -> Expr:
        """Return the condition without which a value is zero."""
        match value:
            case Lit(0.0 as number) if isinstance(number, float):
                return NEVER
            case Var(name):
                return zeros.get(name, ALWAYS)
            case Call("select", (cond, then, orelse)) if is_pure(cond):
                return _either(cond, self.unless(then, zeros), self.unless(orelse, zeros))
            case Call("div" | "neg" | "pos", (first, *_)):
                return self.unless(first, zeros)
            case Call("mul", (first, second)):
                found = (self.unless(first, zeros), self.unless(second, zeros))
                return next((each for each in found if each != ALWAYS), ALWAYS)
            case Call("add" | "sub", (first, second)):
                found = (self.unless(first, zeros), self.unless(second, zeros))
                return found[0] if found[0] == found[1] else ALWAYS
            case _:
                return ALWAYS

    # -- may a loop be left out? -------------------------------------------------------------------------------

    def test(self, loop: For, site: Site, zeros: Zeros) -> Expr | None:
        """Return the condition without which a loop has nothing to do."""
        used = {name for stmt in statements(loop.body) for name in _read(stmt)}
        tests = [zeros[name] for name in zeros if name in used and zeros[name] != NEVER]
        if not tests or self.leaves_behind(site):
            return None
        return next((test for test in tests if self.is_idle(site, {n for n, t in zeros.items() if t == test})), None)

    def leaves_behind(self, site: Site) -> bool:
        """Whether a loop changes anything but by adding to it."""
        for stmt in statements((site.stmt,)):
            match stmt:
                case Let(Var(name), value) | For(Var(name), value):
                    if self.facts.is_live_after(site, name) or not is_pure(value):
                        return True
                case Accum() | If() | Comment():
                    pass
                case Store() | While() | Effect() | Return():
                    return True
        return False

    def is_idle(self, site: Site, zero: set[str]) -> bool:
        """Whether a loop adds nothing but zeros, if some names are zero."""
        inner = list(statements((site.stmt,)))
        lets = [stmt for stmt in inner if isinstance(stmt, Let)]
        values: dict[str, list[Expr]] = {}
        for let in lets:
            values.setdefault(let.target.name, []).append(let.value)
        # What an iteration finds in a name that it binds later is of an earlier one, or from before the loop.
        start = self.facts.start[site.position]
        own = {name for name in values if not start >> self.facts.names[name] & 1} - zero
        while True:
            known = zero | own
            wrong = {n for n in own if not all(is_zero(value, known) for value in values[n])}
            if not wrong:
                break
            own -= wrong
        rebound = zero & values.keys()
        return not rebound and all(is_zero(s.value, zero | own) for s in inner if isinstance(s, Accum))


def _read(stmt: Stmt) -> tuple[str, ...]:
    match stmt:
        case Let(_, value) | Accum(_, _, value):
            return tuple(names_in(value))
        case _:
            return ()


def _changed(stmts: list[Stmt]) -> set[str]:
    """Return the names that statements bind or add to."""
    return {var.name for s in stmts for var in bound(s)} | {s.target.name for s in stmts if isinstance(s, Accum)}


def _joined(cond: Expr, arms: tuple[Zeros, Zeros], stmt: If) -> Zeros:
    """Return what is zero after a branch, by the condition that it tests."""
    changed = _changed(list(statements((stmt,))))
    if changed.intersection(names_in(cond)):
        return {}
    found: Zeros = {}
    for name in dict.fromkeys((*arms[0], *arms[1])):
        unless = _either(cond, arms[0].get(name, ALWAYS), arms[1].get(name, ALWAYS))
        if unless != ALWAYS and not changed.intersection(names_in(unless)):
            found[name] = unless
    return found


def _either(cond: Expr, then: Expr, orelse: Expr) -> Expr:
    """Return the condition of a value that has one of two conditions, as another one decides."""
    match then, orelse:
        case _, _ if then == orelse:
            return then
        case Lit(True), Lit(False):
            return cond
        case Lit(False), Lit(True):
            return Call("not", (cond,))
        case Lit(True), _:
            return Call("or", (cond, orelse))
        case _, Lit(False):
            return Call("and", (cond, then))
        case _, Lit(True):
            return Call("or", (Call("not", (cond,)), then))
        case Lit(False), _:
            return Call("and", (Call("not", (cond,)), orelse))
        case _:
            return ALWAYS


def is_zero(value: Expr, zero: set[str]) -> bool:
    """Whether a value is zero if some names are: it is a multiple of these."""
    match value:
        case Lit(0.0 as number):
            return isinstance(number, float)
        case Var(name):
            return name in zero
        case Call("mul", (first, second)):
            return is_zero(first, zero) or is_zero(second, zero)
        case Call("div" | "neg" | "pos", (first, *_)):
            return is_zero(first, zero)
        case Call("add" | "sub", (first, second)) | Call("select", (_, first, second)):
            return is_zero(first, zero) and is_zero(second, zero)
        case Call(prim, (first,)) if prim.startswith("cast.float"):
            return is_zero(first, zero)
        case _:
            return False
