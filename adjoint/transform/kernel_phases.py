"""What threads of a block may do at the same time: what stands between two barriers, a phase.

A barrier is there for nothing if nothing before it, since the barrier before, conflicts with what follows up to the
next. An addition to shared memory need not be atomic if, in its phase, only one thread uses the element.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adjoint.ir import Accum, Block, Call, Effect, Expr, For, Func, If, Let, Lit, Stmt, Store, Var, While
from adjoint.ir.walk import blocks, items_of, names_in, operands, statements, subexpressions
from adjoint.rules.kernels import ATOMIC_ADD, SHARED, is_barrier

READ, WRITE, ADD = "read", "write", "atomic addition"


@dataclass(frozen=True, slots=True)
class Use:
    """A use of an array: how, where, and under which conditions."""

    array: str
    kind: str
    index: tuple[Expr, ...]
    conditions: tuple[Expr, ...]


Uses = frozenset[Use]
_NOTHING: Uses = frozenset()


def without_idle_barriers(func: Func) -> Func:
    """Drop barriers between phases that don't conflict."""
    return _Phases(func, drop=True).func()


def plain_additions(func: Func, block: tuple[int, int, int]) -> Func:
    """Make additions to shared memory plain where one thread at most uses the element in the phase."""
    lets = Counter(s.target.name for s in statements(func.body) if isinstance(s, Let))
    first = [s for s in func.body if isinstance(s, Let) and lets[s.target.name] == 1]
    axes = {s.target.name: _AXES[s.value] for s in first if s.value in _AXES}
    names = {axis: name for name, axis in axes.items()}
    wide = [axis for axis, count in enumerate(block) if count > 1]
    if any(axis not in names for axis in wide):
        return func
    shared = {s.target.name for s in first if isinstance(s.value, Call) and s.value.prim == SHARED}
    threads = [names[axis] for axis in wide]
    uniform = _Uniform(func)

    def alone(own: Use, phase: Uses) -> bool:
        uses = [use for use in phase if use.array == own.array]
        rules = (_own_element, _one_thread, _halves)
        return own.array in shared and any(rule(uses, threads, uniform) for rule in rules)

    return _Phases(func, alone=alone).func()


_AXES: Mapping[Expr, int] = {Call(f"cuda.threadIdx.{letter}"): k for k, letter in enumerate("xyz")}


def _own_element(uses: Sequence[Use], threads: Sequence[str], uniform: _Uniform) -> bool:
    """Whether all uses are at the index of the thread."""
    index = uses[0].index
    return all(use.index == index for use in uses) and all(Var(name) in index for name in threads)


def _one_thread(uses: Sequence[Use], threads: Sequence[str], uniform: _Uniform) -> bool:
    """Whether all uses are one thread's: `if t == 0:`."""
    asked = [{c for c in use.conditions if _is_equation(c, threads)} for use in uses]
    return all(found == asked[0] for found in asked) and len(asked[0]) == len(threads) > 0


def _is_equation(cond: Expr, threads: Sequence[str]) -> bool:
    match cond:
        case Call("eq", (Var(name), Lit(int()))):
            return name in threads
        case _:
            return False


def _halves(uses: Sequence[Use], threads: Sequence[str], uniform: _Uniform) -> bool:
    """Whether threads below a number use their own element and that at a multiple of the number: `if t < n:`."""
    if len(threads) != 1 or any(len(use.index) != 1 for use in uses):
        return False
    thread = Var(threads[0])
    below = [{bound for c in use.conditions if (bound := _bound(c, thread)) is not None} for use in uses]
    for bound in below[0]:
        if any(bound not in others for others in below):
            continue
        allowed = (thread, Call("add", (thread, bound)), Call("add", (bound, thread)))
        if uniform.holds(bound) and uniform.lasts(bound) and all(use.index[0] in allowed for use in uses):
            return True
    return False


def _bound(cond: Expr, thread: Var) -> Expr | None:
    """Return what a condition says the thread is below."""
    match cond:
        case Call("lt", (first, bound)) if first == thread:
            return bound
        case _:
            return None


class _Uniform:
    """Knows which numbers are the same in all threads of a block."""

    def __init__(self, func: Func) -> None:
        self.lets: dict[str, list[Expr]] = {}
        self.loops: set[str] = set()
        self.renewed = {
            inner.target.name
            for loop in statements(func.body)
            if isinstance(loop, For) and isinstance(loop.body[0], Effect) and is_barrier(loop.body[0].value)
            for inner in loop.body
            if isinstance(inner, Let)
        }
        for stmt in statements(func.body):
            if isinstance(stmt, Let):
                self.lets.setdefault(stmt.target.name, []).append(stmt.value)
            if isinstance(stmt, For) and all(isinstance(e, Lit) for e in (stmt.start, stmt.stop, stmt.step)):
                self.loops.add(stmt.index.name)

    def lasts(self, bound: Expr) -> bool:
        """Whether a number is the same throughout each phase: loops that change it begin with a barrier."""
        return isinstance(bound, Lit) or (isinstance(bound, Var) and bound.name in self.renewed)

    def holds(self, expr: Expr, seen: frozenset[str] = frozenset()) -> bool:
        match expr:
            case Lit():
                return True
            case Var(name) if name in self.loops:
                return name not in self.lets
            case Var(name) if name in self.lets and name not in seen:
                return all(self.holds(value, seen | {name}) for value in self.lets[name])
            case Call("add" | "sub" | "mul" | "floordiv" | "rshift" | "lshift", args):
                return all(self.holds(arg, seen) for arg in args)
            case _:
                return False


class _Phases:
    """A walk that knows at each statement what may be done since the barrier before, and up to the next."""

    def __init__(self, func: Func, *, drop: bool = False, alone: Callable[[Use, Uses], bool] | None = None) -> None:
        self.source = func
        self.drop = drop
        self.alone = alone
        self.arrays = {
            n for s in statements(func.body) if isinstance(s, Effect) and is_barrier(s.value) for n in names_in(s.value)
        }

    def func(self) -> Func:
        return replace(self.source, body=self.block(self.source.body, _NOTHING, _NOTHING, ()))

    def block(self, block: Block, before: Uses, after: Uses, conditions: tuple[Expr, ...]) -> Block:
        stmts = list(block)
        k = 0
        while k < len(stmts):
            stmt = stmts[k]
            earlier = self.reaching(tuple(reversed(stmts[:k])), before, conditions, back=True)
            later = self.reaching(tuple(stmts[k + 1 :]), after, conditions)
            if isinstance(stmt, Effect) and is_barrier(stmt.value):
                if self.drop and not _conflict(earlier, later):
                    del stmts[k]
                    continue
            elif self.alone is not None and isinstance(stmt, Effect) and stmt.value.prim == ATOMIC_ADD:
                stmts[k] = self.addition(stmt, earlier | later | self.own(stmt, conditions), conditions)
            elif isinstance(stmt, For | While | If):
                stmts[k] = self.compound(stmt, earlier, later, conditions)
            k += 1
        return tuple(stmts)

    def compound(self, stmt: For | While | If, earlier: Uses, later: Uses, conditions: tuple[Expr, ...]) -> Stmt:
        if isinstance(stmt, If):
            inside = (*conditions, *_all_of(stmt.cond))
            then = self.block(stmt.then, earlier, later, inside)
            return replace(stmt, then=then, orelse=self.block(stmt.orelse, earlier, later, conditions))
        # What other iterations do counts, too.
        body = stmt.body
        first = self.reaching(body, later, conditions)
        last = self.reaching(tuple(reversed(body)), earlier, conditions, back=True)
        return replace(stmt, body=self.block(body, earlier | last, later | first, conditions))

    def addition(self, stmt: Effect, phase: Uses, conditions: tuple[Expr, ...]) -> Stmt:
        assert self.alone is not None
        own = next((use for use in self.own(stmt, conditions) if use.kind == ADD), None)
        if own is None or not self.alone(own, phase):
            return stmt
        return Accum(Var(own.array), own.index, stmt.value.args[2], stmt.loc)

    def reaching(self, stmts: Block, beyond: Uses, conditions: tuple[Expr, ...], *, back: bool = False) -> Uses:
        """Return the uses up to the first barrier, with those `beyond` if there may be none."""
        found, through = self.until(stmts, conditions, back=back)
        return found | beyond if through else found

    def until(self, stmts: Block, conditions: tuple[Expr, ...], *, back: bool) -> tuple[Uses, bool]:
        found: set[Use] = set()
        for stmt in stmts:
            if isinstance(stmt, Effect) and is_barrier(stmt.value):
                return frozenset(found), False
            found |= self.own(stmt, conditions)
            inside = (*conditions, *_all_of(stmt.cond)) if isinstance(stmt, If) else conditions
            ends: list[bool] = []
            for k, body in enumerate(blocks(stmt)):
                ordered = tuple(reversed(body)) if back else body
                uses, through = self.until(ordered, inside if k == 0 else conditions, back=back)
                found |= uses
                ends.append(through)
            if isinstance(stmt, If) and not any(ends):
                return frozenset(found), False
        return frozenset(found), True

    def own(self, stmt: Stmt, conditions: tuple[Expr, ...]) -> Uses:
        """Return the uses of a statement itself."""
        found: set[Use] = set()
        exprs: Sequence[Expr] = operands(stmt)
        match stmt:
            case Store(array, index, value):
                found.add(Use(array.name, WRITE, index, conditions))
                exprs = (*index, value)
            case Accum(target, index, value) if index:
                found.add(Use(target.name, WRITE, index, conditions))
                exprs = (*index, value)
            case Effect(Call(prim, (Var(name), where, value))) if prim == ATOMIC_ADD:
                found.add(Use(name, ADD, items_of(where) or (where,), conditions))
                exprs = (where, value)
            case _:
                pass
        found |= {use for expr in exprs for use in self.reads(expr, conditions)}
        return frozenset(use for use in found if use.array in self.arrays)

    def reads(self, expr: Expr, conditions: tuple[Expr, ...]) -> Iterator[Use]:
        sized = {part.args[0] for part in subexpressions(expr) if isinstance(part, Call) and part.prim == "dim"}
        followed: set[Expr] = set()
        for part in subexpressions(expr):
            match part:
                case Call("getitem", (Var(name) as var, *index)):
                    followed.add(var)
                    yield Use(name, READ, tuple(index), conditions)
                case _:
                    pass
        for name in names_in(expr):
            if Var(name) not in sized | followed:  # handed over as a whole
                yield Use(name, WRITE, (), conditions)


def _conflict(earlier: Uses, later: Uses) -> bool:
    for use in earlier:
        for other in later:
            if use.array == other.array and (use.kind != other.kind or use.kind == WRITE):
                return True
    return False


def _all_of(cond: Expr) -> Iterator[Expr]:
    match cond:
        case Call("and", (a, b)):
            yield from _all_of(a)
            yield from _all_of(b)
        case _:
            yield cond
