"""Lengths that must be equal are compared on entry, where the program says so before anything has been computed.

Loops are joined if they run over the same range. What a check in the middle of a program says about lengths is known
only after it; the same check at the start makes it known throughout.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.analysis.linear import Linear
from adjoint.analysis.written import expression
from adjoint.errors import INSIDE, STRETCHED
from adjoint.ir import Call, Expr, Func, If, Lit, Var
from adjoint.ir.dump import expr_text
from adjoint.ir.walk import with_body
from adjoint.lower.context import Context
from adjoint.lower.facts import Facts
from adjoint.lower.guards import FILLED, is_guard, refuse_if


def assumed(guard: If, facts: Facts) -> list[tuple[Linear, Linear | None] | None]:
    """Return what holds if a check is passed: forms are equal, or one isn't negative; None is anything else."""
    found: list[tuple[Linear, Linear | None] | None] = []
    conditions = [guard.cond]
    while conditions:
        match conditions.pop(0):
            case Call("or", parts):
                conditions = [*parts, *conditions]
            case Call("ne" | "lt" as prim, (a, b)):
                left, right = facts.integer(a), facts.integer(b)
                if left is None or right is None:
                    found.append(None)
                else:
                    left, right = facts.same(left), facts.same(right)
                    found.append((left, right) if prim == "ne" else (left - right, None))
            case _:
                found.append(None)
    return found


def on_entry(func: Func, context: Context) -> Func | None:
    """Return the program with checks, on entry, of what checks in it ask for; None if there is nothing to check.

    >>> from adjoint.codegen.emit import text
    >>> from adjoint.lower.expand import expand
    >>> from tests.ir_text import parse
    >>> before = parse('''
    ... def f(x: float64[:], y: float64[:], n: int64):
    ...     z: float64[:] = sin(x)
    ...     return sum(z + y) + sum(x[:n])
    ... ''')
    >>> print(text(expand(before)[0]), end="")
    def f(x, y, n):
        if x.shape[0] != y.shape[0]:
            raise ValueError("adjoint: this gradient assumes that no axis of length 1 is stretched by broadcasting")
        if n < 0 or x.shape[0] < n:
            raise ValueError("adjoint: this gradient assumes that slices lie inside their arrays")
        z = np.empty(x.shape[0])
        for i in range(x.shape[0]):
            z[i] = np.sin(x[i])
        _1 = 0.0
        for i_1 in range(x.shape[0]):
            _1 += z[i_1] + y[i_1]
        _2 = 0.0
        for i_2 in range(n):
            _2 += x[i_2]
        return _1 + _2
    """
    entry = _Entry(func, context)
    different: dict[Expr, None] = {}
    needed: dict[tuple[tuple[str, int], ...], Linear] = {}
    for form, equal in context.facts.demanded:
        form, equal = entry.opened(form), None if equal is None else entry.opened(equal)
        if not entry.knows(form) or equal is not None and not entry.knows(equal):
            continue
        if equal is None:
            least = needed.get(form.terms, form)
            needed[form.terms] = form if form.constant <= least.constant else least
        elif form != equal:
            different[Call("ne", (entry.expr(form), entry.expr(equal)))] = None
    filled = {entry.opened(form) for form in context.facts.filled}
    outside = [entry.negative(form) for form in needed.values() if form not in filled]
    empty = [entry.negative(form) for form in needed.values() if form in filled]
    wrong = ((list(different), STRETCHED), (outside, INSIDE), (empty, FILLED))
    checks = [refuse_if(_any(tests), text) for tests, text in wrong if tests]
    place = next((k for k, stmt in enumerate(func.body) if not is_guard(stmt)), 0)
    return with_body(func, (*func.body[:place], *checks, *func.body[place:])) if checks else None


def _any(tests: Sequence[Expr]) -> Expr:
    return tests[0] if len(tests) == 1 else Call("or", tuple(tests))


class _Entry:
    """Writes lengths with what is known when the function is called: the lengths of its parameters, and numbers."""

    def __init__(self, func: Func, context: Context) -> None:
        self.params = {p.name for p in func.params}
        self.symbols = context.facts.symbols
        self.lengths = context.entry

    def opened(self, form: Linear) -> Linear:
        """Return a form with `n` for `max(n, 0)`: where the one is equal to something, the other is."""
        inside = self.symbols.inside
        while any(name in inside for name in form.symbols):
            form = form.replaced({name: inside[name] for name in form.symbols if name in inside})
        return form

    def knows(self, form: Linear) -> bool:
        return all(self._value(name) is not None for name in form.symbols)

    def expr(self, form: Linear) -> Expr:
        values = {name: self._value(name) for name in form.symbols}
        return expression(form, {name: value for name, value in values.items() if value is not None})

    def negative(self, form: Linear) -> Expr:
        more, less = form.parts()
        return Call("lt", (self.expr(more), self.expr(less)))

    def _value(self, name: str) -> Expr | None:
        """Return what a symbol stands for if that is there on entry."""
        written = self.symbols.writing[name]
        match written:
            case Var(of) | Call("dim", (Var(of), Lit())) if of in self.params and name == expr_text(written):
                return written
            case _:
                return self.lengths.get(name)
