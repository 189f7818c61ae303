"""Lengths and whole numbers as linear forms, so that `n - 1 + 1` is `n` and `u[1:]` is as long as `u[:-1]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adjoint.ir import Call, Expr, Lit, Var


@dataclass(frozen=True, slots=True)
class Linear:
    """The sum of `factor * symbol` over `terms`, in the order of the symbols, and `constant`."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms)

    @property
    def number(self) -> int | None:
        """The value, if it is known."""
        return None if self.terms else self.constant

    def plus(self, other: Linear, factor: int = 1) -> Linear:
        """Return `self + factor * other`.

        >>> n = symbol("n")
        >>> n.plus(whole(1)).plus(n, -1)
        Linear(terms=(), constant=1)
        """
        total = dict(self.terms)
        for name, times in other.terms:
            total[name] = total.get(name, 0) + factor * times
        kept = tuple((name, total[name]) for name in sorted(total) if total[name])
        return Linear(kept, self.constant + factor * other.constant)

    def minus(self, other: Linear) -> Linear:
        return self.plus(other, -1)

    def times(self, factor: int) -> Linear:
        return Linear().plus(self, factor)

    def parts(self) -> tuple[Linear, Linear]:
        """Return two forms without negative factors whose difference this one is.

        >>> symbol("n").minus(symbol("m")).plus(whole(-2)).parts()[1]
        Linear(terms=(('m', 1),), constant=2)
        """
        more = Linear(tuple((name, factor) for name, factor in self.terms if factor > 0), max(self.constant, 0))
        return more, more.minus(self)

    def replaced(self, values: Mapping[str, Linear]) -> Linear:
        """Put linear forms in the place of symbols."""
        result = Linear((), self.constant)
        for name, factor in self.terms:
            result = result.plus(values.get(name, symbol(name)), factor)
        return result


def whole(value: int) -> Linear:
    return Linear((), value)


def symbol(name: str) -> Linear:
    return Linear(((name, 1),), 0)


def expression(form: Linear, values: Mapping[str, Expr]) -> Expr:
    """Write a linear form; `values` says how symbols are written, a symbol that is missing is a name.

    >>> from adjoint.ir.dump import expr_text
    >>> expr_text(expression(symbol("n").minus(whole(2)), {}))
    'sub(n, 2)'
    """
    result: Expr | None = None
    for name, factor in sorted(form.terms, key=lambda term: term[1] < 0):
        term: Expr = values.get(name, Var(name))
        term = term if abs(factor) == 1 else Call("mul", (Lit(abs(factor)), term))
        if result is None:
            result = term if factor > 0 else Call("neg", (term,))
        else:
            result = Call("add" if factor > 0 else "sub", (result, term))
    if result is None:
        return Lit(form.constant)
    if form.constant == 0:
        return result
    return Call("add" if form.constant > 0 else "sub", (result, Lit(abs(form.constant))))


def shifted(expr: Expr, by: int) -> Expr:
    """Return `expr + by`, folded where `expr` is a number or a sum with one."""
    match expr:
        case Lit(int() as value):
            return Lit(value + by)
        case Call("add", (inner, Lit(int() as value))):
            return shifted(inner, by + value)
        case Call("sub", (inner, Lit(int() as value))):
            return shifted(inner, by - value)
        case _ if by == 0:
            return expr
        case _:
            return Call("add" if by > 0 else "sub", (expr, Lit(abs(by))))
